//! Drafts, versions and what environments serve: what is asked, what is sent, what is said.

use std::fs;

use serde_json::{Value, json};

use super::world::World;

const DRAFT: &str = "GET /v1/agents/desk/draft";
const PATCH_DRAFT: &str = "PATCH /v1/agents/desk/draft";
const PUT_DRAFT: &str = "PUT /v1/agents/desk/draft";
const ACTIVE: &str = "GET /v1/agents/desk/deployments/active";
const PUBLISH: &str = "POST /v1/agents/desk/deployments/publish";
const WEIGH: &str = "POST /v1/agents/desk/deployments/publish?dryRun=true";
const LIVE: &str = "GET /v1/agents/desk/deployments?environment=live&limit=1000";
const REVISION: &str = "x-cordboard-revision: 12\r\n";
/// Ids of deployments, the newest last.
const IDS: [&str; 4] = [
    "019b76da-a800-7000-8000-000000000001",
    "019b76da-a800-7000-8000-000000000002",
    "019b76da-a800-7000-8000-000000000003",
    "019b76da-a800-7000-8000-000000000004",
];

fn deployment(id: &str, environment: &str, version: u32) -> Value {
    json!({"id": id, "agentId": "desk", "environment": environment, "version": format!("{version:032}"),
        "createdBy": "ann", "createdAt": "2026-01-01T00:00:00.000Z", "metadata": {"deployment_message": "why",
        "deployment_type": "publish", "version_number": version, "version_name": format!("V{version}")}})
}

fn deployed(id: &str, environment: &str, version: u32) -> Value {
    json!({"deployment": deployment(id, environment, version), "testRunIds": [], "warnings": []})
}

fn weighed(environment: &str, version: u32, has_changes: bool) -> Value {
    json!({"dryRun": true, "deployment": deployment(IDS[3], environment, version), "hasChanges": has_changes, "numbers": 3,
        "prefixes": 0, "defaultRoute": false, "warnings": [], "sections": [{"section": "instructions", "changes":
        [{"path": "instructions.behavior", "type": "modify", "from": "", "to": "calm"}]}]})
}

#[test]
fn a_publish_says_what_serves_where_and_from_when() {
    let world = World::new().answers_with(PUBLISH, 201, REVISION, &deployed(IDS[3], "sandbox", 2));
    let outcome = world.run(
        "cordboard publish desk --name Two -m better --active-calls move --end-split --idempotency-key ci-7",
    );
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (0, "V2 of desk was published to sandbox, from revision 12\n")
    );
    let asked = &world.asked()[0];
    assert_eq!(asked.header("idempotency-key"), Some("ci-7"));
    assert_eq!(
        asked.body,
        json!({"environment": "sandbox", "versionName": "Two", "deploymentMessage": "better", "activeCalls": "move", "endSplit": true})
    );
    let told: Value = serde_json::from_str(&world.run("cordboard publish desk --json").out).unwrap();
    assert_eq!((&told["revision"], &told["deployment"]["id"]), (&json!(12), &json!(IDS[3])));
    assert_eq!(world.lines(), [PUBLISH, PUBLISH], "sandbox needs no question");
}

#[test]
fn nothing_to_publish_is_said_and_exits_1() {
    let refusal = json!({"error": "nothing changed: sandbox serves the draft of desk already",
        "error_code": "DEPLOYMENTS_ALREADY_PUBLISHED", "data": {"has_changes": false}});
    let world = World::new().answers(PUBLISH, 409, &refusal);
    let outcome = world.run("cordboard publish desk");
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.starts_with("error: nothing changed: sandbox serves"), "{}", outcome.err);
}

