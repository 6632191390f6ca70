//! Proof that a caller knows a trunk's password, without sending it (RFC 7616, RFC 8760, RFC 3261 section 22).

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use md5::Md5;
use sha2::Sha256;
use sha2::digest::Digest;
use subtle::ConstantTimeEq as _;

use super::grammar::{is_blank, parameter, pieces, trim};
use super::response::header;
use crate::domain::time::Timestamp;

/// How long what was challenged with can be answered.
pub const NONCE_LIFE_MS: i64 = 60_000;
/// Hex digits of a challenge's time.
const TIME_DIGITS: usize = 16;
/// Hex digits of the longest hash.
const HASH_DIGITS: usize = 64;

/// A hash function of this scheme, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Md5,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Md5];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// The hash of parts with colons between.
    fn hash(self, parts: &[&[u8]]) -> Hex {
        match self {
            Self::Sha256 => joined::<Sha256>(parts),
            Self::Md5 => joined::<Md5>(parts),
        }
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> Hex {
    let mut hasher = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    Hex::of(&hasher.finalize())
}

/// A hash as lower-case hex digits, on the stack.
#[derive(Clone, Copy)]
struct Hex {
    digits: [u8; HASH_DIGITS],
    len: usize,
}

impl Hex {
    fn of(bytes: &[u8]) -> Self {
        let mut hex = Self { digits: [b'0'; HASH_DIGITS], len: 0 };
        for (digits, byte) in hex.digits.chunks_exact_mut(2).zip(bytes) {
            for (digit, half) in digits.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = if half < 10 { b'0' + half } else { b'a' + half - 10 };
                hex.len += 1;
            }
        }
        hex
    }

    fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }
}

/// A user and a password, kept as what they hash to.
#[derive(Clone)]
pub struct Password {
    user: Box<str>,
    realm: Box<str>,
    /// By [`Algorithm::ALL`].
    known: [Hex; 2],
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password")
            .field("user", &self.user)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// What credentials are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Whoever asks knows the password.
    Granted,
    /// It knows the password, but was challenged too long ago.
    Stale,
    /// It does not, or has not said.
    Refused,
}

/// A request as far as credentials are of it.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The request-URI.
    pub uri: &'a [u8],
    /// From where: a challenge is for one address.
    pub source: IpAddr,
    /// When.
    pub now: Timestamp,
}

impl Password {
    /// The password of a user; `realm` is what people are told that they log in to.
    ///
    /// Quotes, backslashes and control characters of the user and realm cannot be said and become underlines.
    #[must_use]
    pub fn new(user: &str, realm: &str, password: &str) -> Self {
        let sayable = |text: &str| text.replace(|c: char| c.is_control() || "\"\\".contains(c), "_");
        let (user, realm) = (sayable(user), sayable(realm));
        let known = Algorithm::ALL
            .map(|algorithm| algorithm.hash(&[user.as_bytes(), realm.as_bytes(), password.as_bytes()]));
        Self { user: user.into(), realm: realm.into(), known }
    }

    /// Writes a challenge for each algorithm, the best first.
    ///
    /// It holds its own time under the secret, so that nothing has to be remembered.
    pub fn challenge(&self, out: &mut Vec<u8>, secret: &[u8; 32], asking: &Asking<'_>, stale: bool) {
        let time = format!("{:016x}", asking.now.0);
        let proof = proof(secret, time.as_bytes(), asking.source);
        let mut value = String::new();
        for algorithm in Algorithm::ALL {
            value.clear();
            let proof = String::from_utf8_lossy(proof.as_bytes());
            // Writing to a text cannot fail.
            let _ = write!(
                value,
                "Digest realm=\"{}\", nonce=\"{time}{proof}\", algorithm={}, qop=\"auth\"{}",
                self.realm,
                algorithm.as_str(),
                if stale { ", stale=true" } else { "" },
            );
            header(out, "WWW-Authenticate", &value);
        }
    }

