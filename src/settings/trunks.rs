//! By which ways calls come in the form of a telephone system: what of them is believed, what is told.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::fault::Fault;
#[cfg(test)]
use super::fault::Place;
use super::gateways::GATEWAYS_MAX;
use super::home::{self, Home};
use super::networks::{Networks, listed, loopback};
use super::section::Said;
use super::written;

/// The trunk of [`Kind::Sip`] that is there if nobody wrote one; its list is loopback unless written otherwise.
pub const DEFAULT: &str = "default";
/// Longest prefix that is taken off numbers.
const PREFIX_BYTES_MAX: usize = 16;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $own_keys:tt,)*) => {
        /// In which form calls come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// As it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The keys that some kinds know, this one among them.
            const fn own_keys(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &$own_keys,)* }
            }
        }
    };
}

kinds! {
    /// SIP itself, answered by redirects.
    Sip "sip" ["contacts", "headers", "password_file"],
    /// What Kamailio's module `rtjson` reads, over HTTP.
    Kamailio "kamailio" [],
}

impl Kind {
    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// A way by which calls come.
#[derive(Debug, Clone, PartialEq)]
pub struct Trunk {
    /// Lower-case letters, digits and hyphens, at most 32; its kind has no other of this name.
    pub name: String,
    /// In which form calls come.
    pub kind: Kind,
    /// Networks that are this trunk, without host bits and never IPv4-mapped.
    pub networks: Vec<IpNet>,
    /// Whose calls it brings.
    pub home: Home,
    /// What its calls have in front of the number; empty where nothing.
    pub strip_prefix: String,
    /// Whether what only a trusted network may say counts.
    pub trust_headers: bool,
    /// Whether an answer names all targets, and not only the best one.
    pub many_contacts: bool,
    /// Which headers go along with an answer.
    pub headers: Headers,
    /// Where the password is that its calls have to know, if they have to.
    pub password: Option<PasswordFile>,
}

/// Which headers go along with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// What was decided.
    pub decision: bool,
    /// Those of the version and of the number.
    pub version: bool,
}

/// A file that holds a password; two are equal where they are the same file.
#[derive(Debug, Clone)]
pub struct PasswordFile {
    /// The file.
    pub path: PathBuf,
    said: Said<String>,
}

/// All trunks, found by the address that calls come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Trunks {
    list: Vec<Trunk>,
    /// Those that cannot be told from others, or are too many: they are looked into for faults only.
    faulty: Vec<Trunk>,
    /// For each kind the places in the list of its trunks.
    networks: Vec<(Kind, Networks)>,
}

impl Trunks {
    /// Where in the list the trunk of a kind stands on whose list an address is, by the longest prefix.
    pub fn of(&self, kind: Kind, source: IpAddr) -> Option<u16> {
        let (_, networks) = self.networks.iter().find(|(of, _)| *of == kind)?;
        networks.of(source)
    }