#[test]
fn what_would_serve_live_is_shown_and_put_to_the_operator_first() {
    let world = World::new().answers(WEIGH, 200, &weighed("live", 2, true)).answers_with(
        PUBLISH,
        201,
        REVISION,
        &deployed(IDS[3], "live", 2),
    );
    let outcome = world.run("cordboard publish desk --to live");
    assert_eq!((outcome.code, world.lines().len()), (2, 0), "{}", outcome.err);
    let outcome = world.run_answering("cordboard publish desk --to live", "n\n");
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    let shown = "V2 of desk would serve live; 3 numbers lead there\n\ninstructions\n  ~ instructions.behavior\n    - -\n    + calm\n";
    assert!(outcome.err.starts_with(shown), "{}", outcome.err);
    assert!(outcome.err.contains("publishing desk reaches live. Go on? [y/N]"), "{}", outcome.err);
    let outcome = world.run_answering("cordboard publish desk --to live", "y\n");
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (0, "V2 of desk was published to live, from revision 12\n")
    );
    let last = world.asked().pop().unwrap();
    assert_eq!(
        last.header("if-match"),
        Some(format!("\"{:032}\"", 2).as_str()),
        "what was shown is what is done"
    );
    assert_eq!(world.run("cordboard publish desk --to live --yes").code, 0);
    assert_eq!(world.asked().pop().unwrap().header("if-match"), None);
    assert_eq!(world.lines(), [WEIGH, WEIGH, PUBLISH, PUBLISH]);
}

#[test]
fn a_dry_run_asks_nobody_and_changes_nothing() {
    let world = World::new().answers_with(WEIGH, 200, REVISION, &weighed("live", 2, true));
    let outcome = world.run("cordboard publish desk --to live --dry-run --idempotency-key x");
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(
        outcome.out.starts_with("V2 of desk would serve live; 3 numbers lead there\n"),
        "{}",
        outcome.out
    );
    let asked = world.asked();
    assert_eq!((asked[0].line.as_str(), asked.len(), asked[0].header("idempotency-key")), (WEIGH, 1, None));
    let told = world.run("cordboard publish desk --to live --dry-run --json").out;
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), weighed("live", 2, true));
}

#[test]
fn a_promotion_is_of_what_an_environment_serves_or_of_a_deployment() {
    let active = json!({"activeDeployments": {"sandbox": deployment(IDS[0], "sandbox", 1), "pre-release": null, "live": null}});
    let world = World::new()
        .answers(ACTIVE, 200, &active)
        .answers_with(
            "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000001/promote",
            200,
            REVISION,
            &deployed(IDS[1], "pre-release", 1),
        )
        .answers(
            "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000002/promote?dryRun=true",
            200,
            &weighed("live", 1, true),
        );
    let outcome = world.run("cordboard promote desk");
    assert_eq!(outcome.out, "V1 of desk was promoted to pre-release, from revision 12\n", "{}", outcome.err);
    assert_eq!(world.asked().pop().unwrap().body, json!({}));
    assert_eq!(world.run("cordboard promote desk --to live").code, 2);
    let outcome = world.run("cordboard promote desk --from pre-release");
    assert_eq!(
        (outcome.code, outcome.err.as_str()),
        (1, "error: nothing of desk is deployed to pre-release\n")
    );
    let outcome = world.run(&format!("cordboard promote desk --from {}", IDS[1]));
    assert_eq!(outcome.code, 2, "where it leads, a dry run says: {}", outcome.err);
    assert!(world.lines().pop().unwrap().ends_with("?dryRun=true"));
}

#[test]
fn a_rollback_goes_to_what_served_before_or_to_what_is_named() {
    let history = json!({"deployments": [deployment(IDS[3], "live", 2), deployment(IDS[2], "live", 2),
        deployment(IDS[1], "live", 3), deployment(IDS[0], "live", 1)]});
    let world = World::new()
        .answers(LIVE, 200, &history)
        .answers_with(
            "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000002/rollback",
            200,
            REVISION,
            &deployed(IDS[1], "live", 3),
        )
        .answers_with(
            "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000001/rollback",
            200,
            REVISION,
            &deployed(IDS[1], "live", 1),
        )
        .answers(
            "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000004/rollback",
            200,
            &deployed(IDS[3], "live", 2),
        );
    assert_eq!(world.run("cordboard rollback desk").code, 2);
    let outcome = world.run("cordboard rollback desk --yes");
    assert_eq!(outcome.out, "V3 of desk serves live again, from revision 12\n", "{}", outcome.err);
    let outcome = world.run("cordboard rollback desk live --to V1 --yes -m broken");
    assert_eq!(outcome.out, "V1 of desk serves live again, from revision 12\n", "{}", outcome.err);
    assert_eq!(world.asked().pop().unwrap().body, json!({"deploymentMessage": "broken"}));
    let outcome = world.run(&format!("cordboard rollback desk --to {} --yes", IDS[3]));
    assert_eq!(outcome.out, "V2 of desk serves live already\n", "{}", outcome.err);
    for (to, why) in
        [("V9", "never served V9"), ("019b76da-a800-7000-8000-000000000009", "no such deployment")]
    {
        let outcome = world.run(&format!("cordboard rollback desk --to {to} --yes"));
        assert!(outcome.code == 1 && outcome.err.contains(why), "{}", outcome.err);
    }
    let world = World::new().answers(LIVE, 200, &json!({"deployments": [deployment(IDS[0], "live", 1)]}));
    let outcome = world.run("cordboard rollback desk --yes");
    assert_eq!((outcome.code, outcome.err.as_str()), (1, "error: live of desk served nothing else before\n"));
}

