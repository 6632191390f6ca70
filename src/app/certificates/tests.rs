//! Certificates in real files, by a clock that is moved by hand.

use std::fs;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;
use crate::settings::{Flags, Sources, Variables};
use crate::telemetry::Registry;

/// 2026-01-01, in milliseconds.
const NOW: i64 = 1_767_225_600_000;

struct World {
    folder: tempfile::TempDir,
    clock: Clock,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Clock::manual(NOW),
            registry: Registry::new(),
        };
        let text = "[listen]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";
        fs::write(world.folder.path().join("cordboard.toml"), text).unwrap();
        world
    }

    /// Writes a new pair that is valid in these years.
    fn write(&self, from: i32, until: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        fs::write(self.folder.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(self.folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    }

    fn settings(&self) -> Settings {
        let config = Some(self.folder.path().display().to_string());
        let flags = Flags { config, ..Flags::default() };
        Settings::load(&Sources { flags, variables: Variables::default() }).unwrap()
    }

    fn open(&self) -> Result<Certificates, Vec<Fault>> {
        Certificates::open(&self.settings().listen, ["calls", "admin", "sip_tls"])
    }

    fn following(&self) -> Following {
        let still = Duration::from_millis(10);
        following(self.open().unwrap(), &self.registry, &self.clock, still).unwrap()
    }
}

fn fingerprint(following: &Following) -> String {
    following.certificates.of("calls").unwrap().pair().fingerprint().to_string()
}

#[test]
fn a_new_pair_is_taken_and_shown_for_both_listeners() {
    let world = World::new();
    world.write(2_020, 2_030);
    let mut following = world.following();
    let first = fingerprint(&following);
    assert!(!following.look(), "nothing has changed");
    world.write(2_021, 2_031);
    assert!(following.look());
    assert_ne!(fingerprint(&following), first);
    let page = world.registry.page();
    for listener in ["calls", "admin"] {
        for line in [
            format!(
                "cordboard_tls_certificate_expiry_timestamp_seconds{{listener=\"{listener}\"}} 1924992000"
            ),
            format!("cordboard_tls_reloads_total{{listener=\"{listener}\"}} 1"),
            format!("cordboard_tls_reload_failures_total{{listener=\"{listener}\"}} 0"),
        ] {
            assert!(page.contains(&line), "{line} is missing: {page}");
        }
    }
}

#[test]
fn a_faulty_pair_changes_nothing_and_is_told_once_until_it_is_mended() {
    let world = World::new();
    world.write(2_020, 2_030);
    let mut following = world.following();
    let (first, identity) = (fingerprint(&following), following.certificates.of("admin").unwrap());
    fs::write(world.folder.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    for _ in 0..3 {
        assert!(!following.look());
    }
    let fault = identity.fault().unwrap();
    assert!(fault.contains("cordboard.toml:3:") && fault.contains("does not belong"), "{fault}");
    assert_eq!(fingerprint(&following), first);
    assert!(world.registry.page().contains("cordboard_tls_reload_failures_total{listener=\"calls\"} 1"));
    world.write(2_020, 2_030);
    assert!(following.look());
    assert_eq!(identity.fault(), None);
}

#[test]
fn what_is_not_valid_now_never_replaces_what_is_but_is_taken_when_its_time_comes() {
    let world = World::new();
    world.write(2_020, 2_030);
    let mut following = world.following();
    world.write(2_010, 2_020);
    assert!(!following.look());
    assert!(following.certificates.of("calls").unwrap().fault().unwrap().contains("expired at 2020-01-01"));
    world.write(2_027, 2_037);
    assert!(!following.look());
    world.clock.jump_ms(366 * 24 * 3_600 * 1_000);
    assert!(following.look());
    assert_eq!(following.certificates.of("calls").unwrap().fault(), None);
}

#[test]
fn an_expired_pair_is_opened_and_warned_of() {
    let world = World::new();
    world.write(2_010, 2_020);
    let certificates = world.open().unwrap();
    fs::set_permissions(world.folder.path().join("key.pem"), fs::Permissions::from_mode(0o640)).unwrap();
    let warnings = certificates.warnings(NOW / 1_000);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("calls, admin") && warnings[0].contains("expired at 2020-01-01"));
    fs::set_permissions(world.folder.path().join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(certificates.warnings(NOW / 1_000)[1].contains("others may use the key"));
}

#[test]
fn faults_of_both_files_stand_where_the_settings_name_them() {
    let world = World::new();
    let faults = world.open().unwrap_err();
    assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3]);
    assert!(faults.iter().all(|fault| fault.message.contains("cannot be read")), "{faults:?}");
}
