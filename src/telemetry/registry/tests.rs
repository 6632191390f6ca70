//! Laws of the page, read back with a small parser of its format.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::super::histogram::Histogram;
use super::super::series::Series;
use super::*;

const STARTED: Family =
    Family { name: "cordboard_calls_started_total", help: "Calls begun.", kind: Kind::Counter };
const OPEN: Family =
    Family { name: "cordboard_calls_in_progress", help: "Calls not ended.", kind: Kind::Gauge };
const DURATION: Family =
    Family { name: "cordboard_call_duration_seconds", help: "How long calls took.", kind: Kind::Histogram };
const SECONDS: Histogram = Histogram::listed(2, &[1_000, 10_000, 60_000], 1_000);
const COLUMNS: usize = SECONDS.end_column();

struct Calls(Series<COLUMNS>);

impl Source for Calls {
    fn families(&self) -> &[Family] {
        &[STARTED, OPEN, DURATION]
    }

    fn write(&self, page: &mut Page) {
        let readings = self.0.read();
        let mut lines = page.family(&STARTED);
        readings.iter().for_each(|r| lines.line(&r.labels, r.count(0)));
        let mut lines = page.family(&OPEN);
        readings.iter().for_each(|r| lines.line(&r.labels, r.signed(1)));
        let mut lines = page.histograms(&DURATION, SECONDS);
        readings.iter().for_each(|r| lines.lines(&r.labels, &r.sums));
    }
}

fn series(rows: u32) -> Series<COLUMNS> {
    let series = Series::new();
    for row in 0..rows {
        series.begin(row, labels(row));
    }
    series
}

fn labels(row: u32) -> Labels {
    let (agent, version) = (format!("agent-{}", row / 4), format!("V{}", row % 4));
    let pairs = [
        ("account", "acme"),
        ("agent", &agent),
        ("version", &version),
        ("environment", "live"),
        ("split", ""),
        ("arm", ""),
        ("gateway", "http"),
    ];
    Labels::new(&pairs)
}

/// A family as a reader of the page sees it: type, and value by name and labels.
#[derive(Debug, Default)]
struct Read {
    kind: String,
    lines: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

/// Reads a page and fails on anything that `promtool check metrics` or a scrape would refuse.
fn read(page: &str) -> BTreeMap<String, Read> {
    let mut families: BTreeMap<String, Read> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && helped.insert(name), "help of {name} is empty or there twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(helped.contains(name), "{name} has no help");
            let read = Read { kind: kind.to_owned(), ..Read::default() };
            assert!(families.insert(name.to_owned(), read).is_none(), "{name} is there twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            current = name.to_owned();
        } else {
            let (name, labels, value) = read_line(line);
            let family = families.get_mut(&current).unwrap();
            let suffix = name.strip_prefix(&current).unwrap_or_else(|| panic!("{name} amid {current}"));
            let allowed = if family.kind == "histogram" { &["_bucket", "_sum", "_count"][..] } else { &[""] };
            assert!(allowed.contains(&suffix), "{line}");
            assert!(family.lines.insert((suffix.to_owned(), labels), value).is_none(), "twice: {line}");
        }
    }
    families.values().filter(|f| f.kind == "histogram").for_each(check_histogram);
    families
}

/// `name{label="value",…} number`
fn read_line(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let name_len = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(name_len);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, behind) = rest.trim_start_matches(',').split_once("=\"").unwrap();
            let (mut value, mut chars) = (String::new(), behind.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        c => c,
                    }),
                    (_, c) => value.push(c),
                }
            };
            assert!(labels.insert(label.to_owned(), value).is_none(), "{label} is there twice: {line}");
            rest = &behind[end + 1..];
        }
        rest = &rest[1..];
    }
    (name.to_owned(), labels, rest.trim().parse().unwrap())
}

