//! Files that change while the router runs: all of them good and applied as one revision, or nothing changes.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::alarm::Alarm;
use super::files::{Library, SourceFile, located};
use super::hand_over::HandOver;
use super::metrics::ConfigMetrics;
use super::start::{Files, apply};
use super::status::ReloadStatus;
use super::{Applied, Control, ControlError, Precondition, Weighed};
use crate::domain::command::FILES_HELD;
use crate::domain::fault::Fault;
use crate::domain::files::FileSet;
use crate::domain::id::{ConfigHash, Revision};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use crate::telemetry::clock::Clock;

/// The code of a set that is to be accepted and that the files are not.
const NOTHING_HELD: &str = "NOTHING_HELD";
/// Most requests to read the files that wait.
const QUEUE: usize = 16;
/// Most faults or warnings of one reading that are logged; the status shows the others.
const LOGGED: usize = 10;

/// Where the files come from. Blocks: called from a thread that may.
pub trait Sources: Send {
    /// What differs from the files as they were when they were last kept.
    ///
    /// # Errors
    /// What cannot be read.
    fn look(&mut self) -> Result<Look, Vec<Fault>>;

    /// The last look is in force: the next one is compared with it.
    fn keep(&mut self);

    /// The next look tells all there is.
    fn forget(&mut self);
}

/// What differs.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Files that are new or have another content.
    pub changed: Vec<SourceFile>,
    /// Files that are gone.
    pub gone: Vec<Arc<str>>,
    /// Folders that are not there at all, as when they are not mounted: `routes` or `agents`.
    pub missing: Vec<&'static str>,
}

