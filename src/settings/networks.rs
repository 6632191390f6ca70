//! Networks and whose they are, found by the longest prefix.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::FixedState;
use ipnet::{IpNet, Ipv4Net};

use super::fault::Fault;
use super::section::Said;

/// Most networks on one list.
pub const NETWORKS_MAX: usize = 1_024;

/// Networks, each of which has a number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Networks {
    numbers: HashMap<IpNet, u16, FixedState>,
    /// Prefix lengths in use, longest first.
    v4_bits: Vec<u8>,
    v6_bits: Vec<u8>,
}

impl Networks {
    /// The number of the longest prefix that an address has; an IPv4-mapped address is its IPv4 one.
    ///
    /// Costs one hash look-up for each prefix length in use, and never allocates.
    pub fn of(&self, address: IpAddr) -> Option<u16> {
        let address = address.to_canonical();
        let bits = if address.is_ipv4() { &self.v4_bits } else { &self.v6_bits };
        bits.iter().find_map(|bits| {
            let network = IpNet::new(address, *bits).ok()?.trunc();
            self.numbers.get(&network).copied()
        })
    }

    /// Gives a number to a network without host bits; the one that it had before, if it had one.
    pub(super) fn put(&mut self, network: IpNet, number: u16) -> Option<u16> {
        let bits = if matches!(network, IpNet::V4(_)) { &mut self.v4_bits } else { &mut self.v6_bits };
        let longest_first = |known: &u8| network.prefix_len().cmp(known);
        if let Err(at) = bits.binary_search_by(longest_first) {
            bits.insert(at, network.prefix_len());
        }
        self.numbers.insert(network, number)
    }
}

/// This machine, which is nobody else's.
pub(super) fn loopback() -> Vec<IpNet> {
    vec![
        IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
        IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
    ]
}

/// The networks of a list, without host bits and never IPv4-mapped; nothing where there is no list.
pub(super) fn listed(said: Option<&Vec<Said<String>>>, faults: &mut Vec<Fault>) -> Option<Vec<IpNet>> {
    let said = said?;
    if let Some(one_too_many) = said.get(NETWORKS_MAX) {
        faults.push(one_too_many.fault("is too long a list", format!("at most {NETWORKS_MAX} networks")));
    }
    let mut networks = Vec::with_capacity(said.len().min(NETWORKS_MAX));
    for said in said.iter().take(NETWORKS_MAX) {
        match network(&said.value) {
            Ok(network) => networks.push(network),
            Err(expected) => faults.push(said.fault(format!("holds {:?}", said.value), expected)),
        }
    }
    Some(networks)
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
    // Addresses are looked up unmapped, so a list must be too.
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => {
            v6.addr().to_ipv4_mapped().map(|v4| (v4, v6.prefix_len() - 96))
        }
        _ => None,
    };
    let unmapped = mapped.and_then(|(address, bits)| Ipv4Net::new(address, bits).ok());
    Ok(unmapped.map_or(network, IpNet::V4))
}
