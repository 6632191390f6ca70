//! Who may ask the call plane by address alone.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::FixedState;
use ipnet::{IpNet, Ipv4Net};

use super::fault::{Fault, Place};
use super::written;

/// Most gateways there can be, the built-in one included: each is a metric label.
pub const GATEWAYS_MAX: usize = 64;
/// Most networks on the list of one gateway.
pub const NETWORKS_MAX: usize = 1_024;
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
    /// Account its requests are for; none is the first account.
    pub account: Option<String>,
    /// Country (ISO 3166, two letters) of numbers without a plus; none reads them as SIP users.
    pub default_country: Option<String>,
    /// Where it was written, for whoever finds the account or country unknown.
    pub place: Place,
}

/// All gateways, found by the address that asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateways {
    list: Vec<Gateway>,
    /// Those that cannot be told from others, or are too many: they are looked into for faults only.
    faulty: Vec<Gateway>,
    by_network: HashMap<IpNet, GatewayIx, FixedState>,
    /// Prefix lengths in use, longest first.
    v4_bits: Vec<u8>,
    v6_bits: Vec<u8>,
}

impl Gateways {
    /// The gateway on whose list an address is, by the longest prefix; an IPv4-mapped address is its IPv4 one.
    ///
    /// Costs one hash look-up for each prefix length in use, and never allocates.
    pub fn of(&self, asker: IpAddr) -> Option<GatewayIx> {
        let asker = asker.to_canonical();
        let bits = if asker.is_ipv4() { &self.v4_bits } else { &self.v6_bits };
        bits.iter().find_map(|bits| {
            let network = IpNet::new(asker, *bits).ok()?.trunc();
            self.by_network.get(&network).copied()
        })
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
        self.list.iter_mut().for_each(|gateway| gateway.place = Place::default());
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
            faults.push(one_too_many.place.fault("one gateway too many", expected));
            faulty.extend(others.split_off(GATEWAYS_MAX - 1));
        }
        others.insert(0, built_in);
        Self::joined(others, faulty, faults)
    }

    fn joined(list: Vec<Gateway>, faulty: Vec<Gateway>, faults: &mut Vec<Fault>) -> Self {
        let mut by_network = HashMap::<IpNet, (GatewayIx, &Gateway), FixedState>::default();
        for (ix, gateway) in (0..).map(GatewayIx).zip(&list) {
            for network in &gateway.networks {
                let Some((_, owner)) = by_network.insert(*network, (ix, gateway)) else { continue };
                // The built-in list stands nowhere: then the other gateway is where there is something to change.
                let place = if gateway.place == Place::default() { &owner.place } else { &gateway.place };
                let message =
                    format!("{network} is on the lists of gateways {} and {}", owner.name, gateway.name);
                let expected = format!(
                    "each network once; [[gateway]] name = \"{BUILT_IN}\" replaces the built-in list"
                );
                faults.push(place.fault(message, expected));
            }
        }
        let bits = |v4: bool| {
            let same = by_network.keys().filter(|network| matches!(network, IpNet::V4(_)) == v4);
            let mut bits: Vec<u8> = same.map(IpNet::prefix_len).collect();
            bits.sort_unstable_by(|one, other| other.cmp(one));
            bits.dedup();
            bits
        };
        let (v4_bits, v6_bits) = (bits(true), bits(false));
        let by_network = by_network.into_iter().map(|(network, (ix, _))| (network, ix)).collect();
        Self { list, faulty, by_network, v4_bits, v6_bits }
    }
}

impl Gateway {
    fn built_in() -> Self {
        Self {
            name: BUILT_IN.to_owned(),
            networks: loopback(),
            account: None,
            default_country: None,
            place: Place::default(),
        }
    }

    fn meant(written: &written::Gateway, name: String, faults: &mut Vec<Fault>) -> Self {
        let addresses = written.addresses.as_ref();
        if let Some(one_too_many) = addresses.and_then(|addresses| addresses.get(NETWORKS_MAX)) {
            faults.push(one_too_many.fault("is too long a list", format!("at most {NETWORKS_MAX} networks")));
        }
        let networks = addresses.map(|addresses| {
            let mut networks = Vec::with_capacity(addresses.len().min(NETWORKS_MAX));
            for said in addresses.iter().take(NETWORKS_MAX) {
                match network(&said.value) {
                    Ok(network) => networks.push(network),
                    Err(expected) => faults.push(said.fault(format!("holds {:?}", said.value), expected)),
                }
            }
            networks
        });
        let said = written.default_country.as_ref().filter(|said| !said.value.is_empty());
        let is_country =
            |text: &str| text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase());
        // One that was told already is not looked for among the countries there are.
        let default_country = said.filter(|said| is_country(&said.value));
        if let (Some(said), None) = (said, default_country) {
            faults.push(said.fault(format!("is {:?}", said.value), "two capital letters, such as \"US\""));
        }
        let account = written.account.as_ref().filter(|said| !said.value.is_empty());
        let unwritten = || if name == BUILT_IN { loopback() } else { Vec::new() };
        Self {
            networks: networks.unwrap_or_else(unwritten),
            name,
            account: account.map(|said| said.value.clone()),
            default_country: default_country.map(|said| said.value.clone()),
            place: written.place.clone(),
        }
    }
}

fn loopback() -> Vec<IpNet> {
    vec![
        IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
        IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
    ]
}

fn name_of(written: &written::Gateway, faults: &mut Vec<Fault>) -> Option<String> {
    let Some(name) = &written.name else {
        faults.push(written.place.fault("a gateway has no name", "name = \"…\""));
        return None;
    };
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.value.is_empty() || name.value.len() > 32 || !name.value.bytes().all(legal) {
        let expected = "1 to 32 lower-case letters, digits and hyphens";
        faults.push(name.fault(format!("is {:?}", name.value), expected));
        return None;
    }
    if name.value == "other" {
        faults.push(name.fault("is \"other\", which stands for gateways nobody named", "another name"));
        return None;
    }
    Some(name.value.clone())
}

/// A network, or an address as the network of only itself; else what was expected.
fn network(text: &str) -> Result<IpNet, String> {
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let Ok(network) = parsed else {
        return Err("a network such as 10.0.0.0/8, or an address".to_owned());
    };
    if network.trunc() != network {
        return Err(format!("{}, or the single address {}", network.trunc(), network.addr()));
    }
    // Askers are looked up unmapped, so a list must be too.
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => {
            v6.addr().to_ipv4_mapped().map(|v4| (v4, v6.prefix_len() - 96))
        }
        _ => None,
    };
    let unmapped = mapped.and_then(|(address, bits)| Ipv4Net::new(address, bits).ok());
    Ok(unmapped.map_or(network, IpNet::V4))
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
        assert_eq!(renamed.get(GatewayIx(0)).unwrap().account.as_deref(), Some("acme"));
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
        assert_eq!(gateways.named("a").and_then(|ix| gateways.get(ix)?.default_country.clone()), None);
    }

    #[test]
    fn there_are_never_more_gateways_than_labels() {
        let text: String = (0..64).map(|n| format!("[[gateway]]\nname = \"g{n}\"\n")).collect();
        let (gateways, faults) = gateways(&text);
        assert_eq!(gateways.iter().count(), GATEWAYS_MAX);
        assert_eq!((faults.len(), faults[0].line), (1, 127));
    }
}
