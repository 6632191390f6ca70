//! From settings to a router that is whole but not yet running.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use super::addresses::Reached;
use super::certificates::{Certificates, Following, following};
use super::check::check_start;
use super::checked::Checked;
use super::connections::{Connections, Listener};
use super::sip::{SIP_TLS, Sip, SipClaims, SipParts};
use super::sources::{Folders, as_fault};
use super::token_keys::TokenKeyFile;
use super::trunks::{sip_trunks, webhooks};
use super::{AppError, open_files, random_bytes, reset};
use crate::control::Control;
use crate::control::answers::Answers;
use crate::control::metrics::ConfigMetrics;
use crate::control::reload::Reloader;
use crate::control::start::{Parts, StartError, start};
use crate::domain::endpoint::{Endpoint, EndpointTemplate};
use crate::domain::id::AccountId;
use crate::domain::state::State;
use crate::gateways::asker::Doorkeeper;
use crate::gateways::capacity::OverCapacity;
use crate::gateways::gateway::{Gateway, Gateways};
use crate::gateways::numbering::{Country, Numbering};
use crate::gateways::plane::{self, CallPlane};
use crate::http::bind::{Claim, claim};
use crate::http::correlation::NewId;
use crate::http::limits::Limits;
use crate::http::server::Front;
use crate::routing::calls::{CallBounds, CallsInProgress};
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::routing::switchboard::Switchboard;
use crate::routing::token::{KeyRing, TokenKeys};
use crate::settings::meant::LogFormat;
use crate::settings::{self, GatewayIx, Settings, Trunk};
use crate::store::folder::DataFolder;
use crate::store::folder::exchange::is_pending;
use crate::store::life::Life;
use crate::telemetry::logs::{self, Format};
use crate::telemetry::process::add_process;
use crate::telemetry::{Clock, Health, Registry};

/// Longest time an idle connection is kept.
const IDLE: std::time::Duration = std::time::Duration::from_secs(75);

/// The listeners, as their flags and keys are called.
pub(super) const CALLS: &str = "calls";
pub(super) const ADMIN: &str = "admin";

/// A router whose rooms are joined and whose sockets are bound.
pub(super) struct Router {
    pub(super) settings: Settings,
    pub(super) folder: Arc<DataFolder>,
    pub(super) control: Control,
    pub(super) answers: Answers,
    pub(super) reloader: Reloader,
    pub(super) plane: Arc<CallPlane>,
    pub(super) registry: Registry,
    pub(super) health: Health,
    pub(super) clock: Clock,
    pub(super) key_secret: [u8; 32],
    pub(super) key_made: Option<PathBuf>,
    pub(super) token_keys: TokenKeyFile,
    pub(super) calls: Plane,
    pub(super) admin: Plane,
    pub(super) sip: Sip,
    pub(super) certificates: Following,
}

/// A bound plane.
pub(super) struct Plane {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) listeners: Vec<TcpListener>,
    pub(super) front: Front,
}

impl Plane {
    /// Where clients on this machine find it, and by which certificate they know it.
    pub(super) fn reached(&self) -> Reached {
        Reached { address: self.address, tls: self.front.tls.clone() }
    }
}

