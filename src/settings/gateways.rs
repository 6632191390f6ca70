//! Who may ask the call plane by address alone.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::fault::Fault;
#[cfg(test)]
use super::fault::Place;
use super::home::{self, Home};
use super::networks::{Networks, listed, loopback};
use super::written;

/// Most gateways and trunks there can be together, the built-in gateway included: each is a metric label.
pub const GATEWAYS_MAX: usize = 64;
/// The gateway that is there even if nobody wrote it; its list is loopback unless written otherwise.
pub const BUILT_IN: &str = "http";

/// Dense number of a gateway, below [`GATEWAYS_MAX`]; the built-in one is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayIx(pub u16);

/// An asker of the call plane and what its requests are bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Lower-case letters, digits and hyphens, at most 32: a metric label.
    pub name: String,
    /// Networks that are this gateway without a key, without host bits and never IPv4-mapped.
    pub networks: Vec<IpNet>,
    /// Whose calls it brings.
    pub home: Home,
}

/// All gateways, found by the address that asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateways {
    list: Vec<Gateway>,
    /// Those that cannot be told from others, or are too many: they are looked into for faults only.
    faulty: Vec<Gateway>,
    networks: Networks,
}

impl Gateways {
    /// The gateway on whose list an address is, by the longest prefix.
    pub fn of(&self, asker: IpAddr) -> Option<GatewayIx> {
        self.networks.of(asker).map(GatewayIx)
    }

    /// The gateway of a number.
    pub fn get(&self, ix: GatewayIx) -> Option<&Gateway> {
        self.list.get(usize::from(ix.0))
    }

    /// The gateway of a name.
    pub fn named(&self, name: &str) -> Option<GatewayIx> {
        self.iter().find(|(_, gateway)| gateway.name == name).map(|(ix, _)| ix)
    }

    /// Every gateway, the built-in one first, then as written.
    pub fn iter(&self) -> impl Iterator<Item = (GatewayIx, &Gateway)> {
        (0..).map(GatewayIx).zip(&self.list)
    }

    /// Every gateway that is written, those included that come to nothing, since their names are at fault: for whoever
    /// finds further faults in what they say.
    pub fn written(&self) -> impl Iterator<Item = &Gateway> {
        self.list.iter().chain(&self.faulty)
    }

    /// The same gateways, as if they were written nowhere: for comparing what is meant.
    #[cfg(test)]
    pub(super) fn without_places(mut self) -> Self {
        self.list.iter_mut().for_each(|gateway| gateway.home.place = Place::default());
        self
    }

    /// What was written, with the built-in gateway where nobody redefined it.
    pub(super) fn meant(written: &[written::Gateway], faults: &mut Vec<Fault>) -> Self {
        let mut built_in = Gateway::built_in();
        let (mut others, mut faulty) = (Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        for gateway in written {
            let name = name_of(gateway, faults);
            // Whatever is wrong with the name, the rest of the table is read for its own faults.
            let said = || gateway.name.as_ref().map(|said| said.value.clone());
            let meant = Gateway::meant(gateway, name.clone().or_else(said).unwrap_or_default(), faults);
            let Some(name) = name else {
                faulty.push(meant);
                continue;
            };
            if !names.insert(name.clone()) {
                faults.push(
                    gateway.place.fault(format!("gateway {name} is there twice"), "one table for each name"),
                );
                faulty.push(meant);
                continue;
            }
            let is_built_in = name == BUILT_IN;
            if is_built_in {
                built_in = meant;
            } else {
                others.push(meant);
            }
        }
        if let Some(one_too_many) = others.get(GATEWAYS_MAX - 1) {
            let expected = format!("at most {GATEWAYS_MAX}, {BUILT_IN} included");
            faults.push(one_too_many.home.place.fault("one gateway too many", expected));
            faulty.extend(others.split_off(GATEWAYS_MAX - 1));
        }
        others.insert(0, built_in);
        Self::joined(others, faulty, faults)
    }

    fn joined(list: Vec<Gateway>, faulty: Vec<Gateway>, faults: &mut Vec<Fault>) -> Self {
        let mut networks = Networks::default();
        for (ix, gateway) in (0..).zip(&list) {
            for network in &gateway.networks {
                let owner = networks.put(*network, ix).and_then(|owner| list.get(usize::from(owner)));
                let Some(owner) = owner else { continue };
                // The built-in list stands nowhere: then the other gateway is where there is something to change.
                let is_written = gateway.home != Home::default();
                let place = if is_written { &gateway.home.place } else { &owner.home.place };
                let message =
                    format!("{network} is on the lists of gateways {} and {}", owner.name, gateway.name);
                let expected = format!(
                    "each network once; [[gateway]] name = \"{BUILT_IN}\" replaces the built-in list"
                );
                faults.push(place.fault(message, expected));
            }
        }
        Self { list, faulty, networks }
    }
}

impl Gateway {
    fn built_in() -> Self {
        Self { name: BUILT_IN.to_owned(), networks: loopback(), home: Home::default() }
    }

