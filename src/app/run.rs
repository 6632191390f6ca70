//! A router at work: a thread a call worker, one runtime for management, and an orderly end.

use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tracing::field::display;

use super::addresses::Places;
use super::build::{Plane, Router};
use super::certificates::Following;
use super::housekeeping::Housekeeping;
use super::sip::Sip;
use super::test_runs::TestRuns;
use super::welcome::{self, Welcome};
use super::{AppError, addresses, probing, random_bytes};
use crate::api::numbers::ImportLimits;
use crate::api::{Streams, TestCalls, Turns};
use crate::control::reload::Reloader;
use crate::control::{Control, ControlError};
use crate::domain::id::Revision;
use crate::domain::test_call::TestCall;
use crate::gateways::http::HttpGateway;
use crate::gateways::plane::CallPlane;
use crate::gateways::worker::Worker;
use crate::http::admin::serve_admin;
use crate::http::outgoing::{Listed, Outgoing};
use crate::http::server::{Front, run_worker, serve};
use crate::http::shutdown::DrainLimits;
use crate::settings::Settings;
use crate::settings::watch::FolderWatch;
use crate::store::folder::DataFolder;
use crate::telemetry::Health;
use crate::telemetry::precedence::give_way;

/// How often calls, series and tables that are over are let go of.
const SWEEP: Duration = Duration::from_secs(5);

/// Something that goes on beside the rest.
type Task = tokio::task::JoinHandle<()>;

pub(super) fn run(router: Router, out: &mut dyn Write) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("cordboard-management")
        .on_thread_start(give_way)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(live(router, out));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn live(router: Router, out: &mut dyn Write) -> Result<(), AppError> {
    let Router {
        settings,
        folder,
        control,
        answers,
        reloader,
        plane,
        registry,
        health,
        clock,
        key_secret,
        key_made,
        token_keys,
        calls,
        admin,
        sip,
        certificates,
    } = router;
    let mut stop = Stop::new()?;
    let following = follow(reloader, &settings)?;
    let (calls_front, admin_front) = (calls.front.clone(), admin.front.clone());
    let places = Places { calls: calls.reached(), admin: admin.reached(), sip: sip.addresses() };
    let renewing = renew(certificates, &settings, &folder, &places)?;
    let sip_messages = sip.messages();
    let workers = start_workers(calls, sip, &plane)?;
    start_sweeping(&plane)?;
    let probing = probing::start(&settings, control.live(), &registry, &clock)?;
    let outgoing = outgoing(&settings);
    let router = crate::api::router(crate::api::Management {
        control: control.clone(),
        answers,
        registry,
        health: health.clone(),
        key_secret,
        clock: clock.clone(),
        calls: places.calls.address,
        admin: places.admin.address,
        calls_tls: places.calls.tls.clone(),
        admin_tls: places.admin.tls.clone(),
        calls_in_progress: in_progress(&plane),
        test_call: test_call(&plane),
        sip_messages,
        import_limits: import_limits(&settings),
        account_import_bytes_max: settings.limits.account_import_bytes_max,
        listed: Arc::clone(outgoing.listed()),
        turns: Turns::default(),
        streams: Streams::default(),
        random: random_bytes,
    });
    let listener = admin.listeners.into_iter().next().ok_or_else(|| io::Error::other("no listener"))?;
    let serving = tokio::spawn(serve_admin(listener, router, admin_front.clone()));
    let housekeeping = Housekeeping {
        control: control.clone(),
        plane,
        folder: Arc::clone(&folder),
        key_secret,
        token_keys,
        clock: clock.clone(),
    };
    let testing = tokio::spawn(TestRuns { control: control.clone(), outgoing, clock }.run());
    let keeping = tokio::spawn(housekeeping.run());

    health.set("files", Ok(()));
    addresses::write(&folder, &places);
    let welcome = Welcome {
        state: &control.state(),
        files: &control.status().reload(),
        places: &places,
        folder: welcome::Folder { data: &settings.data, key_made: key_made.as_deref() },
    };
    greet(out, &welcome.text());
    say_ready(&places, control.state().revision);
    stop.asked(&control).await;

    leave(&health, &calls_front, &admin_front, settings.limits.drain_time).await;
    [keeping, testing, following, renewing].iter().chain(&probing).for_each(Task::abort);
    keep_split_calls(&control).await;
    join(serving, workers).await;
    addresses::remove(&folder);
    Ok(())
}

