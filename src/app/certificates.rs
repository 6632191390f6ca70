//! The certificates of the listeners: read at start, and again whenever their files change.
//!
//! At start a pair of files that cannot be used is a fault of the settings. Later it changes nothing: the pair in force
//! goes on, the fault is logged, counted and shown. A certificate that has expired is warned of every day, and served:
//! who may still ask by it decides the client, and a call is answered in any case.

mod expiry;
mod metrics;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::http::tls::{Identity, Pair, Part};
use crate::settings::folder::Stillness;
use crate::settings::meant::Listen;
use crate::settings::pair::{FilePair, Look, Stamps};
use crate::settings::tls::Tls;
use crate::settings::watch::FolderWatch;
use crate::settings::{Fault, Settings};
use crate::telemetry::{Clock, TelemetryError};

use expiry::Reminder;

pub(super) use metrics::TlsMetrics;

/// What nobody but a key's owner and group should have: any use by others, and writing by the group.
const OTHERS: u32 = 0o027;

/// The certificates of all listeners that have one.
#[derive(Debug)]
pub(super) struct Certificates {
    list: Vec<Certificate>,
}

/// A certificate and who shows it: one listener or several.
#[derive(Debug)]
struct Certificate {
    listeners: Vec<&'static str>,
    files: Tls,
    identity: Identity,
    seen: Stamps,
    reminder: Reminder,
}

/// Certificates that are kept up with their files.
pub(super) struct Following {
    pub(super) certificates: Certificates,
    pub(super) metrics: TlsMetrics,
    pub(super) clock: Clock,
    /// How long the files must have been still.
    pub(super) still: Duration,
}

impl Certificates {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// Every fault of every file, at the place of the settings that names it.
    pub(super) fn open(
        listen: &Listen,
        [calls, admin, sip_tls]: [&'static str; 3],
    ) -> Result<Self, Vec<Fault>> {
        let mut list: Vec<Certificate> = Vec::new();
        let mut faults = Vec::new();
        let mut faulty = None;
        let of_sip = listen.sip_certificate.as_ref().filter(|_| listen.sip_tls.is_some());
        let listeners =
            [(calls, listen.calls_tls.as_ref()), (admin, listen.admin_tls.as_ref()), (sip_tls, of_sip)];
        for (listener, files) in listeners {
            let Some(files) = files else { continue };
            if let Some(shared) = list.iter_mut().find(|known| known.files == *files) {
                shared.listeners.push(listener);
            } else if faulty != Some(files) {
                match Certificate::open(listener, files) {
                    Ok(certificate) => list.push(certificate),
                    Err(found) => {
                        faults.extend(found);
                        faulty = Some(files);
                    }
                }
            }
        }
        if faults.is_empty() { Ok(Self { list }) } else { Err(faults) }
    }

    /// What a listener shows; none: it speaks plain HTTP.
    pub(super) fn of(&self, listener: &str) -> Option<Identity> {
        let known = self.list.iter().find(|certificate| certificate.listeners.contains(&listener));
        known.map(|certificate| certificate.identity.clone())
    }

    /// What to warn of at a time, in seconds since 1970.
    pub(super) fn warnings(&self, now: i64) -> Vec<String> {
        self.list.iter().flat_map(|certificate| certificate.warnings(now)).collect()
    }

    /// Hears of changes of the files; none where there are no files.
    pub(super) fn watch(&self, settings: &Settings) -> std::io::Result<Option<FolderWatch>> {
        let files =
            self.list.iter().flat_map(|certificate| [&certificate.files.cert, &certificate.files.key]);
        let mut folders: Vec<PathBuf> = files.map(|file| folder_of(file)).collect();
        folders.sort_unstable();
        folders.dedup();
        if folders.is_empty() {
            return Ok(None);
        }
        FolderWatch::start(&folders, settings.files.poll, settings.files.still).map(Some)
    }
}

impl Certificate {
    fn open(listener: &'static str, files: &Tls) -> Result<Self, Vec<Fault>> {
        // What is there now, as it is: nobody is kept waiting for files at rest.
        let now: &dyn Fn() -> SystemTime = &|| SystemTime::UNIX_EPOCH;
        let at_once = Stillness { still: Duration::ZERO, now, pause: &|_| () };
        let Look::Changed(seen, bytes) = files_of(files).read(Stamps::default(), at_once) else {
            return Err(vec![restless(files)]);
        };
        let identity = Identity::new(pair(files, bytes)?);
        let reminder = Reminder::default();
        Ok(Self { listeners: vec![listener], files: files.clone(), identity, seen, reminder })
    }

    fn names(&self) -> String {
        self.listeners.join(", ")
    }

    fn warnings(&self, now: i64) -> Vec<String> {
        let validity = self.identity.pair().validity();
        let expiry = expiry::remark(validity, now).map(|remark| {
            format!("the certificate of {} ({}) {remark}", self.names(), self.files.cert.display())
        });
        expiry.into_iter().chain(self.exposed()).collect()
    }

