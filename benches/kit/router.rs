//! The router as a process of its own, on a folder of its own.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::process::Server;

/// Longest wait for a start or an end.
const PATIENCE: Duration = Duration::from_secs(900);

/// A running router; ended when dropped.
pub struct Router {
    /// The process.
    pub server: Server,
    /// Where it takes calls.
    pub calls: SocketAddr,
    /// Where it is managed.
    pub admin: SocketAddr,
    /// What every request to `admin` needs.
    pub key: String,
    /// How long it took until every socket accepted.
    pub started_in: Duration,
}

impl Router {
    /// Starts a router on the folders `config` and `data` of a scratch folder, once no other is at work there.
    ///
    /// # Errors
    /// It did not start.
    pub fn start(scratch: &Path) -> io::Result<Self> {
        let addresses = scratch.join("data/addresses.json");
        let begun = Instant::now();
        while addresses.exists() && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        let begun = Instant::now();
        let mut command = Command::new(program());
        command.args(["serve", "--calls", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log", "warn"]);
        command.arg("--config").arg(scratch.join("config")).arg("--data").arg(scratch.join("data"));
        let mut server = Server::start(&mut command)?;
        let text = await_file(&addresses, &mut server)?;
        let started_in = begun.elapsed();
        let told: serde_json::Value = serde_json::from_str(&text)?;
        let address = |plane: &str| {
            let address = told[plane].as_str().and_then(|address| address.parse().ok());
            address.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
        };
        let key = fs::read_to_string(scratch.join("data/admin.key"))?.trim().to_owned();
        Ok(Self { server, calls: address("calls")?, admin: address("admin")?, key, started_in })
    }
}

/// The router that is measured: the one that cargo built for this bench, unless another follows the word `router`.
fn program() -> PathBuf {
    let named = env::args().skip_while(|argument| argument != "router").nth(1);
    named.map_or_else(|| env!("CARGO_BIN_EXE_cordboard").into(), PathBuf::from)
}

/// The text of a file that a server writes when it is ready.
///
/// # Errors
/// The server ended before, or took too long.
pub fn await_file(path: &Path, server: &mut Server) -> io::Result<String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && !server.has_ended() {
        match fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return Ok(text),
            _ => thread::sleep(Duration::from_millis(5)),
        }
    }
    Err(io::Error::other(format!("{} did not come", path.display())))
}