    fn meant(written: &written::Gateway, name: String, faults: &mut Vec<Fault>) -> Self {
        let networks = listed(written.addresses.as_ref(), faults);
        let unwritten = || if name == BUILT_IN { loopback() } else { Vec::new() };
        let (account, country) = (written.account.as_ref(), written.default_country.as_ref());
        Self {
            networks: networks.unwrap_or_else(unwritten),
            name,
            home: Home::meant(&written.place, account, country, faults),
        }
    }
}

fn name_of(written: &written::Gateway, faults: &mut Vec<Fault>) -> Option<String> {
    let said = written.name.as_ref();
    let name = home::name(said, ("gateway", &written.place), faults)?;
    if let Some(said) = said.filter(|_| name == "other") {
        faults.push(said.fault("is \"other\", which stands for gateways nobody named", "another name"));
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::super::source::Sources;
    use super::super::written::Written;
    use super::*;

    fn gateways(text: &str) -> (Gateways, Vec<Fault>) {
        let (written, mut faults) = Written::read("cordboard.toml", text, &Sources::default());
        assert_eq!(faults, []);
        (Gateways::meant(&written.gateways, &mut faults), faults)
    }

    fn good(text: &str) -> Gateways {
        let (gateways, faults) = gateways(text);
        assert_eq!(faults, []);
        gateways
    }

    fn asked_by(gateways: &Gateways, asker: &str) -> Option<String> {
        let ix = gateways.of(asker.parse().unwrap())?;
        Some(gateways.get(ix).unwrap().name.clone())
    }

    #[test]
    fn loopback_is_the_built_in_gateway_and_nobody_else_is() {
        let gateways = good("");
        for asker in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(asked_by(&gateways, asker).as_deref(), Some("http"), "{asker}");
        }
        for asker in ["10.0.0.1", "::2", "0.0.0.0", "::ffff:10.0.0.1"] {
            assert_eq!(asked_by(&gateways, asker), None, "{asker}");
        }
    }

    #[test]
    fn the_longest_prefix_decides_whatever_the_order_of_the_tables() {
        let gateways = good(
            "[[gateway]]\nname = \"wide\"\naddresses = [\"10.0.0.0/8\", \"fd00::/8\"]\n\
             [[gateway]]\nname = \"narrow\"\naddresses = [\"10.1.0.0/16\", \"fd00:1::/32\"]\n\
             [[gateway]]\nname = \"one\"\naddresses = [\"10.1.2.3\", \"::ffff:10.1.2.4\", \"::ffff:10.2.0.0/112\"]\n",
        );
        for (asker, name) in [
            ("10.9.9.9", "wide"),
            ("10.1.9.9", "narrow"),
            ("10.1.2.3", "one"),
            ("::ffff:10.1.2.3", "one"),
            ("10.1.2.4", "one"),
            ("10.2.7.7", "one"),
            ("fd00:1::9", "narrow"),
            ("fd00:2::9", "wide"),
        ] {
            assert_eq!(asked_by(&gateways, asker).as_deref(), Some(name), "{asker}");
        }
    }

    #[test]
    fn the_built_in_gateway_keeps_its_number_and_its_list_unless_one_is_written() {
        let renamed = good(
            "[[gateway]]\nname = \"edge\"\n[[gateway]]\nname = \"http\"\naccount = \"acme\"\ndefault_country = \"DE\"\n",
        );
        assert_eq!(renamed.named("http"), Some(GatewayIx(0)));
        assert_eq!(renamed.named("edge"), Some(GatewayIx(1)));
        assert_eq!(asked_by(&renamed, "127.0.0.1").as_deref(), Some("http"));
        assert_eq!(renamed.get(GatewayIx(0)).unwrap().home.account.as_deref(), Some("acme"));
        let emptied = good("[[gateway]]\nname = \"http\"\naddresses = []\n");
        assert_eq!(asked_by(&emptied, "127.0.0.1"), None);
        let moved = good(
            "[[gateway]]\nname = \"http\"\naddresses = []\n[[gateway]]\nname = \"edge\"\naddresses = [\"127.0.0.0/8\"]\n",
        );
        assert_eq!(asked_by(&moved, "127.0.0.1").as_deref(), Some("edge"));
    }

    #[test]
    fn one_network_never_belongs_to_two_gateways() {
        let (_, faults) = gateways(
            "[[gateway]]\nname = \"a\"\naddresses = [\"127.0.0.0/8\"]\n\
             [[gateway]]\nname = \"b\"\naddresses = [\"10.0.0.0/8\"]\n\
             [[gateway]]\nname = \"c\"\naddresses = [\"::ffff:10.0.0.0/104\"]\n",
        );
        let said: Vec<_> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        assert_eq!(
            said,
            [
                (1, "127.0.0.0/8 is on the lists of gateways http and a"),
                (7, "10.0.0.0/8 is on the lists of gateways b and c")
            ]
        );
    }

    #[test]
    fn every_fault_of_every_gateway_is_told_with_its_line() {
        let (_, faults) = gateways(
            "[[gateway]]\naddresses = []\n[[gateway]]\nname = \"Edge\"\n[[gateway]]\nname = \"other\"\n\
             [[gateway]]\nname = \"a\"\naddresses = [\n  \"10.0.0.1/8\",\n  \"ten\",\n]\ndefault_country = \"usa\"\n\
             [[gateway]]\nname = \"a\"\n",
        );
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [1, 4, 6, 10, 11, 13, 14]);
        assert_eq!(faults[3].expected, "10.0.0.0/8, or the single address 10.0.0.1");
    }

    #[test]
    fn a_gateway_of_a_bad_name_hides_no_fault_of_its_table() {
        let (gateways, faults) = gateways(
            "[[gateway]]\nname = \"Edge\"\naddresses = [\"ten\"]\ndefault_country = \"usa\"\n\
             [[gateway]]\nname = \"a\"\ndefault_country = \"usa\"\n",
        );
        let places: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
        assert_eq!(places, [(2, 8), (3, 14), (4, 19), (7, 19)]);
        assert_eq!(gateways.named("a").and_then(|ix| gateways.get(ix)?.home.default_country.clone()), None);
    }

    #[test]
    fn there_are_never_more_gateways_than_labels() {
        let text: String = (0..64).map(|n| format!("[[gateway]]\nname = \"g{n}\"\n")).collect();
        let (gateways, faults) = gateways(&text);
        assert_eq!(gateways.iter().count(), GATEWAYS_MAX);
        assert_eq!((faults.len(), faults[0].line), (1, 127));
    }
}