    /// Every trunk, that which nobody wrote first, then as written.
    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.list.iter()
    }

    /// The trunks of a kind, each with its place in the list.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (u16, &Trunk)> {
        (0..).zip(&self.list).filter(move |(_, trunk)| trunk.kind == kind)
    }

    /// Every trunk, those included that come to nothing, since their names are at fault: for whoever finds further faults
    /// in what they say.
    pub fn written(&self) -> impl Iterator<Item = &Trunk> {
        self.list.iter().chain(&self.faulty)
    }

    /// The same trunks, as if they were written nowhere: for comparing what is meant.
    #[cfg(test)]
    pub(super) fn without_places(mut self) -> Self {
        self.list.iter_mut().for_each(|trunk| trunk.home.place = Place::default());
        self
    }

    /// What was written beside so many gateways, with a trunk of SIP where nobody wrote one.
    pub(super) fn meant(
        written: &[written::Trunk],
        gateways: usize,
        config: &Path,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let (mut list, mut faulty) = (Vec::new(), Vec::new());
        let mut labels = BTreeSet::new();
        for written in written {
            let name = home::name(written.name.as_ref(), ("trunk", &written.place), faults);
            let kind = kind(written, faults);
            let said = || written.name.as_ref().map(|said| said.value.clone());
            let known = kind.unwrap_or(Kind::Sip);
            // Whatever is wrong with name and kind, the rest of the table is read for its own faults.
            let named = name.clone().or_else(said).unwrap_or_default();
            let trunk = Trunk::meant(written, named, kind, config, faults);
            if name.is_none() || kind.is_none() {
                faulty.push(Trunk { kind: known, ..trunk });
            } else if labels.insert(trunk.label()) {
                list.push(trunk);
            } else {
                let message = format!("trunk {} is there twice", trunk.label());
                faults.push(written.place.fault(message, "one table for each name of a kind"));
                faulty.push(trunk);
            }
        }
        let room = GATEWAYS_MAX.saturating_sub(gateways);
        if let Some(one_too_many) = list.get(room) {
            let expected = format!("at most {GATEWAYS_MAX} gateways and trunks");
            faults.push(one_too_many.home.place.fault("one trunk too many", expected));
            faulty.extend(list.split_off(room));
        }
        if !list.iter().any(|trunk| trunk.kind == Kind::Sip) {
            list.insert(0, Trunk::unwritten());
        }
        Self::joined(list, faulty, faults)
    }

    fn joined(list: Vec<Trunk>, faulty: Vec<Trunk>, faults: &mut Vec<Fault>) -> Self {
        let mut networks: Vec<_> = Kind::ALL.iter().map(|kind| (*kind, Networks::default())).collect();
        for (place, trunk) in (0..).zip(&list) {
            let Some((_, known)) = networks.iter_mut().find(|(kind, _)| *kind == trunk.kind) else {
                continue;
            };
            for network in &trunk.networks {
                let owner = known.put(*network, place).and_then(|owner| list.get(usize::from(owner)));
                let Some(owner) = owner else { continue };
                let (one, other) = (owner.label(), trunk.label());
                let message = format!("{network} is on the lists of trunks {one} and {other}");
                faults.push(trunk.home.place.fault(message, "each network once for trunks of one kind"));
            }
        }
        Self { list, faulty, networks }
    }
}

impl Trunk {
    /// What its calls are counted under, and told apart by: `sip:` and the name, for another kind likewise.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.name)
    }

    fn unwritten() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            kind: Kind::Sip,
            networks: loopback(),
            home: Home::default(),
            strip_prefix: String::new(),
            trust_headers: false,
            many_contacts: false,
            headers: Headers::ALL,
            password: None,
        }
    }

    fn meant(
        written: &written::Trunk,
        name: String,
        kind: Option<Kind>,
        config: &Path,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let networks = listed(written.addresses.as_ref(), faults).unwrap_or_else(|| match kind {
            Some(Kind::Sip) if name == DEFAULT => loopback(),
            // What comes by SIP is known by its address and nothing else.
            Some(Kind::Sip) => {
                let expected = "addresses = [\"…\"], or [] for nobody";
                faults.push(written.place.fault(format!("trunk sip:{name} has no addresses"), expected));
                Vec::new()
            }
            _ => Vec::new(),
        });
        let (account, country) = (written.account.as_ref(), written.default_country.as_ref());
        let home = Home::meant(&written.place, account, country, faults);
        let strip_prefix = written.strip_prefix.as_ref().and_then(|said| said.meant(faults, prefix));
        let contacts = written.contacts.as_ref().and_then(|said| said.meant(faults, many_contacts));
        let headers = written.headers.as_ref().map_or(Headers::ALL, |said| Headers::meant(said, faults));
        if let Some(kind) = kind {
            refuse_foreign(written, kind, faults);
        }
        let password = written.password_file.as_ref().filter(|said| !said.value.trim().is_empty());
        Self {
            name,
            kind: kind.unwrap_or(Kind::Sip),
            networks,
            home,
            strip_prefix: strip_prefix.unwrap_or_default(),
            trust_headers: written.trust_headers.as_ref().is_some_and(|said| said.value),
            many_contacts: contacts.unwrap_or_default(),
            headers,
            password: password
                .map(|said| PasswordFile { path: config.join(&said.value), said: said.clone() }),
        }
    }
}

impl Headers {
    const ALL: Self = Self { decision: true, version: true };

    fn meant(said: &[Said<String>], faults: &mut Vec<Fault>) -> Self {
        let mut headers = Self { decision: false, version: false };
        for said in said {
            match said.value.as_str() {
                "decision" => headers.decision = true,
                "version" => headers.version = true,
                other => {
                    faults.push(said.fault(format!("holds {other:?}"), "\"decision\" or \"version\""));
                }
            }
        }
        headers
    }
}