/// What asks others, and only whom it may.
pub(super) fn outgoing(settings: &Settings) -> Outgoing {
    let listed = &settings.outgoing;
    Outgoing::new(Listed { names: listed.allowed_names.clone(), networks: listed.allowed_networks.clone() })
}

/// Waits for those who serve, who leave by themselves.
async fn join<T>(management: tokio::task::JoinHandle<T>, workers: Vec<JoinHandle<()>>) {
    drop(management.await);
    for worker in workers {
        drop(tokio::task::spawn_blocking(move || worker.join()).await);
    }
}

/// Keeps how many calls splits have had, for the last time.
async fn keep_split_calls(control: &Control) {
    let last = control.clone();
    let saved = tokio::task::spawn_blocking(move || last.save_split_calls()).await;
    if let Ok(Err(why)) = saved {
        tracing::error!(error = ?why, "the calls of splits could not be kept");
    }
}

fn import_limits(settings: &Settings) -> ImportLimits {
    ImportLimits {
        rows_max: settings.limits.import_rows_max,
        bytes_max: settings.limits.import_bytes_max,
        pause_max: settings.limits.body_time,
    }
}

/// Takes route and agent files as they change.
fn follow(reloader: Reloader, settings: &Settings) -> io::Result<Task> {
    let folders = [settings.routes.clone(), settings.agents.clone()];
    let watch = Arc::new(FolderWatch::start(&folders, settings.files.poll, settings.files.still)?);
    Ok(tokio::spawn(reloader.run(move || {
        let watch = Arc::clone(&watch);
        async move { watch.changed().await }
    })))
}

/// Takes certificates as they change, and tells clients on this machine.
fn renew(
    certificates: Following,
    settings: &Settings,
    folder: &Arc<DataFolder>,
    places: &Places,
) -> io::Result<Task> {
    let watch = certificates.certificates.watch(settings)?;
    let (folder, places) = (Arc::clone(folder), places.clone());
    Ok(tokio::spawn(async move {
        if let Some(watch) = watch {
            certificates.run(watch, || addresses::write(&folder, &places)).await;
        }
    }))
}

/// Says what the start has to say, if anybody reads it.
fn greet(out: &mut dyn Write, welcome: &str) {
    if let Err(why) = out.write_all(welcome.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(error = %why, "nobody reads what the start has to say");
    }
}

fn say_ready(places: &Places, revision: Revision) {
    let Places { calls, admin, sip } = places;
    let (calls, admin, [sip, sip_tls]) = (calls.address, admin.address, sip.map(|at| at.map(display)));
    tracing::info!(%calls, %admin, sip, sip_tls, %revision, "ready");
}

/// Leads both planes through their end, within a time.
async fn leave(health: &Health, calls: &Front, admin: &Front, time: Duration) {
    tracing::info!("draining: new calls are answered until no more come");
    health.drain();
    let limits = DrainLimits { total_max: time, ..DrainLimits::default() };
    let began = Instant::now();
    let cut = calls.shutdown.drain(&calls.traffic, limits).await;
    if cut > 0 {
        tracing::warn!(connections = cut, "connections were cut at the end of the time to drain");
    }
    // Management goes last, so that who watches sees the end; in what is left of the time, and a second at least.
    let left = time.saturating_sub(began.elapsed()).max(Duration::from_secs(1));
    admin.shutdown.drain(&admin.traffic, DrainLimits { total_max: left, ..limits }).await;
}

