//! Answers that were given, so that a request that is sent again is not carried out again.
//!
//! A request takes its turn under its name; while it has it, nobody else has it. When it ends with an answer that is to
//! stand, this is kept before the turn ends.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::time::Timestamp;
use crate::store::answers::AnswerLimits;
use crate::store::sqlite::AnswerFile;

pub use crate::store::answers::{KeptAnswer, RequestName, Said};
pub use crate::store::error::StoreError;

/// How long an answer stands.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How much is kept.
const LIMITS: AnswerLimits = AnswerLimits { count_max: 100_000, bytes_max: 64 << 20 };

/// The answers that stand, and the requests that are being carried out.
#[derive(Debug, Clone)]
pub struct Answers {
    file: Arc<AnswerFile>,
    running: Arc<Mutex<HashSet<RequestName>>>,
}

/// What is known of a request.
#[derive(Debug)]
pub enum Known {
    /// It is being carried out.
    Running,
    /// It was answered.
    Answered(Box<KeptAnswer>),
    /// Nothing: it is the caller's turn to carry it out.
    Nothing(Turn),
}

/// The right to carry a request out, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    answers: Answers,
    name: RequestName,
}

impl Answers {
    /// Answers in a file of a data folder.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::over(AnswerFile::open(&folder.join("answers.sqlite"), LIMITS)?))
    }

    /// Answers that are gone with the process.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self::over(AnswerFile::in_memory(LIMITS)?))
    }

    fn over(file: AnswerFile) -> Self {
        Self { file: Arc::new(file), running: Arc::default() }
    }

    /// What is known of a request. Blocks on the disk.
    ///
    /// # Errors
    /// When the answers cannot be read.
    pub fn known(&self, name: RequestName, now: Timestamp) -> Result<Known, StoreError> {
        if !self.running().insert(name) {
            return Ok(Known::Running);
        }
        // Before it is looked for: whoever had the turn before has kept its answer by now.
        let turn = Turn { answers: self.clone(), name };
        let found = self.file.find(name, now.plus_ms(-DAY_MS))?;
        Ok(found.map_or(Known::Nothing(turn), |answer| Known::Answered(Box::new(answer))))
    }

    fn running(&self) -> MutexGuard<'_, HashSet<RequestName>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Keeps the answer and ends the turn. Blocks on the disk.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn end(self, answer: &KeptAnswer, now: Timestamp) -> Result<(), StoreError> {
        self.answers.file.keep(self.name, answer, now, now.plus_ms(-DAY_MS))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.answers.running().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: RequestName = RequestName([1; 32]);
    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    #[test]
    fn a_request_is_carried_out_by_one_at_a_time_and_then_known_for_a_day() {
        let answers = Answers::in_memory().unwrap();
        let Known::Nothing(turn) = answers.known(NAME, NOW).unwrap() else { panic!("known") };
        assert!(matches!(answers.known(NAME, NOW).unwrap(), Known::Running));
        drop(turn);
        let Known::Nothing(turn) = answers.known(NAME, NOW).unwrap() else { panic!("a turn that ended") };
        let said = Said { hash: [2; 32], bytes: 0, whole: true };
        let answer = KeptAnswer { said, status: 201, headers: Vec::new(), body: b"{}".to_vec() };
        turn.end(&answer, NOW).unwrap();
        for _ in 0..2 {
            let later = NOW.plus_ms(DAY_MS - 1);
            let Known::Answered(kept) = answers.known(NAME, later).unwrap() else { panic!("not known") };
            assert_eq!(*kept, answer);
        }
        assert!(matches!(answers.known(NAME, NOW.plus_ms(DAY_MS)).unwrap(), Known::Nothing(_)));
    }
}
