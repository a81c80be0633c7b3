//! A glob, and a text on the next line.

#[path = "../../../tests/src/reference/glob.rs"]
mod reference;

use registry_auth_core::acl::glob::{DoubleStar, Glob, quote};

use crate::{assert_within, text_lines};

/// Beyond these the reference, which tries everything, takes too long.
const MOST_STARS: usize = 6;
const LONGEST_TEXT: usize = 64;

pub(crate) fn run(data: &[u8]) {
    let Some([pattern, text]) = text_lines(data) else {
        return;
    };
    for double_star in [DoubleStar::Star, DoubleStar::Spans] {
        let glob = match Glob::parse(pattern, double_star) {
            Ok(glob) => glob,
            Err(error) => {
                assert_within(&error.at, pattern);
                continue;
            }
        };
        let matches = glob.matches(text);
        assert!(!matches || text.starts_with(glob.literal_prefix()));
        if let Some(literal) = glob.literal() {
            assert_eq!(matches, text == literal);
        }
        let small = pattern.matches('*').count() <= MOST_STARS && text.len() <= LONGEST_TEXT;
        if small && !pattern.contains('\0') {
            let tokens = reference::tokens(pattern, double_star == DoubleStar::Spans);
            let tokens = tokens.expect("what is no glob is none to the reference");
            let text: Vec<char> = text.chars().collect();
            assert_eq!(matches, reference::fits(&tokens, &text), "{double_star:?}");
        }
    }
    let mut quoted = String::new();
    quote(text, &mut quoted);
    let glob = Glob::parse(&quoted, DoubleStar::Spans).expect("a quoted text is a glob");
    assert_eq!(glob.literal(), Some(text));
}
