//! What a word without quotes is in YAML 1.1, as Go's yaml.v2 reads it: a text where a text is wanted, else this.

/// The truth value: `y yes on true` and `n no off false`, in lower, title or upper case.
pub(super) fn flag(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let mut title = lower.clone();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if ![lower.as_str(), &title, &lower.to_ascii_uppercase()].contains(&text) {
        return None;
    }
    match lower.as_str() {
        "y" | "yes" | "on" | "true" => Some(true),
        "n" | "no" | "off" | "false" => Some(false),
        _ => None,
    }
}

/// The number: `12`, `1_000`, `0x10`, `010` and `0o10` (octal), `0b11`, `1.5`, `2e3`.
pub(super) fn number(text: &str) -> Option<f64> {
    let digits = text.replace('_', "");
    let (sign, unsigned) = match digits.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let of_base = |digits: &str, base| u32::from_str_radix(digits, base).ok().map(f64::from);
    let number = match unsigned.get(..2) {
        Some("0x") => of_base(unsigned.get(2..)?, 16),
        Some("0o") => of_base(unsigned.get(2..)?, 8),
        Some("0b") => of_base(unsigned.get(2..)?, 2),
        _ if unsigned.starts_with('0') && unsigned.bytes().all(|b| b.is_ascii_digit()) => of_base(unsigned, 8),
        _ => unsigned.parse().ok().filter(|number: &f64| number.is_finite()),
    }?;
    Some(sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_truth_value_in_three_cases_alone() {
        for text in ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"] {
            assert_eq!(flag(text), Some(true), "{text}");
        }
        for text in ["n", "No", "OFF", "false", "False"] {
            assert_eq!(flag(text), Some(false), "{text}");
        }
        for text in ["yEs", "tRUE", "1", "0", "", "ja", "\u{e9}"] {
            assert_eq!(flag(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_read_as_yaml_1_1_has_it() {
        for (text, value) in [
            ("0", 0.0),
            ("900", 900.0),
            ("0x10", 16.0),
            ("010", 8.0),
            ("0o10", 8.0),
            ("0b101", 5.0),
            ("1_0", 10.0),
            ("2.0", 2.0),
            ("-1", -1.0),
            ("+5", 5.0),
            ("2e3", 2000.0),
            (".5", 0.5),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in [
            "", "09", "0x", "x", "1s", "inf", ".inf", "nan", "1e999", "--1", "\u{e9}",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
