//! Patterns and texts: what people write, the corners of Go's grammar, and anything at all.

use proptest::prelude::*;

/// Characters that patterns and texts are made of: what has a meaning somewhere, cases that fold across ASCII (`k`, `K`,
/// the Kelvin sign; `s`, `ſ`), widths of one to four bytes.
pub(crate) const NASTY: &str =
    "ab-zAkK\u{212A}sſßéÉ€𝕏/._:,=!<>&~#@%'\"`;019[](){}^$*+?|\\ \t\n\r\u{B}\0\u{FFFD}\u{301}PQEdDwWbBxpN";

pub(crate) fn nasty_char() -> impl Strategy<Value = char> {
    proptest::sample::select(NASTY.chars().collect::<Vec<_>>())
}

/// Text for a pattern to be tried on: mostly of few characters, so that it is matched now and then, and of blocks that
/// Unicode has not added to of late.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let common = "aabbabkK\u{212A}ſ/\n-0_é€".chars().collect::<Vec<_>>();
    let word = prop_oneof![
        8 => proptest::sample::select(common),
        1 => nasty_char(),
        1 => proptest::char::ranges(vec!['\0'..='\u{17F}', '\u{370}'..='\u{3FF}', '\u{4E00}'..='\u{9FFF}'].into()),
    ];
    proptest::collection::vec(word, 0..9).prop_map(String::from_iter)
}

pub(crate) fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(text(), 6).prop_map(|mut texts| {
        texts.extend(["", "a", "ab", "aab/b\n", "k\u{212A}"].map(str::to_owned));
        texts
    })
}

/// The words of a list below, as patterns and texts: what would not be seen has a sign of its own.
pub(crate) fn words(list: &'static str) -> impl Iterator<Item = String> {
    let signs = [
        ("∅", ""),
        ("␣", " "),
        ("␤", "\n"),
        ("␋", "\u{B}"),
        ("␀", "\0"),
        ("ⓚ", "\u{212A}"),
    ];
    list.split_whitespace().map(move |word| {
        signs
            .iter()
            .fold(word.to_owned(), |word, (sign, text)| word.replace(sign, text))
    })
}

pub(crate) fn word(list: &'static str) -> impl Strategy<Value = String> {
    proptest::sample::select(words(list).collect::<Vec<_>>())
}

