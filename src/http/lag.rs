//! How late a worker comes to what is ready for it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

/// How often a worker looks at itself.
const PERIOD: Duration = Duration::from_millis(10);

/// A worker's lag: by how much its last timer fired too late.
///
/// A worker that has more to do than time comes late to its timers as to its sockets; so this is about what a request
/// waits before it is looked at. It is measured while this lives. Cost of a look: none but a load.
#[derive(Debug)]
pub struct LoopLag {
    last: Rc<Cell<Duration>>,
    measurement: JoinHandle<()>,
}

impl LoopLag {
    /// Measures from now on; to be called within [`run_worker`](super::server::run_worker).
    pub fn measure() -> Self {
        let last = Rc::new(Cell::default());
        Self { last: last.clone(), measurement: spawn_local(measure(last)) }
    }

    /// The lag as of the last look, at most 10 ms and itself ago.
    pub fn last(&self) -> Duration {
        self.last.get()
    }
}

impl Drop for LoopLag {
    fn drop(&mut self) {
        self.measurement.abort();
    }
}

async fn measure(last: Rc<Cell<Duration>>) {
    loop {
        let due = Instant::now() + PERIOD;
        sleep_until(due).await;
        last.set(due.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::run_worker;

    #[test]
    fn a_worker_kept_busy_lags_and_recovers() {
        run_worker(async {
            let lag = LoopLag::measure();
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(100));
            while lag.last() < Duration::from_millis(50) {
                tokio::task::yield_now().await;
            }
            while lag.last() >= Duration::from_millis(50) {
                tokio::time::sleep(PERIOD).await;
            }
            Ok(())
        })
        .unwrap();
    }
}
