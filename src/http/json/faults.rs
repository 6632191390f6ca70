//! What is wrong with a body, field by field.

use hyper::StatusCode;

use super::super::error::ApiError;

/// The code of a body that is wrong in any way that has no code of its own.
pub const CODE: &str = "VALIDATION_FAILED";

/// Most faults of one body that are told.
const FAULTS_MAX: usize = 100;
/// Longest text of whoever wrote the body that is repeated, in characters.
const REPEATED_CHARS_MAX: usize = 80;
/// Longest message that repeats as much as it likes, in characters.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// What is wrong with a body so far; however much it is, the first 100 faults are kept.
#[derive(Debug, Default)]
pub struct Faults {
    told: Vec<Told>,
    untold: usize,
}

#[derive(Debug)]
struct Told {
    field: String,
    message: String,
    code: &'static str,
}

impl Faults {
    /// Notes what is wrong with a field, by its path.
    pub fn push(&mut self, field: String, message: String, code: &'static str) {
        if self.told.len() < FAULTS_MAX {
            self.told.push(Told { field, message, code });
        } else {
            self.untold += 1;
        }
    }

    /// Puts them in order, where they were found in another; those of the same key stay as they are.
    pub fn sort_by_key<K: Ord>(&mut self, key: impl Fn(&str) -> K) {
        self.told.sort_by_key(|told| key(&told.field));
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Whether a field, or anything in it, is at fault.
    pub fn blames(&self, path: &str) -> bool {
        let within = |field: &str| {
            field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.told.iter().any(|told| within(&told.field))
    }

    /// The refusal, if anything is wrong: 400, all faults in the order in which they were found.
    pub fn refusal(self) -> Option<ApiError> {
        let first = self.told.first()?.code;
        // A code of its own says what all is wrong, or it says too little.
        let code = if self.told.iter().all(|told| told.code == first) { first } else { CODE };
        let mut faults: Vec<_> = self.told.into_iter().map(|told| (told.field, told.message)).collect();
        if self.untold > 0 {
            let more = match self.untold {
                1 => "has one more fault than is told".to_owned(),
                more => format!("has {more} more faults than are told"),
            };
            faults.push(("body".to_owned(), more));
        }
        let message: Vec<_> = faults.iter().map(|(field, message)| format!("{field}: {message}")).collect();
        let error = ApiError::new(StatusCode::BAD_REQUEST, code, message.join("; "));
        Some(faults.into_iter().fold(error, |error, (field, message)| error.with_field(field, message)))
    }
}

/// A member's name as it is repeated in a path: on one line, and cut where it is long.
pub fn shown(name: &str) -> String {
    name.escape_default().take(REPEATED_CHARS_MAX).collect()
}

/// A text as it is repeated to whoever wrote it: in quotes, and cut where it is long.
pub fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(REPEATED_CHARS_MAX).collect::<String>())
}

/// A message that may repeat what somebody wrote, as it is told: on one line, and cut where it is long.
pub fn one_line(message: &str) -> String {
    let mut line = String::new();
    for c in message.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line.chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_on_one_line_and_cut() {
        assert_eq!(one_line("is `a\nb`, \u{85}é"), "is `a\\nb`, \\u{85}é");
        assert_eq!(one_line(&"\n".repeat(2_000)).len(), 1_000);
    }

    #[test]
    fn the_first_hundred_faults_are_told_and_how_many_more_there_are() {
        assert!(Faults::default().refusal().is_none());
        let mut faults = Faults::default();
        for at in 0..150 {
            faults.push(format!("f[{at}]"), "is bad".to_owned(), CODE);
        }
        assert!(
            faults.blames("f") && faults.blames("f[7]") && !faults.blames("f[") && !faults.blames("f[100]")
        );
        let error = faults.refusal().unwrap();
        let envelope = serde_json::to_value(error.envelope("")).unwrap();
        assert_eq!(envelope["errors"].as_array().unwrap().len(), 101);
        assert_eq!(envelope["errors"][100]["message"], "has 50 more faults than are told");
        assert!(error.message().starts_with("f[0]: is bad; f[1]: is bad; "));
    }

    #[test]
    fn a_code_of_its_own_is_told_where_nothing_else_is_wrong() {
        let code = |codes: [&'static str; 2]| {
            let mut faults = Faults::default();
            codes.into_iter().for_each(|code| faults.push("a".to_owned(), "b".to_owned(), code));
            faults.refusal().unwrap().code()
        };
        assert_eq!(code(["OWN", "OWN"]), "OWN");
        assert_eq!(code(["OWN", "OTHER"]), CODE);
    }
}
