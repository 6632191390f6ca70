//! Settings as meant: typed, complete, and checked against each other.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::fault::{Fault, Place};
use super::gateways::Gateways;
use super::tls::{Pair, Tls};
use super::trunks::Trunks;
use super::written::{self, Said, Written};

/// Everything an operator can set, with the defaults where nothing was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Folder of `cordboard.toml`.
    pub config: PathBuf,
    /// Why the folder that was named for it is none, if so: everything is as if its file were empty.
    pub config_fault: Option<Fault>,
    /// Folder for what Cordboard keeps.
    pub data: PathBuf,
    /// Folder of route files.
    pub routes: PathBuf,
    /// Folder of agent files, one subfolder for each agent.
    pub agents: PathBuf,
    /// The listeners.
    pub listen: Listen,
    /// What is bounded.
    pub limits: Limits,
    /// How calls are served.
    pub calls: Calls,
    /// The tokens that are given with decisions.
    pub token: Token,
    /// How watched files are read.
    pub files: Files,
    /// Whom the router asks.
    pub outgoing: Outgoing,
    /// How targets are probed; none: they are not.
    pub probes: Option<Probes>,
    /// What is logged, and how.
    pub log: Log,
    /// Who may ask the call plane by address.
    pub gateways: Gateways,
    /// By which ways calls come in the form of a telephone system.
    pub trunks: Trunks,
}

/// The listeners; those of HTTP off loopback only with TLS, or where `insecure` was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The call plane; port 0 takes a free one.
    pub calls: SocketAddr,
    /// Management; port 0 takes a free one.
    pub admin: SocketAddr,
    /// Whether listening off loopback without TLS is wanted.
    pub insecure: bool,
    /// The certificate of the call plane; none: plain HTTP.
    pub calls_tls: Option<Tls>,
    /// The certificate of management, which may be the same; none: plain HTTP.
    pub admin_tls: Option<Tls>,
    /// SIP over UDP and TCP; none: not spoken.
    pub sip: Option<SocketAddr>,
    /// SIP over TLS; none: not spoken.
    pub sip_tls: Option<SocketAddr>,
    /// The certificate of SIP over TLS, which may be one of the others.
    pub sip_certificate: Option<Tls>,
}

/// What is bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest head of a request.
    pub header_bytes_max: usize,
    /// Time for the head of a request to arrive.
    pub header_time: Duration,
    /// Largest body of a call request.
    pub body_bytes_max: usize,
    /// Largest body of a batch of calls or ends.
    pub batch_bytes_max: usize,
    /// Time for a body to arrive.
    pub body_time: Duration,
    /// Largest body of a management request.
    pub admin_body_bytes_max: usize,
    /// Largest body of an import of numbers.
    pub import_bytes_max: usize,
    /// Most rows of an import of numbers.
    pub import_rows_max: usize,
    /// Largest document of an account that is imported.
    pub account_import_bytes_max: usize,
    /// Connections of the call plane.
    pub connections_max: usize,
    /// Lateness of a call worker above which it sheds.
    pub lag_max: Duration,
    /// Calls remembered at once.
    pub calls_in_progress_max: usize,
    /// Age at which a call that nobody ended is over.
    pub call_age_max: Duration,
    /// Time for which an ended call can still be asked for.
    pub ended_call_time: Duration,
    /// Pairs of agent and version that have metrics of their own.
    pub series_max: usize,
    /// Answers by SIP that are remembered at once, by all workers.
    pub sip_answers_max: usize,
    /// Time for requests to finish at shutdown.
    pub drain_time: Duration,
}

/// How calls are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// Threads that answer calls; none is one for each core.
    pub workers: Option<NonZeroUsize>,
    /// Names, in lower case and without port, by which gateways on an address list may call this host.
    pub allowed_hosts: Vec<String>,
    /// Where calls go whose agent names no endpoint, at most 16.
    pub default_endpoints: Vec<Endpoint>,
}

/// One target of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The target as written.
    pub uri: String,
    /// 0 to 100, lower is tried first.
    pub priority: u8,
    /// 0 to 100, the share among those of one priority.
    pub weight: u8,
    /// Where it was written, for whoever finds the URI wrong.
    pub place: Place,
}

