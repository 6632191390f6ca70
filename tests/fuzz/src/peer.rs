//! Requests of SIP as somebody else reads them, against our reading.
//!
//! The peer shares no line with us. Where both take a message for a request and both can read a part of it, the part
//! has to be the same; and what it reads in full we must not refuse. Where the two differ and RFC 3261 is on our side,
//! or leaves it open, the difference is named here, as narrowly as it can be told.

use cordboard::gateways::sip::grammar::{is_blank, is_token, trim};
use cordboard::gateways::sip::message::{Fault, Index, Message, NoRequest, VIAS_MAX};
use cordboard::gateways::sip::name::Name;
use cordboard::gateways::sip::request::Request;
use cordboard::gateways::sip::uri::{Scheme, Uri};
use rvoip_sip_core::types::uri::{Host, Scheme as PeerScheme, Uri as PeerUri};
use rvoip_sip_core::types::via::ViaHeader as PeerVia;
use rvoip_sip_core::types::{HeaderName, Message as PeerMessage, Request as Peer, TypedHeader};

/// Fails where our reading of a message is not the peer's.
pub fn agrees(bytes: &[u8]) {
    // RFC 3261, section 7.5: what stands before a message is skipped. The peer does not.
    let begins = bytes.iter().position(|c| !matches!(c, b'\r' | b'\n' | 0)).unwrap_or(bytes.len());
    let bytes = &bytes[begins..];
    let mut index = Index::default();
    let ours = index.read(bytes);
    // A LF alone ends a line for us, as for those who follow RFC 2543, and is an octet of a value for the peer.
    let head = ours.map_or(bytes, |message| &bytes[..message.head_bytes]);
    if head.iter().enumerate().any(|(at, c)| *c == b'\n' && (at == 0 || head[at - 1] != b'\r')) {
        return;
    }
    let Ok(PeerMessage::Request(peer)) = rvoip_sip_core::parse_message(bytes) else { return };
    let message = match ours {
        Ok(message) => message,
        Err(refusal) => return no_request(refusal, bytes),
    };
    match Request::of(message, &message.ends()) {
        Ok(request) => reads_the_same(&request, &peer),
        Err(fault) if reads_in_full(&peer) => refused(fault, &message, &peer),
        Err(_) => {}
    }
}

/// Both read it.
fn reads_the_same(request: &Request<'_>, peer: &Peer) {
    let message = &request.message;
    let show = || message_text(message);
    assert_eq!(text(message.method), peer.method.to_string(), "method of {}", show());
    uri(message.uri, &peer.uri);
    assert_eq!(
        message.body.escape_ascii().to_string(),
        peer.body.escape_ascii().to_string(),
        "body of {}",
        show()
    );
    let mut vias = Vec::new();
    for header in &peer.headers {
        match header {
            // It takes other white space around the id for blanks too.
            TypedHeader::CallId(id) => {
                assert_eq!(text(request.call_id).trim(), id.0, "Call-ID of {}", show())
            }
            TypedHeader::CSeq(cseq) => {
                assert_eq!(request.sequence, cseq.seq, "CSeq of {}", show());
                assert_eq!(text(message.method), cseq.method.to_string(), "CSeq of {}", show());
            }
            TypedHeader::MaxForwards(hops) => {
                let ours = message.all(Name::MaxForwards).next().map(|hops| number(hops));
                assert_eq!(ours, Some(u64::from(hops.0)), "Max-Forwards of {}", show());
            }
            TypedHeader::ContentLength(length) => {
                let ours = message.content_length().ok().flatten();
                assert_eq!(ours, usize::try_from(length.0).ok(), "Content-Length of {}", show());
            }
            TypedHeader::From(from) => {
                tag("From", request.from.tag, from.0.tag(), message.all(Name::From).next())
            }
            TypedHeader::To(to) => tag("To", request.to.tag, to.0.tag(), message.all(Name::To).next()),
            TypedHeader::Via(via) => vias.extend(via.0.iter().map(Some)),
            // A field that it knows and cannot read.
            TypedHeader::Other(HeaderName::Via, _) => vias.push(None),
            _ => {}
        }
    }
    let known = |name: Name, peers: HeaderName| {
        let has = peer.headers.iter().any(|header| header.name() == peers);
        assert_eq!(message.all(name).next().is_some(), has, "{name:?} of {}", show());
    };
    known(Name::Via, HeaderName::Via);
    known(Name::CallId, HeaderName::CallId);
    known(Name::CSeq, HeaderName::CSeq);
    known(Name::From, HeaderName::From);
    known(Name::To, HeaderName::To);
    known(Name::MaxForwards, HeaderName::MaxForwards);
    known(Name::ContentLength, HeaderName::ContentLength);
    // It stops within a value at what it does not understand, without a word: then it has read fewer octets.
    let ours: Vec<&[u8]> = message.vias().collect();
    let is_whole = |via: &PeerVia, value: &[u8]| solid_len(via) == solid(value).len();
    let read: Option<Vec<_>> = vias.into_iter().collect();
    let Some(read) = read else { return };
    if let (Some(first), Some(value)) = (read.first(), ours.first())
        && is_whole(first, value)
    {
        // A branch is a token; what is none tells requests apart for us all the same, and is no branch for the peer.
        let branch = request.sender.branch.unwrap_or_default();
        if is_token(branch) {
            assert_eq!(Some(&*text(branch)), first.branch(), "branch of {}", show());
        } else {
            let is_repeated = text(value).to_ascii_lowercase().matches("branch").count() > 1;
            assert!(first.branch().is_none() || is_repeated, "branch of {}", show());
        }
        assert!(is_host(&text(request.sender.host), &first.sent_by_host), "sender of {}", show());
        assert_eq!(request.sender.port, first.sent_by_port, "sender of {}", show());
    }
    if read.len() != ours.len() {
        let is_cut = read.iter().zip(&ours).any(|(via, value)| !is_whole(via, value));
        let is_odd = ours.get(read.len()..).is_some_and(|unread| unread.iter().any(|value| !is_plain(value)));
        assert!(is_cut || is_odd, "{} steps and {} of {}", ours.len(), read.len(), show());
    }
}

