//! Test calls: decided as a gateway's calls are, and counted nowhere.

use std::borrow::Cow;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::answer::{Asked, members};
use super::gateway::DEFAULT;
use super::json::Json;
use super::plane::CallPlane;
use super::worker::occasion;
use crate::domain::address::{Address, Caller};
use crate::domain::test_call::TestCall;
use crate::routing::decision::Reason;
use crate::routing::request::{CallRequest, Override};
use crate::routing::switchboard::Purpose;
use crate::routing::trail::Silent;

impl CallPlane {
    /// The decision of a test call as JSON, as it is answered to a gateway, with `test`; nothing where the agent has nothing at
    /// that pin.
    ///
    /// It is no call: in no split, not remembered, without a token, in no metric of calls. Cost: as a dry run by name, for
    /// which workers are not needed.
    #[must_use]
    pub fn test_call(&self, test: &TestCall, seed: [u8; 32]) -> Option<String> {
        let parts = &self.parts;
        let mut rng = StdRng::from_seed(seed);
        let call_id = uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string();
        let headers: Vec<_> = test
            .headers
            .iter()
            .map(|(name, value)| (Cow::from(name.as_str()), Cow::from(value.as_str())))
            .collect();
        let call = CallRequest {
            account: &test.agent.account,
            gateway: DEFAULT,
            gateway_row: parts.doorkeeper.gateways.row(DEFAULT),
            // No number is dialled: the agent itself is.
            to: Address::parse(test.agent.agent.as_str()).ok()?,
            caller: test.from.as_deref().map_or(Caller::Withheld, Caller::parse),
            call_id: Some(&call_id),
            headers: &headers,
            asked_for: Some(Override::Agent { agent: test.agent.agent.as_str().into(), pin: test.pin }),
            token: None,
            agents: None,
        };
        let occasion = occasion(&mut rng, Purpose::DryRun, self.now());
        let table = parts.live.snapshot();
        parts.switchboard.ask(&table, &call, occasion, &mut Silent, |answer| {
            // What is not there is decided by the table, which is not what was asked for.
            if !matches!(answer.decision.reason, Reason::Override) {
                return None;
            }
            let mut text = Vec::new();
            let mut json = Json(&mut text);
            let asked = Asked { call_id: call.call_id, to: &call.to, remark: "" };
            members(json.raw("{"), answer, asked);
            json.raw(",\"test\":true}");
            String::from_utf8(text).ok()
        })
    }
}