/// Whom the router asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Names, in lower case, of hosts that may be asked wherever they are, and without TLS.
    pub allowed_names: Vec<String>,
    /// Networks of which the same holds.
    pub allowed_networks: Vec<IpNet>,
}

/// How targets are probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probes {
    /// Between two probes of one.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Failures in a row from which one is down.
    pub fall: u32,
    /// Answers in a row from which one that was down is up.
    pub rise: u32,
    /// What web targets are asked for, from the slash on; none: a connection is enough.
    pub http_path: Option<String>,
}

/// The tokens that are given with decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// File of the key that signs them.
    pub key_file: PathBuf,
    /// How long one is valid, at least as long as a call may last.
    pub time: Duration,
}

/// How watched files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// How long a file must not have changed before it is read.
    pub still: Duration,
    /// How often folders are looked at even if nothing was heard.
    pub poll: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A level, or levels by target: `info,hyper=warn`.
    pub filter: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, coloured on a terminal.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// What was written is meant to be this; every fault is added, and where there is one the default stands.
    pub(super) fn meant(written: &Written, config: &Path, faults: &mut Vec<Fault>) -> Self {
        let data = folder(&written.data, Path::new("data"), Path::new(""), faults);
        let routes = folder(&written.routes, Path::new("routes"), config, faults);
        let agents = folder(&written.agents, Path::new("agents"), config, faults);
        let pairs = [
            (&written.routes, &routes, &data),
            (&written.agents, &agents, &data),
            (&written.routes, &routes, &agents),
        ];
        for (said, one, other) in pairs {
            if one == other {
                let said = said.as_ref().or(written.agents.as_ref()).or(written.data.as_ref());
                faults.extend(
                    said.map(|said| said.fault(format!("is {} too", other.display()), "a folder of its own")),
                );
            }
        }
        let limits = Limits::meant(&written.limits, faults);
        let token = Token::meant(&written.token, &data, faults);
        if token.time < limits.call_age_max {
            let said = written.token.hours.as_ref().or(written.limits.call_hours_max.as_ref());
            faults.extend(said.map(|said| {
                said.fault(
                    "lets calls outlive the token that keeps their version",
                    "token.hours of at least limits.call_hours_max",
                )
            }));
        }
        let gateways = Gateways::meant(&written.gateways, faults);
        let trunks = Trunks::meant(&written.trunks, gateways.iter().count(), config, faults);
        Self {
            config_fault: None,
            config: config.to_owned(),
            data,
            routes,
            agents,
            listen: Listen::meant(&written.listen, config, faults),
            limits,
            calls: Calls::meant(&written.calls, faults),
            token,
            files: Files::meant(&written.files, faults),
            outgoing: Outgoing::meant(&written.outgoing, faults),
            probes: Probes::meant(&written.probes, faults),
            log: Log::meant(&written.log, faults),
            gateways,
            trunks,
        }
    }
}

impl Listen {
    fn meant(written: &written::Listen, config: &Path, faults: &mut Vec<Fault>) -> Self {
        let w = written;
        let insecure = said_or(&w.insecure, false);
        let both = Tls::meant(&w.tls_cert, &w.tls_key, config, faults);
        let mut own = |cert, key| match Tls::meant(cert, key, config, faults) {
            Pair::Unsaid => both.clone(),
            pair => pair,
        };
        let calls_pair = own(&w.calls_tls_cert, &w.calls_tls_key);
        let admin_pair = own(&w.admin_tls_cert, &w.admin_tls_key);
        let sip_pair = own(&w.sip_tls_cert, &w.sip_tls_key);
        // Half a pair is a fault already, and means that TLS is wanted.
        let clear = |pair: &Pair| matches!(pair, Pair::Unsaid) && !insecure;
        let calls = address(&w.calls, 8700, clear(&calls_pair), faults);
        let admin = address(&w.admin, 8701, clear(&admin_pair), faults);
        let sip = sip_address(&w.sip, 5060, faults);
        let sip_tls = sip_address(&w.sip_tls, 5061, faults);
        if let (Some(said), Pair::Unsaid) = (w.sip_tls.as_ref().filter(|_| sip_tls.is_some()), &sip_pair) {
            let expected =
                "listen.sip_tls_cert and listen.sip_tls_key, or listen.tls_cert and listen.tls_key";
            faults.push(said.fault("is said without a certificate", expected));
        }
        let listeners = [
            (Some(calls), &w.calls),
            (Some(admin), if w.admin.is_some() { &w.admin } else { &w.calls }),
            (sip, &w.sip),
            (sip_tls, &w.sip_tls),
        ];
        for (at, (address, said)) in listeners.iter().enumerate() {
            let earlier = listeners.iter().take(at).filter_map(|(earlier, _)| *earlier);
            if address.is_some_and(|address| earlier.clone().any(|earlier| overlap(address, earlier))) {
                let fault =
                    |said: &Said<String>| said.fault("takes the port of another listener", "a port for each");
                faults.extend(said.as_ref().map(fault));
            }
        }
        Self {
            calls,
            admin,
            insecure,
            calls_tls: calls_pair.whole(),
            admin_tls: admin_pair.whole(),
            sip,
            sip_tls,
            sip_certificate: sip_pair.whole(),
        }
    }
}

