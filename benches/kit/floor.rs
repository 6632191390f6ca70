//! The least an HTTP answer costs: bare hyper that says the same bytes to everybody.
//!
//! Set up as the router's own server is (a current-thread runtime for each core, the same limits and socket options),
//! but with no look at the request, no timer, no counting.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use bytes::Bytes;
use cordboard::http::bind::bind_workers;
use cordboard::http::server::run_worker;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::spawn_local;

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-polyai-correlation-id");

/// Answers so many bytes until the process is ended; its address is written to a file.
///
/// # Errors
/// It cannot listen, or cannot write the file.
pub fn serve(body_bytes: usize, address_file: &Path) -> io::Result<()> {
    let body = Bytes::from("x".repeat(body_bytes));
    let cores = thread::available_parallelism()?.get();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (address, listeners) = bind_workers(any, cores).map_err(io::Error::other)?;
    let serve = |listener| {
        let body = body.clone();
        thread::spawn(move || run_worker(accept(listener, body)))
    };
    let workers: Vec<_> = listeners.into_iter().map(serve).collect();
    std::fs::write(address_file, address.to_string())?;
    for worker in workers {
        worker.join().map_err(|_| io::Error::other("a worker ended"))??;
    }
    Ok(())
}

async fn accept(listener: std::net::TcpListener, body: Bytes) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut builder = Builder::new();
    builder
        .pipeline_flush(false)
        .half_close(true)
        .header_read_timeout(None)
        .max_header_size(16 * 1024)
        .max_buf_size(16 * 1024);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let body = body.clone();
        let answer = service_fn(move |_| {
            let mut answer = Response::new(Full::new(body.clone()));
            let headers = answer.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            let id = HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
            headers.insert(CORRELATION_ID, id);
            async { Ok::<_, Infallible>(answer) }
        });
        let connection = builder.serve_connection(TokioIo::new(socket), answer);
        spawn_local(async move { drop(connection.await) });
    }
}
