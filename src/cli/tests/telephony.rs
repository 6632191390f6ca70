//! Connectors, their numbers, and where agents listen: what is asked, what is sent, what is said.

use serde_json::{Value, json};

use super::world::World;

const REVISION: &str = "x-cordboard-revision: 12\r\n";
const CONNECTOR: &str = "GET /v1/agents/desk/telephony/connectors/C-1";
const PATCH: &str = "PATCH /v1/agents/desk/telephony/connectors/C-1";
const DELETE: &str = "DELETE /v1/agents/desk/telephony/connectors/C-1";
const NUMBERS: &str = "GET /v1/agents/desk/telephony/phone-numbers?connectorId=C-1";
const IMPORT: &str = "POST /v1/agents/desk/telephony/phone-numbers";
const ACTIVE: &str = "GET /v1/agents/desk/deployments/active";
const ENDPOINTS: &str = "PUT /v1/agents/desk/endpoints";
const FALLBACK: &str = "PUT /v1/agents/desk/fallback";

fn connector() -> Value {
    json!({"connectorId": "C-1", "name": "live", "clientEnv": "live", "variantId": "north", "asrLangCode": null,
        "ttsLangCode": null, "voiceName": null, "disableHandoff": false})
}

fn active(live: &Value) -> Value {
    json!({"activeDeployments": {"sandbox": null, "pre-release": null, "live": live}})
}

#[test]
fn a_connector_is_changed_in_what_is_named_and_none_clears() {
    let world =
        World::new().answers(CONNECTOR, 200, &connector()).answers_with(PATCH, 200, REVISION, &connector());
    let outcome = world.run("cordboard connectors set desk C-1 --asr-language en-US --voice none");
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (0, "connector C-1 of desk is changed, from revision 12\n"),
        "{}",
        outcome.err
    );
    assert_eq!(world.asked()[0].body, json!({"asrLangCode": "en-US", "voiceName": null}));
    assert!(world.run("cordboard connectors show desk C-1").out.contains("\nSite variant  north\n"));
}

#[test]
fn deleting_a_connector_is_asked_about_with_the_count_of_its_numbers() {
    let numbers =
        json!({"phoneNumbers": [{"number": "+14155550100"}, {"number": "desk"}], "nextCursor": null});
    let deleted = json!({"deletedConnector": "C-1", "deletedPhoneNumbers": ["+14155550100", "desk"]});
    let world = World::new().answers(NUMBERS, 200, &numbers).answers_with(DELETE, 200, REVISION, &deleted);
    let line = "cordboard connectors delete desk C-1";
    let outcome = world.run(line);
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("connector C-1 of desk releases 2 numbers: say --yes"), "{}", outcome.err);
    assert_eq!(world.run_answering(line, "n\n").code, 1);
    assert_eq!(world.lines(), [NUMBERS, NUMBERS]);
    let outcome = world.run_answering(line, "y\n");
    assert_eq!(outcome.out, "connector C-1 of desk is deleted, with 2 numbers released, from revision 12\n");
    assert_eq!(world.run(&format!("{line} --yes")).code, 0);
    assert_eq!(world.lines(), [NUMBERS, NUMBERS, NUMBERS, DELETE, DELETE]);
}

#[test]
fn numbers_are_imported_to_an_environment_and_live_is_asked_about() {
    let imported = json!({"imported": [{"number": "+14155550100"}, {"number": "desk"}], "warnings": ["odd"]});
    let world = World::new().answers_with(IMPORT, 201, REVISION, &imported);
    let line = "cordboard connectors import desk +14155550100 desk";
    assert_eq!(world.run(line).code, 2);
    assert!(world.lines().is_empty());
    let outcome = world.run(&format!("{line} --to sandbox"));
    assert_eq!(outcome.out, "2 numbers of desk are pinned to sandbox, from revision 12\n", "{}", outcome.err);
    assert_eq!(outcome.err, "warning: odd\n");
    assert_eq!(world.run(&format!("{line} --yes")).code, 0);
    let bodies: Vec<_> = world.asked().into_iter().map(|asked| asked.body).collect();
    let body =
        |environment: &str| json!({"phoneNumbers": ["+14155550100", "desk"], "clientEnv": environment});
    assert_eq!(bodies, [body("sandbox"), body("live")]);
}

