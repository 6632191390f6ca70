//! One step of the way a request came, which its answer goes back.

use std::net::IpAddr;

use super::grammar::{cut, is_blank, is_token, number, parameters, trim};

/// A value of `Via`, as it stands in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'m> {
    /// What stands before the parameters: protocol and sender.
    pub sent: &'m [u8],
    /// The sender's host: a name or an address, that of IPv6 in brackets.
    pub host: &'m [u8],
    /// The sender's port, where it is written.
    pub port: Option<u16>,
    /// What stands behind the first semicolon.
    pub parameters: Option<&'m [u8]>,
    /// What its sender tells its requests apart by.
    pub branch: Option<&'m [u8]>,
    /// Whether the sender wants the answer where the request came from (RFC 3581).
    pub wants_rport: bool,
    /// Whether every parameter has a name; where one has none, its sender can be answered all the same.
    pub is_well_formed: bool,
}

impl<'m> Via<'m> {
    /// Reads one value: `SIP/2.0/UDP host:port;branch=…`, blanks wherever they may be.
    #[must_use]
    pub fn parse(value: &'m [u8]) -> Option<Self> {
        let (sent, behind) = cut(value, b';');
        let mut protocol = sent.splitn(3, |c| *c == b'/').map(trim);
        let (name, version, rest) = (protocol.next()?, protocol.next()?, protocol.next()?);
        let (transport, sender) = rest.split_at_checked(rest.iter().position(|c| is_blank(*c))?)?;
        if !name.eq_ignore_ascii_case(b"SIP") || !is_token(version) || !is_token(transport) {
            return None;
        }
        let (host, port) = host_and_port(trim(sender))?;
        let (mut branch, mut wants_rport, mut is_well_formed) = (None, false, true);
        for (name, value) in behind.into_iter().flat_map(parameters) {
            is_well_formed &= is_token(name);
            if name.eq_ignore_ascii_case(b"branch") {
                branch.get_or_insert(value.unwrap_or_default());
            }
            wants_rport |= name.eq_ignore_ascii_case(b"rport");
        }
        Some(Self { sent, host, port, parameters: behind, branch, wants_rport, is_well_formed })
    }

    /// Whether the sender is at this address, as it says itself.
    #[must_use]
    pub fn is_sent_from(&self, address: IpAddr) -> bool {
        let host = self.host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(self.host);
        let host = std::str::from_utf8(host).ok().and_then(|host| host.parse::<IpAddr>().ok());
        host.is_some_and(|host| host.to_canonical() == address.to_canonical())
    }
}

fn host_and_port(sender: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let end = match sender {
        [b'[', ..] => sender.iter().position(|c| *c == b']')? + 1,
        _ => sender.iter().position(|c| *c == b':').unwrap_or(sender.len()),
    };
    let (host, port) = sender.split_at_checked(end)?;
    let (host, port) = (trim(host), trim(port));
    let is_of_host = |c: &u8| c.is_ascii_alphanumeric() || b"-._[]:".contains(c);
    if host.is_empty() || !host.iter().all(is_of_host) {
        return None;
    }
    let port = match port {
        [] => None,
        [b':', port @ ..] => Some(number(trim(port), 5).and_then(|port| u16::try_from(port).ok())?),
        _ => return None,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, Option<u16>, Option<String>)> {
        let via = Via::parse(value.as_bytes())?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Some((text(via.host), via.port, via.branch.map(text)))
    }

    #[test]
    fn a_via_is_read_with_blanks_wherever_they_may_be() {
        for (value, host, port, branch) in [
            ("SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa", "192.0.2.1", Some(5062), Some("z9hG4bKa")),
            ("SIP  /\t2.0\r\n / UDP  a.example ;\r\n branch  =   z9 ", "a.example", None, Some("z9")),
            ("SIP/2.0/TLS [2001:db8::9:1] : 5061;rport", "[2001:db8::9:1]", Some(5061), None),
            ("sip/7.0/x-novel gw_1", "gw_1", None, None),
        ] {
            let wanted = Some((host.to_owned(), port, branch.map(str::to_owned)));
            assert_eq!(read(value), wanted, "{value}");
        }
    }

    #[test]
    fn a_via_whose_parameters_lack_names_is_read_and_known_to_be_faulty() {
        let is_well_formed = |value: &str| Via::parse(value.as_bytes()).unwrap().is_well_formed;
        assert!(is_well_formed("SIP/2.0/UDP host;branch=;lr ; x=\";\""));
        for value in
            ["SIP/2.0/UDP host;;branch=a", "SIP/2.0/UDP host;", "SIP/2.0/UDP host;a b", "SIP/2.0/UDP h;=x"]
        {
            assert!(!is_well_formed(value), "{value}");
        }
    }

    #[test]
    fn what_lacks_a_protocol_or_a_host_is_no_via() {
        for value in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ;branch=a",
            "SIP/2.0 host",
            "HTTP/1.1/TCP host",
            "SIP/2.0/UDP host:65536",
            "SIP/2.0/UDP host:5060x",
            "SIP/2.0/UDP host name",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP <host>",
            "SIP/2.0/UDP h\0st",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn its_sender_is_known_by_address_and_never_by_name() {
        let is_from = |value: &str, address: &str| {
            Via::parse(value.as_bytes()).unwrap().is_sent_from(address.parse().unwrap())
        };
        assert!(is_from("SIP/2.0/UDP 192.0.2.1", "192.0.2.1"));
        assert!(is_from("SIP/2.0/UDP [2001:db8:0::1]", "2001:db8::1"));
        assert!(is_from("SIP/2.0/UDP 192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!is_from("SIP/2.0/UDP 192.0.2.2", "192.0.2.1"));
        assert!(!is_from("SIP/2.0/UDP localhost", "127.0.0.1"));
    }
}