#[test]
fn a_second_rollback_goes_on_back_and_not_forth_again() {
    let back = |id, version| {
        let mut deployment = deployment(id, "live", version);
        deployment["metadata"]["deployment_type"] = json!("rollback");
        deployment
    };
    let [v1, v2, v3] = [(IDS[0], 1), (IDS[1], 2), (IDS[2], 3)].map(|(id, n)| deployment(id, "live", n));
    let histories = [
        (json!([back(IDS[3], 2), v3, v2, v1]), "000000000001"),
        (json!([back(IDS[3], 1), back(IDS[3], 2), v3, v2, v1]), "served nothing else"),
        (json!([v3, back(IDS[3], 1), v2, v1]), "000000000004"),
    ];
    for (deployments, expected) in histories {
        let world = World::new().answers(LIVE, 200, &json!({"deployments": deployments}));
        let outcome = world.run("cordboard rollback desk --yes");
        let asked = world.lines().pop().unwrap();
        assert!(asked.contains(expected) || outcome.err.contains(expected), "{asked}: {}", outcome.err);
    }
}

#[test]
fn what_is_named_by_its_id_goes_to_live_whatever_the_draft_is() {
    let active = json!({"activeDeployments": {"pre-release": deployment(IDS[0], "pre-release", 1)}});
    let history = json!({"deployments": [deployment(IDS[1], "live", 2), deployment(IDS[0], "live", 1)]});
    const PROMOTE: &str = "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000001/promote";
    const WEIGH_PROMOTE: &str =
        "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000001/promote?dryRun=true";
    const BACK: &str = "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000001/rollback";
    const WEIGH_BACK: &str =
        "POST /v1/agents/desk/deployments/019b76da-a800-7000-8000-000000000001/rollback?dryRun=true";
    let world = World::new()
        .answers(ACTIVE, 200, &active)
        .answers(LIVE, 200, &history)
        .answers(WEIGH_PROMOTE, 200, &weighed("live", 1, true))
        .answers(PROMOTE, 200, &deployed(IDS[2], "live", 1))
        .answers(WEIGH_BACK, 200, &weighed("live", 1, true))
        .answers(BACK, 200, &deployed(IDS[3], "live", 1));
    for (line, done) in
        [("cordboard promote desk --from pre-release", PROMOTE), ("cordboard rollback desk", BACK)]
    {
        let outcome = world.run_answering(line, "y\n");
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let asked = world.asked().pop().unwrap();
        assert_eq!((asked.line.as_str(), asked.header("if-match")), (done, None), "{line}");
    }
}

#[test]
fn deployments_of_all_environments_are_one_list_and_what_serves_is_marked() {
    let none = json!({"deployments": []});
    let live = json!({"deployments": [deployment(IDS[2], "live", 1)]});
    let sandbox =
        json!({"deployments": [deployment(IDS[3], "sandbox", 2), deployment(IDS[0], "sandbox", 1)]});
    let active = json!({"activeDeployments": {"sandbox": deployment(IDS[3], "sandbox", 2), "live": deployment(IDS[2], "live", 1)}});
    let world = World::new()
        .answers("GET /v1/agents/desk/deployments?environment=sandbox", 200, &sandbox)
        .answers("GET /v1/agents/desk/deployments?environment=pre-release", 200, &none)
        .answers("GET /v1/agents/desk/deployments?environment=live", 200, &live)
        .answers(ACTIVE, 200, &active);
    let out = world.run("cordboard deployments desk").out;
    let begins: Vec<String> =
        out.lines().skip(1).map(|line| line.split("  ").next().unwrap().to_owned()).collect();
    assert_eq!(begins, ["sandbox *", "live *", "sandbox"], "{out}");
    let told: Value =
        serde_json::from_str(&world.run("cordboard deployments desk --environment live --json").out).unwrap();
    assert_eq!(told, live);
}

