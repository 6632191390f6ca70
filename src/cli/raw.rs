//! `openapi` and `api`: the API as it is.

use std::io::Read as _;

use clap::Args;
use serde_json::Value;

use super::client::{Plane, Question};
use super::failure::Failure;
use super::grammar::Reach;
use super::path::Path;
use super::session::{Errand, Session};
use super::words::clean;

/// Largest body that is sent, in bytes.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// Print the API's OpenAPI document
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard openapi > openapi.json")]
pub struct OpenapiArgs {}

impl Errand for OpenapiArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let reply = session.get(&Path::of("/openapi.json"))?;
        session.raw(&reply)
    }
}

/// Send any request to the API
///
/// The path is sent as it is written, so percent-encode what needs it. Nothing is asked before a change, whatever it
/// reaches. The answer is printed with indentation, or with --json as it came. The data folder, where the address and
/// key are found, is said by CORDBOARD_DATA.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard api GET /v1/status
  cordboard api PUT /v1/numbers/%2B14155550100 --data '{\"agentId\":\"sales\",\"pin\":\"V3\"}'
  cordboard api POST /v1/splits --data @split.json --idempotency-key release-42
  cordboard api GET /v1/splits/spring --include
  cordboard api DELETE /v1/splits/spring --if-match 4e4814c2fe9b5abc03b030341cff8f25
  cordboard api POST /v1/calls --calls-plane --data '{\"to\":\"+14155550100\"}'")]
pub struct ApiArgs {
    /// The method
    #[arg(value_parser = ["GET", "POST", "PUT", "PATCH", "DELETE"], ignore_case = true)]
    method: String,
    /// The path and query, such as /v1/numbers?limit=10
    #[arg(value_parser = path)]
    path: String,
    /// The body: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    data: Option<String>,
    /// Only if the object is in this state: the ETag that it was shown with, or * for any
    #[arg(long, value_name = "ETAG", value_parser = tag)]
    if_match: Option<String>,
    /// Have it carried out once, however often it is sent: 1 to 255 visible characters of your choice
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<String>,
    /// Say on standard error the status, the ETag and the revision of the answer
    #[arg(long, short = 'i')]
    include: bool,
    /// Ask the call plane instead of management
    #[arg(long)]
    calls_plane: bool,
    #[command(flatten)]
    pub(super) reach: Reach,
}

fn path(text: &str) -> Result<String, &'static str> {
    let sendable = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if text.starts_with('/') && sendable {
        Ok(text.to_owned())
    } else {
        Err("expected a path such as /v1/status, with everything but visible ASCII percent-encoded")
    }
}

/// A tag as it is sent: in quotes, also where a shell took them away.
fn tag(text: &str) -> Result<String, &'static str> {
    let bare = text.trim_matches('"');
    if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("expected an ETag as --include shows it, or *");
    }
    Ok(if bare == "*" || bare.contains('"') { text.to_owned() } else { format!("\"{bare}\"") })
}

fn idempotency_key(text: &str) -> Result<String, &'static str> {
    let sendable = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if sendable { Ok(text.to_owned()) } else { Err("expected 1 to 255 visible characters") }
}

impl Errand for ApiArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let body = self.data.as_deref().map(|data| body(data, session)).transpose()?;
        let method = self.method.to_ascii_uppercase();
        if method == "GET" && body.is_some() {
            return Err(Failure::Usage("a GET has no body: leave --data out".to_owned()));
        }
        let plane = if self.calls_plane { Plane::Calls } else { Plane::Management };
        let path = Path::of(&self.path);
        let question = Question {
            plane,
            body,
            if_match: self.if_match.as_deref(),
            idempotency_key: self.idempotency_key.as_deref(),
            ..Question::of(&method, &path)
        };
        let reply = session.ask(question)?;
        if self.include {
            let status = Some(reply.status.to_string());
            let head = [("status", &status), ("etag", &reply.etag), ("revision", &reply.revision)];
            for (name, value) in head {
                if let Some(value) = value {
                    session.terminal.remark(format_args!("{name}: {}", clean(value)));
                }
            }
        }
        let reply = reply.granted()?;
        match serde_json::from_slice::<Value>(&reply.body) {
            Ok(value) if !session.is_raw() => session.terminal.say(&format!("{value:#}\n")),
            _ => session.raw(&reply),
        }
    }
}

/// What is to be sent.
fn body(data: &str, session: &mut Session<'_, '_>) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let unreadable = |why| Failure::Usage(format!("--data {data} cannot be read: {why}"));
    match data.strip_prefix('@') {
        Some(file) => {
            let file = std::fs::File::open(file).map_err(unreadable)?;
            file.take(BODY_BYTES_MAX + 1).read_to_end(&mut body).map_err(unreadable)?;
        }
        None if data == "-" => {
            let input = &mut *session.terminal.input;
            input.take(BODY_BYTES_MAX + 1).read_to_end(&mut body).map_err(unreadable)?;
        }
        None => body.extend_from_slice(data.as_bytes()),
    }
    if body.len() as u64 > BODY_BYTES_MAX {
        return Err(Failure::Usage(format!("the body is larger than {} MiB", BODY_BYTES_MAX >> 20)));
    }
    Ok(body)
}