    /// Looks at the values of all `Authorization` headers: the best of them counts.
    ///
    /// Within its life a proof can be shown again from the same address for the same URI: whoever sees a request on its
    /// way is told no more than its answer, which it sees too. Cost: about 1 µs.
    pub fn check<'m>(
        &self,
        credentials: impl Iterator<Item = &'m [u8]>,
        secret: &[u8; 32],
        asking: &Asking<'_>,
    ) -> Verdict {
        let mut best = Verdict::Refused;
        for value in credentials {
            match self.check_one(value, secret, asking) {
                Some(Verdict::Granted) => return Verdict::Granted,
                Some(verdict) => best = verdict,
                None => {}
            }
        }
        best
    }

    fn check_one(&self, value: &[u8], secret: &[u8; 32], asking: &Asking<'_>) -> Option<Verdict> {
        let (scheme, said) = value.split_at_checked(value.iter().position(|c| is_blank(*c))?)?;
        if !scheme.eq_ignore_ascii_case(b"Digest") {
            return None;
        }
        let said = Said::of(said);
        let algorithm = Algorithm::ALL.into_iter().zip(&self.known).find(|(algorithm, _)| {
            said.algorithm.unwrap_or(b"MD5").eq_ignore_ascii_case(algorithm.as_str().as_bytes())
        });
        let (algorithm, known) = algorithm?;
        if said.user? != self.user.as_bytes()
            || said.realm? != self.realm.as_bytes()
            || said.uri? != asking.uri
        {
            return None;
        }
        let nonce = said.nonce?;
        let hashed = algorithm.hash(&[asking.method, asking.uri]);
        let expected = match said.qop {
            Some(qop) if qop.eq_ignore_ascii_case(b"auth") => {
                let parts = [known.as_bytes(), nonce, said.count?, said.of_client?, qop, hashed.as_bytes()];
                algorithm.hash(&parts)
            }
            // As phones do that were made before 1999 was understood.
            None => algorithm.hash(&[known.as_bytes(), nonce, hashed.as_bytes()]),
            Some(_) => return None,
        };
        let response = said.response?.to_ascii_lowercase();
        if !bool::from(response.ct_eq(expected.as_bytes())) {
            return None;
        }
        Some(if is_in_time(nonce, secret, asking)? { Verdict::Granted } else { Verdict::Stale })
    }
}

/// Whether a challenge is not too old; nothing where it is none of ours for this address.
fn is_in_time(nonce: &[u8], secret: &[u8; 32], asking: &Asking<'_>) -> Option<bool> {
    let (time, shown) = nonce.split_at_checked(TIME_DIGITS)?;
    if !bool::from(shown.ct_eq(proof(secret, time, asking.source).as_bytes())) {
        return None;
    }
    let at = i64::from_str_radix(std::str::from_utf8(time).ok()?, 16).ok()?;
    let age_ms = asking.now.0.saturating_sub(at);
    Some((0..NONCE_LIFE_MS).contains(&age_ms))
}

/// What only we can have written to this address at this time.
fn proof(secret: &[u8; 32], time: &[u8], source: IpAddr) -> Hex {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(b"challenge").update(time).update(source.to_canonical().to_string().as_bytes());
    Hex::of(hasher.finalize().as_bytes().get(..16).unwrap_or_default())
}

/// What credentials say.
#[derive(Default)]
struct Said<'m> {
    user: Option<&'m [u8]>,
    realm: Option<&'m [u8]>,
    nonce: Option<&'m [u8]>,
    uri: Option<&'m [u8]>,
    response: Option<&'m [u8]>,
    algorithm: Option<&'m [u8]>,
    qop: Option<&'m [u8]>,
    count: Option<&'m [u8]>,
    of_client: Option<&'m [u8]>,
}

impl<'m> Said<'m> {
    fn of(credentials: &'m [u8]) -> Self {
        let mut said = Self::default();
        for (name, value) in pieces(trim(credentials), b',').map(parameter) {
            let value = value.map(unquoted);
            let place = match name.to_ascii_lowercase().as_slice() {
                b"username" => &mut said.user,
                b"realm" => &mut said.realm,
                b"nonce" => &mut said.nonce,
                b"uri" => &mut said.uri,
                b"response" => &mut said.response,
                b"algorithm" => &mut said.algorithm,
                b"qop" => &mut said.qop,
                b"nc" => &mut said.count,
                b"cnonce" => &mut said.of_client,
                _ => continue,
            };
            *place = value;
        }
        said
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [3; 32];
    const ASKING: Asking<'static> = Asking {
        method: b"INVITE",
        uri: b"sip:+14155550100@h",
        source: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        now: Timestamp(1_767_225_600_000),
    };

    fn password() -> Password {
        Password::new("trunk", "cordboard", "s3cret")
    }

