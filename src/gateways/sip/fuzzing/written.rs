//! Requests written after the grammar of RFC 3261, section 25, as bytes choose, and what they say.

use crate::gateways::sip::grammar::number;
use crate::gateways::sip::name::Name;
use crate::gateways::sip::request::Request;

/// The bytes of an input from here on are choices, below it they are the message itself: no message begins so.
const CHOOSES: u8 = 0x80;

/// Octets of which tokens are made.
const TOKEN: &[u8] = b"aZ0-.!%*_+`'~";
/// Octets of a user that need no escape.
const USER: &[u8] = b"+1409a-_.!~*'()&=$,;?/";
/// Octets of words, of which a `Call-ID` is made.
const WORD: &[u8] = b"aZ7-.!%*_+`'~()<>:\\\"/[]?{}=";
/// What may stand between two words, and what at either side of a mark.
const BLANKS: [&str; 5] = [" ", "  ", "\t", "\r\n ", " \r\n\t"];

/// A request, and what it says where it is known.
#[derive(Debug)]
pub struct Written {
    /// The message.
    pub bytes: Vec<u8>,
    /// What its writer meant; nothing where octets were changed afterwards, or came as they are.
    pub says: Option<Said>,
}

/// What a request says of itself, each as the octets that stand for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The method.
    pub method: Vec<u8>,
    /// The request-URI.
    pub uri: Vec<u8>,
    /// The call's id.
    pub call_id: Vec<u8>,
    /// The request's number in its dialogue.
    pub sequence: u32,
    /// How many steps it came.
    pub vias: usize,
    /// What its last sender tells its requests apart by.
    pub branch: Option<Vec<u8>>,
    /// The tag of the caller.
    pub from_tag: Option<Vec<u8>>,
    /// The tag of the called.
    pub to_tag: Option<Vec<u8>>,
    /// How many more proxies may pass it on.
    pub hops: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Written {
    /// The message that an input stands for.
    #[must_use]
    pub fn of(input: &[u8]) -> Self {
        match input {
            [first, choices @ ..] if *first >= CHOOSES => Choices(choices).request(),
            _ => Self { bytes: input.to_vec(), says: None },
        }
    }
}

