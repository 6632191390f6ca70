//! Whether a language tag is well-formed by BCP 47 (RFC 5646 section 2.1).

use std::iter::Peekable;

/// Whether the tag follows the grammar; whether its parts are registered is not looked up.
///
/// The irregular tags of before 2006 (`i-klingon` …) are not among them: all have a modern form.
pub fn is_well_formed(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    if parts.clone().any(|part| part.is_empty() || part.len() > 8 || !is(part, |c| c.is_ascii_alphanumeric()))
    {
        return false;
    }
    if parts.peek().is_some_and(|part| singleton(part) == Some('x')) {
        return private_use(&mut parts);
    }
    let Some(language) = parts.next().filter(|part| part.len() >= 2 && alphabetic(part)) else {
        return false;
    };
    if language.len() <= 3 {
        take(&mut parts, 3, |part| part.len() == 3 && alphabetic(part));
    }
    take(&mut parts, 1, |part| part.len() == 4 && alphabetic(part));
    take(&mut parts, 1, |part| match part.len() {
        2 => alphabetic(part),
        3 => is(part, |c| c.is_ascii_digit()),
        _ => false,
    });
    take(&mut parts, usize::MAX, |part| {
        part.len() >= 5 || part.len() == 4 && part.starts_with(|c: char| c.is_ascii_digit())
    });
    let mut seen = String::new();
    while let Some(mark) = parts.peek().and_then(|part| singleton(part)) {
        if mark == 'x' {
            return private_use(&mut parts);
        }
        parts.next();
        if seen.contains(mark) || take(&mut parts, usize::MAX, |part| part.len() >= 2) == 0 {
            return false;
        }
        seen.push(mark);
    }
    parts.next().is_none()
}

/// `x` and one or more parts of any length.
fn private_use<'a>(parts: &mut impl Iterator<Item = &'a str>) -> bool {
    parts.count() > 1
}

fn take<'a, I>(parts: &mut Peekable<I>, most: usize, fits: impl Fn(&str) -> bool) -> usize
where
    I: Iterator<Item = &'a str>,
{
    let mut taken = 0;
    while taken < most && parts.next_if(|part| fits(part)).is_some() {
        taken += 1;
    }
    taken
}

fn singleton(part: &str) -> Option<char> {
    let mut letters = part.chars();
    letters.next().filter(|_| letters.next().is_none()).map(|c| c.to_ascii_lowercase())
}

fn alphabetic(part: &str) -> bool {
    is(part, |c| c.is_ascii_alphabetic())
}

fn is(part: &str, kind: impl Fn(char) -> bool) -> bool {
    part.chars().all(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_the_grammar_are_well_formed_and_no_others() {
        for tag in [
            "de",
            "en-GB",
            "en-gb",
            "zh-Hant-TW",
            "zh-cmn-Hans-CN",
            "sl-rozaj-biske",
            "de-CH-1901",
            "es-419",
            "de-CH-x-phonebk",
            "x-whatever",
            "en-US-u-islamcal",
            "hy-Latn-IT-arevela",
            "en-a-myext-b-another",
            "qaa-Qaaa-QM-x-southern",
            "sr-Latn-RS",
            "zh-min-nan",
            "abcdefgh",
        ] {
            assert!(is_well_formed(tag), "{tag}");
        }
        for tag in [
            "",
            "-",
            "e",
            "en-",
            "-en",
            "en_GB",
            "en GB",
            "en--GB",
            "a-DE",
            "de-419-DE",
            "en-GB-US",
            "x",
            "x-",
            "en-a",
            "en-a-x-b",
            "en-a-bb-a-cc",
            "abcdefghi",
            "en-x",
            "1en",
            "en-ä",
            "en-u-",
            "deu-abc-def-ghi-jkl",
        ] {
            assert!(!is_well_formed(tag), "{tag}");
        }
    }
}