    fn exposed(&self) -> Option<String> {
        let mode = std::fs::metadata(&self.files.key).ok()?.permissions().mode();
        let key = self.files.key.display();
        let names = self.names();
        (mode & OTHERS != 0).then(|| format!("others may use the key of {names} ({key}): chmod o-rwx,g-w it"))
    }
}

impl Following {
    /// Shows when the certificates end, and warns of what is wrong with them.
    pub(super) fn begin(&mut self) {
        let now = self.now();
        for certificate in &mut self.certificates.list {
            self.metrics.show(&certificate.listeners, certificate.identity.pair().validity());
            certificate.remind(now, self.clock.steady_ms());
        }
    }

    /// Takes what changes until it is dropped, and says each time that something was taken.
    pub(super) async fn run(mut self, watch: FolderWatch, taken: impl Fn()) {
        loop {
            // The first time for what has changed since the start. It pauses for the still time.
            let looked = tokio::task::spawn_blocking(move || {
                let taken = self.look();
                (self, taken)
            });
            match looked.await {
                Ok((back, has_taken)) => {
                    self = back;
                    if has_taken {
                        taken();
                    }
                }
                Err(why) => {
                    tracing::error!(error = %why, "certificates are not followed any more: restart to take new ones");
                    return;
                }
            }
            watch.changed().await;
        }
    }

    /// Looks at all files; tells whether any were taken.
    fn look(&mut self) -> bool {
        let now = self.now();
        let mut any = false;
        for certificate in &mut self.certificates.list {
            match certificate.look(&self.clock, self.still, now) {
                Ok(false) => {}
                Ok(true) => {
                    any = true;
                    self.metrics.show(&certificate.listeners, certificate.identity.pair().validity());
                    self.metrics.count_taken(&certificate.listeners);
                    tracing::info!(listeners = certificate.names(), "a new certificate is in force");
                    certificate.reminder = Reminder::default();
                }
                Err(fault) => {
                    // What was told is not told again at every look.
                    if certificate.identity.set_fault(Some(fault.clone())) {
                        self.metrics.count_failed(&certificate.listeners);
                        tracing::error!(
                            listeners = certificate.names(),
                            "the new certificate is not taken, the one before serves: {fault}"
                        );
                    }
                }
            }
            certificate.remind(now, self.clock.steady_ms());
        }
        any
    }

    fn now(&self) -> i64 {
        self.clock.now_ms() / 1_000
    }
}

impl Certificate {
    /// Whether new files were taken, or why they cannot be.
    fn look(&mut self, clock: &Clock, still: Duration, now: i64) -> Result<bool, String> {
        let wall = || clock.system_time();
        let stillness = Stillness { still, now: &wall, pause: &std::thread::sleep };
        let (stamps, bytes) = match files_of(&self.files).read(self.seen, stillness) {
            Look::Unchanged => return Ok(false),
            Look::Restless => return Err(restless(&self.files).to_string()),
            Look::Changed(stamps, bytes) => (stamps, bytes),
        };
        let told = |faults: Vec<Fault>| faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
        let pair = pair(&self.files, bytes).map_err(|faults| {
            self.seen = stamps;
            told(faults)
        })?;
        let validity = pair.validity();
        if !validity.holds(now) && self.identity.pair().validity().holds(now) {
            // The files are read again at the next look: what is not valid yet will be.
            let remark = expiry::remark(validity, now).unwrap_or_default();
            return Err(told(vec![
                self.files.cert_fault(&remark, "a certificate that is valid now, as the one in force"),
            ]));
        }
        self.seen = stamps;
        self.identity.install(pair);
        Ok(true)
    }

    fn remind(&mut self, now: i64, steady_ms: i64) {
        if self.reminder.is_due(steady_ms) {
            self.warnings(now).iter().for_each(|warning| tracing::warn!("{warning}"));
        }
    }
}

fn files_of(files: &Tls) -> FilePair {
    FilePair { first: files.cert.clone(), second: files.key.clone() }
}

fn folder_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// Both files as a pair, or what is wrong with either.
fn pair(files: &Tls, [cert, key]: [std::io::Result<Vec<u8>>; 2]) -> Result<Pair, Vec<Fault>> {
    const READABLE: &str = "a file this user may read";
    let (cert, key) = match (cert, key) {
        (Ok(cert), Ok(key)) => (cert, key),
        (cert, key) => {
            let cert = cert.err().map(|why| files.cert_fault(&format!("cannot be read: {why}"), READABLE));
            let key = key.err().map(|why| files.key_fault(&format!("cannot be read: {why}"), READABLE));
            return Err(cert.into_iter().chain(key).collect());
        }
    };
    Pair::of_pem(&cert, &key).map_err(|faults| {
        let placed = faults.iter().map(|fault| match fault.part {
            Part::Certificate => files.cert_fault(&fault.problem, fault.expected),
            Part::Key => files.key_fault(&fault.problem, fault.expected),
        });
        placed.collect()
    })
}

fn restless(files: &Tls) -> Fault {
    files.cert_fault("or its key keeps changing", "files that are left alone for a moment")
}

/// Metrics and followers of these certificates.
pub(super) fn following(
    certificates: Certificates,
    registry: &crate::telemetry::Registry,
    clock: &Clock,
    still: Duration,
) -> Result<Following, TelemetryError> {
    let metrics = TlsMetrics::register(registry)?;
    let mut following = Following { certificates, metrics, clock: clock.clone(), still };
    following.begin();
    Ok(following)
}

#[cfg(test)]
mod tests;