#[test]
fn agents_are_made_shown_copied_and_deleted_with_a_question_where_they_serve_live() {
    let agent = json!({"agentId": "desk", "agentName": "Desk", "maxCallsInProgress": null});
    let active = json!({"activeDeployments": {"sandbox": null, "pre-release": null, "live": deployment(IDS[0], "live", 1)}});
    let world = World::new()
        .answers_with("POST /v1/agents", 200, REVISION, &agent)
        .answers("GET /v1/agents/desk", 200, &agent)
        .answers(ACTIVE, 200, &active)
        .answers_with("POST /v1/agents/desk/duplicate", 200, REVISION, &json!({"agentId": "PROJECT-1"}))
        .answers_with("DELETE /v1/agents/desk", 204, REVISION, &Value::Null);
    let line = "cordboard agents create Desk --id desk --greeting 'Good morning' --voice anna --model m-1 --language de-DE";
    assert_eq!(world.run(line).out, "agent desk was made, with a draft, from revision 12\n");
    let body = json!({"name": "Desk", "agentId": "desk", "voiceSettings": {"voiceId": "anna"}, "llmSettings": {"modelId": "m-1"},
        "responseSettings": {"greeting": "Good morning", "languageCode": "de-DE"}});
    assert_eq!(world.asked().pop().unwrap().body, body);
    let shown = world.run("cordboard agents show desk").out;
    assert!(shown.contains("live         V1, since 2026-01-01T00:00:00Z by ann\n"), "{shown}");
    let copied = world.run("cordboard agents duplicate desk Copy");
    assert_eq!(copied.out, "agent PROJECT-1 was made, as a copy of desk, from revision 12\n");
    assert_eq!(world.run("cordboard agents delete desk").code, 2);
    assert_eq!(
        world.run("cordboard agents delete desk --yes").out,
        "agent desk is deleted, from revision 12\n"
    );
}

#[test]
fn versions_are_saved_and_restored_by_number() {
    let world = World::new()
        .answers_with("POST /v1/agents/desk/versions", 201, REVISION, &json!({"number": 3, "name": "Third"}))
        .answers_with("POST /v1/agents/desk/versions/V2/restore", 200, REVISION, &json!({"name": "Desk"}))
        .answers(
            "GET /v1/agents/desk/versions/V2",
            200,
            &json!({"number": 2, "name": "Two", "configuration": {"name": "Desk"}}),
        );
    let saved = world.run("cordboard versions save desk Third --description x");
    assert_eq!(saved.out, "the draft of desk was saved as V3, from revision 12\n", "{}", saved.err);
    let restored = world.run("cordboard versions restore desk 2");
    assert_eq!(restored.out, "the draft of desk is what V2 is, from revision 12\n", "{}", restored.err);
    let shown = world.run("cordboard versions show desk V2").out;
    assert!(shown.contains("Name         Two\n") && shown.ends_with("\nname = \"Desk\"\n"), "{shown}");
}

