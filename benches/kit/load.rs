//! A closed loop of keep-alive connections: each sends a request, reads the answer whole, and sends the next.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;

/// Writes the n-th request.
pub type Request = dyn Fn(u64, &mut Vec<u8>);
/// Whether the answer to the n-th request is right: its status, its body.
pub type Right = dyn Fn(u64, u16, &[u8]) -> bool;

/// A load on a server.
#[derive(Clone)]
pub struct Load {
    /// Where to.
    pub to: SocketAddr,
    /// How many ask at the same time.
    pub connections: usize,
    /// What is asked.
    pub request: Rc<Request>,
    /// What is right.
    pub right: Rc<Right>,
}

/// Until when to go on.
#[derive(Clone, Copy)]
pub enum Until {
    /// For a time.
    Elapsed(Duration),
    /// Until so many requests were sent.
    Sent(u64),
}

/// What came back.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answers.
    pub answers: u64,
    /// Those that said that the server has too much to do.
    pub turned_away: u64,
    /// Those of the others that were wrong.
    pub wrong: u64,
    /// How long each took, in microseconds, sorted.
    pub took_us: Vec<f64>,
}

impl Outcome {
    /// What all but one in a hundred stayed below, in microseconds.
    pub fn p99_us(&self) -> f64 {
        self.took_us.get(self.took_us.len() * 99 / 100).copied().unwrap_or_default()
    }
}

/// What the connections share.
struct Progress {
    begun: Instant,
    until: Until,
    sent: u64,
    outcome: Outcome,
}

impl Progress {
    /// The number of the next request, if there is to be one.
    fn next(&mut self) -> Option<u64> {
        let more = match self.until {
            Until::Elapsed(time) => self.begun.elapsed() < time,
            Until::Sent(count) => self.sent < count,
        };
        self.sent += u64::from(more);
        more.then(|| self.sent - 1)
    }
}

impl Load {
    /// Puts the load on the server, from this thread.
    ///
    /// # Errors
    /// A connection could not be made, or broke.
    pub fn run(&self, until: Until) -> io::Result<Outcome> {
        let progress = Progress { begun: Instant::now(), until, sent: 0, outcome: Outcome::default() };
        let progress = Rc::new(RefCell::new(progress));
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
        runtime.block_on(async {
            let ask = || spawn_local(self.clone().ask(Rc::clone(&progress)));
            for connection in (0..self.connections).map(|_| ask()).collect::<Vec<_>>() {
                connection.await??;
            }
            io::Result::Ok(())
        })?;
        let mut outcome = std::mem::take(&mut progress.borrow_mut().outcome);
        outcome.took_us.sort_unstable_by(f64::total_cmp);
        Ok(outcome)
    }

    async fn ask(self, progress: Rc<RefCell<Progress>>) -> io::Result<()> {
        let mut socket = TcpStream::connect(self.to).await?;
        socket.set_nodelay(true)?;
        let (mut request, mut answer) = (Vec::new(), Vec::with_capacity(16 * 1024));
        loop {
            let Some(at) = progress.borrow_mut().next() else { return Ok(()) };
            request.clear();
            (self.request)(at, &mut request);
            let sent = Instant::now();
            socket.write_all(&request).await?;
            let (status, body_at) = read_answer(&mut socket, &mut answer).await?;
            let took = sent.elapsed();
            let right = answer.get(body_at..).is_some_and(|body| (self.right)(at, status, body));
            let outcome = &mut progress.borrow_mut().outcome;
            outcome.answers += 1;
            outcome.turned_away += u64::from(status == 503);
            outcome.wrong += u64::from(status != 503 && !right);
            outcome.took_us.push(took.as_secs_f64() * 1e6);
        }
    }
}

/// Reads one answer, told by its `Content-Length`: its status, and where its body begins.
async fn read_answer(socket: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<(u16, usize)> {
    answer.clear();
    loop {
        if socket.read_buf(answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(head_bytes) = memchr::memmem::find(answer, b"\r\n\r\n") else { continue };
        let head = answer.get(..head_bytes).and_then(|head| std::str::from_utf8(head).ok());
        let (status, length) = head.and_then(read_head).ok_or(io::ErrorKind::InvalidData)?;
        let body_at = head_bytes + 4;
        while answer.len() < body_at + length {
            if socket.read_buf(answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        return Ok((status, body_at));
    }
}

fn read_head(head: &str) -> Option<(u16, usize)> {
    let status = head.get(9..12)?.parse().ok()?;
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let (_, length) = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    Some((status, length.parse().ok()?))
}
