//! Where a request becomes an answer: the call's own earlier decision, else its token, else a name, else the table.
//!
//! A decision that a deployment moved its calls away from is none: what is decided then takes its place.

use std::sync::Arc;

use super::calls::{CallsInProgress, Held, Kept, Leg, Remembered};
use super::capacity::Claim;
use super::decide::{begin, decide};
use super::decision::{Decision, Reason};
use super::named::ByName;
use super::request::CallRequest;
use super::series::{Series, SeriesBook};
use super::shelf::Shelf;
use super::table::{RoutingTable, ServingSplit};
use super::token::{InvalidToken, TokenKeys, TokenText};
use super::trail::Trail;
use crate::domain::time::Timestamp;

/// What every worker shares besides the table.
#[derive(Debug)]
pub struct Switchboard {
    /// Calls in progress.
    pub calls: CallsInProgress,
    /// Keys of tokens.
    pub tokens: TokenKeys,
    /// Ids of series.
    pub series: Arc<SeriesBook>,
    /// Configurations in memory.
    pub shelf: Arc<Shelf>,
}

/// What is meant by a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A call: remembered by its id, answered with a token.
    Call,
    /// Only an answer: nothing is remembered, no token.
    Answer,
    /// As if it were a call, but nothing is remembered and nothing counted.
    DryRun,
}

/// What is not in a request and not in the table.
#[derive(Debug, Clone, Copy)]
pub struct Occasion {
    /// What is meant.
    pub purpose: Purpose,
    /// The time.
    pub now: Timestamp,
    /// The id that the decision gets if it is a new one.
    pub decision_id: u128,
    /// An evenly drawn number, for splits that want one.
    pub draw: u64,
}

impl Occasion {
    /// The same for a decision that has its id already.
    const fn deciding(self, decision_id: u128) -> Self {
        Self { decision_id, ..self }
    }
}

/// An answer, before it is written down for a gateway.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The decision.
    pub decision: Decision<'a>,
    /// Its id.
    pub decision_id: u128,
    /// Its token.
    pub token: Option<TokenText>,
    /// Why a token that came along did not decide.
    pub token_ignored: Option<TokenIgnored>,
    /// What became of remembering it.
    pub standing: Standing,
    /// The real-time config of what serves, as JSON, as it is now.
    pub real_time_config: Option<&'a str>,
    /// Where the call was counted before, if it was moved.
    pub moved_from: Option<Arc<Series>>,
}

/// Why a token did not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenIgnored {
    /// It is not valid for the call.
    #[error("{0}")]
    Invalid(InvalidToken),
    /// It is valid, but this node does not know the version.
    #[error("its version is not here")]
    NotHere,
    /// It is valid, but a deployment moved the calls of its environment since.
    #[error("a deployment moved the calls of its environment since")]
    Moved,
}

/// How a call stands after it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It began with this answer.
    Began,
    /// It was in progress before.
    InProgress,
    /// It was in progress before, and goes on with this answer.
    Moved,
    /// It was meant to be remembered, but there is no room.
    NotRemembered,
    /// It was meant to be remembered, but its id has too many legs.
    TooManyLegs,
    /// It was not meant to be remembered, or nobody serves it.
    Passing,
    /// An agent serves it of which whoever asks may not be told: nothing was remembered, and nothing is to be said.
    Hidden,
}

