//! The messages of RFC 4475, each with what becomes of it.

use std::path::Path;

use super::world::Switch;
use crate::gateways::sip::server::Outcome;

/// No answer.
const SILENCE: u16 = 0;

/// Every message by its name there, and the code of its answer.
const MESSAGES: [(&str, u16); 49] = [
    // 3.1.1: valid ones. A To-tag is of a dialogue, which we have none of.
    ("wsinv", 481),
    ("intmeth", 501),
    ("esc01", 404),
    ("escnull", 405),
    ("esc02", 501),
    ("lwsdisp", 200),
    ("longreq", 404),
    ("dblreq", 405),
    ("semiuri", 200),
    ("transports", 200),
    ("mpart01", 405),
    ("unreason", SILENCE),
    ("noreason", SILENCE),
    // 3.1.2: invalid ones. Dates and contacts are none of our business, and names may be read leniently.
    ("badinv01", 400),
    ("clerr", 400),
    ("ncl", 400),
    ("scalar02", 400),
    ("scalarlg", SILENCE),
    ("quotbal", 400),
    ("ltgtruri", 400),
    ("lwsruri", 400),
    ("lwsstart", 400),
    ("trws", 200),
    ("escruri", 404),
    ("baddate", 404),
    ("regbadct", 405),
    ("badaspec", 200),
    ("baddn", 200),
    ("badvers", 505),
    ("mismatch01", 400),
    ("mismatch02", 400),
    ("bigcode", SILENCE),
    // 3.2 to 3.4: those that are hard to understand.
    ("badbranch", 200),
    ("insuf", 400),
    ("unkscm", 200),
    ("novelsc", 200),
    ("unksm2", 405),
    ("bext01", 420),
    ("invut", 404),
    ("regaut01", 405),
    ("multi01", 400),
    ("mcl01", 400),
    ("bcast", SILENCE),
    ("zeromf", 200),
    ("cparam01", 405),
    ("cparam02", 405),
    ("regescrt", 405),
    ("sdp01", 404),
    ("inv2543", 404),
];

#[test]
fn every_message_of_the_torture_test_has_its_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/sip_message");
    let mut other = Vec::new();
    for (name, expected) in MESSAGES {
        let message = std::fs::read(folder.join(format!("rfc4475-{name}.sip"))).unwrap();
        let heard = Switch::new().hear(&message);
        let code = if let Outcome::Reply(reply) = heard.outcome { reply.status.code } else { SILENCE };
        if code != expected {
            other.push(format!("{name}: {code} instead of {expected}: {:.60}", heard.text()));
        }
    }
    assert!(other.is_empty(), "{other:#?}");
}