impl PasswordFile {
    /// What is wrong with the file, where the settings name it.
    #[must_use]
    pub fn fault(&self, problem: &str, expected: &str) -> Fault {
        self.said.fault(format!("({}) {problem}", self.path.display()), expected)
    }
}

impl PartialEq for PasswordFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

fn kind(written: &written::Trunk, faults: &mut Vec<Fault>) -> Option<Kind> {
    let Some(said) = &written.kind else { return Some(Kind::Sip) };
    let kind = Kind::named(&said.value);
    if kind.is_none() {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| format!("{:?}", kind.as_str())).collect();
        faults.push(said.fault(format!("is {:?}", said.value), known.join(" or ")));
    }
    kind
}

/// Tells the keys that trunks of other kinds have: who writes one expects something of it.
fn refuse_foreign(written: &written::Trunk, kind: Kind, faults: &mut Vec<Fault>) {
    let headers = written.headers.as_ref();
    let said = [
        ("contacts", written.contacts.as_ref().map(|said| &said.place)),
        ("headers", headers.map(|said| said.first().map_or(&written.place, |said| &said.place))),
        ("password_file", written.password_file.as_ref().map(|said| &said.place)),
    ];
    for (key, place) in said {
        let Some(place) = place.filter(|_| !kind.own_keys().contains(&key)) else { continue };
        let knows = |kind: &&Kind| kind.own_keys().contains(&key);
        let others: Vec<_> = Kind::ALL.iter().filter(knows).map(|kind| kind.as_str()).collect();
        let message = format!("trunk.{key} is of no use for {}", kind.as_str());
        faults.push(place.fault(message, format!("it for trunks of kind {} only", others.join(" or "))));
    }
}

fn prefix(said: &Said<String>) -> Result<String, Fault> {
    let is_legal = said.value.len() <= PREFIX_BYTES_MAX && said.value.bytes().all(|c| c.is_ascii_graphic());
    let expected = || format!("at most {PREFIX_BYTES_MAX} visible ASCII characters, such as \"9\"");
    if is_legal {
        Ok(said.value.clone())
    } else {
        Err(said.fault(format!("is {:?}", said.value), expected()))
    }
}

