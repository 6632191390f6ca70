//! The clock that everything else is handed: the one place that asks for the time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock, real or moved by hand; clones tell the same time.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    System { started: Instant, started_ms: i64 },
    Manual(Arc<Manual>),
}

struct Manual {
    started_ms: i64,
    wall_ahead_ms: AtomicI64,
    elapsed_ns: AtomicU64,
}

/// A moment that only durations can be made of: nanoseconds since its [`Clock`] was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System { started: Instant::now(), started_ms: wall_ms() })
    }

    /// A clock that stands at `start_ms` until it is moved; for tests.
    #[must_use]
    pub fn manual(start_ms: i64) -> Self {
        Self(Kind::Manual(Arc::new(Manual {
            started_ms: start_ms,
            wall_ahead_ms: AtomicI64::new(0),
            elapsed_ns: AtomicU64::new(0),
        })))
    }

    /// What the wall clock shows: milliseconds since 1970-01-01 UTC.
    ///
    /// For what people and other machines read. It can jump, also backwards, whenever the machine is set right:
    /// expiries and orders are to use [`steady_ms`](Self::steady_ms), durations [`tick`](Self::tick).
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Kind::System { .. } => wall_ms(),
            Kind::Manual(_) => self.steady_ms().saturating_add(self.wall_ahead_ms()),
        }
    }

    /// What the wall clock shows, as files are stamped; as [`now_ms`](Self::now_ms), to the millisecond.
    #[must_use]
    pub fn system_time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.now_ms()).unwrap_or_default())
    }

    /// Milliseconds since 1970-01-01 UTC that never go backwards: the wall clock when this clock was made, and the
    /// time that has passed since.
    ///
    /// Drifts from [`now_ms`](Self::now_ms) by as much as the machine was set right since the start.
    #[must_use]
    pub fn steady_ms(&self) -> i64 {
        self.steady_ms_at(self.tick())
    }

    /// [`steady_ms`](Self::steady_ms) as it was at a moment of this clock, without looking at it again.
    #[must_use]
    pub fn steady_ms_at(&self, tick: Tick) -> i64 {
        let started_ms = match &self.0 {
            Kind::System { started_ms, .. } => *started_ms,
            Kind::Manual(manual) => manual.started_ms,
        };
        started_ms.saturating_add_unsigned(tick.0 / 1_000_000)
    }

    /// The moment now, to measure durations from and to; never goes backwards.
    #[must_use]
    pub fn tick(&self) -> Tick {
        Tick(match &self.0 {
            Kind::System { started, .. } => nanoseconds(started.elapsed()),
            Kind::Manual(manual) => manual.elapsed_ns.load(Relaxed),
        })
    }

    /// Lets time pass on a manual clock; the machine's cannot be moved and stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Kind::Manual(manual) = &self.0 {
            manual.elapsed_ns.fetch_add(nanoseconds(by), Relaxed);
        }
    }

    /// Sets the wall of a manual clock forwards or back, as an operator or NTP would: no time passes.
    pub fn jump_ms(&self, by_ms: i64) {
        if let Kind::Manual(manual) = &self.0 {
            manual.wall_ahead_ms.fetch_add(by_ms, Relaxed);
        }
    }

    fn wall_ahead_ms(&self) -> i64 {
        match &self.0 {
            Kind::System { .. } => 0,
            Kind::Manual(manual) => manual.wall_ahead_ms.load(Relaxed),
        }
    }
}

impl Tick {
    /// Time between an earlier moment of the same clock and this one; zero when it was not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.since_ns(earlier))
    }

    /// As [`since`](Self::since), in whole nanoseconds: what a [`Histogram`](super::histogram::Histogram) takes.
    #[must_use]
    pub const fn since_ns(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::System { .. } => "system",
            Kind::Manual(_) => "manual",
        };
        write!(f, "Clock({kind} at {} ms)", self.now_ms())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is to use")]
fn wall_ms() -> i64 {
    let signed = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => signed(before.duration()).saturating_neg(),
    }
}

fn nanoseconds(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let clock = Clock::manual(1_000);
        let other = clock.clone();
        let before = other.tick();
        clock.advance(Duration::from_millis(250));
        assert_eq!((other.now_ms(), other.steady_ms()), (1_250, 1_250));
        assert_eq!(other.tick().since(before), Duration::from_millis(250));
        assert_eq!(before.since(other.tick()), Duration::ZERO);
    }

    #[test]
    fn a_wall_set_back_moves_neither_expiries_nor_durations() {
        let clock = Clock::manual(1_000_000);
        let before = clock.tick();
        clock.jump_ms(-3_600);
        assert_eq!(clock.now_ms(), 996_400);
        assert_eq!(clock.steady_ms(), 1_000_000);
        assert_eq!(clock.tick(), before);
    }

    #[test]
    fn the_machines_clock_starts_at_the_wall_and_is_never_moved_by_hand() {
        let clock = Clock::system();
        clock.advance(Duration::from_secs(86_400));
        clock.jump_ms(86_400_000);
        assert!((clock.steady_ms() - clock.now_ms()).abs() < 60_000);
        let first = clock.tick();
        assert!(clock.tick() >= first);
    }
}
