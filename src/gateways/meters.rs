//! What is counted of calls and decisions.
//!
//! A worker counts in rows of its own cells, without a lock; each pair of a series and a gateway gets its row when it
//! is first counted, and gives it back when the series ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

use crate::domain::time::Timestamp;
use crate::routing::calls::{EndedLeg, Outcome};
use crate::routing::decision::Decision;
use crate::routing::series::{Series as CallSeries, SeriesBook, SeriesKey};
use crate::telemetry::cells::Cells;
use crate::telemetry::histogram::Histogram;
use crate::telemetry::page::{Family, Kind, Labels, Page};
use crate::telemetry::registry::Source;
use crate::telemetry::series::{Reading, Series};

const STARTED: usize = 0;
const ENDED: usize = 1;
const IN_PROGRESS: usize = ENDED + Outcome::ALL.len();
const AUTOMATED: usize = IN_PROGRESS + 1;
/// In milliseconds.
const DURATION: Histogram = Histogram::listed(
    AUTOMATED + 1,
    &[
        1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 180_000, 300_000, 600_000, 1_200_000,
        1_800_000, 3_600_000, 7_200_000,
    ],
    1_000,
);
/// In thousandths.
const SENTIMENT: Histogram =
    Histogram::listed(DURATION.end_column(), &[100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000], 1_000);
const CALL_COLUMNS: usize = SENTIMENT.end_column();

/// In nanoseconds.
const DECISION: Histogram = Histogram::doubling(0, 1_000, 20, 1_000_000_000);
const DECISION_COLUMNS: usize = DECISION.end_column();

/// All that is counted; clones are the same.
#[derive(Debug, Clone)]
pub struct Meters(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Labels of the gateways' rows.
    gateways: Vec<String>,
    calls: Series<CALL_COLUMNS>,
    decisions: Series<DECISION_COLUMNS>,
    rows: Mutex<Rows>,
    /// How often rows were given back: what workers remember of rows holds until this changes.
    given_back: AtomicU64,
    not_remembered: AtomicU64,
    too_many_legs: AtomicU64,
    /// By the gateways' rows.
    requests_shed: Vec<AtomicU64>,
}

/// The rows in use, by series and gateway.
#[derive(Debug, Default)]
struct Rows {
    used: HashMap<(u32, u16), u32, FixedState>,
    free: Vec<u32>,
    next: u32,
}

