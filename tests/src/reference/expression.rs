//! What of an expression that is being filled tells how it goes on.

/// Whether what is repeated is repeated at once again, as in `a**`, which Go does not take. Only a label's value brings it.
pub(super) fn repeats_twice(expression: &str) -> bool {
    let (mut chars, mut in_class, mut is_repeated) = (expression.chars().peekable(), false, false);
    while let Some(c) = chars.next() {
        let repeats = !in_class && matches!(c, '*' | '+' | '?');
        if repeats && is_repeated {
            return true;
        }
        if repeats {
            // As few as possible.
            let _ = chars.next_if_eq(&'?');
        }
        is_repeated = repeats;
        match c {
            '\\' => drop(chars.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
    }
    false
}

/// Whether a value put behind `text` would lose the quoting of its first character.
pub(super) fn ends_in_escape(text: &str) -> bool {
    let text = text.replace('\0', "");
    let escapes = text.len() - text.trim_end_matches('\\').len();
    escapes % 2 == 1
}

/// Whether a class begins at the end of `text`. A bracket with a `\` before it, as a value has it, begins none.
pub(super) fn ends_in_open_class(text: &str) -> bool {
    let before = text.strip_suffix('[').or_else(|| text.strip_suffix("[^"));
    before.is_some_and(|before| !ends_in_escape(before))
}