fn check_histogram(family: &Read) {
    let mut by_series: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
    for ((suffix, labels), value) in &family.lines {
        if suffix == "_bucket" {
            let mut labels = labels.clone();
            let le: f64 = labels.remove("le").unwrap().parse().unwrap();
            by_series.entry(labels).or_default().push((le, *value));
        }
    }
    for (labels, mut buckets) in by_series {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "not cumulative: {buckets:?}");
        let (le, all) = *buckets.last().unwrap();
        assert_eq!(le, f64::INFINITY, "{labels:?}");
        assert_eq!(family.lines[&("_count".to_owned(), labels.clone())], all, "{labels:?}");
        assert!(family.lines.contains_key(&("_sum".to_owned(), labels)));
    }
}

#[test]
fn a_page_reads_back_as_it_was_counted() {
    let (registry, series) = (Registry::new(), series(2));
    registry.add(Calls(series.clone())).unwrap();
    registry.add_build("1.2.3").unwrap();
    let restarts: prometheus::IntCounter =
        registry.declare("cordboard_restarts_total", "Restarts.", &[]).unwrap();
    restarts.inc();
    let worker = series.worker();
    worker.add(1, 0, 3);
    worker.row(1).add(1, 3);
    series.shared_worker().row(1).take(1, 1);
    [900, 20_000, 90_000].iter().for_each(|ms| SECONDS.observe(worker.row(1), *ms));

    let families = read(&registry.page());
    let names: Vec<_> = families.keys().map(String::as_str).collect();
    let build = "cordboard_build_info";
    assert_eq!(names, [build, DURATION.name, OPEN.name, STARTED.name, "cordboard_restarts_total"]);
    let of_second: BTreeMap<_, _> = read_line(&format!("x{{{}}} 0", labels(1))).1;
    let line = |family: Family, suffix: &str, le: Option<&str>| {
        let mut labels = of_second.clone();
        labels.extend(le.map(|le| ("le".to_owned(), le.to_owned())));
        families[family.name].lines[&(suffix.to_owned(), labels)]
    };
    assert_eq!((line(STARTED, "", None), line(OPEN, "", None)), (3.0, 2.0));
    assert_eq!(line(DURATION, "_bucket", Some("10")), 1.0);
    assert_eq!(line(DURATION, "_bucket", Some("60")), 2.0);
    assert_eq!((line(DURATION, "_count", None), line(DURATION, "_sum", None)), (3.0, 110.9));
    let version = families[build].lines.keys().next().unwrap().1["version"].as_str();
    assert_eq!(version, "1.2.3");
}

#[test]
fn every_page_is_whole_while_workers_count() {
    let (registry, series) = (Registry::new(), series(300));
    registry.add(Calls(series.clone())).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = SetOnDrop(&done);
        for turn in 0..2_u32 {
            let (worker, done) = (series.worker(), &done);
            scope.spawn(move || {
                let mut at = turn;
                while !done.load(Relaxed) {
                    at = (at + 7) % 300;
                    worker.add(at, 0, 1);
                    SECONDS.observe(worker.row(at), u64::from(at) * 300);
                }
            });
        }
        for _ in 0..10 {
            assert_eq!(read(&registry.page()).len(), 3);
        }
    });
}

/// Lets threads end also when the test fails.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_family_that_promtool_would_refuse_is_not_added() {
    struct One([Family; 1]);
    impl Source for One {
        fn families(&self) -> &[Family] {
            &self.0
        }
        fn write(&self, _: &mut Page) {}
    }
    let registry = Registry::new();
    let add = |name, help, kind| registry.add(One([Family { name, help, kind }]));
    add("calls_total", "Calls.", Kind::Counter).unwrap();
    for (name, help, kind) in [
        ("calls", "No ending.", Kind::Counter),
        ("open_total", "Wrong ending.", Kind::Gauge),
        ("calls_total", "Twice.", Kind::Counter),
        ("wait_seconds", " ", Kind::Histogram),
        ("wait_count", "Ending of a line.", Kind::Gauge),
        ("Calls", "Upper case.", Kind::Gauge),
        ("", "No name.", Kind::Gauge),
    ] {
        let refused = add(name, help, kind).unwrap_err().to_string();
        assert!(refused.contains(&format!("{name:?}")), "{refused}");
    }
    assert!(registry.declare::<prometheus::IntGauge>("calls_total", "Taken.", &[]).is_err());
}
