//! A world of one's own: a configuration, a data folder, and a router that runs on them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cordboard::cli::{self, Cli, Terminal, Variables, carry_out};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Client, Reply};

/// Longest wait for anything, far above what it takes even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A free port of this machine.
const ANY: &str = "127.0.0.1:0";
/// How long a file must have been still: short, since the tests wait for it again and again.
const STILL_MS: &str = "60";

/// Numbers of the example configuration.
pub const PINNED_TO_V1: &str = "+14155550101";
pub const AT_LIVE: &str = "+14155550102";
pub const IN_SPLIT: &str = "+14155550100";
/// A number that nothing serves.
pub const NOBODYS: &str = "+442071230000";
pub const CALLER: &str = "+14155550199";

/// A configuration and a data folder, and the router on them while it runs.
pub struct World {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
    log_to: Option<&'static str>,
    open_files: Option<u32>,
    child: Option<Child>,
    calls: SocketAddr,
    admin: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

/// The grammar of `serve`, which no client command needs.
#[derive(clap::Args)]
struct NoFlags {}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by signal {:?}: {}", self.status.signal(), self.err))
    }
}

impl World {
    /// The configuration that comes with the repository; nothing runs yet.
    pub fn example() -> Self {
        let world = Self::bare();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), &world.config());
        world
    }

    /// Empty folders `routes` and `agents`; nothing runs yet.
    pub fn bare() -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let world = Self {
            folder: TempDir::new().unwrap(),
            variables: Vec::new(),
            log_to: None,
            open_files: None,
            child: None,
            calls: nowhere,
            admin: nowhere,
            tls: None,
        };
        fs::create_dir_all(world.config().join("routes")).unwrap();
        fs::create_dir_all(world.config().join("agents")).unwrap();
        world
            .with_variable("CORDBOARD_FILES_STILL_MILLISECONDS", STILL_MS)
            // Tests share few cores: what is late here is not overloaded.
            .with_variable("CORDBOARD_LIMITS_LAG_MILLISECONDS_MAX", "10000")
            // What is not there where tests send calls stays in the answers.
            .with_variable("CORDBOARD_PROBES_ENABLED", "false")
    }

    pub fn with(self, path: &str, text: &str) -> Self {
        self.edit(path, text);
        self
    }

    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(set, _)| set != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Lets whoever asks this router do so within TLS.
    pub fn within_tls(mut self, tls: &Arc<ClientConfig>) -> Self {
        self.tls = Some(Arc::clone(tls));
        self
    }

    /// Lets standard error and standard output be another file, of which nothing is read.
    pub fn with_log_to(mut self, path: &'static str) -> Self {
        self.log_to = Some(path);
        self
    }

    /// Starts the router where so many open files are usual, though more may be had.
    pub fn with_open_files(mut self, count: u32) -> Self {
        self.open_files = Some(count);
        self
    }

    /// Starts the router and waits until it serves.
    pub fn running(mut self) -> Self {
        self.start();
        self
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The file that says where the router listens.
    pub fn addresses(&self) -> PathBuf {
        self.data().join("addresses.json")
    }

    pub fn calls_address(&self) -> SocketAddr {
        self.calls
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    // --- the process ---

    /// The binary, with nothing of the environment of the tests but what this world sets.
    pub fn cordboard(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
        command.env_clear().envs(self.variables.iter().cloned()).args(arguments).stdin(Stdio::null());
        command.current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.cordboard(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { status: output.status, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command on this world's router.
    pub fn client(&self, arguments: &[&str]) -> Ended {
        let data = self.data().display().to_string();
        let output = self.cordboard(arguments).env("CORDBOARD_DATA", data).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { status: output.status, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command at a terminal where somebody types this; its exit code, and what was said beside the answer.
    pub fn answering(&self, line: &[&str], typed: &str) -> (u8, String) {
        let arguments = ["cordboard"].iter().chain(line);
        let Ok(cli::Command::Client(command)) = Cli::<NoFlags>::read(arguments).map(Cli::into_command) else {
            panic!("{line:?} is no client command");
        };
        let variables = Variables::from_iter([("CORDBOARD_DATA", self.data().display().to_string())]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut terminal = Terminal {
            input: &mut typed.as_bytes(),
            out: &mut out,
            err: &mut err,
            interactive: true,
            json: false,
            editor: String::new(),
            look: Default::default(),
            remarks: Default::default(),
        };
        let code = carry_out::<NoFlags>(&command, &variables, &mut terminal);
        (code, String::from_utf8(err).unwrap())
    }

    /// By way of a shell, so that a file that may grow no more is an error to the router and not its end by a signal.
    fn serve(&self, calls: &str, admin: &str) -> Command {
        let router = self.cordboard(&["serve", "--calls", calls, "--admin", admin]);
        let mut command = Command::new("/bin/sh");
        command.env_clear().envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command.current_dir(self.folder.path());
        let limit = self.open_files.map_or_else(String::new, |count| format!("ulimit -Sn {count}; "));
        command
            .args(["-c", &format!("{limit}trap '' XFSZ; exec \"$@\""), "sh"])
            .arg(router.get_program())
            .args(router.get_args());
        command.arg("--config").arg(self.config()).arg("--data").arg(self.data());
        command
    }

    /// Starts the router, which must refuse to, and says how.
    pub fn refused(&self) -> Ended {
        self.refused_with(&[])
    }

    pub fn refused_with(&self, arguments: &[&str]) -> Ended {
        let mut command = self.cordboard(&["serve", "--config", "config", "--data", "data"]);
        let mut child = command
            .args(if arguments.is_empty() {
                &["--calls", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
            } else {
                arguments
            })
            .stdout(self.file("refused.out"))
            .stderr(self.file("refused.err"))
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                None => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    panic!("it started: {}", self.read("refused.out"));
                }
            }
        };
        Ended { status, out: self.read("refused.out"), err: self.read("refused.err") }
    }

    pub fn start(&mut self) {
        let command = self.serve(ANY, ANY);
        self.start_as(command);
    }

    /// Starts the router where it was before, with its SIP at this address.
    pub fn start_at(&mut self, sip: &str) {
        let [calls, admin] = [self.calls, self.admin].map(|at| at.to_string());
        let mut command = self.serve(&calls, &admin);
        command.args(["--sip", sip]);
        self.start_as(command);
    }

    /// Starts the router by a command, and waits until it serves.
    pub fn start_as(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "it runs already");
        let append = |path: &Path| File::options().create(true).append(true).open(path).unwrap();
        let (out, err) = match self.log_to {
            Some(path) => (append(Path::new(path)), append(Path::new(path))),
            None => (self.file("out"), append(&self.folder.path().join("err"))),
        };
        let mut child = command.stdout(out).stderr(err).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let text = loop {
            if let Some(text) = self.addresses_of(&child) {
                break text;
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("it did not start ({status}): {}", self.log());
            }
            if Instant::now() > deadline {
                drop(child.kill());
                panic!("it is not ready: {}", self.log());
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.child = Some(child);
        let addresses: Value = serde_json::from_str(&text).unwrap();
        let address = |name: &str| addresses[name].as_str().unwrap().parse().unwrap();
        (self.calls, self.admin) = (address("calls"), address("admin"));
    }

    /// The addresses that a process has left, which holds the data folder; none while another's may be there.
    fn addresses_of(&self, process: &Child) -> Option<String> {
        let holder = fs::read_to_string(self.data().join("lock")).ok()?;
        let is_held = holder.trim() == process.id().to_string();
        is_held.then(|| fs::read_to_string(self.addresses()).ok())?
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().expect("it runs"));
        kill_process(pid, signal).unwrap();
    }

    /// Lets no file of the running router grow beyond so many bytes; none: as large as they like.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let pid = Pid::from_child(self.child.as_ref().expect("it runs"));
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(pid), Resource::Fsize, limit).unwrap();
    }

    /// Pulls the plug.
    pub fn kill_9(&mut self) {
        self.signal(Signal::KILL);
        self.child.take().unwrap().wait().unwrap();
    }

    /// Asks it to end and waits until it has.
    pub fn terminate(&mut self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> Ended {
        let mut child = self.child.take().expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Ended { status, out: self.said(), err: self.log() };
            }
            if Instant::now() > deadline {
                drop(child.kill());
                panic!("it does not end: {}", self.log());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Ends it in order and starts it again.
    pub fn restart(&mut self) {
        assert_eq!(self.terminate().code(), 0, "{}", self.log());
        self.start();
    }

    // --- what it says ---

    /// Everything it ever wrote to standard error.
    pub fn log(&self) -> String {
        self.read("err")
    }

    /// What this start wrote to standard output.
    pub fn said(&self) -> String {
        self.read("out")
    }

    fn file(&self, name: &str) -> File {
        File::create(self.folder.path().join(name)).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    // --- files ---

    /// Writes a file of the configuration in place, as `cp` and some editors do.
    pub fn edit(&self, path: &str, text: &str) {
        let path = self.config().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file beside it and renames it, as most editors do.
    pub fn save(&self, path: &str, text: &str) {
        let path = self.config().join(path);
        let unfinished = path.with_extension("swp");
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, path).unwrap();
    }

    pub fn remove(&self, path: &str) {
        let path = self.config().join(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// The text of a file of the configuration.
    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.config().join(path)).unwrap()
    }

    /// Lets `live` of the agent `sales` be another version.
    pub fn put_live(&self, version: &str) {
        let agent = self.text("agents/sales/agent.toml");
        let lines = agent.lines().map(|line| match line.strip_prefix("live = ") {
            Some(_) => format!("live = \"{version}\"\n"),
            None => format!("{line}\n"),
        });
        self.save("agents/sales/agent.toml", &lines.collect::<String>());
    }

    // --- asking ---

    /// A gateway on this machine.
    pub fn gateway(&self) -> Client {
        Client::new(self.calls).with_tls(self.tls.as_ref())
    }

    /// An operator with the admin key.
    pub fn operator(&self) -> Client {
        Client::new(self.admin).with_tls(self.tls.as_ref()).with_key(&self.key())
    }

    pub fn key(&self) -> String {
        fs::read_to_string(self.data().join("admin.key")).unwrap().trim().to_owned()
    }

    /// Asks where a call would go, which begins none.
    pub fn route(&self, to: &str) -> Reply {
        self.route_of(to, CALLER)
    }

    pub fn route_of(&self, to: &str, from: &str) -> Reply {
        self.gateway().get(&format!("/v1/route?to={}&from={}", encoded(to), encoded(from)))
    }

    /// The version that a new call would get; none where nobody serves it.
    pub fn version_at(&self, to: &str) -> Option<u64> {
        self.route(to).json()["version"].as_u64()
    }

    /// Begins a call.
    pub fn call(&self, to: &str, id: &str) -> Value {
        self.gateway().post("/v1/calls", &json!({"to": to, "from": CALLER, "callId": id})).must(201).json()
    }

    pub fn status(&self) -> Value {
        self.operator().get("/v1/status").must(200).json()
    }

    pub fn revision(&self) -> u64 {
        self.status()["revision"].as_u64().unwrap()
    }

    pub fn metrics(&self) -> String {
        Client::new(self.admin).with_tls(self.tls.as_ref()).get("/metrics").must(200).body
    }

    /// The sum over all series of a metric whose labels contain all of these.
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let page = self.metrics();
        let series = page.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Waits until it is so.
    #[track_caller]
    pub fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "it never came that {what}; log:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a fault of the files is shown that contains this.
    #[track_caller]
    pub fn until_fault(&self, words: &str) -> Value {
        self.until(&format!("a fault says {words:?}"), |world| {
            world.status()["faults"].to_string().contains(words)
        });
        self.status()
    }

    /// Waits until the files as they are now are in force.
    #[track_caller]
    pub fn until_in_force(&self) {
        self.until("the files are in force", |world| world.status()["reload"]["ok"] == true);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A number as it stands in a query or path.
pub fn encoded(text: &str) -> String {
    text.replace('+', "%2B")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}