fn many_contacts(said: &Said<String>) -> Result<bool, Fault> {
    match said.value.as_str() {
        "one" => Ok(false),
        "many" => Ok(true),
        other => Err(said.fault(format!("is {other:?}"), "\"one\" or \"many\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Sources;
    use super::super::written::Written;
    use super::*;

    fn trunks(text: &str) -> (Trunks, Vec<Fault>) {
        let (written, mut faults) = Written::read("cordboard.toml", text, &Sources::default());
        assert_eq!(faults, []);
        (Trunks::meant(&written.trunks, 1, Path::new("config"), &mut faults), faults)
    }

    fn good(text: &str) -> Trunks {
        let (trunks, faults) = trunks(text);
        assert_eq!(faults, []);
        trunks
    }

    fn called_by(trunks: &Trunks, kind: Kind, source: &str) -> Option<String> {
        let place = trunks.of(kind, source.parse().unwrap())?;
        let found = trunks.of_kind(kind).find(|(at, _)| *at == place);
        Some(found.unwrap().1.label())
    }

    #[test]
    fn there_is_always_a_trunk_of_sip_which_is_loopback_unless_one_is_written() {
        let unwritten = good("");
        assert_eq!(called_by(&unwritten, Kind::Sip, "::ffff:127.0.0.1").as_deref(), Some("sip:default"));
        assert_eq!(called_by(&unwritten, Kind::Sip, "10.0.0.1"), None);
        assert_eq!(called_by(&unwritten, Kind::Kamailio, "127.0.0.1"), None);
        let beside = good("[[trunk]]\nname = \"edge\"\nkind = \"kamailio\"\n");
        assert_eq!(beside.iter().map(Trunk::label).collect::<Vec<_>>(), ["sip:default", "kamailio:edge"]);
        let written = good("[[trunk]]\nname = \"sbc\"\naddresses = [\"10.0.0.0/8\"]\n");
        assert_eq!(called_by(&written, Kind::Sip, "127.0.0.1"), None);
        let renamed = good("[[trunk]]\nname = \"default\"\nstrip_prefix = \"9\"\n");
        assert_eq!(renamed.iter().next().unwrap().strip_prefix, "9");
        assert_eq!(called_by(&renamed, Kind::Sip, "127.0.0.1").as_deref(), Some("sip:default"));
    }

    #[test]
    fn a_trunk_is_what_is_written() {
        let trunks = good(
            "[[trunk]]\nname = \"a\"\nkind = \"sip\"\naddresses = [\"10.0.0.0/8\"]\naccount = \"acme\"\n\
             default_country = \"DE\"\nstrip_prefix = \"tech-prefix#\"\ntrust_headers = true\ncontacts = \"many\"\n\
             headers = [\"version\"]\npassword_file = \"trunk.password\"\n",
        );
        let trunk = trunks.iter().next().unwrap();
        assert_eq!(trunk.home.account.as_deref(), Some("acme"));
        assert_eq!(trunk.home.default_country.as_deref(), Some("DE"));
        assert_eq!(trunk.strip_prefix, "tech-prefix#");
        assert!(trunk.trust_headers && trunk.many_contacts);
        assert_eq!(trunk.headers, Headers { decision: false, version: true });
        assert_eq!(trunk.password.as_ref().unwrap().path, Path::new("config/trunk.password"));
    }

    #[test]
    fn names_and_networks_are_for_one_trunk_of_a_kind_and_the_longest_prefix_decides() {
        let list = "addresses = [\"10.0.0.0/8\"]\n";
        let trunks = good(&format!(
            "[[trunk]]\nname = \"a\"\n{list}[[trunk]]\nname = \"a\"\nkind = \"kamailio\"\n{list}\
             [[trunk]]\nname = \"b\"\naddresses = [\"10.1.0.0/16\"]\n",
        ));
        assert_eq!(called_by(&trunks, Kind::Sip, "10.1.2.3").as_deref(), Some("sip:b"));
        assert_eq!(called_by(&trunks, Kind::Sip, "10.2.2.3").as_deref(), Some("sip:a"));
        assert_eq!(called_by(&trunks, Kind::Kamailio, "10.1.2.3").as_deref(), Some("kamailio:a"));
        let (_, faults) = self::trunks(&format!(
            "[[trunk]]\nname = \"a\"\n{list}[[trunk]]\nname = \"b\"\n{list}[[trunk]]\nname = \"a\"\n{list}"
        ));
        let said: Vec<_> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        let twice = "10.0.0.0/8 is on the lists of trunks sip:a and sip:b";
        assert_eq!(said, [(7, "trunk sip:a is there twice"), (4, twice)]);
    }

    #[test]
    fn keys_that_a_kind_does_not_know_are_faults_each_in_its_place() {
        let (_, faults) = trunks(
            "[[trunk]]\nname = \"a\"\nkind = \"kamailio\"\ncontacts = \"one\"\nheaders = []\npassword_file = \"x\"\n",
        );
        let said: Vec<_> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        let told = [
            (4, "trunk.contacts is of no use for kamailio"),
            (1, "trunk.headers is of no use for kamailio"),
            (6, "trunk.password_file is of no use for kamailio"),
        ];
        assert_eq!(said, told);
        assert_eq!(faults[0].expected, "it for trunks of kind sip only");
    }

    #[test]
    fn every_fault_of_every_trunk_is_told_and_bad_names_hide_none() {
        let (_, faults) = trunks(
            "[[trunk]]\nname = \"A\"\naddresses = [\"ten\"]\ndefault_country = \"usa\"\nstrip_prefix = \"a b\"\n\
             contacts = \"two\"\nheaders = [\"version\", \"all\"]\n[[trunk]]\nkind = \"sipp\"\nstrip_prefix = \"12345678901234567\"\n\
             [[trunk]]\nname = \"b\"\n",
        );
        assert_eq!(
            faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
            [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
        );
        assert_eq!(faults[7].expected, "\"sip\" or \"kamailio\"");
        assert_eq!(faults[9].message, "trunk sip:b has no addresses");
    }

    #[test]
    fn there_are_never_more_trunks_and_gateways_than_labels() {
        let text: String =
            (0..64).map(|n| format!("[[trunk]]\nname = \"t{n}\"\naddresses = [\"10.0.0.{n}\"]\n")).collect();
        let (trunks, faults) = trunks(&text);
        assert_eq!(trunks.iter().count(), GATEWAYS_MAX - 1);
        assert_eq!((faults.len(), faults[0].line), (1, 190));
    }
}
