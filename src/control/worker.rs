//! The thread that changes things: one command after the other, those that wait as one commit.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::metrics::ConfigMetrics;
use super::status::Status;
use super::{Applied, ControlError, Job, Precondition, Weighed};
use crate::domain::change::{Entry, Touched};
use crate::domain::command::{Author, Command, Outcome};
use crate::domain::id::Pin;
use crate::domain::refusal::Refusal;
use crate::domain::route::Destination;
use crate::domain::state::State;
use crate::routing::live::Live;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::routing::table::Workshop;
use crate::store::port::{Commit, CommitError, ControlStore};

/// Most commands in one commit.
const BATCH: usize = 64;

type Reply = oneshot::Sender<Result<Applied, ControlError>>;

/// Everything the thread owns or shares.
pub(super) struct Worker {
    pub(super) store: Arc<dyn ControlStore>,
    pub(super) present: Arc<ArcSwap<State>>,
    pub(super) live: Live,
    pub(super) series: Arc<SeriesBook>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) status: Arc<Status>,
    pub(super) metrics: Arc<ConfigMetrics>,
}

impl Worker {
    /// Works until all handles are gone.
    pub(super) fn run(&self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let rest = std::iter::from_fn(|| queue.try_recv().ok());
            self.batch(std::iter::once(first).chain(rest).take(BATCH));
        }
    }

    fn batch(&self, jobs: impl Iterator<Item = Job>) {
        let before = self.present.load_full();
        let mut batch = Batch::new(&before);
        let mut answers = Vec::new();
        for Job { command, precondition, weighed, reply } in jobs {
            let taken = batch.take(&command, precondition, weighed);
            if batch.commits.is_empty() {
                // Nothing but what is durable had a part in it.
                answer(reply, taken);
            } else {
                answers.push((reply, taken));
            }
        }
        // The others rest on changes that may still fail, refusals too: their reason might never come to be.
        match self.settle(&before, &mut batch) {
            Ok(()) => answers.into_iter().for_each(|(reply, taken)| answer(reply, taken)),
            Err(failure) => {
                for (reply, _) in answers {
                    drop(reply.send(Err(failure.clone())));
                }
            }
        }
    }

    /// Makes a batch durable, then visible.
    fn settle(&self, before: &State, batch: &mut Batch) -> Result<(), ControlError> {
        if batch.commits.is_empty() {
            return Ok(());
        }
        let outcome = self.store.commit(before.revision, &batch.commits);
        self.status.set_store_fault(outcome.as_ref().err().map(ToString::to_string));
        match outcome {
            Ok(_) => {}
            Err(CommitError::Stale { head }) => {
                tracing::error!(%head, expected = %before.revision, "the store was changed by somebody else");
                return Err(ControlError::Overtaken);
            }
            Err(CommitError::Failed(why)) => {
                tracing::error!(error = ?why, "a change could not be stored");
                return Err(ControlError::Store(Arc::new(why)));
            }
        }
        for Commit { entry, .. } in &batch.commits {
            tracing::info!(revision = %entry.revision, action = entry.action, author = entry.author, "changed");
        }
        let state = Arc::new(std::mem::take(&mut batch.state));
        let bodies = |hash| self.store.body(hash).ok().flatten();
        let workshop = Workshop { series: &self.series, shelf: &self.shelf, bodies: &bodies };
        let table = self.live.snapshot().patched(&state, &batch.touched, workshop);
        self.live.install(table);
        publish(&self.metrics, &state);
        self.present.store(state);
        self.metrics.config_swaps_total.inc();
        Ok(())
    }
}

/// Shows the state in the metrics.
pub(super) fn publish(metrics: &ConfigMetrics, state: &State) {
    metrics.config_revision.set(i64::try_from(state.revision.0).unwrap_or(i64::MAX));
}

/// Counts the numbers by what they are pinned to. Cost: a look at every distinct route.
pub(super) fn count_numbers(metrics: &ConfigMetrics, state: &State) {
    let mut counts = [("draft", 0u64), ("version", 0), ("environment", 0), ("split", 0)];
    for (_, used) in state.routes.iter() {
        let kind = match &used.route.to {
            Destination::Agent { pin: Pin::Draft, .. } => 0,
            Destination::Agent { pin: Pin::Version(_), .. } => 1,
            Destination::Agent { pin: Pin::Environment(_), .. } => 2,
            Destination::Split(_) => 3,
        };
        if let Some((_, count)) = counts.get_mut(kind) {
            *count += u64::from(used.numbers);
        }
    }
    for (kind, count) in counts {
        metrics.numbers.with_label_values(&[kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// Commands on their way to one commit.
struct Batch {
    state: State,
    touched: Touched,
    commits: Vec<Commit>,
}

/// Tells whoever asked; nobody may be waiting any more.
fn answer(reply: Reply, taken: Result<Applied, Refusal>) {
    drop(reply.send(taken.map_err(ControlError::from)));
}

impl Batch {
    fn new(state: &State) -> Self {
        Self { state: state.clone(), touched: Touched::default(), commits: Vec::new() }
    }

    fn take(
        &mut self,
        command: &Command,
        precondition: Option<Precondition>,
        weighed: Option<Box<Weighed>>,
    ) -> Result<Applied, Refusal> {
        self.state.authorise(command)?;
        if let Some(precondition) = precondition {
            precondition(&self.state)?;
        }
        // Weighed on a state that was durable: this one has the same revision only if it is that one.
        let weighed = weighed.filter(|weighed| weighed.state.revision == self.state.revision);
        let outcome = match weighed {
            Some(weighed) => weighed.outcome,
            None => self.state.weigh(command)?,
        };
        let changed = !outcome.is_nothing();
        let (warnings, moved_slots) = (outcome.warnings.clone(), outcome.moved_slots);
        let (imported, handed_over, summary) =
            (outcome.imported, outcome.handed_over, outcome.summary.clone());
        if changed {
            self.commits.push(enact(&mut self.state, &mut self.touched, command, outcome));
        }
        // Its own: the next command of the batch may remove what this one changed, and the answer is to show it.
        let state = Arc::new(self.state.clone());
        let revision = state.revision;
        Ok(Applied { revision, changed, warnings, moved_slots, imported, handed_over, summary, state })
    }
}

/// Absorbs the facts of a command as the next revision and answers what to commit.
pub(super) fn enact(state: &mut State, touched: &mut Touched, command: &Command, outcome: Outcome) -> Commit {
    let mut outcome = outcome;
    outcome.absorb_into(state, touched);
    state.revision = state.revision.next();
    let entry = Entry {
        revision: state.revision,
        at: command.at,
        account: command.account.clone(),
        author: command.author.name().to_owned(),
        actor: match &command.author {
            Author::Key { actor, .. } => actor.clone(),
            _ => None,
        },
        action: outcome.action.to_owned(),
        target: outcome.target,
        summary: outcome.summary,
    };
    Commit { entry, staged: outcome.staged, changes: outcome.changes, bodies: outcome.bodies }
}
