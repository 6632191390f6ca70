//! `POST /v1/numbers:import`.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use hyper::Request;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Reply, World};

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";

/// Lines at fault with what is told of them.
fn faults(reply: &Reply) -> Vec<(u64, String)> {
    let json = reply.json();
    assert_eq!((reply.status, &json["error_code"]), (400, &json!("IMPORT_FAULTY")), "{}", reply.text);
    let faults = json["data"]["faults"].as_array().unwrap().iter();
    faults
        .map(|fault| (fault["line"].as_u64().unwrap(), fault["message"].as_str().unwrap().to_owned()))
        .collect()
}

fn granted(reply: &Reply, counts: [u64; 3]) -> u64 {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let json = reply.json();
    let imported =
        ["created", "updated", "unchanged"].map(|member| json["imported"][member].as_u64().unwrap());
    assert_eq!(imported, counts);
    let revision = json["revision"].as_u64().unwrap();
    assert_eq!(revision, reply.revision());
    revision
}

fn at(world: &World, number: &str) -> String {
    let route = world.get(&format!("/v1/numbers/{number}")).json();
    format!("{}@{}", route["agentId"].as_str().unwrap_or("-"), route["pin"].as_str().unwrap_or("-"))
}

#[test]
fn a_file_is_one_revision_and_one_line_of_the_history() {
    let world = World::new();
    world.route("+14155550101", "sales", "V1");
    world.route("+14155550102", "sales", "V2");
    let before = world.get("/v1/status").revision();
    let csv = "number,agentId,pin\n+14155550100,sales,live\n+14155550101,sales,V2\n+14155550102,sales,V2\n";
    let dry = world.send(
        Request::builder()
            .method("POST")
            .uri("/v1/numbers:import?dryRun=true")
            .header("X-API-Key", "admin")
            .header("Content-Type", "text/csv; charset=utf-8")
            .body(csv.into())
            .unwrap(),
    );
    assert_eq!(granted(&dry, [1, 1, 1]), before);
    assert_eq!(dry.json()["numbersReachingLive"], 1);
    assert_eq!(granted(&world.import(CSV, csv), [1, 1, 1]), before + 1);
    let moved = ["+14155550100", "+14155550101"].map(|number| at(&world, number));
    assert_eq!(moved, ["sales@live", "sales@V2"]);
    let history = world.get("/v1/history?limit=1").json();
    let line = &history["entries"][0];
    assert_eq!(line["action"], "numbers.import", "{history}");
    assert_eq!(line["summary"], "3 numbers imported: 1 made, 1 given another route, 1 as they were");
    assert_eq!(granted(&world.import(CSV, csv), [0, 0, 3]), before + 1, "once more changes nothing");
}

#[test]
fn what_has_no_column_stays_as_it_is() {
    let world = World::new();
    let path = "/v1/numbers/+14155550100";
    let rules = json!([{"header": "X-Env", "equals": "test", "pin": "draft"}]);
    let whole = json!({
        "agentId": "sales", "pin": "V1", "headerRules": rules, "headers": {"X-Brand": "north"},
        "siteVariantId": "berlin",
    });
    assert_eq!(world.admin("PUT", path, whole).status, 200);
    let members = |world: &World| {
        let route = world.get(path).json();
        assert_eq!(
            (&route["headers"]["X-Brand"], route["headerRules"].as_array().unwrap().len()),
            (&json!("north"), 1)
        );
        (route["pin"].clone(), route["siteVariantId"].clone())
    };
    granted(&world.import(CSV, "pin,number,agentId\nV2,+14155550100,sales\n"), [0, 1, 0]);
    assert_eq!(members(&world), (json!("V2"), json!("berlin")));
    let row = json!({"number": "+14155550100", "agentId": "sales", "pin": "V3", "siteVariantId": null});
    granted(&world.import(NDJSON, row.to_string()), [0, 1, 0]);
    assert_eq!(members(&world), (json!("V3"), Value::Null));
    granted(&world.import(CSV, "number,agentId,siteVariantId\n+14155550100,sales,berlin"), [0, 1, 0]);
    assert_eq!(members(&world), (json!("draft"), json!("berlin")));
    granted(&world.import(CSV, "number,agentId,siteVariantId\n+14155550100,sales,"), [0, 1, 0]);
    assert_eq!(members(&world), (json!("draft"), Value::Null));
}

