//! Where the router is, and with which key it is asked.

use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use ureq::http::Uri;

use super::failure::Failure;
use super::grammar::Reach;
use super::trust::Trust;
use super::variables::{ADMIN_KEY_FILE, CA, CALLS_URL, DATA, KEY, URL, Variables};
use crate::http::tls::Fingerprint;

/// What a running router leaves in its data folder.
const ADDRESSES: &str = "addresses.json";
const DEFAULT_ADMIN: &str = "127.0.0.1:8701";
const DEFAULT_CALLS: &str = "127.0.0.1:8700";
/// Largest file that is read for an address or a key, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Where the two listeners are, and the key for them.
#[derive(Debug)]
pub(super) struct Whereabouts {
    /// Management.
    pub(super) management: Place,
    /// The call plane.
    pub(super) calls: Place,
}

/// One listener.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its address, without a slash at the end.
    pub(super) url: String,
    /// The key it is asked with.
    pub(super) key: Option<super::written::Secret>,
    /// Whether the key was found in the data folder, not given.
    pub(super) is_found: bool,
    /// Whom to believe to be it, where the address is one of `https`.
    pub(super) trust: Trust,
}

/// What a running router leaves in its data folder.
#[derive(Debug, Default, Deserialize)]
struct Addresses {
    calls: Option<String>,
    admin: Option<String>,
    #[serde(default)]
    tls: Certificates,
}

/// The fingerprints of the certificates of listeners that speak TLS.
#[derive(Debug, Default, Deserialize)]
struct Certificates {
    calls: Option<String>,
    admin: Option<String>,
}

impl Whereabouts {
    /// Finds the router: by flag, else by variable, else by what it left in its data folder, else where it is by
    /// default.
    ///
    /// A key that was only found, not given, is sent to this machine alone: an address somewhere else may be
    /// somebody else's.
    pub(super) fn find(reach: &Reach, data: Option<&Path>, variables: &Variables) -> Result<Self, Failure> {
        let said = data.map(|data| ("--data", data.to_path_buf()));
        let said = said.or_else(|| variables.get(DATA).map(|data| (DATA, PathBuf::from(data))));
        if let Some((source, folder)) = &said
            && is_missing(folder)
        {
            return Err(Failure::Usage(format!(
                "{source}: there is no folder {}: expected the router's data folder, in which `cordboard serve` leaves its \
                 addresses and first key",
                folder.display()
            )));
        }
        let is_said = said.is_some();
        let data = said.map_or_else(|| PathBuf::from("data"), |(_, folder)| folder);
        let given = |flag: &Option<String>, variable| {
            flag.clone().or_else(|| variables.get(variable).map(str::to_owned)).map(|text| url_of(&text))
        };
        let url_said = |flag: &Option<String>, variable| flag.is_some() || variables.get(variable).is_some();
        if is_said
            && !url_said(&reach.url, URL)
            && !url_said(&reach.calls_url, CALLS_URL)
            && is_missing(&data.join(ADDRESSES))
        {
            return Err(Failure::NoAddress(data));
        }
        let left = addresses(&data)?;
        let (key, trust) = (Key::find(reach, &data, variables)?, trust(reach, variables)?);
        let is_found = matches!(key, Key::Found(_));
        let place =
            |given: Option<Result<String, Failure>>, left: Option<String>, default: &str, certificate| {
                if let Some(url) = given {
                    let url = url?;
                    return Ok(Place { key: key.for_url(&url), url, is_found, trust: trust.clone() });
                }
                let address = left.map_or_else(|| default.to_owned(), |address| reachable(&address));
                Ok::<_, Failure>(match certificate {
                    // Whoever shows this certificate is the router of the folder in which the key was found.
                    Some(certificate) => Place {
                        key: key.any(),
                        url: format!("https://{address}"),
                        is_found,
                        trust: Trust::Exactly(certificate),
                    },
                    None => {
                        let url = format!("http://{address}");
                        Place { key: key.for_url(&url), url, is_found, trust: trust.clone() }
                    }
                })
            };
        let (of_admin, of_calls) = (fingerprint(left.tls.admin), fingerprint(left.tls.calls));
        Ok(Self {
            management: place(given(&reach.url, URL), left.admin, DEFAULT_ADMIN, of_admin)?,
            calls: place(given(&reach.calls_url, CALLS_URL), left.calls, DEFAULT_CALLS, of_calls)?,
        })
    }
}

enum Key {
    /// By flag or variable: sent wherever the operator says.
    Given(super::written::Secret),
    /// In the data folder.
    Found(super::written::Secret),
    None,
}

