//! How late a worker comes to what is ready for it.

use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

/// How often a worker looks at itself.
pub const LOOK_PERIOD: Duration = Duration::from_millis(10);

/// A worker's lag: by how much its last timer fired too late.
///
/// A worker that has more to do than time comes late to its timers as to its sockets; so this is about what a request
/// waits before it is looked at. It is measured while this lives.
#[derive(Debug)]
pub struct LoopLag {
    measurement: JoinHandle<()>,
}

impl LoopLag {
    /// Tells the lag from now on, every 10 ms and itself; to be called within
    /// [`run_worker`](super::server::run_worker).
    pub fn measure(tell: impl FnMut(Duration) + 'static) -> Self {
        Self { measurement: spawn_local(measure(tell)) }
    }
}

impl Drop for LoopLag {
    fn drop(&mut self) {
        self.measurement.abort();
    }
}

async fn measure(mut tell: impl FnMut(Duration)) {
    loop {
        let due = Instant::now() + LOOK_PERIOD;
        sleep_until(due).await;
        tell(due.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::http::server::run_worker;

    #[test]
    fn a_worker_kept_busy_lags_and_recovers() {
        run_worker(async {
            let last = Rc::new(Cell::default());
            let told = Rc::clone(&last);
            let _lag = LoopLag::measure(move |lag| told.set(lag));
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(100));
            while last.get() < Duration::from_millis(50) {
                tokio::task::yield_now().await;
            }
            while last.get() >= Duration::from_millis(50) {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
            Ok(())
        })
        .unwrap();
    }
}
