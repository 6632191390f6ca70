//! A request whose every part that matters has been found good.

use super::grammar::{is_blank, number, trim};
use super::message::{Ends, Fault, Message, VIAS_MAX};
use super::name::Name;
use super::party::Party;
use super::via::Via;

/// What a request of good form says.
#[derive(Debug, Clone, Copy)]
pub struct Request<'m> {
    /// The message.
    pub message: Message<'m>,
    /// The last sender.
    pub sender: Via<'m>,
    /// Who calls.
    pub from: Party<'m>,
    /// Who is called.
    pub to: Party<'m>,
    /// The call's id.
    pub call_id: &'m [u8],
    /// The request's number in its dialogue.
    pub sequence: u32,
}

impl<'m> Request<'m> {
    /// Looks at all that is read, copied or told apart by.
    ///
    /// `Max-Forwards` may be missing, and so may tags and branches: RFC 2543 knows none of them.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn of(message: Message<'m>, ends: &Ends<'m>) -> Result<Self, Fault> {
        if let Some(fault) = message.fault {
            return Err(fault);
        }
        let mut vias = message.vias();
        let well_formed =
            |via: Option<Via<'m>>| via.filter(|via| via.is_well_formed).ok_or(Fault::Malformed(Name::Via));
        vias.next().ok_or(Fault::Missing(Name::Via))?;
        let sender = well_formed(ends.sender)?;
        for (at, via) in (1..).zip(vias) {
            if at == VIAS_MAX {
                return Err(Fault::TooManyVias);
            }
            well_formed(Via::parse(via))?;
        }
        let the = |name| message.once(name)?.ok_or(Fault::Missing(name));
        let party = |name, party: Option<Party<'m>>| the(name).and(party.ok_or(Fault::Malformed(name)));
        let call_id = the(Name::CallId)?;
        if call_id.is_empty() || call_id.iter().any(|c| is_blank(*c)) {
            return Err(Fault::Malformed(Name::CallId));
        }
        let cseq = the(Name::CSeq)?;
        let sequence = sequence(cseq, message.method).ok_or(Fault::Malformed(Name::CSeq))?;
        if let Some(hops) = message.once(Name::MaxForwards)?
            && number(hops, 3).is_none_or(|hops| hops > 255)
        {
            return Err(Fault::Malformed(Name::MaxForwards));
        }
        Ok(Self {
            message,
            sender,
            from: party(Name::From, ends.from)?,
            to: party(Name::To, ends.to)?,
            call_id,
            sequence,
        })
    }

    /// What of it a server has to be able to do: the option tags of `Require`.
    pub fn required(&self) -> impl Iterator<Item = &'m [u8]> + use<'m> {
        let values = self.message.all(Name::Require);
        values.flat_map(|value| value.split(|c| *c == b',')).map(trim).filter(|tag| !tag.is_empty())
    }
}

/// The number of `CSeq`, if it is of this method: below 2^31 (RFC 3261, section 8.1.1.5).
fn sequence(value: &[u8], method: &[u8]) -> Option<u32> {
    let (digits, named) = value.split_at_checked(value.iter().position(|c| is_blank(*c))?)?;
    let sequence = number(digits, 10).and_then(|sequence| u32::try_from(sequence).ok())?;
    (trim(named) == method && sequence < 1 << 31).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::sip::message::Index;

    const GOOD: &str = "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:b@h>;tag=1\r\nTo: sip:a@h\r\n\
        Call-ID: x\r\nCSeq: 1 INVITE\r\n";

    fn fault(head: &str) -> Option<Fault> {
        let message = format!("{head}\r\n");
        let mut index = Index::default();
        let message = index.read(message.as_bytes()).unwrap();
        Request::of(message, &message.ends()).err()
    }

    #[test]
    fn what_every_request_has_must_be_there_once_and_be_readable() {
        assert_eq!(fault(GOOD), None);
        for (line, name) in [
            ("Via: SIP/2.0/UDP h\r\n", Name::Via),
            ("From: <sip:b@h>;tag=1\r\n", Name::From),
            ("To: sip:a@h\r\n", Name::To),
            ("Call-ID: x\r\n", Name::CallId),
            ("CSeq: 1 INVITE\r\n", Name::CSeq),
        ] {
            assert_eq!(fault(&GOOD.replace(line, "")), Some(Fault::Missing(name)));
            let empty = format!("{}:\r\n", name.as_str());
            assert_eq!(fault(&GOOD.replace(line, &empty)), Some(Fault::Malformed(name)));
            let repeated = (name != Name::Via).then_some(Fault::Repeated(name));
            assert_eq!(fault(&format!("{GOOD}{line}")), repeated);
        }
    }

    #[test]
    fn numbers_have_the_bounds_of_the_standard() {
        let with = |line: &str| fault(&format!("{GOOD}{line}\r\n"));
        assert_eq!(with("Max-Forwards: 0255"), None);
        assert_eq!(with("Max-Forwards: 256"), Some(Fault::Malformed(Name::MaxForwards)));
        assert_eq!(with("Max-Forwards: many"), Some(Fault::Malformed(Name::MaxForwards)));
        let numbered = |cseq: &str| fault(&GOOD.replace("1 INVITE", cseq));
        assert_eq!(numbered("2147483647\r\n  INVITE"), None);
        for bad in [
            "2147483648 INVITE",
            "36893488147419103232 INVITE",
            "1 ACK",
            "1 invite",
            "INVITE",
            "-1 INVITE",
            "1",
        ] {
            assert_eq!(numbered(bad), Some(Fault::Malformed(Name::CSeq)), "{bad}");
        }
    }

    #[test]
    fn a_hundred_steps_are_read_and_one_more_is_a_fault() {
        let with = |count: usize| fault(&GOOD.replace("UDP h", &vec!["UDP h"; count].join(", SIP/2.0/")));
        assert_eq!(with(VIAS_MAX), None);
        assert_eq!(with(VIAS_MAX + 1), Some(Fault::TooManyVias));
        let lines = |count: usize| fault(&format!("{GOOD}{}", "v: SIP/2.0/UDP h\r\n".repeat(count - 1)));
        assert_eq!(lines(VIAS_MAX), None);
        assert_eq!(lines(VIAS_MAX + 1), Some(Fault::TooManyVias));
    }

    #[test]
    fn required_options_are_listed_over_all_fields() {
        let message = format!("{GOOD}Require: 100rel, timer\r\nrequire: ,x\r\n\r\n");
        let mut index = Index::default();
        let message = index.read(message.as_bytes()).unwrap();
        let request = Request::of(message, &message.ends()).unwrap();
        assert_eq!(request.required().collect::<Vec<_>>(), [&b"100rel"[..], b"timer", b"x"]);
    }
}