#[test]
fn marks_line_ends_quotes_and_blank_lines_are_as_spreadsheets_write_them() {
    let world = World::new();
    world.split("spring");
    let csv = "\u{feff}\"number\",\"agentId\",\"pin\",splitId\r\n\r\n\"+14155550100\",\"sales\",V1,\r\n\n +14155550101 ,,,\"spring\"\r\ntel:+14155550102,\"sa\"\"les\",,";
    assert_eq!(faults(&world.import(CSV, csv)).len(), 1);
    assert_eq!(faults(&world.import(CSV, csv))[0].0, 6);
    granted(&world.import(CSV, csv.replace("sa\"\"les", "sales")), [3, 0, 0]);
    assert_eq!(world.get("/v1/numbers/+14155550101").json()["splitId"], "spring");
    let ndjson = "\u{feff}{\"number\": \"+14155550103\", \"agentId\": \"sales\"}\r\n\r\n{\"number\": \"desk-1\", \"splitId\": \"spring\"}";
    granted(&world.import(NDJSON, ndjson), [2, 0, 0]);
}

#[test]
fn each_fault_is_told_by_its_line_and_nothing_is_imported() {
    let world = World::new();
    world.split("spring");
    let csv = "number,agentId,pin,splitId,siteVariantId\n\
        +14155550100,sales,V1,,\n\
        ,sales,V1,,\n\
        +1,sales,V1,,\n\
        +14155550101,,,,\n\
        +14155550102,sales,V1,spring,\n\
        +14155550103,sales,V9,,\n\
        +14155550104,sales,first,,\n\
        +14155550105,nobody,V1,,\n\
        +14155550100,sales,V2,,\n\
        +14155550106,sales,V1\n\
        +14155550107,sales,V1,,\u{1}\n\
        +14155550108,,V1,spring,\n";
    let told = faults(&world.import(CSV, csv));
    let begin: Vec<(u64, &str)> = vec![
        (3, "number: is missing: expected"),
        (4, "number: \"+1\" is none: "),
        (5, "agentId: is missing: expected agentId or splitId"),
        (6, "splitId: does not go with agentId"),
        (7, "pin: agent sales has no V9"),
        (8, "pin: \"first\" is no pin: expected"),
        (9, "agentId: there is no agent nobody"),
        (10, "number: +14155550100 is on line 2 already"),
        (11, "the row has 3 cells: expected 5"),
        (12, "siteVariantId: "),
        (13, "pin: does not go with splitId"),
    ];
    assert_eq!(told.len(), begin.len(), "{told:?}");
    for ((line, message), (expected, begin)) in told.iter().zip(begin) {
        assert!(*line == expected && message.starts_with(begin), "{line}: {message}");
    }
    assert_eq!(world.get("/v1/numbers").json()["numbers"], json!([]));
    let ndjson = "{\"number\": \"+14155550100\", \"agentId\": \"sales\"}\n[]\n{\"number\": 5}\n{\"agentId\": \"sales\"\n{\"number\": \"a\", \"number\": \"b\"}\n{\"to\": 1}";
    let told = faults(&world.import(NDJSON, ndjson));
    let expected = [
        (2, "the line is a list: expected an object"),
        (3, "number: is a number: expected a text"),
        (4, "the line is no JSON, at column 19: expected an object"),
        (5, "number: stands there twice: expected once"),
        (6, "to: is unknown: expected number, agentId, pin, splitId or siteVariantId"),
    ];
    let told: Vec<_> = told.iter().map(|(line, message)| (*line, message.as_str())).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_first_row_that_makes_no_sense_is_one_fault_and_not_one_of_each_row() {
    let world = World::new();
    for (csv, expected) in [
        ("", "there is no row"),
        ("\n\n", "there is no row"),
        ("agentId\nsales\nsales\n", "the column number is missing"),
        ("number,pin\n+14155550100,V1\n", "the columns agentId and splitId are missing"),
        ("number,agentId,number\n+14155550100,sales,x\n", "the column number is there twice"),
        ("number,agentId,colour\n+14155550100,sales,red\n", "\"colour\" is no column: expected number"),
    ] {
        let told = faults(&world.import(CSV, csv));
        assert!(told.len() == 1 && told[0].1.starts_with(expected), "{csv:?}: {told:?}");
    }
}

#[test]
fn of_many_faults_the_first_hundred_are_told_and_all_are_counted() {
    let world = World::new();
    let rows: String = (0..300).map(|at| format!("+1415555{at:04},nobody,V1\n")).collect();
    let reply = world.import(CSV, format!("number,agentId,pin\n{rows}"));
    let told = faults(&reply);
    assert!(told.iter().map(|(line, _)| *line).eq(2..=101));
    let json = reply.json();
    assert_eq!((&json["data"]["total"], json["errors"].as_array().unwrap().len()), (&json!(300), 100));
    assert_eq!(json["error"], "the import has 300 faults: nothing was imported");
    assert_eq!(json["errors"][0]["field"], "line 2");
    assert_eq!(json["data"]["faults"][0]["code"], "VALIDATION_FAILED");
}

#[test]
fn a_row_without_end_is_a_fault_and_not_kept() {
    let world = World::new();
    let open = format!("number,agentId\n+14155550100,sales\n\"+1415{}\n", "x\n".repeat(20_000));
    let told = faults(&world.import(CSV, open));
    assert_eq!(told.len(), 1);
    let expected =
        "a quote that opens here is not closed on its line: the row is longer than 4096 bytes or 64 cells";
    assert_eq!(told, [(3, expected.to_owned())]);
    let long = format!("{{\"number\": \"{}\"}}\n{{\"number\": \"a\"}}", "x".repeat(20_000));
    let told = faults(&world.import(NDJSON, long));
    assert_eq!((told[0].0, told[0].1.as_str()), (1, "the line is longer than 4096 bytes"));
    assert_eq!(told[1].0, 2);
    assert!(
        faults(&world.import(CSV, b"number,agentId\n+14155550100,s\xffles\n".as_slice()))[0]
            .1
            .contains("UTF-8")
    );
}

#[test]
fn a_quote_that_is_not_closed_is_told_on_the_line_where_it_opens() {
    let world = World::new();
    let row = "+14155550100,sales,V1\n";
    for (csv, line) in [
        (format!("number,agentId,pin\n{row}+14155550101,\"sales,V1\n+14155550102,sales,V1\n"), 3),
        (format!("number,agentId,pin\n{row}+14155550101,sales,\"V1"), 3),
        ("number,agentId,pin\n+14155550101,\"sales,V1\n+14155550102,\"sales\",V1\n".to_owned(), 2),
        ("number,agentId,pin\n+14155550101,sales,\"V1\n+14155550102,sales,V1\"\n".to_owned(), 2),
        ("number,agentId,pin\n\"+14155550101\n\",\"sales,V1\n\n".to_owned(), 2),
        (format!("number,\"agentId,pin\n{row}{row}"), 1),
    ] {
        let told = faults(&world.import(CSV, csv.clone()));
        assert_eq!(told[0].0, line, "{csv:?}: {told:?}");
        assert!(told[0].1.starts_with("a quote that opens here is not closed"), "{csv:?}: {told:?}");
        assert!(told.len() == 1 || line == 2, "{csv:?}: {told:?}");
    }
    granted(&world.import(CSV, "number,agentId\n\"+14155550100\n\",\"sales\"\n"), [1, 0, 0]);
}

#[test]
fn what_is_neither_csv_nor_ndjson_or_too_large_is_refused_by_name() {
    let world = World::new();
    for content_type in ["application/json", "", "text/plain"] {
        let reply = world.import(content_type, "number,agentId\n");
        assert_eq!((reply.status, &reply.json()["error_code"]), (415, &json!("UNSUPPORTED_MEDIA_TYPE")));
        assert!(reply.text.contains("text/csv nor application/x-ndjson"));
    }
    let encoded = |encoding: &str| {
        let request =
            Request::builder().method("POST").uri("/v1/numbers:import").header("X-API-Key", "admin");
        let request = request.header("Content-Type", CSV).header("Content-Encoding", encoding);
        world.send(request.body("number,agentId\n+14155550100,sales\n".into()).unwrap())
    };
    for encoding in ["gzip", "identity, br", ""] {
        let reply = encoded(encoding);
        assert_eq!((reply.status, &reply.json()["error_code"]), (415, &json!("UNSUPPORTED_MEDIA_TYPE")));
        assert!(reply.json()["error"].as_str().unwrap().contains(&format!("{encoding:?}")), "{}", reply.text);
    }
    assert_eq!(encoded("Identity").status, 200);
    assert_eq!(world.admin("DELETE", "/v1/numbers/+14155550100", serde_json::Value::Null).status, 204);
    let too_large = |reply: &Reply, named: &str| {
        assert_eq!((reply.status, &reply.json()["error_code"]), (413, &json!("PAYLOAD_TOO_LARGE")));
        assert!(reply.text.contains(named), "{}", reply.text);
    };
    let long = format!("number,agentId\n{}", "\n".repeat(1 << 16));
    too_large(&world.import(CSV, long.clone()), "limits.import_bytes_max");
    // Of a length that nobody says.
    let pieces: Vec<Result<Bytes, std::io::Error>> =
        long.as_bytes().chunks(1_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    too_large(&world.import(CSV, Body::from_stream(stream::iter(pieces))), "limits.import_bytes_max");
    let rows: String = (0..1_001).map(|at| format!("+1415555{at:04},sales\n")).collect();
    too_large(&world.import(CSV, format!("number,agentId\n{rows}")), "more than 1000 rows");
    assert_eq!(world.get("/v1/numbers").json()["numbers"], json!([]));
}

#[test]
fn a_sender_may_take_its_time_but_not_pause_for_ever() {
    let world = World::new();
    let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"number,agentId\n+1415"))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(begun, stream::pending()));
    assert_eq!(world.import(CSV, body).status, 408);
    granted(&world.import(CSV, "number,agentId\n+14155550100,sales\n"), [1, 0, 0]);
}