/// Whether a step has nothing that the peer may stop at: one blank, a name of one label, a branch and nothing else.
fn is_plain(via: &[u8]) -> bool {
    let via = text(via);
    let Some((_, sender)) = via.strip_prefix("SIP/2.0/").and_then(|rest| rest.split_once(' ')) else {
        return false;
    };
    let (host, branch) = sender.split_once(";branch=").unwrap_or((sender, "a"));
    let is_label = host.starts_with(|c: char| c.is_ascii_alphabetic())
        && host.bytes().all(|c| c.is_ascii_alphanumeric());
    is_label && is_token(branch.as_bytes())
}

/// Tags, of a party that the peer could read.
fn tag(of: &str, ours: Option<&[u8]>, peer: Option<&str>, value: Option<&[u8]>) {
    let value = value.unwrap_or_default();
    if ours.map(text).as_deref() == peer {
        return;
    }
    // A tag is a token; where it is none, we give it back as it came and the peer has none.
    if peer.is_none() && ours.is_some_and(|tag| !is_token(tag)) {
        return;
    }
    // Without brackets, parameters are the header's (section 20.10); the peer takes them for the URI's.
    if peer.is_none() && !value.contains(&b'<') {
        return;
    }
    // A parameter may be there once (section 7.3.1); of two, each takes another.
    let lower = value.to_ascii_lowercase();
    if lower.windows(3).filter(|word| *word == b"tag").count() > 1 && peer.is_some() && ours.is_none() {
        return;
    }
    panic!("tag of {of} {}: {:?} and {peer:?}", value.escape_ascii(), ours.map(text));
}

/// The request-URI.
fn uri(ours: &[u8], peer: &PeerUri) {
    if let Some(raw) = &peer.raw_uri {
        assert_eq!(text(ours), *raw);
        return;
    }
    // An `@` separates once; of more, which stand for nothing (section 25.1), we take the last and it the first.
    if ours.iter().filter(|c| **c == b'@').count() > 1 {
        return;
    }
    // It reads a beginning of what it does not understand; it writes a user in other escapes, the rest as it came.
    let behind = |uri: &str| uri.split_once('@').map_or(uri.len(), |(_, host)| host.len());
    if behind(&peer.to_string()) != behind(&text(ours)) {
        return;
    }
    // A user that it cannot read is a part of the host for it.
    if peer.user.is_none() && ours.contains(&b'@') {
        return;
    }
    let Ok(read) = Uri::parse(ours) else { panic!("{} is no URI, and for others {peer}", text(ours)) };
    let scheme = match peer.scheme {
        PeerScheme::Sip => Scheme::Sip,
        PeerScheme::Sips => Scheme::Sips,
        PeerScheme::Tel => Scheme::Tel,
        _ => return,
    };
    assert_eq!(read.scheme, scheme, "{}", text(ours));
    if scheme == Scheme::Tel {
        assert_eq!(text(read.user), peer.host.to_string(), "{}", text(ours));
        return;
    }
    let (user, parameters) = match &peer.user {
        Some(user) => user.split_once(';').unwrap_or((user, "")),
        None => ("", ""),
    };
    // The peer decodes what is percent-encoded.
    if !ours.contains(&b'%') {
        assert_eq!(
            (text(read.user), text(read.user_parameters)),
            (user.into(), parameters.into()),
            "{}",
            text(ours)
        );
    }
    let host = text(read.host);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (&*host, None),
    };
    assert!(port == peer.port && is_host(host, &peer.host), "{} and {peer:?}", text(ours));
}

/// Whether the peer has read everything that a request must have, wherever it is.
fn reads_in_full(peer: &Peer) -> bool {
    use HeaderName::{CSeq, CallId, From, MaxForwards, To, Via};
    let has = |wanted: fn(&TypedHeader) -> bool| peer.headers.iter().any(wanted);
    has(|header| matches!(header, TypedHeader::Via(_)))
        && has(|header| matches!(header, TypedHeader::From(_)))
        && has(|header| matches!(header, TypedHeader::To(_)))
        && has(|header| matches!(header, TypedHeader::CallId(_)))
        && has(|header| matches!(header, TypedHeader::CSeq(_)))
        && !has(|header| {
            matches!(header, TypedHeader::Other(Via | From | To | CallId | CSeq | MaxForwards, _))
        })
}

