//! The trunks of the settings as what serves them needs them.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::Path;

use super::AppError;
use super::sources::as_fault;
use crate::gateways::gateway::Gateways;
use crate::gateways::sip::digest::Password;
use crate::gateways::sip::trunk::{Contacts, Told, Trunk};
use crate::gateways::sip::trunks::Trunks;
use crate::gateways::webhooks::{self, Webhooks};
use crate::settings::trunks::Kind;
use crate::settings::{self, Settings};

/// What callers are told that they log in to.
const REALM: &str = "cordboard";
/// Longest password, in bytes.
const PASSWORD_BYTES_MAX: usize = 128;

/// The trunks of SIP; their accounts, countries and rows are those of the gateways of their names.
///
/// # Errors
/// A password file that holds none, or can no longer be read.
pub(super) fn sip_trunks(settings: &Settings, gateways: &Gateways) -> Result<Trunks, AppError> {
    let passwords = passwords(settings);
    let passwords =
        passwords.map_err(|faults| AppError::Settings(faults.into_iter().map(as_fault).collect()))?;
    let (mut list, mut places) = (Vec::new(), Vec::new());
    for ((place, said), password) in settings.trunks.of_kind(Kind::Sip).zip(passwords) {
        let label = said.label();
        let row = gateways.row(&label);
        let Some(gateway) = gateways.get(row) else { continue };
        list.push(Trunk {
            gateway: label.into(),
            gateway_row: row,
            account: gateway.account.clone(),
            trust_headers: said.trust_headers,
            country: gateway.country,
            strip_prefix: said.strip_prefix.as_str().into(),
            contacts: if said.many_contacts { Contacts::Many } else { Contacts::One },
            headers: Told { decision: said.headers.decision, version: said.headers.version },
            password: password.map(|password| Password::new(&said.name, REALM, &password)),
        });
        places.push(place);
    }
    let by_address = settings.trunks.clone();
    let of = move |source: IpAddr| {
        let place = by_address.of(Kind::Sip, source)?;
        places.iter().position(|known| *known == place).and_then(|at| u16::try_from(at).ok())
    };
    Ok(Trunks::new(list, of))
}

/// The trunks that ask over HTTP, each by the row of its name.
pub(super) fn webhooks(settings: &Settings, gateways: &Gateways) -> Webhooks {
    let of_kinds = webhooks::KINDS.iter().filter_map(|kind| Some((*kind, Kind::named(kind.name())?)));
    let mut list = Vec::new();
    for (kind, said) in
        of_kinds.flat_map(|(kind, of)| settings.trunks.of_kind(of).map(move |(_, said)| (kind, said)))
    {
        list.push(webhooks::Trunk {
            kind,
            name: said.name.as_str().into(),
            row: gateways.row(&said.label()),
            trust_headers: said.trust_headers,
            strip_prefix: said.strip_prefix.as_str().into(),
        });
    }
    let first = u16::try_from(settings.gateways.iter().count()).unwrap_or(u16::MAX);
    let by_address = settings.trunks.clone();
    Webhooks::new(list, move |kind, asker| {
        Some(first.saturating_add(by_address.of(Kind::named(kind)?, asker)?))
    })
}

/// The passwords of the trunks of SIP, in their order.
///
/// # Errors
/// Every file that cannot be read or holds no password, named; never what it holds.
pub(super) fn passwords(settings: &Settings) -> Result<Vec<Option<String>>, Vec<settings::Fault>> {
    let (mut passwords, mut faults) = (Vec::new(), Vec::new());
    for (_, trunk) in settings.trunks.of_kind(Kind::Sip) {
        let password = trunk.password.as_ref().map(|file| {
            password(&file.path).map_err(|(problem, expected)| faults.push(file.fault(&problem, &expected)))
        });
        passwords.push(password.and_then(Result::ok));
    }
    if faults.is_empty() { Ok(passwords) } else { Err(faults) }
}

/// The password that a file holds, else what is wrong with it and what was expected.
fn password(path: &Path) -> Result<String, (String, String)> {
    let bytes = beginning(path)
        .map_err(|why| (format!("cannot be read: {why}"), "a file this user may read".to_owned()))?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_printable = line.iter().all(|c| c.is_ascii_graphic() || *c == b' ');
    if (1..=PASSWORD_BYTES_MAX).contains(&line.len()) && is_printable {
        return Ok(String::from_utf8_lossy(line).into_owned());
    }
    let expected = format!("one line of 1 to {PASSWORD_BYTES_MAX} printable ASCII characters");
    Err(("holds no password".to_owned(), expected))
}

