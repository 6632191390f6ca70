//! `/gateways/<kind>/<trunk>`: telephone systems that ask in a form of their own.

use hyper::Method;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;

use super::ending::Ended;
use super::{HttpConnection, ask, json, permitted};
use crate::domain::account::Permission;
use crate::domain::address::Caller;
use crate::domain::time::Timestamp;
use crate::gateways::asker::Asker;
use crate::gateways::sip::invitation::asserted;
use crate::gateways::sip::number::{caller_at, dialled};
use crate::gateways::sip::uri::Uri;
use crate::gateways::webhooks::{BODY_BYTES_MAX, Called, Inquiry, Over, Said, Told, Trunk};
use crate::gateways::worker::Moment;
use crate::http::body::read_body;
use crate::http::error::ApiError;
use crate::http::server::Answer as Response;
use crate::routing::request::CallRequest;
use crate::routing::switchboard::Purpose;
use crate::routing::trail::Silent;

/// The methods of webhooks: each kind takes what it understands.
pub(super) const METHODS: &str = "GET, POST";

/// Which webhook a path is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door<'u> {
    kind: &'u str,
    trunk: &'u str,
    /// What stands behind the trunk, without the slash between.
    below: &'u str,
}

impl<'u> Door<'u> {
    /// The door of a path behind `/gateways/`.
    pub(super) fn of(path: &'u str) -> Option<Self> {
        let (kind, rest) = path.split_once('/')?;
        let (trunk, below) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self { kind, trunk, below })
    }
}

impl HttpConnection {
    /// Reads the body of a webhook, if whoever sends it may ask, and answers it.
    pub(super) async fn webhook_with(
        &self,
        door: Door<'_>,
        head: &Parts,
        body: Incoming,
    ) -> Result<Response, ApiError> {
        // Before the body: a stranger's is not worth reading.
        self.by_trunk(door, head)?;
        let limits = &self.worker.plane.parts.limits;
        let bytes_max = limits.body_bytes_max.min(BODY_BYTES_MAX);
        let body = read_body(body, bytes_max, limits.body_timeout).await?;
        self.webhook(door, head, &body)
    }

    /// Answers a webhook.
    pub(super) fn webhook(&self, door: Door<'_>, head: &Parts, body: &[u8]) -> Result<Response, ApiError> {
        let moment = self.worker.moment();
        let (trunk, asker) = self.by_trunk(door, head)?;
        let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let said = Said {
            below: door.below,
            query: (head.method == Method::GET).then(|| head.uri.query().unwrap_or_default()),
            is_form: content_type.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded"),
            body,
        };
        match trunk.kind.read(said)? {
            Inquiry::Call(called) => self.called(trunk, &asker, &called, moment),
            Inquiry::End(over) => self.over(trunk, &asker, over),
        }
    }

    /// The trunk of a door and who asks there, if it may: the trunk by its address, or a key of the trunk's account.
    pub(super) fn by_trunk(&self, door: Door<'_>, head: &Parts) -> Result<(&Trunk, Asker<'_>), ApiError> {
        let parts = &self.worker.plane.parts;
        let unknown = || ApiError::not_found(format!("there is no trunk {}:{}", door.kind, door.trunk));
        let trunk = parts.webhooks.get(door.kind, door.trunk).ok_or_else(unknown)?;
        let row = parts.webhooks.of(door.kind, self.ends.peer());
        let wall = || Timestamp(parts.clock.now_ms());
        let asker = self
            .worker
            .with_table(|table| parts.doorkeeper.asker_listed(row, table, &self.ends, head, wall))?;
        let asker = permitted(asker, Permission::Route)?;
        match &asker {
            Asker::Gateway(row, gateway) if *row != trunk.row => Err(ApiError::forbidden(format!(
                "without an API key this address is the trunk {}",
                gateway.name
            ))),
            Asker::Key(key)
                if parts.doorkeeper.gateways.get(trunk.row).is_none_or(|it| it.account != key.account) =>
            {
                Err(unknown())
            }
            _ => Ok((trunk, asker)),
        }
    }

    fn called(
        &self,
        trunk: &Trunk,
        asker: &Asker<'_>,
        called: &Called<'_>,
        moment: Moment,
    ) -> Result<Response, ApiError> {
        let gateways = &self.worker.plane.parts.doorkeeper.gateways;
        let to = dialled(&Uri::of_parts(&called.to, ""), &trunk.strip_prefix).ok_or_else(|| {
            ApiError::not_found("nobody serves what was dialled: it is neither a number nor a user")
                .with_code("NO_ROUTE")
        })?;
        let by_from = || caller_at(&Uri::of_parts(&called.from, &called.from_host));
        let is_asserted = |name: &str| name.eq_ignore_ascii_case("P-Asserted-Identity");
        let identities = called.headers.iter().filter(|(name, _)| trunk.trust_headers && is_asserted(name));
        let caller = asserted(identities.map(|(_, value)| value.as_bytes())).or_else(by_from);
        let call = CallRequest {
            account: asker.account(),
            gateway: gateways.get(trunk.row).map_or("", |gateway| &gateway.name),
            gateway_row: trunk.row,
            to: gateways.localised(trunk.row, to),
            caller: caller.unwrap_or(Caller::Withheld).map(|from| gateways.localised(trunk.row, from)),
            call_id: Some(&called.call_id),
            headers: if trunk.trust_headers { &called.headers } else { &[] },
            asked_for: None,
            token: called.token.as_deref().filter(|_| trunk.trust_headers),
            agents: asker.agents(),
        };
        let occasion = self.worker.occasion(Purpose::Call, moment.now);
        self.worker.ask(&call, occasion, moment, &mut Silent, |answer| {
            ask::told(answer)?;
            trunk.kind.answer(&Told { answer, call_id: &called.call_id, to: &call.to })
        })
    }

    /// Ends a call as `POST /v1/calls/{callId}/end` does, with the same answer.
    fn over(&self, trunk: &Trunk, asker: &Asker<'_>, over: Over<'_>) -> Result<Response, ApiError> {
        let gateway = self.worker.plane.parts.doorkeeper.gateways.get(trunk.row);
        let ended = Ended {
            duration_s: over.duration_s,
            outcome: over.outcome,
            gateway: gateway.map(|gateway| (&*gateway.name).into()),
            token: over.token,
            ..Ended::default()
        };
        let mut answer = Vec::with_capacity(256);
        self.end_call(asker, &over.call_id, &ended, &mut answer)?;
        Ok(json(hyper::StatusCode::OK, answer))
    }
}
