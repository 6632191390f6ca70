//! What else goes out with a merge: what one side had made before, and nobody was served yet.

use std::collections::BTreeSet;

use super::super::AgentConfig;
use super::super::compare::Path;
use super::{Resolution, Sides, Takes};

impl Sides<&AgentConfig> {
    /// Where what comes of a merge differs from what is served, other than by what they did: the edits of ours that go
    /// out along with theirs, in the order in which keys are shown.
    ///
    /// Cost: four comparisons of whole configurations.
    #[must_use]
    pub fn along(self, resolutions: &[Resolution], merged: &AgentConfig, served: &AgentConfig) -> Vec<Path> {
        let paths = |from: &AgentConfig, to: &AgentConfig| -> Vec<Path> {
            from.changes_to(to).into_iter().map(|change| change.path).collect()
        };
        let set = |from, to| -> BTreeSet<Path> { paths(from, to).into_iter().collect() };
        let (by_them, not_as_theirs) = (set(self.base, self.theirs), set(self.theirs, merged));
        // What was resolved in another way is what neither had.
        let is_resolved = |path: &Path| {
            let mut others = resolutions.iter().filter(|resolution| resolution.takes != Takes::Ours);
            others.any(|resolution| path.is(&resolution.path))
        };
        let mut along = paths(served, merged);
        along.retain(|path| {
            let theirs = by_them.contains(path) && !not_as_theirs.contains(path);
            !theirs && !is_resolved(path)
        });
        along
    }
}
