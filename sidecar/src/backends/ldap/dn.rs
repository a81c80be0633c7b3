//! Distinguished names (RFC 4514), as far as labels need them.

/// The value of the first CN of `dn`, without its escapes; `None` if there is none, or this is no DN.
pub(super) fn first_cn(dn: &str) -> Option<String> {
    let mut rest = dn;
    loop {
        let (kind, behind) = rest.split_once('=')?;
        let (value, behind) = value(behind)?;
        let kind = kind.trim();
        if kind.eq_ignore_ascii_case("cn") || kind == "2.5.4.3" {
            return Some(value);
        }
        rest = behind?;
    }
}

/// The value that `text` begins with, and what stands behind the separator after it.
fn value(text: &str) -> Option<(String, Option<&str>)> {
    let bytes = text.as_bytes();
    let mut value: Vec<u8> = Vec::new();
    // So much of it is not to be trimmed: an escaped space counts.
    let mut kept = 0_usize;
    let mut at = 0_usize;
    let behind = loop {
        let Some(byte) = bytes.get(at).copied() else { break None };
        at = at.saturating_add(1);
        match byte {
            b',' | b'+' | b';' => break text.get(at..),
            b'\\' => {
                let digits = text.get(at..at.saturating_add(2));
                let hex = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                if let Some(byte) = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    value.push(byte);
                    at = at.saturating_add(2);
                } else {
                    value.push(bytes.get(at).copied()?);
                    at = at.saturating_add(1);
                }
                kept = value.len();
            }
            b' ' if value.is_empty() => {}
            byte => value.push(byte),
        }
    };
    while value.len() > kept && value.last() == Some(&b' ') {
        value.pop();
    }
    Some((String::from_utf8(value).ok()?, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_cn_of_a_dn_is_found() {
        for (dn, expected) in [
            ("cn=devs,ou=groups,dc=corp,dc=example", Some("devs")),
            ("CN=Registry Admins,CN=Users,DC=corp", Some("Registry Admins")),
            ("ou=x,cn=devs,cn=other", Some("devs")),
            ("ou=x+cn=devs,dc=corp", Some("devs")),
            (r"cn=a\,b\2bc,dc=corp", Some("a,b+c")),
            (r"cn=caf\C3\A9\ ,dc=corp", Some("café ")),
            (r"ou=cn\=x,cn=devs", Some("devs")),
            ("cn = devs , dc=corp", Some("devs")),
            ("2.5.4.3=devs", Some("devs")),
            ("cn=,dc=corp", Some("")),
            ("ou=devs,dc=corp", None),
            ("devs", None),
            ("", None),
            (r"cn=a\", None),
            (r"cn=\ff", None),
        ] {
            assert_eq!(first_cn(dn).as_deref(), expected, "{dn}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read_back(name in "\\PC{0,12}") {
            prop_assume!(!name.contains('\0'));
            let dn = format!("ou=x,cn={},dc=corp", ldap3::dn_escape(name.as_str()));
            prop_assert_eq!(first_cn(&dn), Some(name));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,40}") {
            let _ = first_cn(&text);
        }
    }
}
