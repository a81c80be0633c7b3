//! Globs, one character after the other.

pub(super) enum Token {
    Char(char),
    One,
    Star,
    Span,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Takes a glob apart; `None` if it is malformed. A NUL stands where two parts met and only keeps their stars apart.
pub(super) fn tokens(glob: &str, double_star: bool) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let chars: Vec<char> = glob.chars().collect();
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        i += 1;
        match c {
            '\0' => {}
            '*' => {
                let stars = 1 + chars[i..].iter().take_while(|c| **c == '*').count();
                i += stars - 1;
                tokens.push(if double_star && stars > 1 {
                    Token::Span
                } else {
                    Token::Star
                });
            }
            '?' => tokens.push(Token::One),
            '\\' => tokens.push(Token::Char(plain(&chars, &mut i)?)),
            '[' => tokens.push(class(&chars, &mut i)?),
            c => tokens.push(Token::Char(c)),
        }
    }
    Some(tokens)
}

/// The next character that is no NUL.
fn plain(chars: &[char], i: &mut usize) -> Option<char> {
    while *chars.get(*i)? == '\0' {
        *i += 1;
    }
    *i += 1;
    Some(chars[*i - 1])
}

fn class(chars: &[char], i: &mut usize) -> Option<Token> {
    let member = |c: char, i: &mut usize| match c {
        '-' | ']' => None,
        '\\' => plain(chars, i),
        c => Some(c),
    };
    let mut next = plain(chars, i)?;
    let negated = next == '^';
    if negated {
        next = plain(chars, i)?;
    }
    let mut ranges = Vec::new();
    while next != ']' || ranges.is_empty() {
        let low = member(next, i)?;
        let mut high = low;
        next = plain(chars, i)?;
        if next == '-' {
            let end = plain(chars, i)?;
            high = member(end, i)?;
            next = plain(chars, i)?;
        }
        ranges.push((low, high));
    }
    let holds_nothing = !negated && ranges.iter().all(|(low, high)| low > high);
    (!holds_nothing).then_some(Token::Class { negated, ranges })
}

/// Go does not go back: once what stands between two stars was found, leftmost, it stays there. It shows where a class
/// takes a `/` that a star could not: `*[^a]*` does not match `b/a`. Where `**` spans, which Go lacks, everything is tried.
pub(super) fn fits(glob: &[Token], text: &[char]) -> bool {
    if glob.iter().any(|token| matches!(token, Token::Span)) {
        return fits_somehow(glob, text);
    }
    let is_star = |token: &Token| matches!(token, Token::Star);
    let mut rest = text;
    let mut chunks = glob
        .split(is_star)
        .enumerate()
        .filter(|(i, chunk)| *i == 0 || !chunk.is_empty())
        .peekable();
    while let Some((i, chunk)) = chunks.next() {
        let last = chunks.peek().is_none() && !glob.last().is_some_and(is_star);
        let reach = if i == 0 {
            0
        } else {
            rest.iter().take_while(|c| **c != '/').count()
        };
        let ends = |from: usize| from + chunk.len();
        let at = (0..=reach).find(|from| {
            let found = rest
                .get(*from..ends(*from))
                .is_some_and(|part| fits_somehow(chunk, part));
            found && (!last || ends(*from) == rest.len())
        });
        let Some(at) = at else { return false };
        rest = &rest[ends(at)..];
    }
    rest.is_empty() || glob.last().is_some_and(is_star) && !rest.contains(&'/')
}

fn fits_somehow(glob: &[Token], text: &[char]) -> bool {
    let Some((token, rest)) = glob.split_first() else {
        return text.is_empty();
    };
    let one = |test: &dyn Fn(char) -> bool| text.first().is_some_and(|c| test(*c)) && fits_somehow(rest, &text[1..]);
    let more =
        |stops: &dyn Fn(char) -> bool| text.first().is_some_and(|c| !stops(*c)) && fits_somehow(glob, &text[1..]);
    match token {
        Token::Char(wanted) => one(&|c| c == *wanted),
        Token::One => one(&|c| c != '/'),
        Token::Class { negated, ranges } => {
            one(&|c| ranges.iter().any(|(low, high)| *low <= c && c <= *high) != *negated)
        }
        Token::Star => fits_somehow(rest, text) || more(&|c| c == '/'),
        Token::Span => fits_somehow(rest, text) || more(&|_| false),
    }
}
