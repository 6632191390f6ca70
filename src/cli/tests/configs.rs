//! Real-time configs and branches: what is asked, what is sent, what is said.

use serde_json::{Value, json};

use super::world::World;

const REVISION: &str = "x-cordboard-revision: 12\r\n";
const PATCH_SANDBOX: &str = "PATCH /v1/agents/desk/real-time-configs/sandbox/variables";
const PATCH_LIVE: &str = "PATCH /v1/agents/desk/real-time-configs/live/variables";
const PUT_LIVE: &str = "PUT /v1/agents/desk/real-time-configs/live/schema";

fn page(environment: &str) -> Value {
    json!({"clientEnv": environment, "variables": {"tier": "gold"}, "schema": null,
        "lastUpdated": "2026-01-01T00:00:00.000Z"})
}

#[test]
fn values_are_sent_as_json_or_else_as_texts() {
    let world = World::new().answers_with(PATCH_SANDBOX, 200, REVISION, &page("sandbox"));
    let outcome = world.run(
        r#"cordboard configs set desk sandbox tier=gold retries=3 'hours={"from":9}' 'code="24"' x=null"#,
    );
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (0, "the values of desk at sandbox are set, from revision 12\n"),
        "{}",
        outcome.err
    );
    assert_eq!(
        world.asked()[0].body,
        json!({"variables": {"tier": "gold", "retries": 3, "hours": {"from": 9}, "code": "24", "x": null}})
    );
    let told = world.run("cordboard configs set desk sandbox tier=gold --json").out;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["revision"], &told["variables"]), (&json!(12), &json!({"tier": "gold"})));
    let outcome = world.run("cordboard configs set desk sandbox tier=gold tier=tin");
    assert_eq!((outcome.code, outcome.err.as_str()), (2, "error: tier is given twice\n"));
    assert_eq!(world.lines(), [PATCH_SANDBOX, PATCH_SANDBOX]);
}

#[test]
fn values_at_live_are_put_to_the_operator_first() {
    let world = World::new().answers(PATCH_LIVE, 200, &page("live"));
    let line = "cordboard configs set desk live tier=gold";
    let outcome = world.run(line);
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("setting values of desk reaches live: say --yes"), "{}", outcome.err);
    assert_eq!(world.run_answering(line, "n\n").code, 1);
    assert!(world.lines().is_empty());
    assert_eq!(world.run_answering(line, "y\n").code, 0);
    assert_eq!(world.run(&format!("{line} --yes")).code, 0);
    assert_eq!(world.lines(), [PATCH_LIVE, PATCH_LIVE]);
}

#[test]
fn a_schema_goes_alone_or_with_values_which_are_asked_about_at_live() {
    let world = World::new().answers_with(PUT_LIVE, 200, REVISION, &page("live"));
    let (schema, values) = (world.data.path().join("schema.json"), world.data.path().join("values.toml"));
    std::fs::write(&schema, r#"{"type":"object"}"#).unwrap();
    std::fs::write(&values, "tier = \"gold\"\n").unwrap();
    let alone = format!("cordboard configs schema desk live {}", schema.display());
    let outcome = world.run(&alone);
    assert_eq!(
        outcome.out, "the schema of desk at live is what was sent, from revision 12\n",
        "{}",
        outcome.err
    );
    let with_values = format!("{alone} --variables {}", values.display());
    assert_eq!(world.run(&with_values).code, 2);
    assert_eq!(world.run(&format!("{with_values} --yes")).code, 0);
    assert_eq!(world.run_answering("cordboard configs schema desk live -", "true").code, 0);
    let bodies: Vec<_> = world.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        bodies,
        [
            json!({"schema": {"type": "object"}}),
            json!({"schema": {"type": "object"}, "variables": {"tier": "gold"}}),
            json!({"schema": true}),
        ]
    );
    assert_eq!(world.run("cordboard configs schema desk live - --variables -").code, 2);
    let outcome = world.run(&format!("cordboard configs schema desk live {}", values.display()));
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("values.toml is no JSON: "), "{}", outcome.err);
}

#[test]
fn configs_are_shown_for_all_environments_or_for_one() {
    let world = World::new()
        .answers("GET /v1/agents/desk/real-time-configs", 200, &json!({"configPages": [page("live")]}))
        .answers("GET /v1/agents/desk/real-time-configs/live", 200, &page("live"));
    for line in ["cordboard configs desk", "cordboard configs list desk"] {
        assert!(
            world.run(line).out.contains("\nlive         tier    no      2026-01-01T00:00:00Z\n"),
            "{line}"
        );
    }
    assert!(world.run("cordboard configs show desk live").out.contains("\nValues\ntier = \"gold\"\n"));
    let told: Value =
        serde_json::from_str(&world.run("cordboard configs show desk live --json").out).unwrap();
    assert_eq!(told, page("live"));
}

#[test]
fn branches_are_listed_made_and_deleted() {
    let branch = json!({"branchId": "BRANCH-0A1B2C3D", "name": "Short", "createdBy": "ann",
        "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-02T00:00:00.000Z"});
    let world = World::new()
        .answers("GET /v1/agents/desk/branches", 200, &json!({"branches": [branch]}))
        .answers_with("POST /v1/agents/desk/branches", 201, REVISION, &json!({"branchId": "BRANCH-0A1B2C3D"}))
        .answers_with(
            "DELETE /v1/agents/desk/branches/BRANCH-0A1B2C3D",
            200,
            REVISION,
            &json!({"sequence": "12"}),
        );
    assert_eq!(
        world.run("cordboard branches desk").out,
        "\
BRANCH           NAME   AUTHOR  CREATED               CHANGED
BRANCH-0A1B2C3D  Short  ann     2026-01-01T00:00:00Z  2026-01-02T00:00:00Z
"
    );
    let outcome = world.run("cordboard branches create desk 'Short one'");
    assert_eq!(outcome.out, "branch BRANCH-0A1B2C3D was made of the draft of desk, from revision 12\n");
    assert_eq!(world.asked()[1].body, json!({"branchName": "Short one"}));
    let outcome = world.run("cordboard branches delete desk BRANCH-0A1B2C3D");
    assert_eq!(outcome.out, "branch BRANCH-0A1B2C3D of desk is deleted, from revision 12\n");
}
