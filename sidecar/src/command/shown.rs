//! What somebody else wrote, as it may stand on a terminal.

/// What is longer is cut, in characters.
const LONGEST: usize = 300;

/// `text` with control characters written out, for a terminal would obey them, and cut if it is long.
pub(super) fn shown(text: &str) -> String {
    let mut letters = text.chars();
    let mut shown = String::new();
    for letter in letters.by_ref().take(LONGEST) {
        if letter.is_control() || is_invisible(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Words of a configuration as they stand in a sentence.
pub(super) fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("`{word}`")).collect()
}

/// What turns the direction of writing, or has no width: with those one text looks like another.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_and_nothing_is_endless() {
        assert_eq!(shown("über team/app"), "über team/app");
        assert_eq!(shown("a\u{1b}[2Jb\r\n\u{202e}"), "a\\u{1b}[2Jb\\r\\n\\u{202e}");
        assert_eq!(shown(&"x".repeat(1_000)).chars().count(), 301);
    }
}
