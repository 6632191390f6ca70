//! Versions that a call names itself: by a token, or by an override. They need not serve anywhere.

use std::sync::{Arc, OnceLock};

use super::calls::{Kept, KeptArm, KeptReason};
use super::request::{CallRequest, Override};
use super::series::{SeriesBook, SeriesKey, VersionLabel};
use super::shelf::Shelf;
use super::table::{RoutingTable, Served, ServingAgent, ServingRoute, ServingSplit, digest};
use super::token::Claims;
use super::trail::Trail;
use crate::domain::address::Address;
use crate::domain::agent::{AgentRef, Version};
use crate::domain::change::SplitRef;
use crate::domain::id::{AgentId, ArmId, Pin, SiteVariantId, SplitId};

/// A call that may name its version itself, and what is needed to find it.
#[derive(Debug, Clone, Copy)]
pub struct ByName<'a> {
    /// Where to look.
    pub table: &'a RoutingTable,
    /// The call.
    pub call: &'a CallRequest<'a>,
    /// Ids of series.
    pub series: &'a SeriesBook,
    /// Configurations in memory.
    pub shelf: &'a Shelf,
}

impl ByName<'_> {
    /// What an override asks for.
    ///
    /// Allocates, and takes the lock of the book if the version serves nowhere: overrides are for people who try things.
    pub fn by_override(&self, decision_id: u128, trail: &mut impl Trail) -> Option<Kept> {
        match self.call.asked_for.as_ref()? {
            Override::Agent { agent, pin } => {
                let kept = self.at_pin(agent, *pin, decision_id);
                let end = if kept.is_some() { "" } else { ", but there is none" };
                trail.note(
                    "override",
                    kept.is_some(),
                    format_args!("{agent} at {pin} was asked for by name{end}"),
                );
                kept
            }
            Override::Arm { split, arm } => {
                let kept = self.at_arm(split, arm, decision_id);
                let end = if kept.is_some() { "" } else { ", but there is none that serves" };
                let why = format_args!("arm {arm} of split {split} was asked for by name{end}");
                trail.note("override", kept.is_some(), why);
                kept
            }
        }
    }

    fn at_pin(&self, agent: &str, pin: Pin, decision_id: u128) -> Option<Kept> {
        let id = AgentRef { account: self.call.account.clone(), agent: AgentId::parse(agent).ok()? };
        // What is hidden is as good as not there.
        let agent = self.table.agent(&id).filter(|agent| self.call.sees(&agent.id.agent))?;
        let version = agent.agent.resolve(pin)?;
        let served = match self.table.served(agent, pin) {
            Some(served) => Arc::clone(served),
            None => self.served(agent, version, pin, None),
        };
        Some(Kept::new(self.table.revision, decision_id, served, KeptReason::Override))
    }

    fn at_arm(&self, split: &str, arm: &str, decision_id: u128) -> Option<Kept> {
        let id = SplitRef { account: self.call.account.clone(), split: SplitId::parse(split).ok()? };
        let split = self.table.split(&id)?;
        let position = split.split.position(arm)?;
        let served = split.arms.get(usize::from(position))?.served.as_ref();
        let served = Arc::clone(served.filter(|served| self.call.sees(&served.agent.agent))?);
        let mut kept = Kept::new(self.table.revision, decision_id, served, KeptReason::Override);
        kept.arm = Some(KeptArm { split: Arc::clone(split), arm: position, slot: None, unit: None });
        Some(kept)
    }

    /// What a valid token says, if this node knows the version.
    #[must_use]
    pub fn by_claims(&self, claims: &Claims) -> Option<Kept> {
        let Self { table, call, .. } = *self;
        let ours = |agent: &&Arc<ServingAgent>| agent.id.account == *call.account;
        let agent = table.agent_by_digest(claims.agent).filter(ours)?;
        let version = agent.agent.named(claims.version, claims.hash)?;
        let arm = claims.arm.and_then(|(split, arm)| {
            let split = table.split_by_digest(split).filter(|split| split.split.account == *call.account)?;
            let named = |id: &str| digest(call.account, id) == arm;
            let position = split.arms.iter().position(|arm| named(arm.id.as_str()))?;
            let arm = u8::try_from(position).ok()?;
            Some(KeptArm { split: Arc::clone(split), arm, slot: claims.slot, unit: None })
        });
        let pin = claims.environment.map_or_else(|| version.pin(), Pin::Environment);
        let served = self.served(agent, version, pin, arm.as_ref());
        let mut kept = Kept::new(claims.revision, claims.decision_id, served, KeptReason::Token);
        kept.arm = arm;
        kept.route = route_of(table, call).cloned();
        kept.site = site_of(&kept, call, claims.site);
        Some(kept)
    }

    /// A version that need not serve anywhere.
    fn served(
        &self,
        agent: &ServingAgent,
        version: &Arc<Version>,
        pin: Pin,
        arm: Option<&KeptArm>,
    ) -> Arc<Served> {
        let split = |arm: &KeptArm| -> Option<(SplitId, ArmId)> {
            let split: &ServingSplit = &arm.split;
            Some((split.split.id.clone(), split.arms.get(usize::from(arm.arm))?.id.clone()))
        };
        let key = SeriesKey {
            account: agent.id.account.clone(),
            agent: agent.id.agent.clone(),
            version: VersionLabel::of(version.number),
            environment: pin.environment(),
            arm: arm.and_then(split),
        };
        let endpoints = self.table.endpoints_of(&agent.agent, version, pin);
        // Of a single one nobody asks whether it is down: there is no other for a call that names its version.
        let several =
            endpoints.as_deref().or(Some(&version.dispatch.endpoints)).filter(|list| list.len() > 1);
        let health = several.map(|list| self.table.health().of(list, &agent.id.agent, version.number));
        let served = Arc::new(Served {
            agent: Arc::clone(&agent.id),
            agent_place: agent.place,
            version: Arc::clone(version),
            pin,
            split: None,
            guard: agent.guard.clone(),
            health: health.unwrap_or_default(),
            endpoints,
            body: OnceLock::new(),
            series: self.series.get(&key),
            written: OnceLock::new(),
        });
        self.shelf.want(&served);
        served
    }
}

/// The route that the number has now, by itself, by a prefix or by default: its headers go along again.
fn route_of<'t>(table: &'t RoutingTable, call: &CallRequest<'_>) -> Option<&'t Arc<ServingRoute>> {
    let place = table.numbers.look_up(&call.to);
    let own = place.and_then(|place| table.way_at(place.get()));
    own.filter(|way| way.account == *call.account).map(|way| &way.route).or_else(|| {
        let routes = table.account(call.account)?;
        let prefix = match &call.to {
            Address::E164(number) => routes.matching(*number).next().map(|(_, route)| route),
            Address::User(_) => None,
        };
        prefix.or(routes.default.as_ref())
    })
}

/// What the token says of the site, where the route as it is now does not say the same.
fn site_of(kept: &Kept, call: &CallRequest<'_>, named: u64) -> Option<Option<SiteVariantId>> {
    let is_named = |site: &&SiteVariantId| digest(call.account, site.as_str()) == named;
    let of_route = kept.route.as_ref().and_then(|route| route.route.site_variant.as_ref());
    match (named, of_route) {
        (0, None) => None,
        (_, Some(site)) if is_named(&site) => None,
        (0, Some(_)) => Some(None),
        _ => Some(kept.served.version.dispatch.sites.variants.keys().find(is_named).cloned()),
    }
}
