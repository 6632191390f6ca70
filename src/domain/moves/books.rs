//! What serves before and after, compared.

use std::collections::HashMap;

use super::scene::{Point, Scene, Serves};
use crate::domain::id::SplitId;
use crate::domain::split::Split;

/// Compares what serves, each split once.
pub(super) struct Books<'s> {
    before: &'s Scene<'s>,
    after: &'s Scene<'s>,
    splits: HashMap<SplitId, bool>,
}

impl<'s> Books<'s> {
    pub(super) fn new(before: &'s Scene<'s>, after: &'s Scene<'s>) -> Self {
        Self { before, after, splits: HashMap::new() }
    }

    pub(super) fn differs(&mut self, was: &Serves, is: &Serves) -> bool {
        let (Serves::Many(was), Serves::Many(is)) = (was, is) else { return was != is };
        if was != is {
            // Each deals its callers in a way of its own.
            return true;
        }
        if let Some(differs) = self.splits.get(was) {
            return *differs;
        }
        let differs = self.deals_otherwise(was);
        self.splits.insert(was.clone(), differs);
        differs
    }

    fn deals_otherwise(&self, id: &SplitId) -> bool {
        let (Some(was), Some(is)) = (self.before.split(id), self.after.split(id)) else { return true };
        if was.birth() != is.birth() {
            return true;
        }
        let points = |scene: &Scene<'_>, split: &Split| -> Vec<Option<Point>> {
            split.arms.iter().map(|arm| scene.point_of(split, arm)).collect()
        };
        let (points_before, points_after) = (points(self.before, was), points(self.after, is));
        let arms = self.before.serving_arms(was).into_iter().zip(self.after.serving_arms(is));
        arms.into_iter()
            .any(|(was, is)| points_before.get(usize::from(was)) != points_after.get(usize::from(is)))
    }
}
