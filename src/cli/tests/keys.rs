//! Keys and accounts.

use serde_json::{Value, json};

use super::world::World;

const DELETE: &str = "DELETE /v1/keys/key-1";

#[test]
fn a_new_key_is_printed_with_a_word_of_warning() {
    let made = json!({"id": "key-1", "name": "ci", "key": "cb_00"});
    let world = World::new().answers("POST /v1/keys", 201, &made);
    let outcome = world.run(
        "cordboard keys create ci --permission read,edit --agent sales --expires-at 2027-01-01T00:00:00Z",
    );
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (0, "Id    key-1\nName  ci\nKey   cb_00\n"),
        "{}",
        outcome.err
    );
    assert!(outcome.err.contains("never again"), "{}", outcome.err);
    let sent = json!({
        "name": "ci", "permissions": ["read", "edit"], "agents": ["sales"], "expiresAt": "2027-01-01T00:00:00.000Z",
    });
    assert_eq!(world.asked()[0].body, sent);
    let outcome = world.run("cordboard keys create ci --permission read --json");
    assert_eq!(serde_json::from_str::<Value>(&outcome.out).unwrap(), made);
    assert_eq!(outcome.err, "");
}

#[test]
fn a_key_ends_with_assent_only() {
    let world = World::new()
        .answers("GET /v1/keys/key-1", 200, &json!({"id": "key-1", "name": "ci"}))
        .answers_with(DELETE, 204, "x-cordboard-revision: 7\r\n", &Value::Null);
    assert_eq!(world.run("cordboard keys delete key-1").code, 2);
    let declined = world.run_answering("cordboard keys delete key-1", "n\n");
    assert_eq!((declined.code, declined.err.contains("ending key-1 (ci)")), (1, true), "{}", declined.err);
    assert!(!world.lines().contains(&DELETE.to_owned()));
    assert_eq!(world.run_answering("cordboard keys delete key-1", "y\n").code, 0);
    let outcome = world.run("cordboard keys delete key-1 --yes");
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "key-1 has ended, from revision 7\n"));
}

#[test]
fn nobody_is_asked_about_a_key_that_is_not_there() {
    let world = World::new();
    for outcome in
        [world.run("cordboard keys delete nix"), world.run_answering("cordboard keys delete nix", "y\n")]
    {
        assert_eq!(outcome.code, 1, "{}", outcome.err);
        assert!(
            outcome.err.contains("there is nothing here") && !outcome.err.contains("Go on?"),
            "{}",
            outcome.err
        );
    }
    assert_eq!(world.lines(), ["GET /v1/keys/nix", "GET /v1/keys/nix"]);
}

#[test]
fn an_account_is_made_with_its_key_and_changed_as_far_as_is_said() {
    let world = World::new()
        .answers(
            "POST /v1/accounts",
            201,
            &json!({"accountId": "ws-0000ABCD", "name": "Two", "key": "cb_00"}),
        )
        .answers("PATCH /v1/accounts/ws-0000ABCD", 200, &json!({}));
    let outcome = world.run("cordboard accounts create Two");
    assert_eq!((outcome.code, outcome.out.contains("cb_00")), (0, true), "{}", outcome.err);
    let line =
        "cordboard accounts set ws-0000ABCD --setting tests_gate=true --setting merge_conflict_status=409";
    assert_eq!(world.run(line).code, 0);
    let sent: Vec<_> = world.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        sent,
        [json!({"name": "Two"}), json!({"settings": {"tests_gate": true, "merge_conflict_status": 409}})]
    );
}
