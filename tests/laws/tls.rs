//! Calls and management within TLS: certificates made here, real handshakes, files that change.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustix::process::Signal;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use super::http::{Broken, Client, connect, secure};
use super::load::Load;
use super::world::{PATIENCE, PINNED_TO_V1, World};

const BOTH: &str = "[listen]\ntls_cert = \"tls/cert.pem\"\ntls_key = \"tls/key.pem\"\n";

/// Who issues certificates, and a folder with its own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate and its key, PEM.
pub struct Made {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let (key, folder) = (KeyPair::generate().unwrap(), TempDir::new().unwrap());
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate of `localhost` that is valid until the first day of a year.
    pub fn issue(&self, until: i32) -> Made {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2_015, 1, 1), date_time_ymd(until, 1, 1));
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Made { certificate, key: key.serialize_pem() }
    }

    /// A client that believes whom this authority has issued a certificate to, and remembers no session.
    pub fn client(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file()).unwrap()).unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_webpki_verifier(verifier.build().unwrap()).with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl Made {
    /// Writes both into a folder, in place.
    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("cert.pem"), &self.certificate).unwrap();
        fs::write(folder.join("key.pem"), &self.key).unwrap();
        fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap().to_vec()
    }
}

/// Gateways that make a new connection for each request.
struct Newcomers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Newcomers {
    /// Asks until they are stopped or nobody listens any more.
    fn at(address: SocketAddr, tls: &Arc<ClientConfig>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let ask = || {
            let (tls, stop) = (Arc::clone(tls), Arc::clone(&stop));
            thread::spawn(move || {
                let mut answered = 0;
                while !stop.load(Ordering::Acquire) {
                    let mut client = Client::new(address).with_tls(Some(&tls));
                    match client.try_ask("GET", "/v1/route?to=%2B14155550101", None) {
                        Ok(reply) => drop(reply.must(200)),
                        Err(Broken::Refused) => return answered,
                        Err(why) => panic!("{why:?} after {answered}"),
                    }
                    answered += 1;
                }
                answered
            })
        };
        Self { threads: (0..4).map(|_| ask()).collect(), stop }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Release);
        self.over()
    }

    /// How many were answered once nobody listens any more: all that asked.
    fn over(self) -> u64 {
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

/// The example, both listeners within TLS.
fn world(authority: &Authority, made: &Made) -> World {
    let world = World::example().with("cordboard.toml", BOTH).within_tls(&authority.client());
    made.write(&world.config().join("tls"));
    world
}

/// The certificate that a new connection is shown.
fn shown(address: SocketAddr, tls: &Arc<ClientConfig>) -> Vec<u8> {
    let stream = secure(connect(address).unwrap(), tls).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn is_shown(world: &World, tls: &Arc<ClientConfig>, made: &Made) -> bool {
    [world.calls_address(), world.admin_address()].iter().all(|at| shown(*at, tls) == made.der())
}

#[test]
fn calls_management_and_commands_go_by_https() {
    let authority = Authority::new();
    let made = authority.issue(2_099);
    let world = world(&authority, &made).running();
    assert_eq!(world.call(PINNED_TO_V1, "one")["version"], 1);
    let status = world.status();
    assert_eq!(status["certificates"]["calls"]["notAfter"], "2099-01-01T00:00:00.000Z");
    assert_eq!(status["certificates"]["calls"]["state"], "valid");
    assert_eq!(status["certificates"]["admin"]["error"], serde_json::Value::Null);
    let expiry = "cordboard_tls_certificate_expiry_timestamp_seconds";
    assert_eq!(world.metric(expiry, &["listener=\"calls\""]), 4_070_908_800.0);
    world.until("the welcome is whole", |world| world.said().contains("cordboard status"));
    assert!(world.said().contains(&format!("https://{}", world.calls_address())), "{}", world.said());
    // On this machine nothing needs to be said: the router is known by the certificate it left.
    for command in [&["status"][..], &["explain", PINNED_TO_V1], &["history"]] {
        let ended = world.client(command);
        assert_eq!(ended.code(), 0, "{command:?}: {}", ended.err);
    }
    assert!(world.client(&["status"]).out.contains("calls until 2099-01-01"));
}

#[test]
fn from_elsewhere_a_client_believes_a_given_authority_or_the_very_certificate_and_nobody_else() {
    let authority = Authority::new();
    let made = authority.issue(2_099);
    let world = world(&authority, &made).running();
    let (key, port) = (world.key(), world.admin_address().port());
    let ask = |name: &str, ca: Option<&Path>| {
        let url = format!("https://{name}:{port}");
        let mut command = world.cordboard(&["status", "--url", &url, "--key", &key]);
        if let Some(ca) = ca {
            command.env("CORDBOARD_CA", ca);
        }
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (authoritys, own) = (authority.file(), world.config().join("tls/cert.pem"));
    let others = Authority::new();
    assert_eq!(ask("localhost", Some(&authoritys)).0, 0);
    assert_eq!(ask("127.0.0.1", Some(&own)).0, 0);
    for (name, ca) in
        [("127.0.0.1", Some(authoritys.as_path())), ("localhost", Some(&others.file())), ("localhost", None)]
    {
        let (code, told) = ask(name, ca);
        assert!(code == 3 && told.contains("not trusted"), "{name} {ca:?}: {code} {told}");
    }
}

#[test]
fn who_speaks_plain_http_is_told_so_closed_and_counted() {
    let authority = Authority::new();
    let world = world(&authority, &authority.issue(2_099)).running();
    for (address, listener) in [(world.calls_address(), "calls"), (world.admin_address(), "admin")] {
        let reply = Client::new(address).get("/v1/route?to=%2B14155550101").must(400);
        assert_eq!(
            (reply.header("connection"), &reply.json()["error_code"]),
            (Some("close"), &"TLS_REQUIRED".into())
        );
        let labels = [format!("listener=\"{listener}\""), "reason=\"plain\"".to_owned()];
        let labels = labels.each_ref().map(String::as_str);
        assert_eq!(world.metric("cordboard_tls_handshake_failures_total", &labels), 1.0);
    }
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
    // A client that believes somebody else goes away by itself, and is counted too.
    let stranger = Client::new(world.calls_address())
        .with_tls(Some(&Authority::new().client()))
        .try_ask("GET", "/", None);
    assert!(matches!(stranger, Err(Broken::Unanswered(_))));
    world.until("it is counted", |world| {
        world.metric("cordboard_tls_handshake_failures_total", &["listener=\"calls\"", "reason=\"failed\""])
            == 1.0
    });
}

#[test]
fn certificates_are_renewed_under_load_without_a_failed_call() {
    let authority = Authority::new();
    let (first, tls) = (authority.issue(2_090), authority.client());
    let world = world(&authority, &first).running();
    // Some keep their connection over all of it, others make new ones all the time.
    let load = Load::on(&world, PINNED_TO_V1);
    let newcomers = Newcomers::at(world.calls_address(), &tls);
    let folder = world.config().join("tls");
    let mut kept = world.gateway();
    kept.get("/v1/route?to=%2B14155550101").must(200);
    load.more(100);
    let written = authority.issue(2_091);
    written.write(&folder);
    world.until("what was written in place is shown", |world| is_shown(world, &tls, &written));
    let renamed = authority.issue(2_092);
    renamed.write(&folder.join("next"));
    for file in ["key.pem", "cert.pem"] {
        fs::rename(folder.join("next").join(file), folder.join(file)).unwrap();
    }
    world.until("what was renamed is shown", |world| is_shown(world, &tls, &renamed));
    let linked = authority.issue(2_093);
    linked.write(&folder.join("..day"));
    for file in ["cert.pem", "key.pem"] {
        symlink(Path::new("..day").join(file), folder.join("link")).unwrap();
        fs::rename(folder.join("link"), folder.join(file)).unwrap();
    }
    world.until("what was linked is shown", |world| is_shown(world, &tls, &linked));
    load.more(100);
    for listener in ["calls", "admin"] {
        let labels = [&*format!("listener=\"{listener}\"")];
        assert!(world.metric("cordboard_tls_reloads_total", &labels) >= 3.0);
    }
    kept.get("/v1/route?to=%2B14155550101").must(200);
    // Commands find the new certificate where the router left it.
    world.until("commands know it", |world| world.client(&["status"]).code() == 0);
    assert!(newcomers.stop() > 0);
    assert!(load.stop().calls.len() >= 200);
}

#[test]
fn a_faulty_renewal_changes_nothing_is_told_and_can_be_mended() {
    let authority = Authority::new();
    let (first, tls) = (authority.issue(2_090), authority.client());
    let world = world(&authority, &first).running();
    let next = authority.issue(2_091);
    world.edit("tls/cert.pem", &next.certificate);
    world.until("the fault is shown", |world| {
        world.status()["certificates"]["admin"]["error"]
            .to_string()
            .contains("does not belong to the certificate")
    });
    assert!(is_shown(&world, &tls, &first));
    assert!(world.client(&["status"]).out.contains("its files are not taken"));
    assert!(world.log().contains("the new certificate is not taken"));
    assert_eq!(world.metric("cordboard_tls_reload_failures_total", &["listener=\"admin\""]), 1.0);
    world.edit("tls/key.pem", &next.key);
    world.until("it is mended", |world| is_shown(world, &tls, &next));
    assert_eq!(world.status()["certificates"]["admin"]["error"], serde_json::Value::Null);
}

#[test]
fn an_expired_certificate_is_warned_of_and_served() {
    let authority = Authority::new();
    let made = authority.issue(2_020);
    let world = world(&authority, &made);
    fs::set_permissions(world.config().join("tls/key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let world = world.running();
    assert!(world.log().contains("expired at 2020-01-01"), "{}", world.log());
    assert!(world.log().contains("others may use the key"), "{}", world.log());
    let status = world.client(&["status"]);
    assert!(status.out.contains("calls expired at 2020-01-01"), "{}", status.out);
    // Whoever minds is not served; whoever knows the very certificate is.
    let minds = world.gateway().try_ask("GET", "/v1/route?to=%2B14155550101", None);
    assert!(matches!(minds, Err(Broken::Unanswered(_))));
    assert_eq!(world.client(&["explain", PINNED_TO_V1]).code(), 0);
    let checked = world.run(&["check", "config"]);
    assert!(
        checked.code() == 0 && checked.out.contains("expired at 2020-01-01"),
        "{}{}",
        checked.out,
        checked.err
    );
}

#[test]
fn a_slow_handshake_is_cut_and_takes_a_place_until_then() {
    let authority = Authority::new();
    let world = world(&authority, &authority.issue(2_099))
        .with_variable("CORDBOARD_LIMITS_HEADER_SECONDS", "5")
        .with_variable("CORDBOARD_LIMITS_CONNECTIONS_MAX", "2")
        .running();
    let begin = || {
        let mut socket = connect(world.calls_address()).unwrap();
        socket.write_all(&[0x16, 0x03, 0x01]).unwrap();
        socket
    };
    let start = Instant::now();
    let mut slow = [begin(), begin()];
    let open = |world: &World| world.metric("cordboard_connections_open", &["listener=\"calls\""]);
    world.until("both have come", |world| open(world) == 2.0);
    // Both places are taken: the third is told so, within TLS.
    world.gateway().get("/v1/route?to=%2B14155550101").must(503);
    for socket in &mut slow {
        // It may be reset, but it does end.
        assert!(!matches!(socket.read(&mut [0; 16]), Ok(1..)));
    }
    let lasted = start.elapsed();
    assert!((Duration::from_secs(5)..PATIENCE).contains(&lasted), "{lasted:?}");
    world.until("there are places again", |world| world.route(PINNED_TO_V1).status == 200);
    let labels = ["listener=\"calls\"", "reason=\"slow\""];
    assert_eq!(world.metric("cordboard_tls_handshake_failures_total", &labels), 2.0);
    assert!(world.metric("cordboard_connections_turned_away_total", &labels[..1]) >= 1.0);
}

#[test]
fn an_end_in_the_middle_of_traffic_within_tls_answers_every_request_that_was_sent() {
    let authority = Authority::new();
    let mut world = world(&authority, &authority.issue(2_099)).running();
    let load = Load::on(&world, PINNED_TO_V1);
    load.more(300);
    let mut idle = secure(connect(world.calls_address()).unwrap(), &authority.client()).unwrap();
    let silent = connect(world.calls_address()).unwrap();
    world.signal(Signal::TERM);
    assert!(load.over().calls.len() >= 300);
    // The end is said within TLS, so that it cannot be taken for a cut.
    assert_eq!(idle.read(&mut [0; 16]).unwrap(), 0);
    drop(silent);
    let ended = world.wait();
    assert_eq!(ended.code(), 0, "{}", ended.err);
    assert!(!ended.err.contains("cut"), "{}", ended.err);
}

#[test]
fn new_connections_are_answered_or_refused_while_it_ends() {
    let authority = Authority::new();
    let mut world = world(&authority, &authority.issue(2_099)).running();
    let newcomers = Newcomers::at(world.calls_address(), &authority.client());
    world.until("it is in full swing", |world| world.metric("cordboard_decision_seconds_count", &[]) > 100.0);
    assert_eq!(world.terminate().code(), 0);
    assert!(newcomers.over() > 0);
}

#[test]
fn every_fault_of_certificates_and_settings_is_told_at_once_where_it_is_said() {
    let authority = Authority::new();
    let world = World::example();
    let (one, other) = (authority.issue(2_099), authority.issue(2_099));
    one.write(&world.config().join("tls"));
    world.edit("tls/key.pem", &other.key);
    let text = format!(
        "{BOTH}admin_tls_cert = \"none.pem\"\nadmin_tls_key = \"tls/cert.pem\"\n[log]\nlevel = \"loud\"\n"
    );
    let ended = world.with("cordboard.toml", &text).refused();
    assert_eq!(ended.code(), 1);
    for words in [
        "cordboard.toml:3:11: listen.tls_key (config/tls/key.pem) does not belong to the certificate",
        "cordboard.toml:4:18: listen.admin_tls_cert (config/none.pem) cannot be read",
        "cordboard.toml:7:9: log.level is \"loud\"",
    ] {
        assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
    }
}

#[test]
fn off_loopback_a_plane_must_have_tls_or_be_said_to_be_insecure() {
    let authority = Authority::new();
    let world = World::example();
    authority.issue(2_099).write(&world.config().join("tls"));
    let calls_alone = BOTH.replace("tls_", "calls_tls_");
    let world = world.with("cordboard.toml", &calls_alone);
    let ended = world.refused_with(&["--calls", "0.0.0.0:0", "--admin", "0.0.0.0:0"]);
    assert!(ended.err.contains("flag --admin") && !ended.err.contains("flag --calls"), "{}", ended.err);
}
