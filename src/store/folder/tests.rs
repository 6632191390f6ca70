use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_router_is_refused_by_folder_and_process_until_the_first_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("deep/data");
    let first = DataFolder::open(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    let refused = DataFolder::open(&path).unwrap_err().to_string();
    assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    assert!(refused.contains(&std::process::id().to_string()), "{refused}");
    drop(first);
    DataFolder::open(&path).unwrap();
}

#[test]
fn a_lock_file_that_a_killed_router_left_holds_nobody_up() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("lock"), "4194304000\nlonger than any process id\n").unwrap();
    let _folder = DataFolder::open(place.path()).unwrap();
    assert_eq!(fs::read_to_string(place.path().join("lock")).unwrap(), format!("{}\n", std::process::id()));
}

#[test]
fn addresses_that_a_killed_router_left_are_gone_once_another_has_the_folder() {
    let place = tempfile::tempdir().unwrap();
    let first = DataFolder::open(place.path()).unwrap();
    first.write_atomic("addresses.json", b"{}", 0o644).unwrap();
    DataFolder::open(place.path()).unwrap_err();
    assert!(first.addresses().exists(), "who is refused leaves them alone");
    drop(first);
    let second = DataFolder::open(place.path()).unwrap();
    assert!(!second.addresses().exists());
}

#[test]
fn a_secret_is_made_once_and_then_stays() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    assert_eq!(folder.secret("token.key", [0xab; 32]).unwrap(), [0xab; 32]);
    assert_eq!(folder.secret("token.key", [1; 32]).unwrap(), [0xab; 32]);
    let file = place.path().join("token.key");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), "ab".repeat(32));
    fs::write(&file, "AB".repeat(32)).unwrap();
    assert_eq!(folder.secret("token.key", [1; 32]).unwrap(), [0xab; 32]);
}

#[test]
fn a_malformed_secret_is_named_and_never_replaced() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    let file = place.path().join("token.key");
    for text in [String::new(), "ab".repeat(31), "ab".repeat(33), "xy".repeat(32), "+a".repeat(32)] {
        fs::write(&file, &text).unwrap();
        let refused = folder.secret("token.key", [1; 32]).unwrap_err().to_string();
        assert!(refused.contains("token.key"), "{refused}");
        assert!(!refused.contains(&text) || text.is_empty(), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn a_secret_that_others_can_read_is_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    folder.secret("token.key", [1; 32]).unwrap();
    folder.write_atomic("addresses.json", b"{}", 0o644).unwrap();
    assert_eq!(folder.exposed().unwrap(), Vec::<String>::new());
    fs::set_permissions(place.path().join("token.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let told = folder.exposed().unwrap();
    assert!(matches!(told.as_slice(), [one] if one.contains("token.key")), "{told:?}");
    for unfinished in ["admin.key.next", "admin.key.next.new", "token.key.new"] {
        folder.write_atomic(unfinished, b"x", 0o644).unwrap();
        assert_eq!(folder.exposed().unwrap().len(), 2, "{unfinished}");
        fs::remove_file(place.path().join(unfinished)).unwrap();
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(folder.exposed().unwrap().len(), 2);
}

#[test]
fn a_file_is_replaced_whole_with_the_mode_that_was_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    fs::write(place.path().join("a.new"), "left by a power cut, and longer than what follows").unwrap();
    folder.write_atomic("a", b"one", 0o600).unwrap();
    assert_eq!(
        (fs::read(place.path().join("a")).unwrap().as_slice(), mode(&place.path().join("a"))),
        (&b"one"[..], 0o600)
    );
    folder.write_atomic("a", b"two", 0o640).unwrap();
    assert_eq!(fs::read(place.path().join("a")).unwrap(), b"two");
    assert_eq!(mode(&place.path().join("a")), 0o640);
    folder.write_atomic("last-good/routes/a.toml", b"x", 0o600).unwrap();
    assert_eq!(fs::read(folder.last_good().join("routes/a.toml")).unwrap(), b"x");
    assert!(!place.path().join("a.new").exists());
}

#[test]
fn a_file_that_cannot_be_replaced_stays_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(place.path()).unwrap();
    fs::create_dir_all(place.path().join("a/b")).unwrap();
    folder.write_atomic("a", b"one", 0o600).unwrap_err();
    assert!(place.path().join("a/b").is_dir());
    assert!(!place.path().join("a.new").exists());
}

#[test]
fn no_name_leads_out_of_the_folder_or_to_the_lock() {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(&place.path().join("data")).unwrap();
    for name in ["", "../a", "/etc/a", "a/../../b", ".", "lock"] {
        assert!(matches!(folder.write_atomic(name, b"", 0o600), Err(FolderError::Name { .. })), "{name}");
        assert!(folder.secret(name, [1; 32]).is_err(), "{name}");
    }
}

#[test]
fn a_look_inside_needs_no_lock_and_no_folder() {
    let place = tempfile::tempdir().unwrap();
    let peek = DataFolder::peek(&place.path().join("data"));
    assert_eq!((peek.addresses().unwrap(), peek.admin_key().unwrap()), (None, None));
    let folder = DataFolder::open(&place.path().join("data")).unwrap();
    folder.write_atomic("admin.key", b"cb_secret\n", 0o600).unwrap();
    folder.write_atomic("addresses.json", b"{}", 0o644).unwrap();
    assert_eq!(peek.admin_key().unwrap().as_deref(), Some("cb_secret"));
    assert_eq!(peek.addresses().unwrap().as_deref(), Some("{}"));
    assert_eq!(folder.admin_key(), place.path().join("data/admin.key"));
    assert_eq!(folder.addresses(), place.path().join("data/addresses.json"));
}
