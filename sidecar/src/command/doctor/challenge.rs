//! What a registry says to a client without a token: `WWW-Authenticate` (RFC 9110 section 11.6.1).

/// Where to get a token, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    pub(super) realm: String,
    pub(super) service: String,
    pub(super) error: String,
}

impl Challenge {
    /// Reads a header with one challenge.
    pub(super) fn parse(header: &str) -> Self {
        let (scheme, mut rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        let mut challenge = Self {
            scheme: scheme.to_owned(),
            ..Self::default()
        };
        while let Some((name, value, after)) = parameter(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = value,
                "service" => challenge.service = value,
                "error" => challenge.error = value,
                _ => {}
            }
            rest = after;
        }
        challenge
    }

    pub(super) fn is_bearer(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("bearer")
    }
}

/// The first `name=value` or `name="value"`, and what follows.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.trim_start_matches([' ', ',']).split_once('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, after) = rest.split_once(',').unwrap_or((rest, ""));
        return Some((name.trim(), value.trim().to_owned(), after));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                return Some((
                    name.trim(),
                    value,
                    quoted.get(at.saturating_add(1)..).unwrap_or_default(),
                ));
            }
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    // Never closed: what there is of it.
    Some((name.trim(), value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_as_registries_write_it() {
        let header = r#"Bearer realm="https://a.example/token",service="registry \"x\", y",scope="repository:a:pull",error="invalid_token""#;
        let challenge = Challenge::parse(header);
        assert!(challenge.is_bearer());
        assert_eq!(challenge.realm, "https://a.example/token");
        assert_eq!(challenge.service, "registry \"x\", y");
        assert_eq!(challenge.error, "invalid_token");
        for header in [
            "",
            "Basic",
            "bearer  realm=a , service=b",
            "Bearer realm=\"",
            "Bearer realm=\"a\\",
            "Bearer =,=,\"=\"",
        ] {
            let _ = Challenge::parse(header);
        }
        assert_eq!(Challenge::parse("bearer  realm=a , service=b").service, "b");
    }
}
