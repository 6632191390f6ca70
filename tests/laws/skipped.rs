//! Laws that this machine cannot try: said aloud, since a law that is skipped in silence proves nothing.

use std::env;
use std::fs::File;
use std::io::{self, Write as _};

/// The variable that names the file to which skipped laws are written, a line each; `tests/run.sh` reads it.
const FILE: &str = "LAWS_SKIPPED";

/// Says that a law was not tried, past the test harness, which would hold it back.
#[expect(clippy::disallowed_methods, reason = "it is for the tests alone")]
pub fn skip(law: &str, why: &str) {
    let line = format!("{law}: {why}\n");
    io::stderr().lock().write_all(format!("SKIPPED {line}").as_bytes()).unwrap();
    if let Some(path) = env::var_os(FILE) {
        File::options().create(true).append(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
    }
}
