//! `%41` is `A`, as Go reads it: where it is broken, or no UTF-8, there is no text.

/// What a `+` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plus {
    /// Itself, as in a path.
    Plain,
    /// A space, as in a query.
    Space,
}

/// The text without `%`; `None` if one is broken.
pub(super) fn decoded(text: &str, plus: Plus) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            b'+' if plus == Plus::Space => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The pairs of a query, each as it is written, the value `None` where there is no `=`.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| match pair.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (pair, None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_no_text() {
        assert_eq!(decoded("a%2Fb%c3%bc+c", Plus::Plain).unwrap(), "a/bü+c");
        assert_eq!(decoded("a+b%2B", Plus::Space).unwrap(), "a b+");
        for broken in ["%", "%4", "%zz", "%ff", "a%"] {
            assert_eq!(decoded(broken, Plus::Plain), None, "{broken}");
        }
    }
}