pub(super) fn build(checked: Checked) -> Result<Router, AppError> {
    let Checked { settings, default_endpoints, countries, certificates } = checked;
    start_logs(&settings)?;
    configured(&settings)?;
    let clock = Clock::system();
    let registry = registry()?;
    let health = Health::awaiting(&["files"]);

    // Before anything is made: with a port in use the start fails, and should leave no trace.
    let claims = match claims(&settings) {
        Err(why) if !settings.data.exists() => return Err(why),
        claims => claims,
    };
    let is_first = is_first(&settings, &clock)?;
    // Where both ports and the folder are taken, it is the folder that tells by whom.
    let folder = Arc::new(DataFolder::open(&settings.data)?);
    for warning in folder.exposed()? {
        tracing::warn!("{warning}");
    }
    let (calls, admin, sip) = claims?;
    let Life { store, key_secret } = Life::open(&folder, random_bytes())?;
    let (key_file, had_key) = (folder.admin_key(), folder.admin_key().exists());
    let series = Arc::new(SeriesBook::new(settings.limits.series_max));
    let shelf = Arc::new(Shelf::default());
    let sources = Folders::new(&settings, settings.files.still, clock.clone());
    let (control, reloader) = start(Parts {
        store: Arc::new(store),
        folder: &folder,
        key_secret,
        sources: Box::new(sources),
        default_endpoints,
        series: Arc::clone(&series),
        shelf: Arc::clone(&shelf),
        metrics: Arc::new(ConfigMetrics::register(&registry)?),
        health: health.clone(),
        clock: clock.clone(),
        random: &mut random_bytes,
    })
    .map_err(|why| named(why, &folder))?;
    reset::finish(&folder, &control.state(), &key_secret, is_first)?;

    let (token_keys, ring) = TokenKeyFile::open(&settings, &folder, is_first)?;
    let doorkeeper = doorkeeper(&settings, countries, &control.state(), key_secret)?;
    let trunks = sip_trunks(&settings, &doorkeeper.gateways)?;
    let plane = Arc::new(CallPlane::new(plane::Parts {
        live: control.live().clone(),
        switchboard: Arc::new(switchboard(&settings, ring, series, shelf)),
        webhooks: webhooks(&settings, &doorkeeper.gateways),
        doorkeeper,
        clock: clock.clone(),
        limits: Arc::new(limits(&settings, settings.limits.body_bytes_max)),
        batch_bytes_max: settings.limits.batch_bytes_max,
        lag_max: settings.limits.lag_max,
    }));
    add_meters(&registry, &plane, &control)?;
    let [calls_front, admin_front] = fronts(&settings, &certificates);
    let calls = listen(CALLS, calls, workers(&settings), calls_front)?;
    let admin = listen(ADMIN, admin, 1, admin_front)?;
    let (limits, shutdown) = (Limits::clone(&calls.front.limits), calls.front.shutdown.clone());
    let parts = SipParts { trunks, key_secret, limits, tls: certificates.of(SIP_TLS), shutdown };
    let sip = Sip::listen(sip, parts, workers(&settings), settings.limits.sip_answers_max)?;
    count(&registry, &calls, &admin, &sip)?;
    let certificates = following(certificates, &registry, &clock, settings.files.still)?;
    let key_made = (!had_key && key_file.exists()).then_some(key_file);
    Ok(Router {
        answers: Answers::open(folder.path()).map_err(std::io::Error::other)?,
        settings,
        folder,
        control,
        reloader,
        plane,
        registry,
        health,
        clock,
        key_secret,
        key_made,
        token_keys,
        calls,
        admin,
        sip,
        certificates,
    })
}

/// Whether nothing was started on the data folder yet. What is refused at a first start leaves nothing behind: the files
/// are read before anything is made of them.
fn is_first(settings: &Settings, clock: &Clock) -> Result<bool, AppError> {
    let is_first = Life::is_none(&settings.data);
    if is_first {
        check_start(settings, settings.files.still, clock)
            .map_err(|faults| AppError::Start(StartError::Files(faults)))?;
    }
    Ok(is_first)
}

/// Why control cannot start, with the name of the store if it is that.
fn named(why: StartError, folder: &DataFolder) -> AppError {
    match why {
        StartError::Store(why) => AppError::Life(Life::failed(folder, why)),
        why => AppError::Start(why),
    }
}

fn start_logs(settings: &Settings) -> Result<(), AppError> {
    let format = match settings.log.format {
        LogFormat::Pretty => Format::Pretty,
        LogFormat::Json => Format::Json,
    };
    Ok(logs::start(format, &settings.log.filter)?)
}