/// Pieces of globs, mostly well-formed.
pub(crate) const GLOB_PIECES: &str = r"
    a b / * * * ** ? ? [a-k] [^a] [^/] [/] [!a] [\]] [\-a] [a- ] [z-a] [z-ab] [^z-a] \* \ é [é] [^é] [^a-é€] [\a-\k]
    {a,b} - [*] [[] [?- [^] [] [ ab \é
";

/// What Go's grammar has outside classes, its corners, and what other dialects add.
pub(crate) const ATOMS: &str = r"
    a b k K s ſ é É ß € / - _ 0 . . ^ $ \A \z \b \B \d \D \s \S \w \W \. \/ \_ \n \t \v \a \x41 \x{6b} \x{212A}
    \x{10FFFF} \x{110000} \x{} \xg \x{D800} \0 \101 \60 \777 \08 \1 \8 \pL \PL \pl \p{Lu} \P{Ll} \p{^Lu} \P{^Greek}
    \p{Greek} \p{greek} \p{LC} \p{Any} \P{Any} \p{Cs} \pN \pZ \p{Letter} \p{Old_Italic} \p{sc=Greek} \p{Latin} \p \Q
    \E \Q.*\E \Q\E \Qa+ \C \Z \< \> \h \R \u0041 \b{start} \é { } {,2} {a} ] ]] && ~~ # ␣ ␤ (?i) (?s) (?m) (?U) (?-i)
    (?i-s) (?sm-U) (?x) (?R) (?) (?-) (?i () (?:) (?=a) (?P<n>a) (?<n>b) (?P<é>a) (?P<>a) | a| |b ab aa a|b ^$ ␀
";

/// The same inside classes.
pub(crate) const MEMBERS: &str = r"
    a b k K z é - -- a-z a- -z z-a A-k +-- é-€ [ [a && ~~ ^ ] \] \- \\ \d \D \w \W \s-a \w- \pL \P{Lu} \p{Greek}
    \x{D7FF}-\x{E000} \x41-\x5a \101 \b \Q [:alpha:] [:^alpha:] [:word:] [:upper:] [:foo:] [: :] [:alpha / . $ | ( ␤
    \n ſ \x{0}-\x{10FFFF} # ␣ a-\d [:space:]
";

/// What may stand behind an atom.
pub(crate) const REPETITIONS: &str = r"
    * + ? *? +? ?? {2} {0} {1} {0,1} {1,3} {2,} {0,} {1,}? {2}? {2,1} ** ++ *+ {2}{3} {1001} {1000} {40} {02} {␣2}
    {2,3 {99999999999} *(?i)* {0,2}?
";

/// What patterns that people write are tried on.
pub(crate) const TEXTS: &str = r"
    ∅ a team/app Team/App team.app library/nginx user@test.com user@test-com dev-17 dev-x / // a␤b ␤ team/␤ {a} a{2}
    aa [a] a&&b a--b <a> ⓚube kube ſub a␋b é ééé x\y 1.2.3 v1.2 ٣
";

/// Expressions that people write, and corners worth keeping.
pub(crate) const EXPRESSIONS: &str = r"
    ^team\/.+$ ^(.+)@test.com$ ^(.+)@test\.com$ ^[a-z0-9]+(?:[._-][a-z0-9]+)*$ ^(?:team|library)/[^/]+$ .+ ^dev-\d+$
    ^\w+$ ^[\w-]+/[\w.]+$ (?i)^team/ (?i)^kube$ ^\S+$ ^a.b$ (?s)^a.b$ (?m)^b$ a$ ^[^a]*$ ^\Qteam.app\E$ ^{a}$ ^a{2}$
    ^a{,2}$ ^[[]a]$ ^[a&&b]+$ ^[a--]+$ \<a\> ^\x61$ ^\141$ ^[[:alpha:]]+/[[:word:]]+$ ^\p{Greek}|\p{Latin}+$ ^(a)|(b)$
    ^(a*)*$ ^(a|b|)*$ (|a)+ ^(é{3})$ ^[\x00-\x7f]+$ \Ba\B \B \b (?U)a+ ^v?(\d+)\.(\d+)(?:\.(\d+))?$ a++ x** a{1001}
    (?x)a (?R) \u0061 \Z \1 (?=a) (?P<n>a)(?P<n>b) [z-a] [] [^] []a] [a-\d] [\d-z] \C (a{30}){33} (a{30}){34} a(?i)*
    a*(?i)* a\Q\E* (?i)[^\W]+ (?i)\W (?i)[[:^lower:]] \P{Any} (?i)\P{Lu} ^\z $^ ^* $+ \b* ()* (^)* (?:^|/)app(?:$|/)
    a|* (*) a{2}* (?i)ß
";

/// The same for globs.
pub(crate) const GLOBS: &str = r"
    * */* team/* */app ?* team/** [a-z]* [^a-z]* [!a]* {a} {a,b} \{a\} x\\y *[ [] [^] []a] [-a] [a-] a\ [\ *␤* a?b ?
    ??? *é *?? *[^é] [é] **/* te*m/a*p *.*.*
";

/// A glob of pieces that are mostly well-formed, or any text over the nasty characters.
pub(crate) fn glob() -> impl Strategy<Value = String> {
    let piece = word(GLOB_PIECES);
    let raw = proptest::collection::vec(nasty_char(), 0..10).prop_map(String::from_iter);
    prop_oneof![4 => proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()), 1 => raw]
}

/// An expression that is mostly well-formed, out of everything Go's grammar has, its corners and what other dialects add.
pub(crate) fn expression() -> impl Strategy<Value = String> {
    let atom = word(ATOMS);
    let member = word(MEMBERS);
    let class = (word("[ [ [^ [] [^] [-"), proptest::collection::vec(member, 0..4))
        .prop_map(|(open, members)| format!("{open}{}]", members.concat()));
    let leaf = prop_oneof![5 => atom, 2 => class];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let repeated = (inner.clone(), word(REPETITIONS)).prop_map(|(inner, operator)| format!("{inner}{operator}"));
        let group = (
            word("( ( (?: (?i: (?s: (?U: (?mi: (?-i: (?P<x> (?<y1>"),
            inner.clone(),
            word(") ) ) ) )* )+ )? )*? ){2} ){0} ∅"),
        )
            .prop_map(|(open, inner, close)| format!("{open}{inner}{close}"));
        let several = proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            2 => repeated,
            3 => group,
            3 => several.clone().prop_map(|parts| parts.concat()),
            1 => several.prop_map(|parts| parts.join("|")),
        ]
    })
}
