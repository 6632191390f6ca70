//! Numbers of a file that stand as they are but may be meant otherwise.

use super::rows::Numbers;
use crate::domain::address::Number;
use crate::domain::words::counted;

/// Most of one file, and of all, that are told one by one.
const TOLD_MAX: usize = 20;

/// What may be meant otherwise in a file, found once when it is read: files that stay as they are, are not walked again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Doubtful {
    /// The first ones, in the order of their lines.
    told: Vec<(u32, Box<str>)>,
    more: usize,
}

impl Doubtful {
    /// Looks at the SIP users among numbers. Phone numbers are never in doubt.
    pub(super) fn of(numbers: &Numbers) -> Self {
        let users = numbers.users.iter();
        let doubts = users.filter_map(|row| Some((row.line, Number::User(row.key.clone()).doubt()?.into())));
        let mut told: Vec<(u32, Box<str>)> = doubts.collect();
        told.sort_unstable();
        let more = told.len().saturating_sub(TOLD_MAX);
        told.truncate(TOLD_MAX);
        told.shrink_to_fit();
        Self { told, more }
    }

    /// The warnings of several files, by their paths.
    pub(super) fn warnings<'f>(files: impl Iterator<Item = (&'f str, &'f Self)>) -> Vec<String> {
        let (mut warnings, mut more) = (Vec::new(), 0);
        for (path, file) in files {
            let room = TOLD_MAX.saturating_sub(warnings.len());
            warnings
                .extend(file.told.iter().take(room).map(|(line, doubt)| format!("{path}:{line}: {doubt}")));
            more += file.more + file.told.len().saturating_sub(room);
        }
        if more > 0 {
            let more = counted(more, "more SIP user");
            warnings.push(format!("{more} that may be meant as phone numbers"));
        }
        warnings
    }
}