#[test]
fn a_key_of_some_agents_is_told_of_each_row_that_is_not_its_own() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    let rows = "{\"number\": \"+14155550100\", \"agentId\": \"reception\"}\n{\"number\": \"+14155550101\", \"agentId\": \"reception\"}";
    let request = |key: &str| {
        let request = Request::builder().method("POST").uri("/v1/numbers:import").header("X-API-Key", key);
        world.send(request.header("Content-Type", NDJSON).body(rows.into()).unwrap())
    };
    let told = faults(&request("limited"));
    assert_eq!(told, [(1, "this is about an agent that the key may not see".to_owned())]);
    let other = request("other");
    assert!(faults(&other).iter().any(|(_, why)| why.contains("taken by another account")), "{}", other.text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_body_is_cut_it_is_read_the_same(
        rows in prop::collection::vec((0..30_u32, 0..5_usize, any::<bool>()), 0..12),
        cut in 1..40_usize,
        csv in any::<bool>(),
    ) {
        let agents = ["sales", "reception", "nobody", "sa les", ""];
        let line = |(at, agent, crlf): &(u32, usize, bool)| {
            let (agent, end) = (agents[*agent], if *crlf { "\r\n" } else { "\n" });
            if csv {
                format!("\"+141555501{at:02}\",{agent}{end}")
            } else {
                format!("{}{end}", json!({"number": format!("+141555501{at:02}"), "agentId": agent}))
            }
        };
        let header = if csv { "\u{feff}number,agentId\r\n" } else { "" };
        let body = header.to_owned() + &rows.iter().map(line).collect::<String>();
        let told = |body: Body| {
            let reply = World::new().import(if csv { CSV } else { NDJSON }, body);
            let mut json = reply.json();
            json.as_object_mut().unwrap().remove("error_id");
            (reply.status, json)
        };
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            body.as_bytes().chunks(cut).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let (at_once, in_pieces) = (told(body.clone().into()), told(Body::from_stream(stream::iter(pieces))));
        prop_assert_eq!(at_once, in_pieces);
    }
}