/// The peer reads it in full, we refuse it: for a reason that the standard gives.
fn refused(fault: Fault, message: &Message<'_>, peer: &Peer) {
    let count = |name: Name| message.all(name).count();
    let first = |name: Name| message.all(name).next().unwrap_or_default();
    let is_due = match fault {
        // A CR ends no line for us and may end one for others; the peer keeps it in the value.
        Fault::Return => true,
        // A version is a text, not two numbers (section 7.1): 2.00 is none.
        Fault::Version => true,
        // One blank between the three words, and nothing in a URI that cannot be in one (section 7.1).
        Fault::RequestLine => true,
        Fault::Repeated(name) => count(name) > 1,
        Fault::TooManyVias => message.vias().count() > VIAS_MAX,
        Fault::Malformed(Name::CSeq) => {
            let cseq = peer.cseq().expect("read in full");
            cseq.method.to_string() != text(message.method) || cseq.seq >= 1 << 31
        }
        Fault::Malformed(Name::CallId) => {
            let id = first(Name::CallId);
            id.is_empty() || id.iter().any(|c| is_blank(*c))
        }
        // It stops within a `Via` at what it does not understand, and takes any protocol.
        Fault::Malformed(Name::Via) => {
            let mut read = peer.headers.iter().filter_map(|header| match header {
                TypedHeader::Via(via) => Some(&via.0),
                _ => None,
            });
            // Anything up to a mark is a host for it; of letters, digits, dots and hyphens is one.
            let is_of_host = |c: u8| c.is_ascii_alphanumeric() || b"-._:".contains(&c);
            let is_ours = |via: &PeerVia| {
                via.sent_protocol.name.eq_ignore_ascii_case("SIP")
                    && !via.sent_protocol.version.is_empty()
                    && host_of(&via.sent_by_host).bytes().all(is_of_host)
            };
            let reads = |value: &[u8]| {
                read.next().is_some_and(|vias| {
                    vias.iter().all(is_ours)
                        && vias.iter().map(|via| solid_len(via) + 1).sum::<usize>() == solid(value).len() + 1
                })
            };
            !message.all(Name::Via).all(reads)
        }
        // It stops within a URI at what it does not understand.
        Fault::Malformed(Name::From) => !has_uri(first(Name::From), peer.from().map(|from| &from.0.uri)),
        Fault::Malformed(Name::To) => !has_uri(first(Name::To), peer.to().map(|to| &to.0.uri)),
        _ => false,
    };
    assert!(is_due, "we say {fault:?} of {}", message_text(message));
}

/// Whether this is all of the URI in a value, and is one: the peer takes any octets for a number of `tel:`.
fn has_uri(value: &[u8], uri: Option<&PeerUri>) -> bool {
    let (value, uri) = (text(value), uri.map(PeerUri::to_string).unwrap_or_default());
    let is_whole = match value.contains('<') {
        true => value.contains(&format!("<{uri}>")),
        false => value
            .strip_prefix(&uri)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([';', ' ', '\t', '\r'])),
    };
    is_whole && !uri.contains([' ', '\t', '"', '<', '>'])
}

/// The peer takes it for a request, we for nothing.
fn no_request(refusal: NoRequest, bytes: &[u8]) {
    // It takes line ends for a part of the URI; a first line ends in the version (section 7.1).
    let line = bytes.split(|c| *c == b'\n').next().unwrap_or_default();
    let last = line.split(|c| is_blank(*c)).rfind(|word| !word.is_empty()).unwrap_or_default();
    let is_due = refusal == NoRequest::NotSip && !last.to_ascii_uppercase().starts_with(b"SIP/");
    assert!(is_due, "we say {refusal:?} of {}", bytes.escape_ascii());
}

/// A name is one in any case, an address in any of its forms.
fn is_host(ours: &str, peer: &Host) -> bool {
    let bare = ours.replace(['[', ']'], "");
    match peer {
        Host::Domain(_) => bare.to_ascii_lowercase() == host_of(peer),
        Host::Address(address) => bare.parse() == Ok(*address),
    }
}

/// A host without brackets; the peer leaves blanks behind it.
fn host_of(host: &Host) -> String {
    host.to_string().trim().to_ascii_lowercase().replace(['[', ']'], "")
}

/// How many octets of a step the peer has read, without blanks.
fn solid_len(via: &PeerVia) -> usize {
    solid(via.to_string().as_bytes()).len()
}

/// Without blanks.
fn solid(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|c| !is_blank(*c)).collect()
}

fn number(digits: &[u8]) -> u64 {
    text(trim(digits)).parse().unwrap_or(u64::MAX)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn message_text(message: &Message<'_>) -> String {
    let fields: Vec<String> = message
        .fields()
        .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
        .collect();
    format!("{} {}\n{}", message.method.escape_ascii(), message.uri.escape_ascii(), fields.join("\n"))
}