impl Look {
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }

    /// The files that are not as they were.
    pub(super) fn paths(&self) -> BTreeSet<&str> {
        self.changed.iter().map(|file| &file.path).chain(&self.gone).map(AsRef::as_ref).collect()
    }

    /// Refuses to take a folder that is not there for one that was emptied.
    pub(super) fn vanished(&self, applied: &Library) -> Result<(), Vec<Fault>> {
        let vanished = self.missing.iter().filter(|folder| applied.holds_any(folder));
        let faults: Vec<Fault> = vanished
            .map(|folder| Fault {
                file: (*folder).to_owned(),
                message: "the folder is not there".to_owned(),
                expected: "the folder, or an empty one if nothing is to be in it".to_owned(),
                ..Fault::of_folder()
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A set of files that somebody wants taken although much would be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Its fingerprint.
    pub hash: ConfigHash,
    /// Who accepts it, for the history.
    pub by: Arc<str>,
}

/// What is asked of who follows the files.
#[derive(Debug)]
pub(super) enum Wish {
    /// To read them now, and to take a set that is held if it is the one accepted.
    Read(Option<Acceptance>),
    /// To move objects between them and the API.
    HandOver(Box<HandOver>),
}

type Call = (Wish, oneshot::Sender<Result<Applied, ControlError>>);

/// Asks who follows the files.
#[derive(Debug, Clone)]
pub(super) struct ReloadCalls(mpsc::Sender<Call>);

impl ReloadCalls {
    pub(super) async fn call(&self, wish: Wish) -> Result<Applied, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send((wish, reply)).map_err(|why| match why {
            mpsc::error::TrySendError::Full(_) => ControlError::Busy,
            mpsc::error::TrySendError::Closed(_) => ControlError::Stopped,
        })?;
        answer.await.map_err(|_| ControlError::Stopped)?
    }
}

pub(super) fn channel() -> (ReloadCalls, mpsc::Receiver<Call>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (ReloadCalls(sender), receiver)
}

/// Counts and logs a reading that changed nothing.
pub(super) fn not_applied(metrics: &ConfigMetrics, faults: &[Fault]) {
    metrics.config_reload_failures_total.inc();
    for fault in faults.iter().take(LOGGED) {
        tracing::error!("files not applied: {fault}");
    }
    if let Some(more) = faults.len().checked_sub(LOGGED).filter(|more| *more > 0) {
        tracing::error!("files not applied: {} in `cordboard status`", counted(more, "more fault"));
    }
}

/// Logs what should be known of files that are in force.
pub(super) fn in_force_but(warnings: &[String]) {
    for warning in warnings.iter().take(LOGGED) {
        tracing::warn!("files in force, but {warning}");
    }
    if let Some(more) = warnings.len().checked_sub(LOGGED).filter(|more| *more > 0) {
        tracing::warn!("files in force: {} in `cordboard status`", counted(more, "more warning"));
    }
}

/// Refuses to take for accepted what is not what somebody has accepted. To accept once more what is in force is no
/// fault: the answer to the first time may have been lost.
fn accepted(accept: Option<ConfigHash>, files: Option<ConfigHash>) -> Result<(), Refusal> {
    match accept {
        Some(accept) if files != Some(accept) => {
            let present = files.map_or_else(|| "none".to_owned(), |files| files.to_string());
            let message =
                format!("no files are held, so {accept} cannot be accepted: the files are {present}");
            Err(Refusal::new(RefusalKind::Conflict, NOTHING_HELD, message))
        }
        _ => Ok(()),
    }
}

/// Says of a set that is held that it is not the one that somebody has accepted.
fn not_these(why: ControlError, accept: Option<ConfigHash>, held: Option<ConfigHash>) -> ControlError {
    match (why, accept, held) {
        (ControlError::Refused(refusal), Some(accept), Some(held))
            if refusal.code == FILES_HELD && accept != held =>
        {
            let message = format!(
                "{accept} is not the fingerprint of the files as they are now, which is {held}: {}",
                refusal.message
            );
            Refusal { message, ..refusal }.into()
        }
        (why, ..) => why,
    }
}

/// Refuses what is meant for another revision than the one it meets.
fn as_seen(expected: Revision) -> Precondition {
    Box::new(
        move |state| {
            if state.revision == expected { Ok(()) } else { Err(Refusal::stale(state.revision, expected)) }
        },
    )
}

/// Follows the files.
pub struct Reloader {
    follow: Follow,
    calls: mpsc::Receiver<Call>,
    alarm: Alarm,
}

struct Follow {
    control: Control,
    files: Files,
    clock: Clock,
}

impl Reloader {
    pub(super) fn new(
        control: Control,
        files: Files,
        calls: mpsc::Receiver<Call>,
        clock: Clock,
        alarm: Alarm,
    ) -> Self {
        Self { follow: Follow { control, files, clock }, calls, alarm }
    }

    /// Reads the files whenever `changed` says that they may have changed, and when somebody asks; until it is dropped.
    /// Reading happens on a thread that may block.
    ///
    /// Once `changed` has nothing more to say, which is told as a loss, only who asks has them read.
    pub async fn run<F: Future<Output = Option<()>>>(self, mut changed: impl FnMut() -> F) {
        let Self { mut follow, mut calls, alarm } = self;
        let mut followed = true;
        loop {
            let (wish, reply) = tokio::select! {
                news = changed(), if followed => {
                    if news.is_none() {
                        followed = false;
                        alarm.ring();
                        continue;
                    }
                    (Wish::Read(None), None)
                }
                call = calls.recv() => match call {
                    Some((wish, reply)) => (wish, Some(reply)),
                    None => return,
                },
            };
            let asked = reply.is_some();
            let work = tokio::task::spawn_blocking(move || {
                let outcome = match wish {
                    Wish::Read(accept) => follow.reload(accept, asked),
                    Wish::HandOver(wanted) => follow.hand_over(*wanted),
                };
                (follow, outcome)
            });
            let (back, outcome) = match work.await {
                Ok(done) => done,
                Err(why) => {
                    tracing::error!(error = %why, "reading the files broke off");
                    return alarm.ring();
                }
            };
            follow = back;
            if let Some(reply) = reply {
                drop(reply.send(outcome));
            }
        }
    }
}

impl Follow {
    fn reload(&mut self, accept: Option<Acceptance>, asked: bool) -> Result<Applied, ControlError> {
        let before = self.control.status().reload();
        let mut seen = None;
        let outcome = self.try_reload(accept.as_ref(), asked, &mut seen);
        let status = match &outcome {
            Ok(done) => ReloadStatus {
                at: self.now(),
                taken_at: Some(self.now()),
                hash: done.state.files,
                held: None,
                faults: Vec::new(),
                warnings: done.warnings.clone(),
                shadowed: before.shadowed.clone(),
            },
            // It says nothing of the files.
            Err(ControlError::Refused(refusal)) if refusal.code == NOTHING_HELD => return outcome,
            Err(ControlError::Refused(refusal)) => {
                let held = seen.filter(|_| refusal.code == FILES_HELD);
                ReloadStatus { at: self.now(), held, faults: refusal.faults.clone(), ..before.clone() }
            }
            Err(why) => {
                let message = format!("the files could not be taken: {why}");
                let faults = vec![Fault { message, ..Fault::of_folder() }];
                ReloadStatus { at: self.now(), held: None, faults, ..before.clone() }
            }
        };
        let news = asked || status.faults != before.faults;
        self.note(status, outcome.is_ok(), news);
        self.note_shadowed();
        // Whoever asks is told all that the status tells: that the files are in force is half the truth where they list
        // something in vain.
        let told = |applied: Applied| {
            let mut warnings = applied.warnings;
            warnings.extend(self.control.status().reload().shadowed);
            Applied { warnings, ..applied }
        };
        outcome.map(told).map_err(|why| not_these(why, accept.map(|accept| accept.hash), seen))
    }

    /// `seen` is set to the fingerprint of the files as far as they could be read.
    fn try_reload(
        &mut self,
        accept: Option<&Acceptance>,
        asked: bool,
        seen: &mut Option<ConfigHash>,
    ) -> Result<Applied, ControlError> {
        let (by, accept) = (accept.map(|accept| Arc::clone(&accept.by)), accept.map(|accept| accept.hash));
        let files = &mut self.files;
        let mut look = files.look()?;
        let lost = files.lost_copy(&look, asked);
        if let Some(why) = &lost {
            tracing::warn!(error = %why, "the copies of the last good files are made anew");
            files.forget();
            look = files.look()?;
        }
        if files.compared && look.is_empty() {
            let state = self.control.state();
            accepted(accept, state.files)?;
            let warnings = self.control.status().reload().warnings;
            return Ok(Applied {
                revision: state.revision,
                changed: false,
                warnings,
                moved_slots: 0,
                imported: None,
                handed_over: 0,
                summary: String::new(),
                state,
            });
        }
        let base = if files.compared { files.applied.clone() } else { Library::new(&files.account) };
        let library = base.read_what_can_be(&look.changed, &look.gone);
        let set = FileSet { accepted_by: by, ..library.file_set(&files.applied, accept) };
        let hash = set.hash;
        *seen = Some(hash);
        let now = Timestamp(self.clock.now_ms());
        let command = apply(&files.account, now, set);
        let weighed = self.control.weigh(&command).map_err(|refusal| located(refusal, &look.changed))?;
        let applied = if weighed.outcome.changes.is_empty() {
            let Weighed { state, outcome } = weighed;
            Applied {
                revision: state.revision,
                changed: false,
                warnings: outcome.warnings,
                moved_slots: outcome.moved_slots,
                imported: None,
                handed_over: 0,
                summary: String::new(),
                state,
            }
        } else {
            // Granted unaccepted, so it was not these files that somebody has seen held.
            accepted(accept, Some(hash))?;
            // Here and not on the thread of control, where all other changes would wait for the disk. Should it come
            // to refuse the set after all, the copies are removed with the next one.
            files.last_good.save(&library, &look.changed).map_err(|why| {
                let message = format!("the files cannot be kept: {why}");
                Refusal::files(vec![Fault { message, ..Fault::of_folder() }])
            })?;
            let submitted = self.control.submit_weighed(command, None, Some(Box::new(weighed)));
            submitted.map_err(|why| match why {
                ControlError::Refused(refusal) => located(refusal, &look.changed).into(),
                other => other,
            })?
        };
        in_force_but(&applied.warnings);
        if lost.is_some() && !applied.changed {
            files.save_last_good(&library, &look);
        }
        files.keep(&library);
        self.control.inner.files.store(Arc::new(files.applied.clone()));
        if let Err(why) = files.last_good.forget_others(hash) {
            tracing::warn!(error = %why, "older copies of the files cannot be removed");
        }
        accepted(accept, Some(hash))?;
        Ok(applied)
    }

    /// Moves objects between the files in force and the API; nothing else moves them, nor changes these files.
    fn hand_over(&self, wanted: HandOver) -> Result<Applied, ControlError> {
        let precondition = wanted.expected.map(as_seen);
        let command = wanted.command(&self.control.state(), &self.files.applied, self.now())?;
        let applied = self.control.submit_weighed(command, precondition, None)?;
        self.note_shadowed();
        Ok(applied)
    }

    /// Shows what the files list in vain, and logs it where it is news.
    fn note_shadowed(&self) {
        let status = self.control.status();
        let (before, shadowed) = (status.reload(), self.files.applied.shadowed(&self.control.state()));
        if before.shadowed != shadowed {
            in_force_but(&shadowed);
            status.set_reload(ReloadStatus { shadowed, ..before });
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// Shows how it went; a fault that is no news is not logged and counted at every look.
    fn note(&self, status: ReloadStatus, taken: bool, news: bool) {
        let metrics = &self.control.inner.metrics;
        if taken {
            metrics.config_last_reload_success_timestamp_seconds.set(self.now().0 / 1_000);
        } else if news {
            not_applied(metrics, &status.faults);
        }
        self.control.status().set_reload(status);
    }
}
