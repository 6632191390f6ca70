//! Reading a request's body within bounds of size and time.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Extension;
use axum::extract::DefaultBodyLimit;
use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::error::ApiError;

/// What a sender in time must at least keep up, in bytes a second, once its first time is over.
const PACE_BYTES: u64 = 8 * 1024;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It is, or says it is, larger than allowed.
    #[error("the body is larger than {max} bytes")]
    TooLarge {
        /// The bytes allowed.
        max: usize,
    },
    /// It did not come in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The sender broke off, or its framing is no HTTP.
    #[error("the body ended before its end")]
    Broken,
}

/// How many bytes a body may have that an extractor reads whole, as an extension of its request.
#[derive(Debug, Clone, Copy)]
pub struct BodyMax(pub usize);

/// Bounds the bodies that extractors read whole, and tells them the bound for what they answer to a larger one. A route's
/// own bound goes before that of its router.
pub fn body_limit(max: usize) -> (DefaultBodyLimit, Extension<BodyMax>) {
    (DefaultBodyLimit::max(max), Extension(BodyMax(max)))
}

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge { max } => Self::payload_too_large(max),
            BodyFault::TooSlow => Self::request_timeout(fault.to_string()),
            BodyFault::Broken => Self::validation("body", fault.to_string()),
        }
    }
}

/// Reads a body whole: at most `bytes_max`, within `timeout`.
///
/// Cost: a body that comes as one frame is handed on uncopied, and one that is there already arms no timer.
///
/// # Errors
/// It is too large (told from `Content-Length` before a byte is read), too slow, or broken off.
pub async fn read_body<B>(body: B, bytes_max: usize, timeout: Duration) -> Result<Bytes, BodyFault>
where
    B: Body<Data = Bytes>,
{
    let too_large = BodyFault::TooLarge { max: bytes_max };
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large);
    }
    let mut body = pin!(body);
    let mut patience = Patience::new(timeout);
    let mut whole = Whole::default();
    while let Some(part) = patience.next(body.as_mut()).await? {
        if whole.len() + part.len() > bytes_max {
            return Err(too_large);
        }
        whole.push(part);
        if body.is_end_stream() {
            break;
        }
    }
    Ok(whole.into_bytes())
}

/// Parts that are copied together only if there is more than one.
#[derive(Default)]
struct Whole {
    first: Bytes,
    joined: BytesMut,
}

impl Whole {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, part: Bytes) {
        if self.len() == 0 {
            self.first = part;
            return;
        }
        self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        self.joined.extend_from_slice(&part);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

/// One deadline for all parts of a body, with a timer only if there is something to wait for.
struct Patience {
    timeout: Duration,
    waits: u32,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(timeout: Duration) -> Self {
        Self { timeout, waits: 0, timer: None }
    }

    /// The next part with data; none at the end.
    async fn next<B: Body<Data = Bytes>>(
        &mut self,
        mut body: Pin<&mut B>,
    ) -> Result<Option<Bytes>, BodyFault> {
        std::future::poll_fn(|context| {
            loop {
                match body.as_mut().poll_frame(context) {
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(BodyFault::Broken)),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => return Poll::Ready(Ok(Some(data))),
                        Err(_trailers) => continue,
                    },
                    Poll::Pending => {}
                }
                return self.poll_too_slow(context).map(|()| Err(BodyFault::TooSlow));
            }
        })
        .await
    }

    fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.waits = self.waits.saturating_add(1);
        if self.waits == 1 {
            // hyper reads a body only after it has been asked for, so the first answer is always "not yet", even if
            // all of it is in the buffer. The connection is polled again anyway; a timer can wait until then.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let timeout = self.timeout;
        self.timer.get_or_insert_with(|| Box::pin(sleep(timeout))).as_mut().poll(context)
    }
}

/// A body that must come at some pace: bytes that trickle in end it.
///
/// It may take its timeout, and one second more for each 8 KiB that have come: fit for bodies of any size.
pub struct Timed<B> {
    body: B,
    /// The end of its time if no byte came.
    start: Instant,
    timeout: Duration,
    received_bytes: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> Timed<B> {
    /// The body, with `timeout` beginning now.
    pub fn new(body: B, timeout: Duration) -> Self {
        Self { body, start: Instant::now(), timeout, received_bytes: 0, timer: None }
    }

    fn deadline(&self) -> Instant {
        let earned = Duration::from_millis(self.received_bytes.saturating_mul(1000) / PACE_BYTES);
        self.start + self.timeout + earned
    }

    /// Ready when the time is up; the timer runs to a deadline that moves with what has come.
    fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(context)
    }
}

impl<B> Body for Timed<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.received_bytes = self.received_bytes.saturating_add(bytes as u64);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => Poll::Ready(end.map(|end| end.map_err(Into::into))),
            Poll::Pending => {
                ready!(self.poll_too_slow(context));
                Poll::Ready(Some(Err(BodyFault::TooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;
    use crate::http::server::run_worker;

    fn read(body: impl Body<Data = Bytes>, max: usize) -> Result<Bytes, BodyFault> {
        run_worker(async { Ok(read_body(body, max, Duration::from_millis(50)).await) }).unwrap()
    }

    /// A body nobody sends.
    struct Never;

    impl Body for Never {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }

    #[test]
    fn a_body_of_one_part_is_not_copied() {
        let body = Bytes::from(vec![7; 1000]);
        assert_eq!(read(Full::new(body.clone()), 1000).unwrap().as_ptr(), body.as_ptr());
    }

    #[test]
    fn a_body_that_never_comes_is_too_slow() {
        assert_eq!(read(Never, 10), Err(BodyFault::TooSlow));
    }
}
