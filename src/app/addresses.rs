//! Where the router listens, for those who look into its data folder.

use std::net::SocketAddr;

use serde_json::json;

use crate::http::tls::Identity;
use crate::store::folder::DataFolder;

const NAME: &str = "addresses.json";

/// A listener, as clients on this machine reach it.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    pub(super) address: SocketAddr,
    /// The certificate by which they know it.
    pub(super) tls: Option<Identity>,
}

impl Reached {
    /// Where it is, for people.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

/// All listeners.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) calls: Reached,
    pub(super) admin: Reached,
    /// SIP over UDP and TCP, and over TLS, as far as they are spoken.
    pub(super) sip: [Option<SocketAddr>; 2],
}

/// Writes the bound addresses, by rename; to be done last, when everything answers, and when a certificate has changed.
///
/// Where a listener has TLS, the fingerprint of its certificate stands beside. Who may write this folder can say whom
/// to trust, and so a client on this machine needs neither the certificate's name nor who has issued it.
///
/// Only clients on this machine miss them, so that calls are answered without: the disk may be full.
pub(super) fn write(folder: &DataFolder, places: &Places) {
    let Places { calls, admin, sip } = places;
    let fingerprint = |reached: &Reached| Some(reached.tls.as_ref()?.pair().fingerprint().to_string());
    let mut all = json!({"calls": calls.address.to_string(), "admin": admin.address.to_string()});
    if let Some(all) = all.as_object_mut() {
        let spoken = ["sip", "sipTls"].into_iter().zip(sip);
        all.extend(spoken.filter_map(|(name, at)| Some((name.to_owned(), at.as_ref()?.to_string().into()))));
    }
    if let (Some(all), true) = (all.as_object_mut(), calls.tls.is_some() || admin.tls.is_some()) {
        let tls = json!({"calls": fingerprint(calls), "admin": fingerprint(admin)});
        all.insert("tls".to_owned(), tls);
    }
    if let Err(why) = folder.write_atomic(NAME, format!("{all}\n").as_bytes(), 0o644) {
        tracing::warn!(error = %why, "{NAME} could not be written: clients must be told --url");
    }
}

/// Removes them, on a clean stop.
pub(super) fn remove(folder: &DataFolder) {
    if let Err(why) = std::fs::remove_file(folder.addresses()) {
        tracing::warn!(error = %why, "{NAME} could not be removed");
    }
}
