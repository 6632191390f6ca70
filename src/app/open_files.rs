//! As many open files as the connections that are promised.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::limits::Limits;

/// What else is open: files, the store, pipes, listeners and connections of management, with room to spare.
const BESIDES: u64 = 512;

/// Has the system allow as many open files as connections may be open, as far as this user may have them.
///
/// The usual limit, 1,024, is one that a process is meant to raise: above it connections wait in the kernel unanswered,
/// instead of being told that there are too many.
pub(super) fn allow(limits: &Limits) {
    let wanted = limits.connections_at_once() as u64 + BESIDES;
    let allowed = getrlimit(Resource::Nofile);
    // None is no limit.
    if allowed.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let current = allowed.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..allowed });
    let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if raised.is_err() || now < wanted {
        let max = limits.connections_max;
        tracing::warn!(
            "the system allows {now} open files, too few for limits.connections_max = {max}: raise `ulimit -n` (systemd: \
             LimitNOFILE) to {wanted}"
        );
    }
}
