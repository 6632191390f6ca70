//! Bodies of `POST /v1/numbers:import`: however they come, they mean what a plain reader finds.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;

use super::inside;
use super::office::{Desk, Office, Reply, example};
use crate::domain::address::Number;
use crate::domain::id::{Pin, SiteVariantId};
use crate::domain::import::RowFaults;
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::state::State;

const PATH: &str = "/v1/numbers:import";
const DRY_RUN: &str = "/v1/numbers:import?dryRun=true";

/// What a row says by its columns; null where it says nothing in one.
type Row = BTreeMap<String, Option<String>>;

/// `c`sv or `n`djson, a digit for how long its pieces are, and the text.
pub(super) fn law() -> impl Fn(&[u8]) {
    let document = example();
    let desk = Desk::new(move || Office::of(&document));
    move |bytes| {
        let [kind, length, text @ ..] = bytes else { return };
        let of = match kind {
            b'c' => "text/csv",
            b'n' => "application/x-ndjson",
            _ => return,
        };
        let length = usize::from(length & 15).max(1);
        desk.with(|office| {
            let cut = || {
                let pieces = text.chunks(length).map(Bytes::copy_from_slice).map(Ok::<_, Infallible>);
                Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()))
            };
            let dry = office.ask_as(of, "POST", DRY_RUN, text.to_vec());
            assert_eq!(dry, office.ask_as(of, "POST", DRY_RUN, cut()), "cut into pieces of {length}");
            let before = office.state();
            let reply = office.ask_as(of, "POST", PATH, cut());
            if !dry.is_granted() {
                assert_eq!(reply, dry);
                return refused(&reply, text);
            }
            assert!(reply.is_granted(), "{}", reply.text);
            assert_eq!(reply.json()["imported"], dry.json()["imported"]);
            let text = str::from_utf8(text).expect("what is granted is UTF-8");
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let rows = if *kind == b'c' { csv(text) } else { Some(ndjson(text)) };
            let total: u64 = ["created", "updated", "unchanged"]
                .iter()
                .filter_map(|it| reply.json()["imported"][it].as_u64())
                .sum();
            if let Some(rows) = rows {
                assert_eq!(total, rows.len() as u64);
                rows.iter().for_each(|row| in_force(&before, &office.state(), row));
            }
            let again = office.ask_as(of, "POST", PATH, text.to_owned()).json();
            assert_eq!(again["imported"]["unchanged"], total, "{again}");
        });
    }
}

/// A refusal of rows names lines that are there.
fn refused(reply: &Reply, text: &[u8]) {
    let envelope = reply.json();
    if reply.status == 413 {
        return;
    }
    assert_eq!((reply.status, &envelope["error_code"]), (400, &Value::from("IMPORT_FAULTY")), "{envelope}");
    let faults = envelope["data"]["faults"].as_array().expect("a list");
    assert!((1..=RowFaults::TOLD_MAX).contains(&faults.len()));
    assert!(envelope["data"]["total"].as_u64() >= Some(faults.len() as u64), "{envelope}");
    for fault in faults {
        let line = fault["line"].as_u64().and_then(|line| u32::try_from(line).ok()).expect("a line");
        inside(&String::from_utf8_lossy(text), line, 0);
    }
}

/// What a row says is so, and what it does not say as it was.
fn in_force(before: &State, after: &State, row: &Row) {
    let said = |column: &str| row.get(column).and_then(Option::as_deref).filter(|text| !text.is_empty());
    let number = Number::parse(said("number").expect("a number")).expect("a number");
    let route = after.route(&number).expect("a route");
    let to = match (said("agentId"), said("splitId")) {
        (Some(agent), None) => {
            let pin = said("pin").map_or(Pin::Draft, |pin| Pin::parse(pin).expect("a pin"));
            Destination::Agent { agent: agent.parse().expect("an agent"), pin }
        }
        (None, Some(split)) => Destination::Split(split.parse().expect("a split")),
        both => panic!("{both:?} was granted"),
    };
    assert_eq!(route.to, to, "{row:?}");
    let was = before.route(&number);
    let site = match row.contains_key("siteVariantId") {
        true => said("siteVariantId").map(|site| SiteVariantId::parse(site).expect("a site")),
        false => was.and_then(|was| was.site_variant.clone()),
    };
    assert_eq!(route.site_variant, site, "{row:?}");
    let plain = Route::plain(route.account.clone(), ManagedBy::Api, to.clone());
    let was = was.map_or(plain, |was| Route { to, ..was.as_ref().clone() });
    assert_eq!(
        Route { site_variant: None, connector: None, ..route.as_ref().clone() },
        Route { site_variant: None, connector: None, ..was }
    );
}

fn ndjson(text: &str) -> Vec<Row> {
    let lines = text.split('\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| serde_json::from_str(line).expect("an object of texts")).collect()
}

/// Nothing where there are quotes: who reads those is no plain reader.
fn csv(text: &str) -> Option<Vec<Row>> {
    if text.contains('"') {
        return None;
    }
    let cells = |line: &str| line.split(',').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut lines = text.split(['\n', '\r']).filter(|line| !line.is_empty()).map(cells);
    let names = lines.next().expect("a first row");
    Some(lines.map(|cells| names.iter().cloned().zip(cells.into_iter().map(Some)).collect()).collect())
}