impl Limits {
    fn meant(written: &written::Limits, faults: &mut Vec<Fault>) -> Self {
        const KIB: i64 = 1_024;
        const MIB: i64 = 1_024 * KIB;
        let w = written;
        Self {
            header_bytes_max: whole(&w.header_bytes_max, 16 * 1_024, KIB..=MIB, faults),
            header_time: Duration::from_secs(whole(&w.header_seconds, 10, 1..=300, faults)),
            body_bytes_max: whole(&w.body_bytes_max, 64 * 1_024, KIB..=16 * MIB, faults),
            batch_bytes_max: whole(&w.batch_bytes_max, 1_024 * 1_024, KIB..=16 * MIB, faults),
            body_time: Duration::from_secs(whole(&w.body_seconds, 10, 1..=300, faults)),
            admin_body_bytes_max: whole(
                &w.admin_body_bytes_max,
                8 * 1_024 * 1_024,
                MIB..=4_096 * MIB,
                faults,
            ),
            import_bytes_max: whole(&w.import_bytes_max, 256 * 1_024 * 1_024, MIB..=16_384 * MIB, faults),
            import_rows_max: whole(&w.import_rows_max, 2_000_000, 1_000..=20_000_000, faults),
            account_import_bytes_max: whole(
                &w.account_import_bytes_max,
                64 * 1_024 * 1_024,
                MIB..=4_096 * MIB,
                faults,
            ),
            connections_max: whole(&w.connections_max, 10_000, 1..=1_000_000, faults),
            lag_max: Duration::from_millis(whole(&w.lag_milliseconds_max, 50, 1..=10_000, faults)),
            calls_in_progress_max: whole(&w.calls_in_progress_max, 1_000_000, 1..=100_000_000, faults),
            call_age_max: hours(whole(&w.call_hours_max, 6, 1..=24, faults)),
            ended_call_time: Duration::from_secs(
                60 * whole::<u64>(&w.ended_call_minutes, 10, 0..=1_440, faults),
            ),
            sip_answers_max: whole(&w.sip_answers_max, 400_000, 1_000..=100_000_000, faults),
            series_max: whole(&w.series_max, 10_000, 1..=1_000_000, faults),
            drain_time: Duration::from_secs(whole(&w.drain_seconds, 30, 0..=3_600, faults)),
        }
    }
}

impl Calls {
    fn meant(written: &written::Calls, faults: &mut Vec<Fault>) -> Self {
        let mut allowed_hosts = Vec::new();
        for said in written.allowed_hosts.iter().flatten() {
            match host_name(&said.value) {
                Some(name) => allowed_hosts.push(name),
                None => {
                    faults.push(said.fault(format!("holds {:?}", said.value), "a host name, without a port"));
                }
            }
        }
        let endpoints = written.default_endpoints.iter().flatten();
        if let Some(one_too_many) = endpoints.clone().nth(16) {
            faults.push(one_too_many.place.fault("one default endpoint too many", "at most 16"));
        }
        let default_endpoints =
            endpoints.take(16).filter_map(|endpoint| Endpoint::meant(endpoint, faults)).collect();
        let workers = NonZeroUsize::new(whole(&written.workers, 0, 0..=1_024, faults));
        Self { workers, allowed_hosts, default_endpoints }
    }
}

