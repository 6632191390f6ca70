//! Numbers of a file that stand as they are but may be meant otherwise.

use super::column::column_of;
use super::rows::Numbers;
use crate::domain::address::Number;
use crate::domain::words::counted;

/// Most of one file, and of all, that are told one by one.
const TOLD_MAX: usize = 20;

/// What may be meant otherwise in a file, found once when it is read: files that stay as they are, are not walked again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Doubtful {
    /// The first ones, in the order of their lines: line, column, what may be meant.
    told: Vec<(u32, u32, Box<str>)>,
    more: usize,
}

impl Doubtful {
    /// Looks at the SIP users among the numbers of a text. Phone numbers are never in doubt.
    pub(super) fn of(numbers: &Numbers, text: &str) -> Self {
        let users = numbers.users.iter().map(|row| (row.line, Number::User(row.key.clone())));
        let mut doubtful: Vec<_> = users.filter(|(_, user)| user.doubt().is_some()).collect();
        doubtful.sort_unstable();
        let more = doubtful.len().saturating_sub(TOLD_MAX);
        let first = doubtful.into_iter().take(TOLD_MAX);
        let told =
            first.filter_map(|(line, user)| Some((line, column_of(text, line, &user), user.doubt()?.into())));
        Self { told: told.collect(), more }
    }

    /// The warnings of several files, by their paths.
    pub(super) fn warnings<'f>(files: impl Iterator<Item = (&'f str, &'f Self)>) -> Vec<String> {
        let (mut warnings, mut more) = (Vec::new(), 0);
        for (path, file) in files {
            let room = TOLD_MAX.saturating_sub(warnings.len());
            warnings.extend(
                file.told
                    .iter()
                    .take(room)
                    .map(|(line, column, doubt)| format!("{path}:{line}:{column}: {doubt}")),
            );
            more += file.more + file.told.len().saturating_sub(room);
        }
        if more > 0 {
            let more = counted(more, "more SIP user");
            warnings.push(format!("{more} that may be meant as phone numbers"));
        }
        warnings
    }
}
