//! The routes of plain numbers, each read once and kept once for all files that are read together.
//!
//! Files of an operator have mostly the same routes: a thousand agents over a hundred files are a hundred thousand
//! routes as written, and a thousand in memory.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::plain::PlainRoute;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AccountId, AgentId, Pin, SiteVariantId, SplitId};
use crate::domain::route::{Destination, ManagedBy, Route};

/// Routes by how they are written, of the account of files that name none.
pub(super) struct PlainRoutes<'t> {
    account: AccountId,
    routes: HashMap<PlainRoute<'t>, Arc<Route>, FixedState>,
}

impl<'t> PlainRoutes<'t> {
    /// None yet.
    pub(super) fn new(account: &AccountId) -> Self {
        Self { account: account.clone(), routes: HashMap::default() }
    }

    /// Whose they are.
    pub(super) fn account(&self) -> &AccountId {
        &self.account
    }

    /// The route that is written so, if it is right.
    pub(super) fn get(&mut self, plain: &PlainRoute<'t>) -> Option<Arc<Route>> {
        if let Some(route) = self.routes.get(plain) {
            return Some(Arc::clone(route));
        }
        let route = Arc::new(read(plain, &self.account)?);
        self.routes.insert(*plain, Arc::clone(&route));
        Some(route)
    }
}

fn read(plain: &PlainRoute<'_>, account: &AccountId) -> Option<Route> {
    let to = match (plain.agent, plain.pin, plain.split) {
        (Some(agent), pin, None) => Destination::Agent {
            agent: AgentId::parse(agent).ok()?,
            pin: pin.map_or(Some(Pin::Draft), Pin::parse)?,
        },
        (None, None, Some(split)) => Destination::Split(SplitId::parse(split).ok()?),
        _ => return None,
    };
    let site_variant = match plain.site_variant {
        Some(site) => Some(SiteVariantId::parse(site).ok()?),
        None => None,
    };
    let fallback = match plain.fallback {
        Some(fallback) => Some(Fallback::parse(fallback).ok()?),
        None => None,
    };
    Some(Route { site_variant, fallback, ..Route::plain(account.clone(), ManagedBy::Files, to) })
}