impl Switchboard {
    /// Answers a request and hands the answer to `then`, which writes it down.
    ///
    /// Cost beside [`decide`]: for a call about 200 ns for its place among the calls in progress and 250 ns for the
    /// token; for an answer only, nothing.
    pub fn ask<R>(
        &self,
        table: &RoutingTable,
        call: &CallRequest<'_>,
        occasion: Occasion,
        trail: &mut impl Trail,
        then: impl FnOnce(&Answer<'_>) -> R,
    ) -> R {
        let asking = Asking { table, call, occasion };
        // Where nothing is limited, two that ask at once come to the same.
        let begun = call.call_id.filter(|_| table.guards > 0 && begins(call, occasion));
        let _turn = begun.map(|call_id| self.calls.turn(call.account, call_id));
        let mut moved = false;
        if let Some(call_id) = call.call_id {
            match self.calls.leg(call, call_id) {
                Some(leg) if asking.repeats(&leg) => {
                    trail.note("call_in_progress", true, format_args!("the call was decided before"));
                    return then(&self.repeat(&leg.kept, asking));
                }
                Some(_) => {
                    moved = true;
                    let why = "the call was decided before, and a deployment moved it since";
                    trail.note("call_in_progress", false, format_args!("{why}"));
                }
                None => {
                    trail.note("call_in_progress", false, format_args!("the call is not in progress here"));
                }
            }
        }
        let by_token = call.token.map(|token| self.by_token(table, call, token, occasion.now, trail));
        let (by_token, before, token_ignored) = match by_token {
            None => (None, None, None),
            Some(Ok(kept)) if !table.moves(&kept) => (Some(kept), None, None),
            Some(Ok(kept)) => (None, Some(kept), Some(TokenIgnored::Moved)),
            Some(Err(why)) => (None, None, Some(why)),
        };
        // A call that moves is held from here on: of all who ask for it, one decides.
        let held = call.call_id.filter(|_| moved).and_then(|call_id| self.calls.hold(call, call_id));
        if let Some(first) = held.as_ref().map(Held::leg).filter(|leg| asking.repeats(leg)) {
            let kept = first.kept.clone();
            drop(held);
            trail.note("call_in_progress", true, format_args!("it was decided or ended meanwhile"));
            return then(&self.repeat(&kept, asking));
        }
        let before = held.as_ref().map(|held| held.leg().kept.clone()).or(before);
        let occasion = before.as_ref().map_or(occasion, |before| occasion.deciding(before.decision_id));
        let named = by_token.map(|kept| (kept, Reason::Token)).or_else(|| {
            let kept = self.named(table, call).by_override(occasion.decision_id, trail)?;
            Some((kept, Reason::Override))
        });
        let asking = Asking { occasion, ..asking };
        let past = Past { before, held, token_ignored };
        self.decided(named.as_ref(), past, asking, trail, then)
    }

    /// Decides, by what the call names or else by the table.
    fn decided<R>(
        &self,
        named: Option<&(Kept, Reason<'_>)>,
        mut past: Past<'_>,
        asking: Asking<'_>,
        trail: &mut impl Trail,
        then: impl FnOnce(&Answer<'_>) -> R,
    ) -> R {
        let Asking { table, call, occasion } = asking;
        let begins = begins(call, occasion);
        let mut claim = match &mut past.held {
            None => Claim::default(),
            Some(held) if begins => Claim::with(held.take_places()),
            Some(held) => Claim::only_looking(held.take_places()),
        };
        let (mut decision, occasion) = match named {
            Some((kept, reason)) => {
                if begins {
                    kept.claim(&mut claim);
                }
                (kept.decision(*reason), occasion.deciding(kept.decision_id))
            }
            None if begins => (counted(asking, &mut claim, past.before.as_ref(), trail), occasion),
            None => {
                let (at, before) = ((occasion.draw, occasion.now), past.before.as_ref());
                let decision = match before {
                    Some(before) => begin(table, call, at, (&mut claim, before.arm.as_ref()), trail),
                    None => decide(table, call, occasion.draw, occasion.now, trail),
                };
                (decision, occasion)
            }
        };
        // Where nobody serves it, nothing takes the place of what was decided.
        decision.moved =
            past.before.is_some() && decision.choice.is_some() && !matches!(decision.reason, Reason::Token);
        self.conclude(&decision, claim, past, Asking { occasion, ..asking }, then)
    }

    /// To look for what a call names itself.
    #[must_use]
    pub fn named<'a>(&'a self, table: &'a RoutingTable, call: &'a CallRequest<'a>) -> ByName<'a> {
        ByName { table, call, series: &self.series, shelf: &self.shelf }
    }

    fn by_token(
        &self,
        table: &RoutingTable,
        call: &CallRequest<'_>,
        token: &str,
        now: Timestamp,
        trail: &mut impl Trail,
    ) -> Result<Kept, TokenIgnored> {
        let claims = self.tokens.check(call.account, Some(&call.to), token, now);
        let kept = claims
            .map_err(TokenIgnored::Invalid)
            .and_then(|claims| self.named(table, call).by_claims(&claims).ok_or(TokenIgnored::NotHere));
        match &kept {
            Ok(kept) if table.moves(kept) => {
                trail.note("token", false, format_args!("{}", TokenIgnored::Moved));
            }
            Ok(_) => trail.note("token", true, format_args!("it is ours and names its version")),
            Err(why) => trail.note("token", false, format_args!("{why}")),
        }
        kept
    }

    fn conclude<R>(
        &self,
        decision: &Decision<'_>,
        claim: Claim,
        past: Past<'_>,
        asking: Asking<'_>,
        then: impl FnOnce(&Answer<'_>) -> R,
    ) -> R {
        let Asking { call, occasion, .. } = asking;
        let Past { before, held, token_ignored } = past;
        let decision_id = occasion.decision_id;
        let mut answer = Answer {
            decision: decision.clone(),
            decision_id,
            token: None,
            token_ignored,
            standing: Standing::Passing,
            real_time_config: asking.real_time_config(decision),
            moved_from: None,
        };
        let hidden = hidden(call, decision);
        let call_id = call.call_id.filter(|_| begins(call, occasion));
        let kept = call_id.filter(|_| !hidden).and_then(|_| Kept::of(decision, decision_id));
        match (held, call_id, kept) {
            (Some(held), _, Some(kept)) => {
                answer.moved_from = before.map(|before| Arc::clone(&before.served.series));
                answer.standing = Standing::Moved;
                held.replace(kept, claim.into_places());
            }
            // Where nothing can be told, or somebody only asks, the call stays as it is.
            (Some(held), ..) => held.restore(claim.into_had()),
            (None, Some(call_id), Some(kept)) => {
                let kept = (kept, claim.into_places());
                answer.standing = match self.calls.remember(call, call_id, kept, occasion.now) {
                    Remembered::New => Standing::Began,
                    Remembered::Full => Standing::NotRemembered,
                    Remembered::TooManyLegs => Standing::TooManyLegs,
                    Remembered::Already(first) => {
                        // Of two that asked for the same call at once, this is the second.
                        if let Some(split) = split_of(call, before.as_ref(), decision) {
                            split.uncount();
                        }
                        return then(&self.repeat(&first, asking));
                    }
                };
            }
            (None, ..) => {}
        }
        if hidden {
            answer.standing = Standing::Hidden;
        } else {
            answer.token = self.token(decision, decision_id, call, occasion);
        }
        then(&answer)
    }

    fn repeat<'k>(&self, kept: &'k Kept, asking: Asking<'k>) -> Answer<'k> {
        let Asking { call, occasion, .. } = asking;
        let decision = kept.decision(Reason::CallInProgress);
        let hidden = hidden(call, &decision);
        let decision_id = kept.decision_id;
        Answer {
            token: if hidden { None } else { self.token(&decision, decision_id, call, occasion) },
            real_time_config: asking.real_time_config(&decision),
            decision,
            decision_id,
            token_ignored: None,
            standing: if hidden { Standing::Hidden } else { Standing::InProgress },
            moved_from: None,
        }
    }

    fn token(
        &self,
        decision: &Decision<'_>,
        decision_id: u128,
        call: &CallRequest<'_>,
        occasion: Occasion,
    ) -> Option<TokenText> {
        match occasion.purpose {
            Purpose::Call => {
                self.tokens.sign_decision(call.account, &call.to, decision, decision_id, occasion.now)
            }
            Purpose::Answer | Purpose::DryRun => None,
        }
    }
}

/// A request, when it is asked, and what is there then.
#[derive(Clone, Copy)]
struct Asking<'a> {
    table: &'a RoutingTable,
    call: &'a CallRequest<'a>,
    occasion: Occasion,
}

impl<'a> Asking<'a> {
    /// Whether a call is answered as it was before: one that goes on or has ended, unless a deployment moved it. Nor does
    /// anybody move a call of which they may not be told.
    fn repeats(&self, leg: &Leg) -> bool {
        leg.ended.is_some()
            || !self.table.moves(&leg.kept)
            || hidden(self.call, &leg.kept.decision(Reason::CallInProgress))
    }

    fn real_time_config(&self, decision: &Decision<'_>) -> Option<&'a str> {
        self.table.real_time_config(decision.choice.as_ref()?.served)
    }
}

/// What there is of a call before it is decided.
struct Past<'c> {
    /// What was decided before a deployment moved it, as it is in progress here or its token says.
    before: Option<Kept>,
    /// The call itself, if it is in progress here.
    held: Option<Held<'c>>,
    /// Why a token that came along does not decide.
    token_ignored: Option<TokenIgnored>,
}

/// Decides a call that begins or is moved, and counts it in the split whose slots decided: before it is remembered, so
/// that a split never has more calls than its quota, however many begin at once.
fn counted<'t>(
    Asking { table, call, occasion }: Asking<'t>,
    claim: &mut Claim,
    before: Option<&Kept>,
    trail: &mut impl Trail,
) -> Decision<'t> {
    let arm = before.and_then(|before| before.arm.as_ref());
    let mut look = || {
        claim.clear();
        begin(table, call, (occasion.draw, occasion.now), (claim, arm), trail)
    };
    let mut decision = look();
    for _ in 0..LOOKS_MAX {
        match split_of(call, before, &decision) {
            Some(split) if !split.count() => decision = look(),
            _ => break,
        }
    }
    decision
}

/// How often a call is decided anew since others took the last of a quota between the look at it and the count. The
/// second look sees that it is used up, unless one of them gives its count back.
const LOOKS_MAX: usize = 4;

/// The split in which a decision counts: one whose slots decided. What a token or a name decides was counted before, or
/// is no result; so was a call that was in the same split before it was moved.
fn split_of<'t>(
    call: &CallRequest<'_>,
    before: Option<&Kept>,
    decision: &Decision<'t>,
) -> Option<&'t ServingSplit> {
    let fresh = !matches!(decision.reason, Reason::Token | Reason::Override) && !hidden(call, decision);
    let in_split = decision.choice.as_ref().filter(|_| fresh)?.in_split?;
    let split = in_split.slot.map(|_| in_split.split.as_ref())?;
    let slot_before = before.and_then(|before| before.arm.as_ref()?.slot_in(split));
    slot_before.is_none().then_some(split)
}

/// Whether it is a call that will be remembered, if somebody serves it and there is room.
fn begins(call: &CallRequest<'_>, occasion: Occasion) -> bool {
    occasion.purpose == Purpose::Call && call.call_id.is_some()
}

/// Whether the answer would name an agent of which whoever asks may not be told.
fn hidden(call: &CallRequest<'_>, decision: &Decision<'_>) -> bool {
    let choice = decision.choice.as_ref().map(|choice| choice.served);
    let named = choice.into_iter().chain(decision.detour.map(|detour| detour.from));
    call.agents.is_some() && named.into_iter().any(|served| !call.sees(&served.agent.agent))
}
