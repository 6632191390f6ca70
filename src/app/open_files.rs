//! As many open files as the connections that are promised.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::limits::Limits;

/// What else is open: files, the store, listeners, pipes, with room to spare.
const BESIDES: usize = 256;

/// Has the system allow as many open files as connections may be open, as far as this user may have them.
///
/// The usual limit, 1,024, is one that a process is meant to raise: above it connections wait in the kernel unanswered,
/// instead of being told that there are too many. What is too few for the call plane is warned of.
pub(super) fn allow(calls: &Limits, admin: &Limits, sip_listeners: usize) {
    let sip = sip_listeners * calls.connections_at_once();
    let [needed, wanted] = [0, admin.connections_at_once() + sip].map(|more| count(calls, more));
    let allowed = getrlimit(Resource::Nofile);
    // None is no limit.
    if allowed.current.is_some_and(|current| current < wanted) {
        let current = allowed.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        // Refused where the maximum is above what the system can do: then it stays as it was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..allowed });
    }
    let allowed = getrlimit(Resource::Nofile).current;
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        let max = calls.connections_max;
        tracing::warn!(
            "the system allows {allowed} open files, and limits.connections_max = {max} takes {needed}: raise \
             `ulimit -Hn` (systemd: LimitNOFILE), or lower connections_max"
        );
    }
}

fn count(calls: &Limits, more: usize) -> u64 {
    u64::try_from(calls.connections_at_once() + more + BESIDES).unwrap_or(u64::MAX)
}
