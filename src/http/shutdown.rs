//! Leaving without losing a request: readiness down, every call answered, nothing reset.
//!
//! 1. `Draining`: new connections are still taken, and every answer says `Connection: close`, so that clients leave by
//!    themselves. It lasts until no connection has come for a while.
//! 2. `Deaf`: new handshakes are not heard any more (the client tries again, and is refused later), those half done
//!    come to their end. Without this step a connection made in the instant of closing would be reset.
//! 3. `Closing`: listeners are closed; requests under way finish, idle connections close.
//! 4. `Over`: all have ended, or the time is up and the rest is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::traffic::Traffic;

/// How long handshakes under way may take once new ones are not heard, and what was sent in that moment to arrive.
pub(super) const SETTLE: Duration = Duration::from_millis(100);

/// How far the server has come in leaving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Not leaving.
    #[default]
    Serving,
    /// Not ready any more; still answers everybody, and asks all to leave.
    Draining,
    /// Hears of no new connections.
    Deaf,
    /// Takes no connections and finishes those it has.
    Closing,
    /// All connections have ended or are cut.
    Over,
}

/// How long each part of leaving may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainLimits {
    /// New connections are taken until none has come for this long …
    pub quiet: Duration,
    /// … but no longer than this.
    pub accept_max: Duration,
    /// Time for everything, after which what is left is cut.
    pub total_max: Duration,
}

impl Default for DrainLimits {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(150),
            accept_max: Duration::from_secs(5),
            total_max: Duration::from_secs(20),
        }
    }
}

/// The handle by which a server is told to leave; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The stage once more, to be looked at with every answer without taking the channel's lock.
    stage: AtomicU8,
    changed: watch::Sender<Stage>,
}

impl Shutdown {
    /// Whether the server has begun to leave; one relaxed load.
    pub fn is_draining(&self) -> bool {
        self.0.stage.load(Relaxed) != Stage::Serving as u8
    }

    /// The stage now and every later one.
    pub fn stages(&self) -> watch::Receiver<Stage> {
        self.0.changed.subscribe()
    }

    /// Leads the servers that have this handle through all stages, and returns how many connections were cut.
    ///
    /// Cost: nothing while waiting but a look at the traffic every few milliseconds of the first stage.
    pub async fn drain(&self, traffic: &Traffic, limits: DrainLimits) -> usize {
        let start = Instant::now();
        let deadline = start + limits.total_max;
        self.advance(Stage::Draining);
        let _ = timeout_at(deadline.min(start + limits.accept_max), quiet(traffic, limits.quiet)).await;
        self.advance(Stage::Deaf);
        let _ = timeout_at(deadline, sleep(SETTLE)).await;
        self.advance(Stage::Closing);
        let _ = timeout_at(deadline, traffic.emptied()).await;
        let cut = traffic.open();
        self.advance(Stage::Over);
        cut
    }

    fn advance(&self, stage: Stage) {
        self.0.stage.store(stage as u8, Relaxed);
        self.0.changed.send_replace(stage);
    }
}

/// Waits until no connection has come for `quiet`.
async fn quiet(traffic: &Traffic, quiet: Duration) {
    let mut accepted = traffic.accepted();
    let mut since = Instant::now();
    while since.elapsed() < quiet {
        sleep((quiet / 8).max(Duration::from_millis(1))).await;
        let now = traffic.accepted();
        if now != accepted {
            (accepted, since) = (now, Instant::now());
        }
    }
}

/// Waits until the stage is reached.
///
/// A handle that was dropped can lead nobody anywhere: then this waits for ever.
pub async fn reached(stages: &mut watch::Receiver<Stage>, stage: Stage) {
    if stages.wait_for(|now| *now >= stage).await.is_err() {
        std::future::pending::<()>().await;
    }
}
