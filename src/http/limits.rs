//! What a client may take of the server.

use std::time::Duration;

/// Connections that may be told "not now" at the same time; beyond that they are dropped without a word.
pub(super) const TURNED_AWAY_AT_ONCE_MAX: usize = 256;

/// The bounds of one listener's connections and requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Request line and headers together; more is answered 431.
    pub header_bytes_max: usize,
    /// From the first byte of a header (or from the connection, for its first) to the last; longer is answered 408, and a
    /// connection on which nothing has come is closed.
    pub header_timeout: Duration,
    /// How long a connection may wait for a next request, or an answer for its reader to take more of it.
    pub idle_timeout: Duration,
    /// A request's body, unless an endpoint says otherwise; more is answered 413.
    pub body_bytes_max: usize,
    /// From the first look at a body to its end; longer is answered 408.
    pub body_timeout: Duration,
    /// Open connections of all workers together; one more is answered 503 and closed. A tenth more is for those who
    /// come from where few come from, see [`Limits::few`].
    pub connections_max: usize,
}

impl Limits {
    /// Of so many connections from one address there are few: when all places are taken, less than that many find one
    /// in reserve.
    #[must_use]
    pub fn few(&self) -> usize {
        self.connections_max / 100
    }

    /// The places beyond [`Limits::connections_max`].
    #[must_use]
    pub fn reserve(&self) -> usize {
        self.connections_max / 10
    }

    /// The most connections there ever are, with those that are being turned away.
    #[must_use]
    pub fn connections_at_once(&self) -> usize {
        self.connections_max + self.reserve() + TURNED_AWAY_AT_ONCE_MAX
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes_max: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_bytes_max: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            connections_max: 10_000,
        }
    }
}