/// Bytes, each of which decides one thing; when they are used up, what is plainest.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, b""));
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// At least one octet of these.
    fn text(&mut self, octets: &[u8]) -> Vec<u8> {
        (0..=self.below(8)).map(|_| self.of(octets)).collect()
    }

    /// Blanks that have to be there.
    fn lws(&mut self) -> &'static str {
        self.of(&BLANKS)
    }

    /// Blanks that may be there.
    fn sws(&mut self) -> &'static str {
        if self.below(4) == 3 { self.lws() } else { "" }
    }

    fn request(mut self) -> Written {
        let known = ["INVITE", "OPTIONS", "ACK", "BYE", "CANCEL", "REGISTER", "INVITe", ""];
        let method = match self.of(&known).as_bytes() {
            [] => self.text(TOKEN),
            known => known.to_vec(),
        };
        let uri = self.uri(true);
        let (mut lines, mut says) = (Vec::new(), Said::new(method, uri));
        self.vias(&mut lines, &mut says);
        let vias = lines.len();
        says.from_tag = self.party(&mut lines, &["From", "f"]);
        says.to_tag = self.party(&mut lines, &["To", "t"]);
        says.call_id = self.call_id();
        self.line(&mut lines, &["Call-ID", "i"], &says.call_id);
        says.sequence = self.of(&[1, 0, 7, 314_159, 0x7fff_ffff]);
        let zeros = self.of(&["", "0", "000"]);
        let cseq = [format!("{zeros}{}{}", says.sequence, self.lws()).as_bytes(), &says.method].concat();
        self.line(&mut lines, &["CSeq"], &cseq);
        says.hops = self.of(&[Some(70), None, Some(0), Some(255)]);
        if let Some(hops) = says.hops {
            self.line(&mut lines, &["Max-Forwards"], format!("{zeros}{hops}").as_bytes());
        }
        self.others(&mut lines);
        says.body = match self.below(3) {
            0 => Vec::new(),
            _ => self.text(b"v=0\r\n\0\xff: "),
        };
        // What stands behind the body is none of it, where its length is said.
        let mut behind = Vec::new();
        if self.below(3) != 1 {
            let length = format!("{zeros}{}", says.body.len());
            self.line(&mut lines, &["Content-Length", "l"], length.as_bytes());
            behind = if self.below(4) == 3 { self.text(b"\r\nBYE :") } else { behind };
        }
        // The way stays in its order.
        let others = self.below(lines.len() - vias + 1);
        lines.rotate_right(others);
        let first = [&says.method, &b" "[..], &says.uri, b" SIP/2.0\r\n"].concat();
        let bytes = [first, lines.concat(), b"\r\n".to_vec(), says.body.clone(), behind].concat();
        self.changed(bytes, says)
    }

    /// Changes some octets at times.
    fn changed(mut self, mut bytes: Vec<u8>, says: Said) -> Written {
        let changes = self.below(8).saturating_sub(3);
        for _ in 0..changes {
            let at = (self.below(256) << 8 | self.below(256)) % (bytes.len() + 1);
            let octet = match self.below(3) {
                0 => self.byte(),
                _ => self.of(b"\r\n\t ,;:<>\"\\=/@\0v"),
            };
            match self.below(3) {
                0 if at < bytes.len() => bytes[at] = octet,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, octet),
            }
        }
        Written { bytes, says: (changes == 0).then_some(says) }
    }

    /// Adds a field: its name in any of its forms and in any case, blanks where there may be some.
    fn line(&mut self, lines: &mut Vec<Vec<u8>>, names: &[&str], value: &[u8]) {
        let name = self.of(names);
        let name = match self.below(4) {
            1 => name.to_ascii_lowercase(),
            2 => name.to_ascii_uppercase(),
            _ => name.to_owned(),
        };
        let before = self.of(&["", "", " ", "\t"]);
        let (behind, end) = (self.of(&[" ", "", "\t ", "\r\n "]), self.of(&["", "", " ", "\t"]));
        lines.push(
            [name.as_bytes(), before.as_bytes(), b":", behind.as_bytes(), value, end.as_bytes(), b"\r\n"]
                .concat(),
        );
    }

    /// A URI; one of a request line has no reason to be without brackets.
    fn uri(&mut self, has_parameters: bool) -> Vec<u8> {
        let scheme = self.of(&["sip:", "sips:", "tel:", "SIP:", "urn:"]);
        let mut uri = scheme.as_bytes().to_vec();
        match scheme {
            "tel:" => {
                uri.extend(self.of(&[&b"+14155550100"[..], b"+1-415-555-0100", b"7042"]));
                if has_parameters && self.below(2) == 1 {
                    uri.extend(b";phone-context=+1");
                }
                return uri;
            }
            "urn:" => {
                uri.extend(b"service:sos");
                return uri;
            }
            _ => {}
        }
        if self.below(4) != 3 {
            // Brackets are what lets a comma, a semicolon or a question mark be in a URI.
            let octets = if has_parameters { USER } else { &USER[..USER.len() - 5] };
            uri.extend(self.text(octets));
            if self.below(8) == 7 {
                uri.push(b':');
                uri.extend(self.text(b"aZ0-_.!~*'()&=+$"));
            }
            uri.push(b'@');
        }
        self.host_and_port(&mut uri);
        if has_parameters {
            for _ in 0..self.below(3) {
                uri.extend(self.of(&[
                    &b";lr"[..],
                    b";transport=udp",
                    b";tag=no",
                    b";maddr=192.0.2.9",
                    b";x=%20",
                ]));
            }
        }
        uri
    }

    fn host_and_port(&mut self, to: &mut Vec<u8>) {
        to.extend(self.of(&[&b"h"[..], b"gw-1.example.com", b"192.0.2.1", b"[2001:db8::1]"]));
        to.extend(self.of(&[&b""[..], b":5060", b":0", b":65535"]));
    }

    /// Steps, one or more to a field.
    fn vias(&mut self, lines: &mut Vec<Vec<u8>>, says: &mut Said) {
        let mut value = Vec::new();
        says.vias = 1 + self.below(4);
        for step in 0..says.vias {
            let (slash, end) = (self.sws(), self.sws());
            value.extend(format!("SIP{slash}/{end}2.0{end}/{slash}").as_bytes());
            value.extend(self.of(&[&b"UDP"[..], b"TCP", b"TLS", b"x-new"]));
            value.extend(self.lws().as_bytes());
            self.host_and_port(&mut value);
            let branch = (self.below(4) != 3).then(|| [&b"z9hG4bK"[..], &self.text(TOKEN)].concat());
            self.parameters(&mut value, [&b";rport"[..], b";received=192.0.2.7", b";ttl=1"]);
            self.named(&mut value, "branch", branch.as_deref());
            self.parameters(&mut value, [&b";rport=5"[..], b";x=\"a,;branch=\\\"no\"", b";maddr=h"]);
            if step == 0 {
                says.branch = branch;
            }
            if step + 1 < says.vias && self.below(2) == 1 {
                value.extend(format!("{slash},{end}").as_bytes());
            } else {
                self.line(lines, &["Via", "v"], &value);
                value.clear();
            }
        }
    }

    /// Whose; gives the tag.
    fn party(&mut self, lines: &mut Vec<Vec<u8>>, names: &[&str]) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        let form = self.below(5);
        match form {
            1 => value.extend([&self.text(TOKEN), self.lws().as_bytes(), &self.text(TOKEN), b" "].concat()),
            2 => {
                value.push(b'"');
                for _ in 0..self.below(6) {
                    value.extend(self.of(&[
                        &b"a"[..],
                        b" ",
                        b"\\\"",
                        b"\\\\",
                        b"<",
                        b">",
                        b";tag=no",
                        b",",
                        b"\xc3\xbc",
                    ]));
                }
                value.extend(b"\"");
                value.extend(self.sws().as_bytes());
            }
            _ => {}
        }
        if form == 3 {
            value.extend(self.uri(false));
        } else {
            value.extend([b"<", &self.uri(true)[..], b">"].concat());
        }
        self.parameters(&mut value, [&b";x=\"a;tag=\\\"no\""[..], b";lr", b";tagged=no"]);
        let tag = (self.below(4) != 3).then(|| self.text(TOKEN));
        self.named(&mut value, "tag", tag.as_deref());
        self.parameters(&mut value, [&b";y=\"<\""[..], b";z", b";t=tag"]);
        self.line(lines, names, &value);
        tag
    }

    fn parameters(&mut self, value: &mut Vec<u8>, any: [&[u8]; 3]) {
        for _ in 0..self.below(8).saturating_sub(5) {
            value.extend(self.sws().as_bytes());
            value.extend(self.of(&any));
        }
    }

    fn named(&mut self, value: &mut Vec<u8>, name: &str, is: Option<&[u8]>) {
        let Some(is) = is else { return };
        let name = if self.below(4) == 3 { name.to_ascii_uppercase() } else { name.to_owned() };
        for part in [self.sws(), ";", self.sws(), &name, self.sws(), "=", self.sws()] {
            value.extend(part.as_bytes());
        }
        value.extend(is);
    }

    fn call_id(&mut self) -> Vec<u8> {
        let id = self.text(WORD);
        if self.below(2) == 1 { id } else { [&id, &b"@"[..], &self.text(WORD)].concat() }
    }

    /// Fields that nobody reads, with anything in them.
    fn others(&mut self, lines: &mut Vec<Vec<u8>>) {
        for _ in 0..self.below(8).saturating_sub(4) {
            let value = self.text(b"a ,;\"<:\\\xc3\xbc\xff\0");
            self.line(lines, &["X-Via", "Subject", "k", "Route", "Froms", "CallId"], &value);
        }
    }
}

impl Said {
    /// The same by our own reading.
    #[must_use]
    pub fn by(request: &Request<'_>) -> Self {
        let message = &request.message;
        let hops = message.all(Name::MaxForwards).next();
        Self {
            method: message.method.to_vec(),
            uri: message.uri.to_vec(),
            call_id: request.call_id.to_vec(),
            sequence: request.sequence,
            vias: message.vias().count(),
            branch: request.sender.branch.map(<[u8]>::to_vec),
            from_tag: request.from.tag.map(<[u8]>::to_vec),
            to_tag: request.to.tag.map(<[u8]>::to_vec),
            hops: hops.and_then(|hops| number(hops, 3)),
            body: message.body.to_vec(),
        }
    }

    fn new(method: Vec<u8>, uri: Vec<u8>) -> Self {
        Self {
            method,
            uri,
            call_id: Vec::new(),
            sequence: 0,
            vias: 0,
            branch: None,
            from_tag: None,
            to_tag: None,
            hops: None,
            body: Vec::new(),
        }
    }
}