/// The beginning of a file: enough to know that it is too long.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(PASSWORD_BYTES_MAX as u64 + 3).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::AccountId;
    use crate::gateways::gateway::Gateway;
    use crate::settings::{Flags, SETTINGS_FILE, Sources, Variables};

    fn settings(folder: &Path, text: &str) -> Settings {
        std::fs::write(folder.join(SETTINGS_FILE), text).unwrap();
        let flags = Flags { config: Some(folder.display().to_string()), ..Flags::default() };
        Settings::load(&Sources { flags, variables: Variables::default() }).unwrap()
    }

    fn gateways(settings: &Settings) -> Gateways {
        let names = settings.gateways.iter().map(|(_, gateway)| gateway.name.clone());
        let names = names.chain(settings.trunks.iter().map(settings::Trunk::label));
        let account = AccountId::parse("ws-1").unwrap();
        let gateway = |name: String| Gateway { name: name.into(), account: account.clone(), country: None };
        Gateways::new(names.map(gateway).collect(), None, |_| None)
    }

    #[test]
    fn a_trunk_is_found_by_its_address_and_counted_in_its_row() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(
            folder.path(),
            "[[gateway]]\nname = \"edge\"\n[[trunk]]\nname = \"k\"\nkind = \"kamailio\"\naddresses = [\"10.0.0.0/8\"]\n\
             [[trunk]]\nname = \"a\"\naddresses = [\"10.0.0.0/8\"]\n\
             [[trunk]]\nname = \"b\"\naddresses = [\"10.1.0.0/16\"]\nstrip_prefix = \"9\"\ncontacts = \"many\"\nheaders = []\n",
        );
        let gateways = gateways(&settings);
        let trunks = sip_trunks(&settings, &gateways).unwrap();
        let (number, trunk) = trunks.of("10.1.2.3".parse().unwrap()).unwrap();
        assert_eq!((number, &*trunk.gateway, trunk.gateway_row), (1, "sip:b", 4));
        assert_eq!((&*trunk.strip_prefix, trunk.contacts), ("9", Contacts::Many));
        assert_eq!(trunk.headers, Told { decision: false, version: false });
        assert_eq!(trunks.of("10.2.2.3".parse().unwrap()).unwrap().0, 0);
        assert!(trunks.of("127.0.0.1".parse().unwrap()).is_none());
        let webhooks = webhooks(&settings, &gateways);
        assert_eq!(webhooks.get("kamailio", "k").unwrap().row, 2);
        assert_eq!(webhooks.of("kamailio", "10.1.2.3".parse().unwrap()), Some(2));
        assert_eq!(webhooks.of("kamailio", "127.0.0.1".parse().unwrap()), None);
        assert!(webhooks.get("kamailio", "a").is_none() && webhooks.get("sip", "a").is_none());
    }

    #[test]
    fn a_file_holds_a_password_or_is_a_fault_that_names_it_and_never_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let settings = settings(folder.path(), "[[trunk]]\nname = \"default\"\npassword_file = \"secret\"\n");
        let missing = passwords(&settings).unwrap_err();
        assert_eq!((missing.len(), missing[0].line), (1, 3));
        assert!(missing[0].message.contains(&file.display().to_string()), "{}", missing[0]);
        let longest = "x".repeat(128);
        for good in ["s3cret", "s3cret\n", "s3cret\r\n", "a b", &longest, &format!("{longest}\r\n")] {
            std::fs::write(&file, good).unwrap();
            let expected = Some(good.trim_end_matches(['\r', '\n']).to_owned());
            assert_eq!(passwords(&settings).unwrap(), [expected]);
        }
        assert!(sip_trunks(&settings, &gateways(&settings)).unwrap().list()[0].password.is_some());
        for bad in ["", "\n", "hush\n\n", "hush\nhush", "h\u{fc}sh", "hu\tsh", &format!("hush{longest}")] {
            std::fs::write(&file, bad).unwrap();
            let faults = passwords(&settings).unwrap_err();
            assert_eq!(faults.len(), 1, "{bad:?}");
            assert!(!faults[0].to_string().contains("hush"), "{}", faults[0]);
        }
    }
}