    /// The nonce of a challenge.
    fn nonce(asking: &Asking<'_>) -> String {
        let mut out = Vec::new();
        password().challenge(&mut out, &SECRET, asking, false);
        let out = String::from_utf8(out).unwrap();
        out.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// Credentials as a client writes them who knows this password.
    fn credentials(algorithm: Algorithm, secret: &str, nonce: &str, qop: bool) -> String {
        let text = |hex: Hex| String::from_utf8(hex.as_bytes().to_vec()).unwrap();
        let known = text(algorithm.hash(&[b"trunk", b"cordboard", secret.as_bytes()]));
        let hashed = text(algorithm.hash(&[ASKING.method, ASKING.uri]));
        let (parts, said) = if qop {
            (format!("{known}:{nonce}:00000001:abc:auth:{hashed}"), ", qop=auth, nc=00000001, cnonce=\"abc\"")
        } else {
            (format!("{known}:{nonce}:{hashed}"), "")
        };
        let response = text(algorithm.hash(&[parts.as_bytes()]));
        format!(
            "digest username=\"trunk\",realm=\"cordboard\",nonce=\"{nonce}\",\r\n uri=\"sip:+14155550100@h\", \
             response=\"{response}\", algorithm={}{said}",
            algorithm.as_str()
        )
    }

    fn check(credentials: &str, asking: &Asking<'_>) -> Verdict {
        password().check(std::iter::once(credentials.as_bytes()), &SECRET, asking)
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        // RFC 7616, section 3.9.1.
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let known = algorithm.hash(&[b"Mufasa", b"http-auth@example.org", b"Circle of Life"]);
            let hashed = algorithm.hash(&[b"GET", b"/dir/index.html"]);
            let response = algorithm.hash(&[
                known.as_bytes(),
                b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                b"00000001",
                b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                b"auth",
                hashed.as_bytes(),
            ]);
            assert_eq!(response.as_bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn who_knows_the_password_is_let_in_by_every_algorithm_with_and_without_qop() {
        let nonce = nonce(&ASKING);
        for algorithm in Algorithm::ALL {
            for qop in [true, false] {
                assert_eq!(check(&credentials(algorithm, "s3cret", &nonce, qop), &ASKING), Verdict::Granted);
                assert_eq!(check(&credentials(algorithm, "guess", &nonce, qop), &ASKING), Verdict::Refused);
            }
        }
    }

    #[test]
    fn a_proof_is_good_for_one_address_one_uri_one_method_and_a_minute() {
        let proof = credentials(Algorithm::Sha256, "s3cret", &nonce(&ASKING), true);
        let later = |ms| Asking { now: ASKING.now.plus_ms(ms), ..ASKING };
        assert_eq!(check(&proof, &later(NONCE_LIFE_MS - 1)), Verdict::Granted);
        assert_eq!(check(&proof, &later(NONCE_LIFE_MS)), Verdict::Stale);
        assert_eq!(check(&proof, &later(-1)), Verdict::Stale);
        let elsewhere = Asking { source: [192, 0, 2, 2].into(), ..ASKING };
        assert_eq!(check(&proof, &elsewhere), Verdict::Refused);
        assert_eq!(check(&proof, &Asking { uri: b"sip:+1@h", ..ASKING }), Verdict::Refused);
        assert_eq!(check(&proof, &Asking { method: b"BYE", ..ASKING }), Verdict::Refused);
        let forged = credentials(Algorithm::Sha256, "s3cret", &"0".repeat(48), true);
        assert_eq!(check(&forged, &ASKING), Verdict::Refused);
    }

    #[test]
    fn credentials_of_other_schemes_users_and_algorithms_are_none() {
        let good = credentials(Algorithm::Md5, "s3cret", &nonce(&ASKING), true);
        for bad in [
            "NoOneKnowsThisScheme opaque-data=here",
            "Digest",
            "",
            &good.replace("digest", "Basic"),
            &good.replace("\"trunk\"", "\"other\""),
            &good.replace("algorithm=MD5", "algorithm=MD5-sess"),
            &good.replace("algorithm=MD5", "algorithm=SHA-256"),
            &good.replace("qop=auth", "qop=auth-int"),
            &good.replace("nc=00000001", "nc=00000002"),
        ] {
            assert_eq!(check(bad, &ASKING), Verdict::Refused, "{bad}");
        }
        let both = ["Basic x".as_bytes(), good.as_bytes()];
        assert_eq!(password().check(both.into_iter(), &SECRET, &ASKING), Verdict::Granted);
    }

    #[test]
    fn a_challenge_names_the_better_algorithm_first_and_its_realm_stays_within_quotes() {
        let mut out = Vec::new();
        Password::new("u", "a\"b\r\nX: y", "p").challenge(&mut out, &SECRET, &ASKING, true);
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = out.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("algorithm=SHA-256, qop=\"auth\", stale=true"), "{out}");
        assert!(lines[1].contains("realm=\"a_b__X: y\"") && lines[1].contains("algorithm=MD5"), "{out}");
    }
}
