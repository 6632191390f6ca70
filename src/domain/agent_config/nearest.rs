//! What was probably meant by a key that does not exist.

use super::schema::Key;

/// Longest name that is compared: the comparison costs its square.
const COMPARED: usize = 40;

/// The known key nearest to a name if one is near, else all of them.
pub fn nearest(name: &str, keys: &[Key]) -> String {
    let letters = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).take(COMPARED).flat_map(char::to_lowercase).collect()
    };
    let name = letters(name);
    let near = keys
        .iter()
        .map(|key| (distance(&name, &letters(key.name)), key.name))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min();
    match near {
        Some((_, known)) => format!("`{known}`"),
        None => format!("one of {}", keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")),
    }
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(b) {
            let here = (diagonal + usize::from(from != to)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent_config::schema::DOCUMENT;

    #[test]
    fn a_slip_of_the_pen_is_understood_and_nonsense_is_not() {
        for (written, meant) in [
            ("nmae", "`name`"),
            ("knowledge_bases", "`knowledgeBases`"),
            ("Tool", "`tools`"),
            ("sip_header", "`sipHeaders`"),
        ] {
            assert_eq!(nearest(written, DOCUMENT), meant);
        }
        assert!(nearest("zzzzzzzzzzz", DOCUMENT).starts_with("one of name, description"));
        assert!(nearest(&"x".repeat(1_000_000), DOCUMENT).starts_with("one of"));
    }
}
