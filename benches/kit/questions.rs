//! What is asked about the numbers of a folder that [`crate::folder`] wrote, and which answers are right.

use std::io;

use crate::report::mix;

/// The head that every request has.
pub const HOST: &str = "Host: localhost\r\n";

/// Asks for one of so many numbers after the other, at random; `plus` is how the server wants a `+` written.
pub fn ask(numbers: u64, plus: &'static str) -> impl Fn(u64, &mut Vec<u8>) {
    move |at, request| {
        let (to, from) = (number(dialled(at, numbers)), 15_550_000_000 + mix(!at) % 10_000_000);
        write(request, format_args!("GET /v1/route?to={plus}{to}&from={plus}{from} HTTP/1.1\r\n{HOST}\r\n"));
    }
}

/// Which number the request at this place asks for.
pub fn dialled(at: u64, numbers: u64) -> u64 {
    mix(at) % numbers
}

/// A number of the folder, as digits.
pub fn number(i: u64) -> u64 {
    14_000_000_000 + 7 * i
}

/// Whether an answer names whom the files name.
pub fn routed(numbers: u64) -> impl Fn(u64, u16, &[u8]) -> bool {
    move |at, status, body| {
        let i = dialled(at, numbers);
        let version_right = |version: u64| says(body, i % 1_000, version);
        status == 200
            && if i.is_multiple_of(10) { (1..=3).any(version_right) } else { version_right(i % 9 + 1) }
    }
}

/// Whether an answer names an agent at a version.
pub fn says(body: &[u8], agent: u64, version: u64) -> bool {
    let has = |text: String| memchr::memmem::find(body, text.as_bytes()).is_some();
    has(format!("\"agentId\":\"agent-{agent}\"")) && has(format!("\"version\":{version},"))
}

/// A request of management that routes a number to an agent at a version.
pub fn put_number(request: &mut Vec<u8>, key: &str, number: u64, agent: u64, version: u64) {
    let body = format!(r#"{{"agentId":"agent-{agent}","pin":"V{version}"}}"#);
    let length = body.len();
    let head = format!("PUT /v1/numbers/%2B{number} HTTP/1.1\r\n{HOST}X-Api-Key: {key}\r\n");
    let more = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    write(request, format_args!("{head}{more}{body}"));
}

/// Writes on.
pub fn write(request: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    io::Write::write_fmt(request, text).expect("memory");
}
