//! `/v1/numbers`.

use base64::Engine as _;
use serde_json::{Value, json};

use super::world::{World, error};
use crate::domain::address::{E164, Number};
use crate::domain::files::FileNumber;
use crate::domain::testing::{file_agent, file_set};

#[test]
fn a_number_is_what_was_put_until_it_is_deleted() {
    let world = World::new();
    let put = world.admin(
        "PUT",
        "/v1/numbers/%2B14155550100",
        json!({
            "agentId": "sales", "pin": "V2", "headers": {"X-Brand": "north"}, "siteVariantId": "berlin",
            "fallback": "sip:desk@10.0.0.9",
            "headerRules": [{"header": "X-Env", "equals": "test", "pin": "live"}, {"header": "X-A", "regex": "^b", "agentId": "reception"}],
        }),
    );
    let expected = json!({
        "number": "+14155550100", "agentId": "sales", "pin": "V2", "splitId": null, "headers": {"X-Brand": "north"},
        "headerRules": [
            {"header": "X-Env", "equals": "test", "agentId": null, "pin": "live"},
            {"header": "X-A", "regex": "^b", "agentId": "reception", "pin": "draft"},
        ],
        "siteVariantId": "berlin", "fallback": "sip:desk@10.0.0.9", "managedBy": "api", "connectorId": null,
        "warnings": ["agent sales at V2 has no site variant berlin: its default is used"],
    });
    assert_eq!((put.status, put.json()), (200, expected.clone()));
    assert_eq!(put.revision(), world.control.state().revision.0);
    let got = world.get("/v1/numbers/+1-415-555-0100");
    assert_eq!((got.status, got.json()), (200, expected));
    assert_eq!(got.header("etag"), put.header("etag"));
    let deleted = world.admin("DELETE", "/v1/numbers/+14155550100", Value::Null);
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(deleted.revision(), put.revision() + 1);
    assert_eq!(world.get("/v1/numbers/+14155550100").error(), error(404, "PHONE_NUMBERS_NOT_FOUND", ""));
    let again = world.admin("DELETE", "/v1/numbers/+14155550100", Value::Null);
    assert_eq!(again.error(), error(404, "PHONE_NUMBERS_NOT_FOUND", ""));
}

#[test]
fn the_pin_is_the_draft_unless_said_and_an_empty_environment_is_warned_of() {
    let world = World::new();
    let put = |body| world.admin("PUT", "/v1/numbers/front-desk", body).json();
    assert_eq!(put(json!({"agentId": "sales"}))["pin"], "draft");
    let warned = put(json!({"agentId": "sales", "pin": "sandbox"}));
    assert_eq!(warned["warnings"], json!(["agent sales has nothing deployed to sandbox"]));
    assert_eq!(world.get("/v1/numbers/front-desk").json(), warned);
}

#[test]
fn a_number_without_its_plus_is_taken_as_it_stands_and_doubted() {
    let world = World::new();
    let doubt =
        "14155550100 looks like a phone number without its + and country code: it is a SIP user as it stands";
    let put = world.route("14155550100", "sales", "V1").json();
    assert_eq!((&put["number"], &put["warnings"]), (&json!("14155550100"), &json!([doubt])));
    assert_eq!(world.get("/v1/numbers/14155550100").json(), put);
    assert_eq!(world.get("/v1/numbers").json()["numbers"][0], put);
    world.split("spring");
    let patch =
        world.admin("PATCH", "/v1/splits/spring", json!({"scope": {"numbers": ["14155550100"]}})).json();
    assert_eq!(patch["warnings"], json!([doubt, "14155550100 leaves sales at V1"]));
    assert_eq!(world.get("/v1/splits/spring").json()["warnings"], json!([]));
}

#[test]
fn a_faulty_route_is_refused_by_the_name_of_its_field_and_changes_nothing() {
    let world = World::new();
    let before = world.control.state().revision;
    let rules = |rule: Value| json!({"agentId": "sales", "headerRules": [rule]});
    for (body, field) in [
        (json!({}), "agentId"),
        (json!({"agentId": "sales", "splitId": "spring"}), "splitId"),
        (json!({"splitId": "spring"}), "splitId"),
        (json!({"splitId": "spring", "pin": "V1"}), "pin"),
        (json!({"agentId": "nobody"}), "agentId"),
        (json!({"agentId": "a/b"}), "agentId"),
        (json!({"agentId": 7}), "agentId"),
        (json!({"agentId": "sales", "pin": "V9"}), "pin"),
        (json!({"agentId": "sales", "pin": "production"}), "pin"),
        (json!({"agentId": "sales", "pin": 3}), "pin"),
        (json!({"agentId": "sales", "agentID": "x"}), "agentID"),
        (json!({"agentId": "sales", "number": "+14155550100"}), "number"),
        (json!({"agentId": "sales", "headers": {"X-A": 1}}), "headers.X-A"),
        (json!({"agentId": "sales", "headers": {"X A": "b"}}), "headers.X A"),
        (json!({"agentId": "sales", "headers": {"X-A": "a\r\nb: c"}}), "headers.X-A"),
        (rules(json!({"header": "X-A"})), "headerRules[0]"),
        (rules(json!({"header": "X-A", "equals": "a", "prefix": "a"})), "headerRules[0]"),
        (rules(json!({"header": "X-A", "regex": "("})), "headerRules[0].regex"),
        (rules(json!({"equals": "a"})), "headerRules[0].header"),
        (rules(json!({"header": "X-A", "equals": "a", "pin": "V9"})), "headerRules[0].pin"),
        (rules(json!({"header": "X-A", "equals": "a", "agentId": "nobody"})), "headerRules[0].agentId"),
        (rules(json!({"header": "X-A", "equals": "a", "glob": "*"})), "headerRules[0].glob"),
        (json!([]), "body"),
        (json!(["sales", "V1"]), "body"),
        (rules(json!(["X-A", "a"])), "headerRules[0]"),
        (json!("sales"), "body"),
    ] {
        let reply = world.admin("PUT", "/v1/numbers/+14155550100", body.clone());
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field), "{body}");
    }
    assert_eq!(world.control.state().revision, before);
}