/// A registry that knows what runs, and the process.
fn registry() -> Result<Registry, AppError> {
    let registry = Registry::new();
    registry.add_build(env!("CARGO_PKG_VERSION"))?;
    add_process(&registry)?;
    Ok(registry)
}

/// What the clients of calls, and those of management, may take; open files are allowed for all of them.
fn fronts(settings: &Settings, certificates: &Certificates) -> [Front; 2] {
    let front = |plane, body_bytes_max| Front {
        limits: Arc::new(limits(settings, body_bytes_max)),
        tls: certificates.of(plane),
        new_id: NewId::new(random_id),
        ..Front::default()
    };
    let calls = front(CALLS, settings.limits.body_bytes_max);
    let admin = front(ADMIN, settings.limits.admin_body_bytes_max);
    let sip_listeners = [settings.listen.sip, settings.listen.sip_tls].iter().flatten().count();
    open_files::allow(&calls.limits, &admin.limits, sip_listeners);
    [calls, admin]
}

/// Shows what is counted of connections, and of SIP where it is spoken.
fn count(registry: &Registry, calls: &Plane, admin: &Plane, sip: &Sip) -> Result<(), AppError> {
    sip.register(registry)?;
    let planes = [calls, admin].map(|plane| Listener::of(plane.name, &plane.front));
    Ok(registry.add(Connections::of(planes.into_iter().chain(sip.listeners())))?)
}

fn add_meters(registry: &Registry, plane: &CallPlane, control: &Control) -> Result<(), AppError> {
    registry.add(plane.meters().clone())?;
    Ok(registry.add(OverCapacity(control.live().clone()))?)
}

/// Refuses to start without the folder that was named, unless there is something to serve all the same.
fn configured(settings: &Settings) -> Result<(), AppError> {
    let Some(fault) = &settings.config_fault else { return Ok(()) };
    if !settings.data.join("last-good").exists() && !is_pending(&settings.data) {
        return Err(AppError::Settings(vec![as_fault(fault.clone())]));
    }
    let fault = as_fault(fault.clone());
    tracing::error!("{fault}: settings are the defaults, and the last good files serve");
    Ok(())
}

fn claims(settings: &Settings) -> Result<(Claim, Claim, SipClaims), AppError> {
    let claim = |plane, address| claim(address).map_err(|source| AppError::Bind { plane, source });
    let sip = SipClaims::claim(settings);
    Ok((claim(CALLS, settings.listen.calls)?, claim(ADMIN, settings.listen.admin)?, sip?))
}

fn listen(name: &'static str, claim: Claim, listeners: usize, front: Front) -> Result<Plane, AppError> {
    let (address, listeners) =
        claim.listen(listeners).map_err(|source| AppError::Bind { plane: name, source })?;
    Ok(Plane { name, address, listeners, front })
}

fn workers(settings: &Settings) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    settings.calls.workers.map_or_else(cores, NonZeroUsize::get)
}

fn limits(settings: &Settings, body_bytes_max: usize) -> Limits {
    let limits = &settings.limits;
    Limits {
        header_bytes_max: limits.header_bytes_max,
        header_timeout: limits.header_time,
        idle_timeout: IDLE,
        body_bytes_max,
        body_timeout: limits.body_time,
        connections_max: limits.connections_max,
    }
}

/// Where calls go whose agent says nothing, as written in the settings.
pub(super) fn endpoints(settings: &Settings) -> Result<Vec<Endpoint>, Vec<settings::Fault>> {
    let mut faults = Vec::new();
    let mut endpoints = Vec::new();
    for endpoint in &settings.calls.default_endpoints {
        match EndpointTemplate::parse(&endpoint.uri) {
            Ok(uri) => endpoints.push(Endpoint { uri, priority: endpoint.priority, weight: endpoint.weight }),
            Err(why) => {
                faults.push(endpoint.place.fault(format!("uri {why}"), "a URI such as sip:{agent}@10.0.0.1"));
            }
        }
    }
    if faults.is_empty() { Ok(endpoints) } else { Err(faults) }
}

