//! `/v1/backup`: for who has all of the instance already, one at a time.

use serde_json::{Value, json};

use super::world::{World, error};

const PATH: &str = "/v1/backup";

#[test]
fn a_backup_is_for_keys_of_the_first_account_that_lack_nothing() {
    let world = World::new();
    let backup = world.get(PATH);
    assert_eq!((backup.status, backup.header("content-type")), (200, Some("application/vnd.sqlite3")));
    let revision = world.control.state().revision.to_string();
    assert_eq!(backup.header("x-cordboard-revision"), Some(revision.as_str()));
    assert!(backup.text.starts_with("SQLite format 3") && backup.text.contains("cordboard backup, sealed"));
    let make = |body: Value| {
        let made = world.admin("POST", "/v1/keys", body).json();
        made["key"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    };
    let mut all = vec!["read", "edit", "deploy", "route", "override", "snapshot", "analytics", "admin"];
    let whole = make(json!({"name": "whole", "permissions": all}));
    let ending = make(json!({"name": "ending", "permissions": all, "expiresAt": "2090-01-01T00:00:00Z"}));
    all.remove(1);
    let less = make(json!({"name": "less", "permissions": all}));
    assert_eq!(world.as_key(&whole, "GET", PATH, Value::Null).status, 200);
    for key in [&ending, &less, "limited", "other", "reader"] {
        let refused = world.as_key(key, "GET", PATH, Value::Null);
        assert_eq!(refused.error(), error(403, "USER_ACCESS_FORBIDDEN", ""), "{key}");
    }
}

#[test]
fn of_two_backups_at_once_one_is_made() {
    let world = World::new();
    let first = world.control.back_up().unwrap().expect("nobody else makes one");
    assert_eq!(world.get(PATH).error(), error(409, "BACKUP_RUNNING", ""));
    drop(first);
    assert_eq!(world.get(PATH).status, 200);
}