#[test]
fn a_malformed_number_in_the_path_is_422() {
    let world = World::new();
    for number in
        ["+123", "+1415555010012345", "+0415555010", "%00", "%20%0a", "%ff", &"x".repeat(65), "+1415abc5550"]
    {
        let reply = world.get(&format!("/v1/numbers/{number}"));
        assert_eq!(reply.status, 422, "{number}: {}", reply.text);
    }
    let reply = world.get("/v1/numbers/+123");
    assert_eq!(reply.error(), error(422, "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT", "number"));
}

#[test]
fn a_number_of_the_files_is_theirs_alone() {
    let world = World::new();
    let agents = vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    world.apply(file_set(agents).with_number("+14155550100", "sales@V1").with_prefix("+1415", "sales@V1"));
    for path in ["/v1/numbers/+14155550100", "/v1/prefixes/+1415"] {
        for (method, body) in [("PUT", json!({"agentId": "sales"})), ("DELETE", Value::Null)] {
            assert_eq!(
                world.admin(method, path, body).error(),
                error(409, "MANAGED_BY_FILES", ""),
                "{method} {path}"
            );
        }
        assert_eq!(world.get(path).json()["managedBy"], "files");
    }
    let scope = json!({"scope": {"numbers": ["+14155550100"]}, "arms": [{"id": "a", "agentId": "sales", "weight": 1}]});
    assert_eq!(world.admin("POST", "/v1/splits", scope).error(), error(409, "MANAGED_BY_FILES", ""));
}

#[test]
fn a_number_belongs_to_the_account_that_took_it_first() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    let path = "/v1/numbers/+14155550100";
    assert_eq!(
        world.as_key("other", "GET", path, Value::Null).error(),
        error(404, "PHONE_NUMBERS_NOT_FOUND", "")
    );
    assert_eq!(world.as_key("other", "DELETE", path, Value::Null).status, 404);
    // Names of agents are the account's own too.
    let put = world.as_key("other", "PUT", path, json!({"agentId": "sales"}));
    assert_eq!(put.error(), error(400, "VALIDATION_FAILED", "agentId"));
}

#[test]
fn a_change_holds_for_one_state_only_where_it_says_so() {
    let world = World::new();
    let first = world.route("+14155550100", "sales", "V1");
    let put = |tag: &str, pin: &str| {
        let request = hyper::Request::builder()
            .method("PUT")
            .uri("/v1/numbers/+14155550100")
            .header("x-api-key", "admin");
        let body = json!({"agentId": "sales", "pin": pin}).to_string();
        world.send(request.header("if-match", tag).body(body.into()).unwrap())
    };
    let tag = first.header("etag").unwrap();
    let second = put(tag, "V2");
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), Some(tag));
    assert_eq!(put(tag, "V3").error(), error(412, "PRECONDITION_FAILED", ""));
    assert_eq!(world.get("/v1/numbers/+14155550100").json()["pin"], "V2");
    let listed = format!("\"other\", {}", second.header("etag").unwrap());
    assert_eq!(put(&listed, "V1").header("etag"), Some(tag));
    assert_eq!(put("*", "V3").status, 200);
    assert_eq!(put("nonsense", "V1").status, 412);
    world.admin("DELETE", "/v1/numbers/+14155550100", Value::Null);
    assert_eq!(put("*", "V1").status, 412);
}

/// All pages of a query joined, each of at most `limit`.
fn pages(world: &World, query: &str, limit: usize, mut between: impl FnMut(usize)) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for page in 0.. {
        let json = world.get(&format!("/v1/numbers?limit={limit}{query}{cursor}")).json();
        let numbers = json["numbers"].as_array().unwrap();
        assert!(numbers.len() <= limit);
        all.extend(numbers.iter().map(|number| number["number"].as_str().unwrap().to_owned()));
        match json["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
        between(page);
    }
    unreachable!()
}

const NUMBERS: [&str; 9] = [
    "+1415555",
    "+4930123",
    "+14155550100",
    "+14155550101",
    "+14165550100",
    "+493012345678",
    "alice",
    "bob",
    "bobby",
];