fn random_id() -> uuid::Uuid {
    let random = random_bytes().first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_random_bytes(random).into_uuid()
}

fn switchboard(
    settings: &Settings,
    ring: KeyRing,
    series: Arc<SeriesBook>,
    shelf: Arc<Shelf>,
) -> Switchboard {
    let ms = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let bounds = CallBounds {
        calls_max: settings.limits.calls_in_progress_max,
        life_ms: ms(settings.limits.call_age_max),
        ended_ms: ms(settings.limits.ended_call_time),
    };
    let [a, b, c, d, e, f, g, h, ..] = random_bytes();
    let life_s = u32::try_from(settings.token.time.as_secs()).unwrap_or(u32::MAX);
    Switchboard {
        calls: CallsInProgress::new(bounds, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        tokens: TokenKeys::new(ring, life_s),
        series,
        shelf,
    }
}

/// The countries of the gateways and trunks, in the order of their homes, and what reads their numbers.
pub(super) struct Countries {
    list: Vec<Option<Country>>,
    numbering: Option<Numbering>,
}

pub(super) fn countries(settings: &Settings) -> Result<Countries, Vec<settings::Fault>> {
    let has_country = settings.homes().any(|(_, home)| home.default_country.is_some());
    let numbering = if has_country { Numbering::new() } else { None };
    let (mut list, mut faults) = (Vec::new(), Vec::new());
    for (whose, home) in settings.homes() {
        let letters = home.default_country.as_deref();
        let country = letters.and_then(|letters| numbering.as_ref()?.country(letters));
        if let (Some(letters), None) = (letters, country) {
            let message = format!("{whose}: default_country {letters:?} is no country");
            faults.push(home.place.fault(message, "two letters of ISO 3166, such as GB"));
        }
        list.push(country);
    }
    if faults.is_empty() { Ok(Countries { list, numbering }) } else { Err(faults) }
}

/// The accounts of the gateways and trunks, in the order of their homes; one that names none is of the first.
pub(super) fn accounts(
    settings: &Settings,
    first: &AccountId,
    is_there: impl Fn(&AccountId) -> bool,
) -> Result<Vec<AccountId>, Vec<settings::Fault>> {
    let (mut accounts, mut faults) = (Vec::new(), Vec::new());
    for (whose, home) in settings.homes() {
        let account = match &home.account {
            None => Some(first.clone()),
            Some(text) => AccountId::parse(text).ok().filter(&is_there),
        };
        if account.is_none() {
            let named = home.account.as_deref().unwrap_or_default();
            faults.push(home.place.fault(
                format!("{whose}: there is no account {named}"),
                "an account's id, or none for the first account",
            ));
        }
        accounts.extend(account);
    }
    if faults.is_empty() { Ok(accounts) } else { Err(faults) }
}

fn doorkeeper(
    settings: &Settings,
    countries: Countries,
    state: &State,
    secret: [u8; 32],
) -> Result<Doorkeeper, AppError> {
    let Countries { list: countries, numbering } = countries;
    let first = state.first_account.clone().unwrap_or_else(AccountId::first);
    let accounts = accounts(settings, &first, |account| state.accounts.contains_key(account));
    let accounts =
        accounts.map_err(|faults| AppError::Settings(faults.into_iter().map(as_fault).collect()))?;
    let gateways = settings.gateways.iter().map(|(_, gateway)| gateway.name.clone());
    let names = gateways.chain(settings.trunks.iter().map(Trunk::label));
    let gateway =
        |((name, account), country): ((String, _), _)| Gateway { name: name.into(), account, country };
    let list = names.zip(accounts).zip(countries).map(gateway).collect();
    let by_address = settings.gateways.clone();
    let of = move |asker: IpAddr| by_address.of(asker).map(|GatewayIx(row)| row);
    Ok(Doorkeeper::new(Gateways::new(list, numbering, of), secret, settings.calls.allowed_hosts.clone()))
}