/// A host name in lower case.
fn host_name(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_one = !text.is_empty() && text.len() <= 253 && text.bytes().all(legal);
    is_one.then(|| text.to_ascii_lowercase())
}

/// Whether addresses of a network are IPv4 ones in the form of IPv6.
fn is_mapped(network: &IpNet) -> bool {
    matches!(network, IpNet::V6(network) if network.addr().to_ipv4_mapped().is_some())
}

impl Outgoing {
    fn meant(written: &written::Outgoing, faults: &mut Vec<Fault>) -> Self {
        let mut meant = Self::default();
        for said in written.allowed_hosts.iter().flatten() {
            let network = said.value.parse().or_else(|_| said.value.parse::<IpAddr>().map(IpNet::from));
            match (network, host_name(&said.value)) {
                (Ok(network), _) if is_mapped(&network) => faults.push(said.fault(
                    format!("holds {:?}, IPv4 written as IPv6", said.value),
                    "the network as IPv4, such as 10.1.0.0/16",
                )),
                (Ok(network), _) => meant.allowed_networks.push(network.trunc()),
                (Err(_), Some(name)) => meant.allowed_names.push(name),
                (Err(_), None) => faults.push(said.fault(
                    format!("holds {:?}", said.value),
                    "a host name without a port, an address or a network such as 10.1.0.0/16",
                )),
            }
        }
        meant
    }
}

impl Probes {
    /// What is wrong is told also where there are to be none.
    fn meant(written: &written::Probes, faults: &mut Vec<Fault>) -> Option<Self> {
        let w = written;
        let http_path = meant(&w.http_path, faults, |said| {
            let path = said.value.as_str();
            let legal = |byte: u8| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte);
            let is_path = path.starts_with('/') && path.len() <= 1_000 && path.bytes().all(legal);
            let fault = || said.fault(format!("is {path:?}"), "a path such as /healthz, or \"\" for none");
            if path.is_empty() || is_path { Ok(path.to_owned()) } else { Err(fault()) }
        });
        let probes = Self {
            interval: Duration::from_secs(whole(&w.seconds, 10, 1..=3_600, faults)),
            timeout: Duration::from_millis(whole(&w.timeout_milliseconds, 2_000, 10..=60_000, faults)),
            fall: whole(&w.fall, 3, 1..=100, faults),
            rise: whole(&w.rise, 2, 1..=100, faults),
            http_path: http_path.filter(|path| !path.is_empty()),
        };
        said_or(&w.enabled, true).then_some(probes)
    }
}

impl Endpoint {
    fn meant(written: &written::Endpoint, faults: &mut Vec<Fault>) -> Option<Self> {
        let priority = whole(&written.priority, 0, 0..=100, faults);
        let weight = whole(&written.weight, 1, 0..=100, faults);
        match &written.uri {
            Some(uri) if !uri.value.is_empty() => {
                Some(Self { uri: uri.value.clone(), priority, weight, place: uri.place.clone() })
            }
            _ => {
                faults.push(
                    written.place.fault("a default endpoint has no uri", "uri = \"sip:…\" or \"wss:…\""),
                );
                None
            }
        }
    }
}

impl Token {
    fn meant(written: &written::Token, data: &Path, faults: &mut Vec<Fault>) -> Self {
        let key_file = folder(&written.key_file, Path::new("token.key"), data, faults);
        Self { key_file, time: hours(whole(&written.hours, 24, 1..=24, faults)) }
    }
}

impl Files {
    fn meant(written: &written::Files, faults: &mut Vec<Fault>) -> Self {
        let still = Duration::from_millis(whole(&written.still_milliseconds, 200, 10..=60_000, faults));
        let poll = Duration::from_secs(whole(&written.poll_seconds, 30, 1..=3_600, faults));
        if still >= poll {
            let said = written.still_milliseconds.as_ref().or(written.poll_seconds.as_ref());
            faults.extend(said.map(|said| {
                said.fault(
                    "makes files wait longer than a poll",
                    "still_milliseconds of less than poll_seconds",
                )
            }));
        }
        Self { still, poll }
    }
}