#[test]
fn a_draft_is_shown_as_toml_and_changed_by_key_or_whole() {
    let config = json!({"name": "Desk", "llm": {"temperature": 0.5}});
    let world = World::new()
        .answers(DRAFT, 200, &config)
        .answers_with("PATCH /v1/agents/desk/draft", 200, REVISION, &config)
        .answers_with(PUT_DRAFT, 200, REVISION, &config)
        .answers_with("DELETE /v1/agents/desk/draft", 200, REVISION, &config);
    assert_eq!(world.run("cordboard draft desk").out, "name = \"Desk\"\n\n[llm]\ntemperature = 0.5\n");
    assert_eq!(world.run("cordboard draft desk --json").out, format!("{config}\n"));
    let set = world.run("cordboard draft desk set llm.temperature=0.5 'name=Desk'");
    assert_eq!(set.out, "the draft of desk is edited, from revision 12\n", "{}", set.err);
    assert_eq!(world.asked().pop().unwrap().body, config);
    let file = world.data.path().join("draft.toml");
    fs::write(&file, "name = \"Desk\"\nllm.temperature = 0.5\n").unwrap();
    assert_eq!(world.run(&format!("cordboard draft desk put {}", file.display())).code, 0);
    assert_eq!(world.asked().pop().unwrap().body, config);
    assert_eq!(world.run_answering("cordboard draft desk put -", &config.to_string()).code, 0);
    assert_eq!(world.asked().pop().unwrap().body, config);
    let bad = world.run_answering("cordboard draft desk put -", "name = \"Desk\"\nllm = [\n");
    assert!(bad.code == 2 && bad.err.contains("- is no TOML") && bad.err.contains("line "), "{}", bad.err);
    assert_eq!(world.run("cordboard draft desk revert").code, 0);
    assert_eq!(world.run("cordboard draft desk --edit revert").code, 2);
}

#[test]
fn a_draft_of_a_branch_is_shown_and_changed_by_every_way_as_that_of_main() {
    let config = json!({"name": "Desk"});
    const OF_BRANCH: [&str; 4] = [
        "GET /v1/agents/desk/draft?branch=BRANCH-0A1B2C3D",
        "PATCH /v1/agents/desk/draft?branch=BRANCH-0A1B2C3D",
        "PUT /v1/agents/desk/draft?branch=BRANCH-0A1B2C3D",
        "DELETE /v1/agents/desk/draft?branch=BRANCH-0A1B2C3D",
    ];
    let world = OF_BRANCH.iter().fold(World::new(), |world, line| {
        world.answers_with(line, 200, if line.starts_with("GET") { "" } else { REVISION }, &config)
    });
    let world = editor(world, "echo 'description = \"new\"' >> \"$1\"");
    let draft = "cordboard draft desk --branch BRANCH-0A1B2C3D";
    let said = |what: &str| format!("the draft of desk on BRANCH-0A1B2C3D {what}, from revision 12\n");
    assert_eq!(world.run(draft).out, "name = \"Desk\"\n");
    assert_eq!(world.run(&format!("{draft} set name=Desk")).out, said("is edited"));
    assert_eq!(
        world.run_answering(&format!("{draft} put -"), "name = \"Desk\"").out,
        said("is what was sent")
    );
    assert_eq!(
        world.run("cordboard draft desk revert --branch BRANCH-0A1B2C3D").out,
        said("is as it was made")
    );
    assert_eq!(world.lines(), OF_BRANCH);
    assert_eq!(world.run_answering(&format!("{draft} --edit"), "").out, said("is edited"));
    assert_eq!(world.lines()[4..], [OF_BRANCH[1], OF_BRANCH[2]]);
    let refused = world.run(&format!("{draft} --edit"));
    assert!(
        refused.err.contains("cordboard draft desk --branch BRANCH-0A1B2C3D put FILE"),
        "{}",
        refused.err
    );
}

/// An editor that is this script, with the file as `$1`.
fn editor(world: World, script: &str) -> World {
    let path = world.data.path().join("editor");
    fs::write(&path, format!("{script}\n")).unwrap();
    // Read by a shell and not run: what was just written cannot be run while another thread, on its way to a process of
    // its own, has it open yet.
    let command = format!("sh {}", path.display());
    world.with_variable("EDITOR", &command)
}

/// The file that an outcome names as kept.
fn kept(err: &str) -> String {
    let file = err.split("what you typed is kept in ").nth(1).unwrap_or_else(|| panic!("{err}"));
    file.split(';').next().unwrap().to_owned()
}