fn routed() -> World {
    let world = World::new();
    for (i, number) in NUMBERS.iter().enumerate() {
        world.route(number, if i % 2 == 0 { "sales" } else { "reception" }, "V1");
    }
    world
}

#[test]
fn pages_joined_are_the_whole_list_in_order_whatever_their_size() {
    let world = routed();
    for limit in 1..=NUMBERS.len() + 1 {
        assert_eq!(pages(&world, "", limit, |_| ()), NUMBERS, "limit {limit}");
    }
    for (query, expected) in [
        ("&prefix=%2B1415", &["+1415555", "+14155550100", "+14155550101"][..]),
        ("&prefix=+1415", &["+1415555", "+14155550100", "+14155550101"]),
        ("&prefix=%2B14155550100", &["+14155550100"]),
        ("&prefix=%2B49", &["+4930123", "+493012345678"]),
        ("&prefix=%2B5", &[]),
        ("&prefix=bob", &["bob", "bobby"]),
        ("&agentId=reception", &["+4930123", "+14155550101", "+493012345678", "bob"]),
        ("&pin=V1&managedBy=api&agentId=sales&prefix=b", &["bobby"]),
        ("&pin=V2", &[]),
        ("&managedBy=files", &[]),
        ("&splitId=spring", &[]),
    ] {
        for limit in 1..=4 {
            assert_eq!(pages(&world, query, limit, |_| ()), expected, "{query} limit {limit}");
        }
    }
}

#[test]
fn what_is_put_elsewhere_or_deleted_between_pages_neither_repeats_nor_hides_an_entry() {
    let world = routed();
    let all = pages(&world, "", 2, |page| {
        // Behind the cursor, and the very entry the cursor is at.
        world.route(&format!("+10000{page:02}"), "sales", "V1");
        if page == 1 {
            world.admin("DELETE", "/v1/numbers/+14155550101", Value::Null);
        }
    });
    assert_eq!(all, NUMBERS);
}

#[test]
fn a_sparse_filter_looks_at_no_more_than_200_000_numbers_a_page() {
    let world = World::new();
    let mut files = file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
    files = files.with_number("+15550000000", "sales@V1").with_number("+19990000000", "reception@V1");
    let (many, rare) = (files.put.remove(0), files.put.remove(0));
    let numbered = |i: u64| Number::E164(E164::from_value(15_550_000_000 + i).unwrap());
    files.put = (0..200_000).map(|i| FileNumber { number: numbered(i), ..many.clone() }).collect();
    files.put.push(rare);
    world.apply(files);
    let first = world.get("/v1/numbers?agentId=reception").json();
    assert_eq!(first["numbers"], json!([]));
    // The number that was looked at last is told to nobody who may not see it.
    let hidden = world.as_key("limited", "GET", "/v1/numbers", Value::Null).json()["nextCursor"].clone();
    let hidden = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(hidden.as_str().unwrap()).unwrap();
    assert!(!String::from_utf8_lossy(&hidden).contains("+15550"), "{hidden:?}");
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = world.get(&format!("/v1/numbers?agentId=reception&cursor={cursor}")).json();
    assert_eq!(
        (&second["numbers"][0]["number"], &second["nextCursor"]),
        (&json!("+19990000000"), &Value::Null)
    );
    // A prefix goes straight there.
    let near = world.get("/v1/numbers?agentId=reception&prefix=%2B1999").json();
    assert_eq!((near["numbers"].as_array().unwrap().len(), &near["nextCursor"]), (1, &Value::Null));
}

#[test]
fn a_cursor_is_of_one_query() {
    let world = routed();
    let cursor =
        world.get("/v1/numbers?limit=1&agentId=sales").json()["nextCursor"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/v1/numbers?agentId=sales&cursor={cursor}")).status, 200);
    assert_eq!(world.get(&format!("/v1/numbers?agentId=sales&limit=7&cursor={cursor}")).status, 200);
    let strange = [
        format!("cursor={cursor}"),
        format!("agentId=reception&cursor={cursor}"),
        "cursor=!".to_owned(),
        "cursor=".to_owned(),
        "cursor=AAAA".to_owned(),
        format!("agentId=sales&cursor={cursor}A"),
    ];
    for query in strange {
        let reply = world.get(&format!("/v1/numbers?{query}"));
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", "cursor"), "{query}");
    }
    let other =
        world.as_key("other", "GET", &format!("/v1/numbers?agentId=sales&cursor={cursor}"), Value::Null);
    assert_eq!(other.status, 400);
}

#[test]
fn a_faulty_query_is_refused_by_the_name_of_its_parameter() {
    let world = World::new();
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=1", "limit"),
        ("agentId=a.b", "agentId"),
        ("splitId=", "splitId"),
        ("pin=V0", "pin"),
        ("managedBy=me", "managedBy"),
        ("prefix=%2B0", "prefix"),
        ("prefix=%2B", "prefix"),
        ("agentID=sales", "agentID"),
        ("pin=%ff", "pin"),
    ] {
        let reply = world.get(&format!("/v1/numbers?{query}"));
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field), "{query}");
    }
}
