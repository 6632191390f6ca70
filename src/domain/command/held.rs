//! Sets of files that would remove much: a truncated or unmounted folder is valid too, so these wait for an operator.

use super::files::Moved;
use super::told::first_few;
use crate::domain::change::{Change, NumberChanges};
use crate::domain::fault::Fault;
use crate::domain::files::FileSet;
use crate::domain::id::AgentId;
use crate::domain::words::counted;

/// The code of a set that waits to be accepted.
pub const HELD: &str = "FILES_HELD";

/// Fewer numbers than these are released unasked, however few there are.
const NUMBERS_MIN: usize = 10;
/// Most agents, and most numbers of the API, that are named.
const NAMED_MAX: usize = 5;

/// Why a set waits, if it does: it removes an agent, or more than a tenth (and at least ten) of the numbers of the files,
/// or, however little there was, all that they route: a folder that was emptied says just that.
pub(super) fn held(files: &FileSet, moved: &Moved, changes: &[Change]) -> Option<Fault> {
    let removal = Removal::of(moved, changes);
    let much = removal.released >= NUMBERS_MIN && removal.released.saturating_mul(10) > files.numbers_before;
    (much || !removal.agents.is_empty() || removal.leaves_nothing(files)).then(|| Fault {
        message: removal.words(files),
        expected: format!("`cordboard reload --accept {}` if that is meant", files.hash),
        ..Fault::of_folder()
    })
}

/// What should be known of a set that nobody had to accept: what it took away may have been cut off by mistake.
pub(super) fn removed(files: &FileSet, moved: &Moved, changes: &[Change]) -> Option<String> {
    let Removal { released, prefixes, splits, defaults, .. } = Removal::of(moved, changes);
    let of_numbers = format!("{released} of {}", counted(files.numbers_before, "number"));
    let gone = [
        (released, of_numbers),
        (prefixes, counted(prefixes, "prefix")),
        (splits, counted(splits, "split")),
        (defaults, counted(defaults, "default route")),
    ];
    let gone: Vec<String> =
        gone.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    (!gone.is_empty()).then(|| format!("they no longer list {}: this was removed", gone.join(", ")))
}

/// What a set takes away.
#[derive(Default)]
struct Removal<'c> {
    agents: Vec<&'c AgentId>,
    /// Numbers of the files.
    released: usize,
    /// Numbers of the API, whose agent goes.
    orphaned: usize,
    /// The first few of them.
    orphans: Vec<String>,
    prefixes: usize,
    splits: usize,
    defaults: usize,
}

impl<'c> Removal<'c> {
    fn of(moved: &Moved, changes: &'c [Change]) -> Self {
        let mut removal = Self { released: moved.released, orphaned: orphaned(changes), ..Self::default() };
        for change in changes {
            match change {
                Change::AgentRemoved(id) => removal.agents.push(&id.agent),
                Change::Numbers(numbers) => {
                    let left = (NAMED_MAX + 1).saturating_sub(removal.orphans.len());
                    removal.orphans.extend(released(numbers).take(left));
                }
                Change::PrefixRemoved { .. } => removal.prefixes += 1,
                Change::SplitRemoved(_) => removal.splits += 1,
                Change::DefaultRemoved { .. } => removal.defaults += 1,
                _ => {}
            }
        }
        removal
    }

    fn leaves_nothing(&self, files: &FileSet) -> bool {
        let removes = self.released + self.prefixes + self.splits + self.defaults > 0;
        let numbers_left = files.numbers_before.saturating_sub(self.released) + files.put.len();
        removes && numbers_left + files.prefixes.len() + files.splits.len() + files.defaults.len() == 0
    }

    fn words(&self, files: &FileSet) -> String {
        let Self { agents, released, orphaned, orphans, prefixes, splits, defaults } = self;
        let named = first_few(agents, NAMED_MAX);
        let named = if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
        let before = agents.len() + files.agents.len();
        let mut words = format!(
            "held: it would remove {} of {}{named}, {released} of {}, {} and {}",
            agents.len(),
            counted(before, "agent"),
            counted(files.numbers_before, "number"),
            counted(*prefixes, "prefix"),
            counted(*splits, "split"),
        );
        if *orphaned > 0 {
            let (count, named) = (counted(*orphaned, "number"), first_few(orphans, NAMED_MAX));
            words.push_str(&format!(", and {count} of the API ({})", named.join(", ")));
        }
        if *defaults > 0 {
            words.push_str(&format!(", and {}", counted(*defaults, "default route")));
        }
        words
    }
}

/// How many numbers of the API go with their agents.
pub(super) fn orphaned(changes: &[Change]) -> usize {
    let of = |change: &Change| match change {
        Change::Numbers(numbers) => released(numbers).count(),
        _ => 0,
    };
    changes.iter().map(of).sum()
}

fn released(numbers: &NumberChanges) -> impl Iterator<Item = String> {
    let phones = numbers.phones.iter().filter(|(_, route)| route.is_none());
    let users = numbers.users.iter().filter(|(_, route)| route.is_none());
    phones.map(|(phone, _)| phone.to_string()).chain(users.map(|(user, _)| user.to_string()))
}
