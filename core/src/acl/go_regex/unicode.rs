//! The names that Go 1.26 takes in `\p{…}`.
//!
//! Go compares them without regard to case, `_`, `-` and spaces, but then looks for scripts under names it has spelled
//! with `_`: the 46 scripts of more than one word, such as `Old_Italic`, are refused there, and so here.

/// A set of characters that Unicode names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    Any,
    Ascii,
    Assigned,
    /// No text holds any, and the crate has no table for it.
    Surrogate,
    /// Abbreviated, as in `Lu`.
    Category(&'static str),
    Script(&'static str),
}

impl Property {
    pub(super) fn named(name: &str) -> Option<Self> {
        let canonical = canonical(name);
        let name = canonical.as_str();
        Some(match name {
            "Any" => Self::Any,
            "Ascii" => Self::Ascii,
            "Assigned" => Self::Assigned,
            _ => {
                let alias = ALIASES
                    .binary_search_by_key(&name, |&(alias, _)| alias)
                    .ok()
                    .and_then(|at| ALIASES.get(at));
                match alias.map_or(name, |&(_, category)| category) {
                    "Cs" => Self::Surrogate,
                    name => find(CATEGORIES, name)
                        .map(Self::Category)
                        .or_else(|| find(SCRIPTS, name).map(Self::Script))?,
                }
            }
        })
    }

    /// The set in the crate's syntax, alone or as a member of a class.
    pub(super) fn write(self, negated: bool, into: &mut String) {
        let (kind, name) = match self {
            Self::Any if negated => return into.push_str(r"[^\x{0}-\x{10FFFF}]"),
            Self::Any => return into.push_str(r"[\x{0}-\x{10FFFF}]"),
            Self::Surrogate => return Self::Any.write(!negated, into),
            Self::Ascii if negated => return into.push_str(r"[^\x{0}-\x{7F}]"),
            Self::Ascii => return into.push_str(r"[\x{0}-\x{7F}]"),
            Self::Assigned => return Self::Category("Cn").write(!negated, into),
            Self::Category(name) => ("gc", name),
            Self::Script(name) => ("sc", name),
        };
        into.push_str(if negated { r"\P{" } else { r"\p{" });
        into.push_str(kind);
        into.push('=');
        into.push_str(name);
        into.push('}');
    }
}

fn find(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.binary_search(&name).ok().and_then(|at| names.get(at)).copied()
}

/// First letter large, the others small, without `_`, `-` and spaces.
fn canonical(name: &str) -> String {
    let mut canonical = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')) {
        canonical.push(if canonical.is_empty() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        });
    }
    canonical
}

/// Sorted.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Cn", "Co", "L", "Lc", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
    "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// Sorted.
const ALIASES: &[(&str, &str)] = &[
    ("Casedletter", "Lc"),
    ("Closepunctuation", "Pe"),
    ("Cntrl", "Cc"),
    ("Combiningmark", "M"),
    ("Connectorpunctuation", "Pc"),
    ("Control", "Cc"),
    ("Currencysymbol", "Sc"),
    ("Dashpunctuation", "Pd"),
    ("Decimalnumber", "Nd"),
    ("Digit", "Nd"),
    ("Enclosingmark", "Me"),
    ("Finalpunctuation", "Pf"),
    ("Format", "Cf"),
    ("Initialpunctuation", "Pi"),
    ("Letter", "L"),
    ("Letternumber", "Nl"),
    ("Lineseparator", "Zl"),
    ("Lowercaseletter", "Ll"),
    ("Mark", "M"),
    ("Mathsymbol", "Sm"),
    ("Modifierletter", "Lm"),
    ("Modifiersymbol", "Sk"),
    ("Nonspacingmark", "Mn"),
    ("Number", "N"),
    ("Openpunctuation", "Ps"),
    ("Other", "C"),
    ("Otherletter", "Lo"),
    ("Othernumber", "No"),
    ("Otherpunctuation", "Po"),
    ("Othersymbol", "So"),
    ("Paragraphseparator", "Zp"),
    ("Privateuse", "Co"),
    ("Punct", "P"),
    ("Punctuation", "P"),
    ("Separator", "Z"),
    ("Spaceseparator", "Zs"),
    ("Spacingmark", "Mc"),
    ("Surrogate", "Cs"),
    ("Symbol", "S"),
    ("Titlecaseletter", "Lt"),
    ("Unassigned", "Cn"),
    ("Uppercaseletter", "Lu"),
];

/// Sorted.
const SCRIPTS: &[&str] = &[
    "Adlam",
    "Ahom",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Carian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Dogra",
    "Duployan",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "Inherited",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "Kawi",
    "Kharoshthi",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Medefaidrin",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nandinagari",
    "Newa",
    "Nko",
    "Nushu",
    "Ogham",
    "Oriya",
    "Osage",
    "Osmanya",
    "Palmyrene",
    "Phoenician",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "Sinhala",
    "Sogdian",
    "Soyombo",
    "Sundanese",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Takri",
    "Tamil",
    "Tangsa",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Toto",
    "Ugaritic",
    "Vai",
    "Vithkuqi",
    "Wancho",
    "Yezidi",
    "Yi",
];
