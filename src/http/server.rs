//! The call plane's server: one listener, one current-thread runtime, one service without locks.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::acceptor::{Acceptor, Admitted};
use super::connection;
use super::correlation::NewId;
use super::limits::Limits;
use super::shutdown::{Shutdown, Stage, reached};
use super::tls::Identity;
use super::traffic::Traffic;

/// An answer of the call plane, whole in memory.
pub type Answer = Response<Full<Bytes>>;

/// What all workers of a listener share; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// What clients may take.
    pub limits: Arc<Limits>,
    /// The connections of all workers.
    pub traffic: Traffic,
    /// By which they are told to leave.
    pub shutdown: Shutdown,
    /// The certificate that clients are shown; none: plain HTTP.
    pub tls: Option<Identity>,
    /// Makes the correlation ids of what is refused unread.
    pub new_id: NewId,
    /// What is spoken here, and so what those hear who are refused unread.
    pub tongue: Tongue,
}

/// What a listener's clients speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tongue {
    /// HTTP: who is refused unread is told why.
    #[default]
    Http,
    /// Something else: who is refused unread hears nothing.
    Other,
}

/// A worker's service: it makes what answers a connection, once for each.
pub trait Service {
    /// What answers one connection's requests.
    type Connection: Answers + 'static;

    /// Called when a connection has been accepted, with the addresses of its two ends.
    fn connection(&self, peer: SocketAddr, local: SocketAddr) -> Self::Connection;
}

/// Answers the requests of one connection, one after the other.
///
/// Nothing in it need be `Send`: it stays on its worker's thread.
pub trait Answers {
    /// Answers a request.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Answer>;
}

/// Runs a worker's future on a current-thread runtime of this thread, where [`serve`] may be called.
///
/// # Errors
/// The system gives no means to wait for sockets, or the future's own.
pub fn run_worker<T>(worker: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(worker)
}

/// Answers a listener's connections until the server has left and all of them have ended.
///
/// To be called within [`run_worker`].
///
/// Cost: each connection a task, its buffers and one timer; each request nothing of its own on the heap.
///
/// # Errors
/// The runtime cannot take the listener; it must be non-blocking.
pub async fn serve<S: Service>(listener: std::net::TcpListener, service: S, front: Front) -> io::Result<()> {
    let builder = Rc::new(connection::builder(&front.limits));
    attend(listener, &front, |Connected { socket, peer, local }| {
        let answers = service.connection(peer, local);
        let (front, builder) = (front.clone(), builder.clone());
        let stages = front.shutdown.stages();
        async move {
            let answer = |request| answers.answer(request);
            connection::serve(socket, &builder, &front, stages, answer).await;
        }
    })
    .await
}

/// A connection that is to be served.
#[derive(Debug)]
pub struct Connected {
    /// Its socket, as it was accepted: without TLS.
    pub socket: TcpStream,
    /// The other end.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
}

/// Has each of a listener's connections served by a task of this thread, until the server has left and all have ended.
///
/// To be called within [`run_worker`].
///
/// # Errors
/// The runtime cannot take the listener; it must be non-blocking.
pub async fn attend<F: Future<Output = ()> + 'static>(
    listener: std::net::TcpListener,
    front: &Front,
    mut serve: impl FnMut(Connected) -> F,
) -> io::Result<()> {
    let mut acceptor = Acceptor::new(listener, front.clone())?;
    let mut stages = front.shutdown.stages();
    // Never sent on: it closes when the last connection has dropped its end.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    while let Some(Admitted { socket, peer, local, place }) = acceptor.next().await {
        let (served, alive) = (serve(Connected { socket, peer, local }), alive.clone());
        spawn_local(async move {
            served.await;
            drop((place, alive));
        });
    }
    drop((acceptor, alive));
    tokio::select! {
        _ = ended.recv() => {}
        () = reached(&mut stages, Stage::Over) => {}
    }
    Ok(())
}