/// One thread for each listener of calls, each with a runtime, a worker, counters and sockets of SIP of its own.
fn start_workers(calls: Plane, sip: Sip, plane: &Arc<CallPlane>) -> io::Result<Vec<JoinHandle<()>>> {
    let Plane { listeners, front, .. } = calls;
    let workers = listeners.into_iter().zip(sip.into_lines()).enumerate().map(|(at, (listener, sip))| {
        let (plane, front) = (Arc::clone(plane), front.clone());
        thread::Builder::new().name(format!("cordboard-calls-{at}")).spawn(move || {
            let work = async {
                let worker = Rc::new(Worker::new(&plane, random_bytes()));
                let gateway = HttpGateway::new(Rc::clone(&worker));
                tokio::try_join!(serve(listener, gateway, front), sip.serve(worker)).map(drop)
            };
            if let Err(why) = run_worker(work) {
                tracing::error!(error = %why, "a call worker has ended");
            }
        })
    });
    workers.collect()
}

/// A thread that lets go of what is over, until nobody holds the plane.
///
/// It does not give way to call workers: they wait for it where it holds a shard of the calls.
fn start_sweeping(plane: &Arc<CallPlane>) -> io::Result<()> {
    let plane = Arc::downgrade(plane);
    let sweep = move || {
        loop {
            thread::sleep(SWEEP);
            let Some(plane) = plane.upgrade() else { return };
            plane.sweep(plane.now());
        }
    };
    thread::Builder::new().name("cordboard-sweep".to_owned()).spawn(sweep).map(drop)
}

fn in_progress(plane: &Arc<CallPlane>) -> Arc<dyn Fn() -> usize + Send + Sync> {
    let plane = Arc::clone(plane);
    Arc::new(move || plane.in_progress())
}

fn test_call(plane: &Arc<CallPlane>) -> TestCalls {
    let plane = Arc::clone(plane);
    Arc::new(move |call: &TestCall| plane.test_call(call, random_bytes()))
}

/// Signals that end the router, or make it read its files.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for an end; a hang-up has the files read meanwhile, however long that takes.
    async fn asked(&mut self, control: &Control) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => drop(tokio::spawn(read_files(control.clone()))),
            }
        }
    }
}

async fn read_files(control: Control) {
    // What is wrong with the files is in the log already.
    if let Err(why @ (ControlError::Busy | ControlError::Stopped)) = control.reload(None).await {
        tracing::error!(error = %why, "the files were not read");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;
    use crate::control::reload::{Look, Sources};
    use crate::domain::account::Account;
    use crate::domain::change::Change;
    use crate::domain::fault::Fault;
    use crate::domain::id::AccountId;
    use crate::domain::time::Timestamp;
    use crate::telemetry::{Clock, Registry};

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Files whose reading, but for the first at the start, says that it has begun and waits until it may end.
    struct Endless {
        looks: usize,
        begun: mpsc::Sender<()>,
        end: mpsc::Receiver<()>,
    }

    impl Sources for Endless {
        fn look(&mut self) -> Result<Look, Vec<Fault>> {
            self.looks += 1;
            if self.looks > 1 {
                let _ = self.begun.send(());
                let _ = self.end.recv();
            }
            Ok(Look::default())
        }

        fn keep(&mut self) {}

        fn forget(&mut self) {}
    }

    #[test]
    fn a_termination_is_heard_while_a_hang_up_has_the_files_read() {
        let ((begun, begins), (end, ends)) = (mpsc::channel(), mpsc::channel());
        let id = AccountId::parse("ws-1").unwrap();
        let account = Change::AccountPut(Account::new(id, "Main", Timestamp(0)));
        let (control, reloader, _ground) = crate::control::testing::control(
            vec![account],
            [7; 32],
            Box::new(Endless { looks: 0, begun, end: ends }),
            &Registry::new(),
            &Clock::system(),
        );
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(reloader.run(std::future::pending));
        let heard = runtime.block_on(async {
            let mut stop = Stop::new().unwrap();
            let asked = tokio::spawn(async move { stop.asked(&control).await });
            kill_process(getpid(), Signal::HUP).unwrap();
            tokio::task::spawn_blocking(move || begins.recv_timeout(PATIENCE)).await.unwrap().unwrap();
            kill_process(getpid(), Signal::TERM).unwrap();
            tokio::time::timeout(PATIENCE, asked).await
        });
        drop(end);
        assert!(heard.is_ok(), "it waits for the files");
    }
}
