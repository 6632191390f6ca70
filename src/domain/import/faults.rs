//! What is wrong with the rows of an import.

use std::collections::BTreeSet;

/// One mistake in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowFault {
    /// The line on which the row begins, from 1.
    pub line: u32,
    /// The column at fault; empty where it is the row as a whole.
    pub field: String,
    /// What is wrong, and what was expected.
    pub message: String,
    /// A stable code in upper snake case.
    pub code: &'static str,
}

/// What is wrong with an import so far: of however many faults the first hundred by line, found in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFaults {
    told: BTreeSet<RowFault>,
    total: usize,
}

impl RowFaults {
    /// Most faults that are told.
    pub const TOLD_MAX: usize = 100;

    /// Notes what is wrong with a row.
    pub fn push(&mut self, fault: RowFault) {
        self.total += 1;
        self.told.insert(fault);
        if self.told.len() > Self::TOLD_MAX {
            self.told.pop_last();
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many faults there are, told or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// The first hundred, by line.
    pub fn told(&self) -> impl Iterator<Item = &RowFault> {
        self.told.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_faults_the_first_hundred_by_line_are_told_whatever_their_order() {
        let mut faults = RowFaults::default();
        for line in (1..=1_000).rev().chain(1_001..=1_500) {
            let (field, message) = ("pin".to_owned(), "is wrong".to_owned());
            faults.push(RowFault { line, field, message, code: "VALIDATION_FAILED" });
        }
        assert_eq!(faults.total(), 1_500);
        assert!(faults.told().map(|fault| fault.line).eq(1..=100));
    }
}