impl Meters {
    /// Nothing counted yet, for gateways with these labels.
    #[must_use]
    pub fn new<'l>(gateways: impl Iterator<Item = &'l str>) -> Self {
        let gateways: Vec<String> = gateways.map(str::to_owned).collect();
        let decisions = Series::new();
        for (at, gateway) in (0..).zip(&gateways) {
            for (reason, code) in (0..).zip(Decision::CODES) {
                let labels = Labels::new(&[("gateway", gateway), ("reason", code)]);
                decisions.begin(decision_row(at, reason), labels);
            }
        }
        let requests_shed = gateways.iter().map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner {
            gateways,
            calls: Series::new(),
            decisions,
            rows: Mutex::default(),
            given_back: AtomicU64::new(0),
            not_remembered: AtomicU64::new(0),
            too_many_legs: AtomicU64::new(0),
            requests_shed,
        }))
    }

    /// What one thread counts with.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            meters: self.clone(),
            calls: self.0.calls.worker(),
            decisions: self.0.decisions.worker(),
            rows: HashMap::default(),
            given_back: 0,
        }
    }

    /// Ends the series that nothing has held for an hour, and their rows with them.
    pub fn sweep(&self, book: &SeriesBook, now: Timestamp) {
        book.sweep(now, |series| {
            let mut rows = lock(&self.0.rows);
            for gateway in (0..).take(self.0.gateways.len()) {
                if let Some(row) = rows.used.remove(&(series, gateway)) {
                    self.0.calls.end(row);
                    rows.free.push(row);
                }
            }
            self.0.given_back.fetch_add(1, Ordering::Release);
        });
    }

    /// A request that was turned away since its worker had too much to do, and its gateway had had its share.
    pub fn count_shed(&self, gateway: u16) {
        if let Some(count) = self.0.requests_shed.get(usize::from(gateway)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The row of a series and a gateway, labelled before anybody counts in it.
    fn row(&self, series: &CallSeries, gateway: u16) -> u32 {
        let mut rows = lock(&self.0.rows);
        if let Some(row) = rows.used.get(&(series.id, gateway)) {
            return *row;
        }
        let row = rows.free.pop().unwrap_or_else(|| {
            rows.next += 1;
            rows.next - 1
        });
        rows.used.insert((series.id, gateway), row);
        let name = self.0.gateways.get(usize::from(gateway)).map_or("other", String::as_str);
        self.0.calls.begin(row, labels(&series.key, name));
        row
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn decision_row(gateway: u32, reason: u32) -> u32 {
    let reasons = u32::try_from(Decision::CODES.len()).unwrap_or(u32::MAX);
    gateway.saturating_mul(reasons).saturating_add(reason)
}

fn labels(key: &SeriesKey, gateway: &str) -> Labels {
    let (split, arm) = key.arm.as_ref().map_or(("", ""), |(split, arm)| (split.as_str(), arm.as_str()));
    Labels::new(&[
        ("account", key.account.as_str()),
        ("agent", key.agent.as_str()),
        ("version", &key.version.to_string()),
        ("environment", key.environment.map_or("", |environment| environment.as_str())),
        ("split", split),
        ("arm", arm),
        ("gateway", gateway),
    ])
}

/// What one thread counts with: a few nanoseconds for each count, a lock only for a row it has not seen before.
#[derive(Debug)]
pub struct Tally {
    meters: Meters,
    calls: Arc<Cells<CALL_COLUMNS>>,
    decisions: Arc<Cells<DECISION_COLUMNS>>,
    rows: HashMap<(u32, u16), u32, FixedState>,
    given_back: u64,
}

impl Tally {
    /// An answer, and how long it took.
    pub fn decided(&mut self, gateway: u16, decision: &Decision<'_>, took_ns: u64) {
        let reason = u32::try_from(decision.code_index()).unwrap_or_default();
        DECISION.observe(self.decisions.row(decision_row(gateway.into(), reason)), took_ns);
    }

    /// A call that began.
    pub fn started(&mut self, series: &CallSeries, gateway: u16) {
        let row = self.row(series, gateway);
        let row = self.calls.row(row);
        row.add(STARTED, 1);
        row.add(IN_PROGRESS, 1);
    }

    /// A call in progress that goes on with another version: it is neither begun nor ended.
    pub fn moved(&mut self, from: &CallSeries, to: &CallSeries, gateway: u16) {
        let (from, to) = (self.row(from, gateway), self.row(to, gateway));
        self.calls.row(from).take(IN_PROGRESS, 1);
        self.calls.row(to).add(IN_PROGRESS, 1);
    }

    /// A call that began and for which there was no room among those in progress.
    pub fn not_remembered(&mut self, series: &CallSeries, gateway: u16) {
        self.meters.0.not_remembered.fetch_add(1, Ordering::Relaxed);
        let row = self.row(series, gateway);
        self.calls.row(row).add(STARTED, 1);
    }

    /// An answer to one number too many of the same call: whether it begins or is repeated nobody can tell, so that
    /// it counts as neither.
    pub fn too_many_legs(&mut self) {
        self.meters.0.too_many_legs.fetch_add(1, Ordering::Relaxed);
    }

    /// A call in progress that ended.
    ///
    /// Its end by time-out was counted as one; what its gateway says later adds how it went, not another end.
    pub fn ended(&mut self, leg: &EndedLeg) {
        let row = self.row(&leg.series, leg.gateway_row);
        if !leg.after_timeout {
            let row = self.calls.row(row);
            row.add(ENDED + leg.ending.outcome.index(), 1);
            row.take(IN_PROGRESS, 1);
        }
        self.went(row, leg);
    }

    /// A call that ended here and began elsewhere, or before this process.
    pub fn ended_from_elsewhere(&mut self, leg: &EndedLeg) {
        let row = self.row(&leg.series, leg.gateway_row);
        self.calls.row(row).add(ENDED + leg.ending.outcome.index(), 1);
        self.went(row, leg);
    }

    fn went(&mut self, row: u32, leg: &EndedLeg) {
        let (row, ending) = (self.calls.row(row), &leg.ending);
        if let Some(duration_s) = ending.duration_s.filter(|_| ending.outcome != Outcome::Unknown) {
            DURATION.observe(row, thousandths(duration_s));
        }
        if let Some(sentiment) = ending.sentiment {
            SENTIMENT.observe(row, thousandths(f64::midpoint(sentiment, 1.0)));
        }
        if ending.automated == Some(true) {
            row.add(AUTOMATED, 1);
        }
    }

    fn row(&mut self, series: &CallSeries, gateway: u16) -> u32 {
        let given_back = self.meters.0.given_back.load(Ordering::Acquire);
        if given_back != self.given_back {
            self.rows.clear();
            self.given_back = given_back;
        }
        if let Some(row) = self.rows.get(&(series.id, gateway)) {
            return *row;
        }
        let row = self.meters.row(series, gateway);
        self.rows.insert((series.id, gateway), row);
        row
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float ends at the bounds of the integer"
)]
fn thousandths(value: f64) -> u64 {
    (value * 1_000.0).round() as u64
}

const CALLS_STARTED: Family =
    Family { name: "cordboard_calls_started_total", help: "Calls that began.", kind: Kind::Counter };
const CALLS_ENDED: Family = Family {
    name: "cordboard_calls_ended_total",
    help: "Calls that ended, by what became of them; unknown where nobody said so in time.",
    kind: Kind::Counter,
};
const CALLS_IN_PROGRESS: Family = Family {
    name: "cordboard_calls_in_progress",
    help: "Calls that began and have not ended.",
    kind: Kind::Gauge,
};
const CALL_DURATION: Family =
    Family { name: "cordboard_call_duration_seconds", help: "How long calls took.", kind: Kind::Histogram };
const CALL_SENTIMENT: Family = Family {
    name: "cordboard_call_sentiment_ratio",
    help: "How callers felt, from 0 (bad) to 1 (good), of the calls that report it.",
    kind: Kind::Histogram,
};
const CALLS_AUTOMATED: Family = Family {
    name: "cordboard_calls_automated_total",
    help: "Calls in which no person had to help, of those that report it.",
    kind: Kind::Counter,
};
const DECISIONS: Family = Family {
    name: "cordboard_decision_seconds",
    help: "Time from a request that was read to its answer written down, by gateway and reason.",
    kind: Kind::Histogram,
};
const NOT_REMEMBERED: Family = Family {
    name: "cordboard_calls_not_remembered_total",
    help: "Calls answered with their token alone, since there was no room among the calls in progress.",
    kind: Kind::Counter,
};
const TOO_MANY_LEGS: Family = Family {
    name: "cordboard_call_legs_not_remembered_total",
    help: "Answers with their token alone, since one call id had 1,024 legs in memory; not counted as calls.",
    kind: Kind::Counter,
};
const REQUESTS_SHED: Family = Family {
    name: "cordboard_requests_shed_total",
    help: "Requests turned away since a worker had too much to do and their gateway had had its share.",
    kind: Kind::Counter,
};

impl Source for Meters {
    fn families(&self) -> &[Family] {
        &[
            CALLS_STARTED,
            CALLS_ENDED,
            CALLS_IN_PROGRESS,
            CALL_DURATION,
            CALL_SENTIMENT,
            CALLS_AUTOMATED,
            DECISIONS,
            NOT_REMEMBERED,
            TOO_MANY_LEGS,
            REQUESTS_SHED,
        ]
    }

    fn write(&self, page: &mut Page) {
        let calls = self.0.calls.read();
        counters(page, &CALLS_STARTED, &calls, STARTED);
        let mut ended = page.family(&CALLS_ENDED);
        for reading in &calls {
            for outcome in Outcome::ALL {
                let count = reading.count(ENDED + outcome.index());
                ended.line_with(&reading.labels, ("outcome", outcome.as_str()), count);
            }
        }
        let mut in_progress = page.family(&CALLS_IN_PROGRESS);
        for reading in &calls {
            in_progress.line(&reading.labels, reading.signed(IN_PROGRESS));
        }
        histograms(page, &CALL_DURATION, &calls, DURATION);
        histograms(page, &CALL_SENTIMENT, &calls, SENTIMENT);
        counters(page, &CALLS_AUTOMATED, &calls, AUTOMATED);
        histograms(page, &DECISIONS, &self.0.decisions.read(), DECISION);
        let not_remembered = self.0.not_remembered.load(Ordering::Relaxed);
        page.family(&NOT_REMEMBERED).line(&Labels::none(), not_remembered);
        let too_many_legs = self.0.too_many_legs.load(Ordering::Relaxed);
        page.family(&TOO_MANY_LEGS).line(&Labels::none(), too_many_legs);
        let mut shed = page.family(&REQUESTS_SHED);
        for (gateway, count) in self.0.gateways.iter().zip(&self.0.requests_shed) {
            shed.line(&Labels::new(&[("gateway", gateway)]), count.load(Ordering::Relaxed));
        }
    }
}

fn counters<const N: usize>(page: &mut Page, family: &Family, readings: &[Reading<N>], column: usize) {
    let mut lines = page.family(family);
    for reading in readings {
        lines.line(&reading.labels, reading.count(column));
    }
}

/// Only what was ever observed: most pairs of gateway and reason never are.
fn histograms<const N: usize>(page: &mut Page, family: &Family, readings: &[Reading<N>], of: Histogram) {
    let mut lines = page.histograms(family, of);
    for reading in readings.iter().filter(|reading| of.counts(&reading.sums).any(|count| count > 0)) {
        lines.lines(&reading.labels, &reading.sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{AccountId, AgentId, VersionNumber};
    use crate::routing::calls::Ending;
    use crate::routing::decision::Reason;
    use crate::routing::series::VersionLabel;
    use crate::telemetry::Registry;

    const HOUR_MS: i64 = 3_600_000;

    fn key(version: u32) -> SeriesKey {
        SeriesKey {
            account: AccountId::parse("ws-1").unwrap(),
            agent: AgentId::parse("sales").unwrap(),
            version: VersionLabel::of(VersionNumber::new(version)),
            environment: None,
            arm: None,
        }
    }

    fn leg(series: &Arc<CallSeries>, outcome: Outcome, after_timeout: bool) -> EndedLeg {
        let ending = Ending {
            outcome,
            duration_s: Some(61.5),
            sentiment: Some(0.5),
            automated: Some(true),
            ..Ending::default()
        };
        EndedLeg { series: Arc::clone(series), gateway_row: 0, ending, after_timeout }
    }

    fn page(meters: &Meters) -> String {
        let registry = Registry::new();
        registry.add(meters.clone()).unwrap();
        registry.page()
    }

    fn value(page: &str, family: &str, label: &str) -> f64 {
        let of_family = |line: &&str| line.starts_with(&format!("{family}{{")) && line.contains(label);
        page.lines()
            .filter(of_family)
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
            .sum()
    }

    #[test]
    fn started_less_ended_is_in_progress_whoever_learns_of_the_end() {
        let (meters, book) = (Meters::new(["http", "other"].into_iter()), SeriesBook::new(10));
        let series = book.get(&key(3));
        let (mut one, mut other) = (meters.tally(), meters.tally());
        for _ in 0..3 {
            one.started(&series, 0);
        }
        other.ended(&leg(&series, Outcome::Completed, false));
        meters.tally().ended(&leg(&series, Outcome::Unknown, false));
        other.ended(&leg(&series, Outcome::Failed, true));
        let page = page(&meters);
        assert_eq!(value(&page, "cordboard_calls_started_total", "version=\"V3\""), 3.0, "{page}");
        assert_eq!(value(&page, "cordboard_calls_ended_total", "version=\"V3\""), 2.0, "{page}");
        assert_eq!(value(&page, "cordboard_calls_in_progress", "version=\"V3\""), 1.0, "{page}");
        assert!(page.contains(
            "cordboard_call_duration_seconds_sum{account=\"ws-1\",agent=\"sales\",version=\"V3\",environment=\"\",\
             split=\"\",arm=\"\",gateway=\"http\"} 123\n"
        ));
        assert_eq!(value(&page, "cordboard_call_sentiment_ratio_sum", ""), 2.25);
    }

    #[test]
    fn a_call_that_is_moved_is_in_progress_with_what_it_moved_to_and_began_once() {
        let (meters, book) = (Meters::new(["http", "other"].into_iter()), SeriesBook::new(10));
        let (from, to) = (book.get(&key(1)), book.get(&key(2)));
        let mut tally = meters.tally();
        tally.started(&from, 0);
        tally.moved(&from, &to, 0);
        let page = page(&meters);
        for (family, of_the_first, of_the_second) in
            [("cordboard_calls_in_progress", 0.0, 1.0), ("cordboard_calls_started_total", 1.0, 0.0)]
        {
            assert_eq!(value(&page, family, "version=\"V1\""), of_the_first, "{page}");
            assert_eq!(value(&page, family, "version=\"V2\""), of_the_second, "{page}");
        }
    }

    #[test]
    fn a_series_that_takes_over_an_id_starts_from_zero_with_its_own_labels() {
        let (meters, book) = (Meters::new(["http", "other"].into_iter()), SeriesBook::new(10));
        let mut tally = meters.tally();
        let old = book.get(&key(1));
        tally.started(&old, 0);
        tally.ended(&leg(&old, Outcome::Completed, false));
        let id = old.id;
        drop(old);
        meters.sweep(&book, Timestamp(0));
        meters.sweep(&book, Timestamp(HOUR_MS));
        assert!(!page(&meters).contains("version=\"V1\""));
        let new = book.get(&key(2));
        assert_eq!(new.id, id, "else this shows nothing");
        tally.started(&new, 0);
        let page = page(&meters);
        assert!(!page.contains("version=\"V1\""));
        assert_eq!(value(&page, "cordboard_calls_started_total", "version=\"V2\""), 1.0, "{page}");
        assert_eq!(value(&page, "cordboard_calls_ended_total", "version=\"V2\""), 0.0, "{page}");
    }

    #[test]
    fn decisions_are_counted_by_gateway_and_reason() {
        let meters = Meters::new(["http", "other"].into_iter());
        let mut tally = meters.tally();
        let decision = |reason| Decision {
            revision: crate::domain::id::Revision(1),
            choice: None,
            reason,
            moved: false,
            detour: None,
        };
        tally.decided(0, &decision(Reason::NumberPin), 1_500);
        tally.decided(1, &decision(Reason::NoRoute), 900);
        let page = page(&meters);
        assert!(page.contains(
            "cordboard_decision_seconds_bucket{gateway=\"http\",reason=\"number_pin\",le=\"0.000002\"} 1\n"
        ));
        assert!(page.contains("cordboard_decision_seconds_count{gateway=\"other\",reason=\"no_route\"} 1\n"));
        assert!(!page.contains("reason=\"token\""), "what never was is not shown");
    }
}