#[test]
fn an_edited_draft_is_sent_for_the_state_that_was_seen() {
    let config = json!({"name": "Desk"});
    let world = World::new()
        .answers_with(PATCH_DRAFT, 200, "etag: \"e1\"\r\n", &config)
        .answers_with(PUT_DRAFT, 200, REVISION, &config);
    let world =
        editor(world, "test \"$(stat -c %a \"$1\")\" = 600 && echo 'description = \"new\"' >> \"$1\"");
    let outcome = world.run_answering("cordboard draft desk --edit", "");
    assert_eq!(outcome.out, "the draft of desk is edited, from revision 12\n", "{}", outcome.err);
    let put = world.asked().pop().unwrap();
    assert_eq!((put.line.as_str(), put.header("if-match")), (PUT_DRAFT, Some("\"e1\"")));
    assert_eq!(put.body, json!({"name": "Desk", "description": "new"}));
    let world = editor(world, "true");
    assert_eq!(world.run_answering("cordboard draft desk -e", "").out, "the draft of desk stays as it is\n");
    assert_eq!(world.lines().pop().unwrap(), PATCH_DRAFT);
}

#[test]
fn an_edit_that_would_be_refused_opens_no_editor() {
    let refusal =
        json!({"error": "the agent desk belongs to the agent files", "error_code": "MANAGED_BY_FILES"});
    let world = World::new().answers(PATCH_DRAFT, 409, &refusal);
    let opened = world.data.path().join("opened");
    let world = editor(world, &format!("touch {}", opened.display()));
    let outcome = world.run_answering("cordboard draft desk --edit", "");
    assert!(outcome.code == 1 && outcome.err.contains("agent files"), "{}", outcome.err);
    let outcome = world.run("cordboard draft desk --edit");
    assert!(outcome.code == 2 && outcome.err.contains("draft desk put FILE"), "{}", outcome.err);
    assert_eq!(world.lines(), [PATCH_DRAFT], "nothing is asked where nobody can edit");
    assert_eq!(world.asked()[0].body, json!({}));
    assert!(!opened.exists());
}

#[test]
fn faults_of_an_edit_are_shown_beside_it_and_can_be_mended() {
    let refusal = json!({"error": "it has faults", "error_code": "VALIDATION_FAILED",
        "errors": [{"field": "llm.temperature", "message": "is too large: expected 0 to 2"}]});
    let world =
        World::new().answers(PATCH_DRAFT, 200, &json!({"name": "Desk"})).answers(PUT_DRAFT, 400, &refusal);
    // First no TOML, then a fault, and then as it was.
    let script = "\
case \"$(head -n 1 \"$1\")\" in
  name*) echo 'llm = [' >> \"$1\" ;;
  '#! the file'*) sed -i 's/^llm = \\[$/llm.temperature = 9/' \"$1\" ;;
  '#! llm.temperature'*) grep -v -e '^llm' \"$1\" > \"$1.new\"; mv \"$1.new\" \"$1\" ;;
esac";
    let world = editor(world, script);
    let outcome = world.run_answering("cordboard draft desk --edit", "y\ny\n");
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (0, "the draft of desk stays as it is\n"),
        "{}",
        outcome.err
    );
    assert!(outcome.err.contains("fault: the file is no TOML"), "{}", outcome.err);
    assert!(
        outcome.err.contains("fault: llm.temperature: is too large: expected 0 to 2\n"),
        "{}",
        outcome.err
    );
    assert_eq!(world.lines(), [PATCH_DRAFT, PUT_DRAFT]);
}

#[test]
fn nothing_that_was_typed_is_lost() {
    let stale = json!({"error": "somebody else", "error_code": "PRECONDITION_FAILED"});
    let faulty = json!({"error": "it has faults", "error_code": "VALIDATION_FAILED", "errors": []});
    for (status, body, code) in [(412, stale, 1), (400, faulty, 1), (503, json!({"error": "busy"}), 1)] {
        let world = World::new()
            .answers(PATCH_DRAFT, 200, &json!({"name": "Desk"}))
            .answers(PUT_DRAFT, status, &body);
        let world = editor(world, "echo 'description = \"typed\"' >> \"$1\"");
        let outcome = world.run_answering("cordboard draft desk --edit", "");
        assert_eq!(outcome.code, code, "{status}: {}", outcome.err);
        let file = kept(&outcome.err);
        assert!(fs::read_to_string(&file).unwrap().contains("typed"), "{status}");
        fs::remove_file(file).unwrap();
    }
}
