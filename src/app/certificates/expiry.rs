//! When to warn of a certificate, and in which words.

use crate::domain::time::Timestamp;
use crate::http::tls::Validity;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// The longest time before its end at which a certificate is warned of, in seconds.
const SOON_MAX: i64 = 30 * 24 * 60 * 60;

/// Lets a warning pass once a day.
#[derive(Debug, Default)]
pub(super) struct Reminder {
    last_ms: Option<i64>,
}

impl Reminder {
    /// Whether a day has passed since the last time this was so; true the first time.
    pub(super) fn is_due(&mut self, steady_ms: i64) -> bool {
        let is_due = self.last_ms.is_none_or(|last| steady_ms - last >= DAY_MS);
        if is_due {
            self.last_ms = Some(steady_ms);
        }
        is_due
    }
}

/// What is to be said of a certificate at a time, in seconds since 1970: it is not valid, or will not be for long.
///
/// Short-lived certificates are renewed often: they are near their end in the last tenth of their life.
pub(super) fn remark(validity: Validity, now: i64) -> Option<String> {
    let text = |seconds: i64| Timestamp(seconds.saturating_mul(1_000)).to_string();
    let Validity { begins, ends } = validity;
    let soon = SOON_MAX.min(ends.saturating_sub(begins) / 10);
    if now < begins {
        Some(format!("is not valid before {}: clients refuse it", text(begins)))
    } else if now > ends {
        Some(format!("expired at {}: clients refuse it", text(ends)))
    } else if ends - now < soon {
        Some(format!("expires at {}", text(ends)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn what_is_not_valid_or_soon_not_is_told_and_nothing_else() {
        let year = Validity { begins: 0, ends: 360 * DAY };
        let told = |now| remark(year, now).map(|text| text.split(' ').take(2).collect::<Vec<_>>().join(" "));
        assert_eq!(told(-1).as_deref(), Some("is not"));
        assert_eq!((told(0), told(330 * DAY)), (None, None));
        assert_eq!(told(330 * DAY + 1).as_deref(), Some("expires at"));
        assert_eq!(told(360 * DAY).as_deref(), Some("expires at"));
        assert_eq!(told(360 * DAY + 1).as_deref(), Some("expired at"));
        let day = Validity { begins: 0, ends: DAY };
        assert_eq!(remark(day, DAY / 2), None);
        assert!(remark(day, DAY * 19 / 20).is_some());
    }

    #[test]
    fn a_reminder_comes_once_a_day() {
        let mut reminder = Reminder::default();
        let due = [0, 1, DAY_MS - 1, DAY_MS, DAY_MS + 1, 2 * DAY_MS].map(|at| reminder.is_due(at));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
