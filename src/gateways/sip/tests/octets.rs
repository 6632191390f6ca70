//! What of a request comes back is what came.

use std::path::Path;

use proptest::prelude::*;

use super::world::{Switch, invite};
use crate::gateways::sip::fuzzing::{comes_back, message};

/// What must hold of any bytes.
type Law = Box<dyn Fn(&[u8])>;

#[test]
fn folded_lines_letters_and_foreign_bytes_come_back_as_they_came() {
    let mut switch = Switch::new();
    let request = b"INVITE sip:+14155550100@h SIP/2.0\r\n\
        v : SIP / 2.0 /\r\n UDP 192.0.2.1:5062 ;\r\n\tbranch = z9hG4bK\xfc,SIP/2.0/TCP b;x=\"a,\x00b\"\r\n\
        Via: SIP/2.0/TCP c\r\n\
        f: \"n\xfcll \x00\\\" <\"  <sip:+14155550199@h>\r\n ;tag = \xff\r\n\
        t:sip:+14155550100@h\r\n\
        i:\x01\xfe@h\r\ncSeq: 0007\r\n INVITE\r\ntimestamp:  1.5 \t0.1\r\n\r\n";
    let heard = switch.hear(request);
    assert_eq!(heard.code(), 302);
    let has = |part: &[u8]| assert!(memchr::memmem::find(&heard.bytes, part).is_some(), "{}", heard.text());
    has(b"Via: SIP / 2.0 /\r\n UDP 192.0.2.1:5062 ;\r\n\tbranch = z9hG4bK\xfc,SIP/2.0/TCP b;x=\"a,\x00b\"\r\n");
    has(b"\r\nVia: SIP/2.0/TCP c\r\n");
    has(b"\r\nFrom: \"n\xfcll \x00\\\" <\"  <sip:+14155550199@h>\r\n ;tag = \xff\r\n");
    has(b"\r\nTo: sip:+14155550100@h;tag=");
    has(b"\r\nCall-ID: \x01\xfe@h\r\nCSeq: 0007\r\n INVITE\r\nTimestamp: 1.5 \t0.1\r\n");
}

#[test]
fn a_cr_that_ends_no_line_ends_none_in_the_answer() {
    let mut switch = Switch::new();
    let heard = switch.hear(invite("1").replace("\"A\"", "\"A\rX-Evil: 1\""));
    assert_eq!(heard.code(), 400);
    assert_eq!(heard.the("From"), "\"A X-Evil: 1\" <sip:+14155550199@gw.example.com>;tag=f1");
}

/// A line of a header that comes back, with a value of any octets but those that end it.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let name =
        prop::sample::select(vec!["Via", "v", "From", "To", "t", "Call-ID", "i", "CSeq", "Timestamp", "X-Y"]);
    let octet = any::<u8>().prop_filter("ends a line", |c| !matches!(c, b'\r' | b'\n'));
    let text = prop::collection::vec(octet, 0..40);
    let sound = prop::sample::select(vec![
        &b"SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9"[..],
        b"SIP/2.0/TCP a.example ,\r\n SIP/2.0/UDP b",
        b"\"Q, \\\" <\" <sip:a@h;x>;tag=1",
        b"sip:a@h",
        b"7 INVITE",
    ]);
    let value = prop_oneof![text, sound.prop_map(<[u8]>::to_vec)];
    (name, value).prop_map(|(name, value)| [name.as_bytes(), b": ", &value, b"\r\n"].concat())
}

proptest! {
    #[test]
    fn whatever_is_answered_names_its_request(lines in prop::collection::vec(line(), 0..9), good in any::<bool>()) {
        thread_local! {
            static LAW: Law = Box::new(comes_back());
        }
        let lines = lines.concat();
        let message = if good {
            let request = invite("1");
            [request.split("\r\n\r\n").next().unwrap().as_bytes(), b"\r\n", &lines, b"\r\n"].concat()
        } else {
            [b"INVITE sip:+14155550100@h SIP/2.0\r\n", &lines[..], b"\r\n"].concat()
        };
        LAW.with(|law| law(&message));
    }
}

/// The messages of the torture test.
fn torture() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/sip_message");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

proptest! {
    #[test]
    fn the_torture_test_with_any_octets_changed_breaks_no_law(
        message in prop::sample::select(torture()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), octet(), 0..3_u8), 1..12),
    ) {
        thread_local! {
            static LAW: Law = Box::new(self::message());
        }
        let mut bytes = message;
        for (at, octet, how) in changes {
            let at = at.index(bytes.len() + 1);
            match how {
                0 if at < bytes.len() => bytes[at] = octet,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, octet),
            }
        }
        LAW.with(|law| law(&bytes));
    }
}

/// Mostly those that mean something.
fn octet() -> impl Strategy<Value = u8> {
    prop_oneof![prop::sample::select(b"\r\n\t ,;:<>\"\\=/@\0v".to_vec()), any::<u8>()]
}
