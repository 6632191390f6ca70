//! Routes that name an agent and no pin: its draft serves, which a reader of the file does not see.

use crate::domain::files::Keys;
use crate::domain::words::counted;

/// Most files that are told one by one.
const TOLD_MAX: usize = 20;

/// The routes of a file that serve a draft only because nobody wrote a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unpinned {
    /// Line and column of the first.
    first: (u32, u32),
    count: usize,
}

impl Unpinned {
    /// Looks at a route that stands at a line and column, by where its keys stand.
    pub(super) fn look(&mut self, at: (u32, u32), keys: &Keys) {
        self.note(at, keys.find("agent").is_some() && keys.find("pin").is_none());
    }

    /// Notes a route that stands at a line and column, if it has none.
    pub(super) fn note(&mut self, at: (u32, u32), has_none: bool) {
        if !has_none {
            return;
        }
        if self.count == 0 || at < self.first {
            self.first = at;
        }
        self.count += 1;
    }

    /// The warnings of several files, by their paths: one a file.
    pub(super) fn warnings<'f>(files: impl Iterator<Item = (&'f str, Self)>) -> Vec<String> {
        let mut files = files.filter(|(_, unpinned)| unpinned.count > 0);
        let told = |(path, Self { first: (line, column), count }): (&str, Self)| {
            let routes = if count == 1 {
                "this route has".to_owned()
            } else {
                format!("{count} routes from here on have")
            };
            format!(
                "{path}:{line}:{column}: {routes} no pin, so that drafts serve as they are edited: write pin = \"draft\" if that is meant"
            )
        };
        let mut warnings: Vec<_> = files.by_ref().take(TOLD_MAX).map(told).collect();
        let more = files.count();
        if more > 0 {
            warnings.push(format!("{} with routes that have no pin", counted(more, "more file")));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_route_without_a_pin_is_told_and_how_many_there_are() {
        let keys = |names: &[&'static str]| {
            let mut keys = Keys::default();
            names.iter().for_each(|name| keys.note(*name, (1, 1)));
            keys
        };
        let mut file = Unpinned::default();
        file.look((1, 1), &keys(&["agent", "pin"]));
        file.look((2, 1), &keys(&["split"]));
        assert_eq!(file, Unpinned::default());
        file.look((9, 4), &keys(&["agent", "headers"]));
        let told = |file| Unpinned::warnings([("routes/a.toml", file)].into_iter());
        assert!(told(file)[0].starts_with("routes/a.toml:9:4: this route has no pin"), "{:?}", told(file));
        file.note((3, 2), true);
        assert!(told(file)[0].starts_with("routes/a.toml:3:2: 2 routes from here on have no pin"));
        let many = Unpinned::warnings(vec![("routes/a.toml", file); TOLD_MAX + 2].into_iter());
        assert_eq!(
            (many.len(), many[TOLD_MAX].as_str()),
            (TOLD_MAX + 1, "2 more files with routes that have no pin")
        );
    }
}