#[test]
fn numbers_are_listed_by_connector_and_say_how_they_go_on() {
    let number = json!({"number": "+14155550100", "clientEnv": "live", "connectorId": "C-1"});
    let page = json!({"phoneNumbers": [number], "nextCursor": "+14155550100"});
    let world = World::new().answers(NUMBERS, 200, &page);
    let outcome = world.run("cordboard connectors numbers desk --connector C-1");
    assert_eq!(outcome.out, "NUMBER        ENVIRONMENT  CONNECTOR\n+14155550100  live         C-1\n");
    assert_eq!(outcome.err, "there is more: --cursor +14155550100\n");
    world.run("cordboard connectors numbers desk --cursor +14155550100");
    assert_eq!(
        world.lines().pop().unwrap(),
        "GET /v1/agents/desk/telephony/phone-numbers?cursor=%2B14155550100"
    );
}

#[test]
fn endpoints_are_tried_in_the_order_in_which_they_are_written() {
    let world = World::new().answers(ACTIVE, 200, &active(&json!(null))).answers_with(
        ENDPOINTS,
        200,
        REVISION,
        &json!({"endpoints": []}),
    );
    let outcome = world.run("cordboard agents endpoints desk sip:{agent}@a sip:b");
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let sent =
        json!({"endpoints": [{"uri": "sip:{agent}@a", "priority": 0}, {"uri": "sip:b", "priority": 1}]});
    assert_eq!(world.asked()[1].body, sent);
    let outcome = world.run("cordboard agents endpoints desk none");
    assert_eq!(outcome.out, "the endpoints of desk are no longer said here, from revision 12\n");
    assert_eq!(world.asked()[3].body, json!({"endpoints": []}));
    assert_eq!(world.run("cordboard agents endpoints desk none sip:b").code, 2);
}

#[test]
fn endpoints_of_what_serves_live_are_put_to_the_operator_first() {
    let world = World::new()
        .answers(ACTIVE, 200, &active(&json!({"id": "x"})))
        .answers("PUT /v1/agents/desk/endpoints/sandbox", 200, &json!({}))
        .answers("PUT /v1/agents/desk/endpoints/live", 200, &json!({}));
    let outcome = world.run("cordboard agents endpoints desk sip:b --environment live");
    assert_eq!((outcome.code, world.lines()), (2, vec![ACTIVE.to_owned()]), "{}", outcome.err);
    assert_eq!(world.run("cordboard agents endpoints desk sip:b").code, 2);
    assert_eq!(world.run("cordboard agents endpoints desk sip:b --environment sandbox").code, 0);
    assert_eq!(world.run("cordboard agents endpoints desk sip:b --environment live --yes").code, 0);
}

#[test]
fn a_fallback_stays_where_only_the_count_of_calls_is_named() {
    let present = json!({"fallback": "sip:desk@h", "maxCallsInProgress": null, "warnings": []});
    let after = json!({"fallback": "sip:desk@h", "maxCallsInProgress": 40, "warnings": []});
    let world = World::new()
        .answers(ACTIVE, 200, &active(&json!(null)))
        .answers_with("GET /v1/agents/desk/fallback", 200, "etag: \"aa\"\r\n", &present)
        .answers_with(FALLBACK, 200, REVISION, &after);
    assert_eq!(
        world.run("cordboard agents fallback desk").out,
        "Calls     as many as come\nFallback  sip:desk@h\n"
    );
    let outcome = world.run("cordboard agents fallback desk --max-calls 40");
    assert_eq!(
        outcome.out, "calls of desk: at most 40 in progress, fallback sip:desk@h, from revision 12\n",
        "{}",
        outcome.err
    );
    let sent = world.asked().pop().unwrap();
    assert_eq!(sent.body, json!({"fallback": "sip:desk@h", "maxCallsInProgress": 40}));
    assert_eq!(sent.header("if-match"), Some("\"aa\""), "what was kept is what was seen");
    assert_eq!(world.run("cordboard agents fallback desk none").code, 0);
    let sent = world.asked().pop().unwrap();
    assert_eq!((sent.body.clone(), sent.header("if-match")), (json!({"fallback": null}), None));
}