impl Key {
    fn find(reach: &Reach, data: &Path, variables: &Variables) -> Result<Self, Failure> {
        let secret = |text: &str| super::written::Secret(text.trim().to_owned());
        let given = reach.key.as_ref().map(|key| key.0.as_str()).or_else(|| variables.get(KEY));
        if let Some(key) = given {
            return Ok(Self::Given(secret(key)));
        }
        if let Some(file) = variables.get(ADMIN_KEY_FILE) {
            let key = small_file(Path::new(file))?;
            let key = key.ok_or_else(|| Failure::Usage(format!("{ADMIN_KEY_FILE}: there is no {file}")))?;
            return Ok(Self::Given(secret(&key)));
        }
        // Unreadable is as good as not there: the folder may belong to the router's own user.
        let found = small_file(&data.join("admin.key")).ok().flatten();
        Ok(found.map_or(Self::None, |key| Self::Found(secret(&key))))
    }

    /// The key for an address, whoever answers there.
    fn for_url(&self, url: &str) -> Option<super::written::Secret> {
        let may = matches!(self, Self::Given(_)) || is_loopback(url);
        self.any().filter(|_| may)
    }

    /// The key for the router that it was found beside.
    fn any(&self) -> Option<super::written::Secret> {
        match self {
            Self::Given(key) | Self::Found(key) => Some(key.clone()).filter(|key| !key.0.is_empty()),
            Self::None => None,
        }
    }
}

/// Whom to believe, where the router did not say it itself.
fn trust(reach: &Reach, variables: &Variables) -> Result<Trust, Failure> {
    match (&reach.ca, variables.get(CA)) {
        (Some(file), _) => Trust::of_file(file, "--ca"),
        (None, Some(file)) => Trust::of_file(Path::new(file), CA),
        (None, None) => Ok(Trust::System),
    }
}

/// A fingerprint as the router leaves it; one that cannot be read fits no certificate.
fn fingerprint(text: Option<String>) -> Option<Fingerprint> {
    text.map(|text| Fingerprint::parse(&text).unwrap_or(Fingerprint([0; 32])))
}

/// Whether something is not there; what nobody may look at is no such thing.
fn is_missing(path: &Path) -> bool {
    matches!(std::fs::metadata(path), Err(why) if why.kind() == ErrorKind::NotFound)
}

fn addresses(data: &Path) -> Result<Addresses, Failure> {
    let path = data.join(ADDRESSES);
    // Nobody may look into the router's folder but its own user: then the default ports are the best guess.
    let Ok(Some(text)) = small_file(&path) else { return Ok(Addresses::default()) };
    serde_json::from_str(&text)
        .map_err(|why| Failure::Usage(format!("{} cannot be read: {why}; say --url instead", path.display())))
}

fn small_file(path: &Path) -> Result<Option<String>, Failure> {
    let unreadable = |why| Failure::Usage(format!("{} cannot be read: {why}", path.display()));
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(unreadable(why)),
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    Ok(Some(text))
}

/// An address that was bound, as it is reached from here: "everywhere" is reached by loopback.
fn reachable(bound: &str) -> String {
    let Ok(mut address) = bound.parse::<SocketAddr>() else { return bound.to_owned() };
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address.to_string()
}

/// A URL as it was given: `http` may be left out, a slash at the end means nothing.
fn url_of(text: &str) -> Result<String, Failure> {
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = url.trim_end_matches('/');
    let refused = |why: &str| Err(Failure::Usage(format!("{text:?} is no address of a router: {why}")));
    let Ok(uri) = url.parse::<Uri>() else { return refused("expected a URL such as http://127.0.0.1:8701") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return refused("expected http:// or https://");
    }
    if uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
        return refused("expected a URL such as http://127.0.0.1:8701");
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return refused("a user and password mean nothing here, use --key");
    }
    Ok(url.to_owned())
}

fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(url: Option<&str>) -> Reach {
        Reach { url: url.map(str::to_owned), ..Reach::default() }
    }

    fn key(place: &Place) -> Option<&str> {
        place.key.as_ref().map(|key| key.0.as_str())
    }

    #[test]
    fn a_router_is_found_by_what_it_left_in_its_data_folder() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("addresses.json"), r#"{"calls":"0.0.0.0:1","admin":"[::]:2"}"#)
            .unwrap();
        std::fs::write(data.path().join("admin.key"), "secret\n").unwrap();
        let found = Whereabouts::find(&reach(None), Some(data.path()), &Variables::default()).unwrap();
        assert_eq!(
            [found.calls.url.as_str(), &found.management.url],
            ["http://127.0.0.1:1", "http://[::1]:2"]
        );
        assert_eq!([key(&found.calls), key(&found.management)], [Some("secret"); 2]);

        let variables = Variables::from_iter([("CORDBOARD_DATA", data.path().to_str().unwrap())]);
        let found = Whereabouts::find(&reach(None), None, &variables).unwrap();
        assert_eq!(found.management.url, "http://[::1]:2");
    }

    #[test]
    fn what_is_given_wins_over_what_is_found() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("admin.key"), "found").unwrap();
        let variables =
            Variables::from_iter([("CORDBOARD_URL", "http://127.0.0.1:9/"), ("CORDBOARD_KEY", "said")]);
        let found = Whereabouts::find(&reach(None), Some(data.path()), &variables).unwrap();
        assert_eq!(
            (found.management.url.as_str(), key(&found.management)),
            ("http://127.0.0.1:9", Some("said"))
        );
        assert_eq!(found.calls.url, "http://127.0.0.1:8700");
        let found = Whereabouts::find(&reach(Some("localhost:7")), Some(data.path()), &variables).unwrap();
        assert_eq!(found.management.url, "http://localhost:7");
    }

    #[test]
    fn a_key_that_was_only_found_never_leaves_this_machine() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("admin.key"), "found").unwrap();
        let none = Variables::default();
        let found = Whereabouts::find(&reach(Some("http://10.0.0.9:1")), Some(data.path()), &none).unwrap();
        assert_eq!((key(&found.management), key(&found.calls)), (None, Some("found")));
    }

    #[test]
    fn a_router_with_tls_is_known_by_the_certificate_it_left_and_given_the_key_wherever_it_listens() {
        let data = tempfile::tempdir().unwrap();
        let of_admin = Fingerprint([7; 32]);
        let left = format!(r#"{{"calls":"10.0.0.9:1","admin":"10.0.0.9:2","tls":{{"admin":"{of_admin}"}}}}"#);
        std::fs::write(data.path().join("addresses.json"), left).unwrap();
        std::fs::write(data.path().join("admin.key"), "found").unwrap();
        let found = Whereabouts::find(&reach(None), Some(data.path()), &Variables::default()).unwrap();
        assert_eq!(
            (found.management.url.as_str(), key(&found.management)),
            ("https://10.0.0.9:2", Some("found"))
        );
        assert_eq!(found.management.trust, Trust::Exactly(of_admin));
        assert_eq!((found.calls.url.as_str(), key(&found.calls)), ("http://10.0.0.9:1", None));
        let elsewhere = reach(Some("https://10.0.0.9:2"));
        let found = Whereabouts::find(&elsewhere, Some(data.path()), &Variables::default()).unwrap();
        assert_eq!((key(&found.management), &found.management.trust), (None, &Trust::System));
    }

    #[test]
    fn a_file_of_certificates_that_holds_none_is_a_fault_of_usage() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for text in [None, Some("nothing"), Some("-----BEGIN CERTIFICATE-----\nAAAA\n")] {
            text.iter().for_each(|text| std::fs::write(&file, text).unwrap());
            let reach = Reach { ca: Some(file.clone()), ..Reach::default() };
            let outcome = Whereabouts::find(&reach, None, &Variables::default());
            assert!(matches!(&outcome, Err(Failure::Usage(why)) if why.starts_with("--ca: ")), "{outcome:?}");
        }
    }

    #[test]
    fn a_data_folder_that_is_not_there_is_said_to_be_missing() {
        let nowhere = tempfile::tempdir().unwrap().path().join("nothing");
        let told = |data: Option<&Path>, variables: Variables| match Whereabouts::find(
            &reach(None),
            data,
            &variables,
        ) {
            Err(Failure::Usage(message)) => message,
            other => panic!("{other:?}"),
        };
        let by_flag = told(Some(&nowhere), Variables::default());
        assert!(
            by_flag.starts_with(&format!("--data: there is no folder {}", nowhere.display())),
            "{by_flag}"
        );
        let variables = Variables::from_iter([("CORDBOARD_DATA", nowhere.to_str().unwrap())]);
        assert!(told(None, variables).starts_with("CORDBOARD_DATA: there is no folder"));
        // The folder that nobody named may be missing: the default ports are asked then.
        assert!(Whereabouts::find(&reach(Some("h:1")), None, &Variables::default()).is_ok());
    }

    #[test]
    fn a_folder_that_was_named_and_holds_no_address_is_never_taken_for_the_default_ports() {
        let data = tempfile::tempdir().unwrap();
        let none = Variables::default();
        let refused = Whereabouts::find(&reach(None), Some(data.path()), &none);
        assert!(matches!(refused, Err(Failure::NoAddress(folder)) if folder == data.path()));
        let named = Variables::from_iter([("CORDBOARD_DATA", data.path().to_str().unwrap())]);
        assert!(matches!(Whereabouts::find(&reach(None), None, &named), Err(Failure::NoAddress(_))));
        assert!(Whereabouts::find(&reach(Some("h:1")), Some(data.path()), &none).is_ok());
        assert!(Whereabouts::find(&reach(None), None, &none).is_ok());
    }

    #[test]
    fn an_address_that_cannot_be_asked_is_a_fault_of_usage() {
        for url in ["ftp://x", "https://", "http://", "http://a b", "http://user:pass@host", "http://h/?q"] {
            assert!(matches!(url_of(url), Err(Failure::Usage(_))), "{url:?}");
        }
    }
}