impl Log {
    fn meant(written: &written::Log, faults: &mut Vec<Fault>) -> Self {
        let filter = meant(&written.level, faults, |said| {
            let expected =
                "off, error, warn, info, debug or trace, or such for a target: \"info,hyper=warn\"";
            is_filter(&said.value)
                .then(|| said.value.clone())
                .ok_or_else(|| said.fault(format!("is {:?}", said.value), expected))
        });
        let format = meant(&written.format, faults, |said| match said.value.as_str() {
            "pretty" => Ok(LogFormat::Pretty),
            "json" => Ok(LogFormat::Json),
            other => Err(said.fault(format!("is {other:?}"), "\"pretty\" or \"json\"")),
        });
        Self {
            filter: filter.unwrap_or_else(|| "info".to_owned()),
            format: format.unwrap_or(LogFormat::Pretty),
        }
    }
}

/// Whether every part is a level or `target=level`; a misspelt level would else pass as the name of a target.
fn is_filter(text: &str) -> bool {
    let level = |word: &str| matches!(word, "off" | "error" | "warn" | "info" | "debug" | "trace");
    let target = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'))
    };
    text.len() <= 1_000
        && text.split(',').all(|part| match part.split_once('=') {
            Some((name, of)) => target(name) && level(of),
            None => level(part),
        })
}

fn said_or<T: Clone>(said: &Option<Said<T>>, default: T) -> T {
    said.as_ref().map_or(default, |said| said.value.clone())
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

/// What is meant where something is said, and legal.
fn meant<T, M>(
    said: &Option<Said<T>>,
    faults: &mut Vec<Fault>,
    meant: impl Fn(&Said<T>) -> Result<M, Fault>,
) -> Option<M> {
    said.as_ref()?.meant(faults, meant)
}

fn whole<T: TryFrom<i64>>(
    said: &Option<Said<i64>>,
    default: T,
    range: RangeInclusive<i64>,
    faults: &mut Vec<Fault>,
) -> T {
    let whole = meant(said, faults, |said| {
        let legal = Some(said.value).filter(|value| range.contains(value));
        legal.and_then(|value| T::try_from(value).ok()).ok_or_else(|| {
            said.fault(format!("is {}", said.value), format!("{} to {}", range.start(), range.end()))
        })
    });
    whole.unwrap_or(default)
}

fn folder(said: &Option<Said<String>>, default: &Path, base: &Path, faults: &mut Vec<Fault>) -> PathBuf {
    let folder = meant(said, faults, |said| {
        let is_empty = said.value.trim().is_empty();
        let fault = || said.fault("is empty", format!("a path such as {}", default.display()));
        if is_empty { Err(fault()) } else { Ok(base.join(&said.value)) }
    });
    folder.unwrap_or_else(|| base.join(default))
}

fn address(said: &Option<Said<String>>, port: u16, clear: bool, faults: &mut Vec<Fault>) -> SocketAddr {
    let default = SocketAddr::from(([127, 0, 0, 1], port));
    let Some(said) = said else { return default };
    let address = said.meant(faults, |said| {
        said.value.parse::<SocketAddr>().map_err(|_| {
            said.fault(format!("is {:?}", said.value), format!("an address and a port, such as {default}"))
        })
    });
    let Some(address) = address else { return default };
    if clear && !address.ip().to_canonical().is_loopback() {
        let problem = format!("is {address}, which is off loopback and without TLS");
        faults.push(said.fault(
            problem,
            "a loopback address, listen.tls_cert and listen.tls_key, or listen.insecure = true",
        ));
    }
    address
}

/// Where SIP is spoken; none where nothing is said. Who may ask is the trunks' concern, whatever the address.
fn sip_address(said: &Option<Said<String>>, port: u16, faults: &mut Vec<Fault>) -> Option<SocketAddr> {
    let address = said.as_ref()?.meant(faults, |said| match said.value.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            let expected = format!("an address and a port, such as 127.0.0.1:{port}, or \"\" for none");
            said.fault(format!("is {text:?}"), expected)
        }),
    });
    address.flatten()
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_one = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    is_one && one.port() == other.port() && one.port() != 0
}
