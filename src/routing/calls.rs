//! Calls in progress: a call keeps the version it started with.

mod decisions;
mod kept_detour;
mod kept_reason;
mod legs;
mod moved;
mod turns;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::FixedState;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

pub use kept_detour::KeptDetour;
pub use kept_reason::KeptReason;
pub use legs::LEGS_MAX;
pub use moved::Held;
pub use turns::Turn;

use self::decisions::Decisions;
use self::legs::Legs;
use self::turns::Turns;
use super::capacity::{Claim, Places};
use super::decision::{Choice, Decision, InSplit, Reason, Unit};
use super::names::Names;
use super::request::CallRequest;
use super::series::Series;
use super::table::{Served, ServingRoute, ServingSplit};
use super::token::dialled;
use crate::domain::address::Number;
use crate::domain::endpoint::EndpointTemplate;
use crate::domain::id::{AccountId, Revision, SiteVariantId};
use crate::domain::time::Timestamp;

/// Shards of the map. Many, so that the sweep holds each for microseconds only.
const SHARDS: usize = 1_024;

/// How many calls are remembered, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct CallBounds {
    /// Calls in progress at most; as many ended ones besides.
    pub calls_max: usize,
    /// How long a call that nobody ends stays in progress, in milliseconds.
    pub life_ms: i64,
    /// How long an ended call can be asked for, in milliseconds.
    pub ended_ms: i64,
}

/// A decision that is kept with its call: owns what it names, so that the table may move on.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The revision that decided.
    pub revision: Revision,
    /// The decision's id.
    pub decision_id: u128,
    /// The version.
    pub served: Arc<Served>,
    /// The route that led to it.
    pub route: Option<Arc<ServingRoute>>,
    /// Its place in a split.
    pub arm: Option<KeptArm>,
    /// What a token or a connector says of the site, one or none, where the route says otherwise.
    pub site: Option<Option<SiteVariantId>>,
    /// Where the call was sent instead of the version's endpoints.
    pub target: Option<Arc<EndpointTemplate>>,
    /// Why it was decided so.
    pub reason: KeptReason,
    /// Whether it took the place of an earlier one, since a deployment moved the call.
    pub moved: bool,
    /// What could not take the call, if there was such a thing; boxed, since it is rare.
    pub detour: Option<Box<KeptDetour>>,
}

/// A kept place in a split.
#[derive(Debug, Clone)]
pub struct KeptArm {
    /// The split as it was.
    pub split: Arc<ServingSplit>,
    /// The arm's position in it.
    pub arm: u8,
    /// The slot.
    pub slot: Option<u16>,
    /// What was hashed.
    pub unit: Option<Unit>,
}

impl KeptArm {
    /// Keeps a place.
    #[must_use]
    pub fn of(place: &InSplit<'_>) -> Self {
        Self { split: Arc::clone(place.split), arm: place.arm, slot: place.slot, unit: place.unit }
    }

    /// The place.
    #[must_use]
    pub fn in_split(&self) -> InSplit<'_> {
        InSplit { split: &self.split, arm: self.arm, slot: self.slot, unit: self.unit }
    }

    /// The slot, if it is one of this split, as it was or as it is now.
    #[must_use]
    pub fn slot_in(&self, split: &ServingSplit) -> Option<u16> {
        self.slot.filter(|_| self.split.split.birth() == split.split.birth())
    }
}

impl Kept {
    /// A decision without route and split.
    #[must_use]
    pub fn new(revision: Revision, decision_id: u128, served: Arc<Served>, reason: KeptReason) -> Self {
        Self {
            revision,
            decision_id,
            served,
            route: None,
            arm: None,
            site: None,
            target: None,
            reason,
            moved: false,
            detour: None,
        }
    }

    /// Keeps a decision; nothing where nobody serves, or where it is kept already.
    #[must_use]
    pub fn of(decision: &Decision<'_>, decision_id: u128) -> Option<Self> {
        let choice = decision.choice.as_ref()?;
        let arm = choice.in_split.as_ref().map(KeptArm::of);
        Some(Self {
            revision: decision.revision,
            decision_id,
            served: Arc::clone(choice.served),
            route: choice.route.cloned(),
            arm,
            site: choice.site.map(Option::<&SiteVariantId>::cloned),
            target: choice.target.cloned(),
            reason: KeptReason::of(&decision.reason)?,
            moved: decision.moved,
            detour: decision.detour.as_ref().map(KeptDetour::of).map(Box::new),
        })
    }

    /// The decision again, for a reason of its own.
    #[must_use]
    pub fn decision<'k>(&'k self, reason: Reason<'k>) -> Decision<'k> {
        let in_split = self.arm.as_ref().map(KeptArm::in_split);
        let choice = Choice {
            served: &self.served,
            route: self.route.as_ref(),
            site: self.site.as_ref().map(Option::as_ref),
            in_split,
            target: self.target.as_ref(),
        };
        Decision { revision: self.revision, choice: Some(choice), reason, moved: false, detour: None }
    }

    /// Claims places as far as there are free ones: the call has its version in any case.
    pub fn claim(&self, claim: &mut Claim) {
        let arm = self.arm.as_ref().and_then(|arm| arm.split.arms.get(usize::from(arm.arm)));
        claim.admit_as_free(arm.and_then(|arm| arm.capacity.as_ref()), self.served.capacity());
    }
}

/// One leg of a call: what is in progress.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The names of its call and its gateway.
    pub names: Names,
    /// The row of the gateway's cells.
    pub gateway_row: u16,
    /// What was dialled.
    pub to: Number,
    /// What was decided.
    pub kept: Kept,
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended, if it did.
    pub ended: Option<Ending>,
}

impl Leg {
    /// This leg among those of its call.
    #[must_use]
    pub fn which(&self) -> Which<'_> {
        Which { gateway: Some(self.names.gateway()), dialled: Some(dialled(&self.to.as_address())) }
    }

    fn new(request: &CallRequest<'_>, call_id: &str, kept: Kept, started_at: Timestamp) -> Self {
        Self {
            names: Names::new(call_id, request.gateway),
            gateway_row: request.gateway_row,
            to: request.to.to_number(),
            kept,
            started_at,
            ended: None,
        }
    }
}

/// A leg with the places that it takes up until it ends.
#[derive(Debug)]
struct Placed {
    leg: Leg,
    places: Places,
}

/// How a call went, as its gateway says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ending {
    /// When it ended.
    pub at: Timestamp,
    /// When that was learned; what is asked for afterwards counts from here.
    pub known_at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took, in seconds.
    pub duration_s: Option<f64>,
    /// Whether no person had to help, if that is known.
    pub automated: Option<bool>,
    /// From -1 (bad) to 1 (good).
    pub sentiment: Option<f64>,
    /// Whether it was handed to a person.
    pub handoff: Option<bool>,
}

impl Ending {
    /// The same with the duration that follows from when the call began, unless one was told.
    #[must_use]
    pub fn timed(&self, began: Timestamp) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a call are exact in 53 bits")]
        let took_s = || (self.at.0 - began.0).max(0) as f64 / 1_000.0;
        Self { duration_s: Some(self.duration_s.unwrap_or_else(took_s)), ..self.clone() }
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It took its course.
    Completed,
    /// It broke.
    Failed,
    /// The caller left.
    Abandoned,
    /// It went on elsewhere.
    Transferred,
    /// Nobody said.
    #[default]
    Unknown,
}

impl Outcome {
    /// All of them, in the order of their [`Outcome::index`].
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::Failed, Self::Abandoned, Self::Transferred, Self::Unknown];

    /// The name in requests, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Transferred => "transferred",
            Self::Unknown => "unknown",
        }
    }

    /// A small number, for cells.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Reads the name that a gateway sends.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// A call whose end was just learned: what counters need.
#[derive(Debug, Clone)]
pub struct EndedLeg {
    /// Where its version is counted.
    pub series: Arc<Series>,
    /// The row of the gateway's cells.
    pub gateway_row: u16,
    /// How it ended.
    pub ending: Ending,
    /// Whether a time-out had ended it before, and was counted.
    pub after_timeout: bool,
}

/// What came of remembering a call.
#[derive(Debug)]
pub enum Remembered {
    /// It is in progress from now on.
    New,
    /// Somebody asked at the same moment and was first; boxed, since it is rare.
    Already(Box<Kept>),
    /// There is no room: the call goes on with its token alone.
    Full,
    /// Its id has [`LEGS_MAX`] legs already: this one goes on with its token alone.
    TooManyLegs,
}

/// Which legs of a call id are meant; by default all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Which<'a> {
    /// Those of one gateway.
    pub gateway: Option<&'a str>,
    /// Those to one number, by what stands for it in a [token](dialled).
    pub dialled: Option<u64>,
}

impl Which<'_> {
    fn is(&self, leg: &Leg) -> bool {
        self.gateway.is_none_or(|gateway| leg.names.is_gateway(gateway))
            && self.dialled.is_none_or(|number| dialled(&leg.to.as_address()) == number)
    }
}

#[derive(Debug)]
struct Call {
    account: AccountId,
    legs: Legs,
}

/// All calls in progress, and those that ended a moment ago. Bounded; live calls never give way to new ones.
#[derive(Debug)]
pub struct CallsInProgress {
    calls: DashMap<u128, Call, FixedState>,
    decisions: Decisions,
    turns: Turns,
    bounds: CallBounds,
    /// Keeps strangers from choosing call ids that collide.
    seed: u64,
    live: AtomicUsize,
    ended: AtomicUsize,
}

impl CallsInProgress {
    /// No calls yet. The seed should be random.
    #[must_use]
    pub fn new(bounds: CallBounds, seed: u64) -> Self {
        let calls = DashMap::with_hasher_and_shard_amount(FixedState::with_seed(seed), SHARDS);
        let decisions = Decisions::new(bounds.calls_max);
        let (live, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { calls, decisions, turns: Turns::new(), bounds, seed, live, ended }
    }

    /// How many calls are in progress.
    #[must_use]
    pub fn in_progress(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// What was decided for a call and whether it has ended, where it stands: no other thread can change the call meanwhile.
    ///
    /// Cost: a hash and a shard's read lock, held as long as this is; never to be kept across an await.
    #[must_use]
    pub fn leg(&self, request: &CallRequest<'_>, call_id: &str) -> Option<impl Deref<Target = Leg>> {
        let call = self.calls.get(&self.key(request.account, call_id))?;
        call.try_map(|call| call.leg(request, call_id)).ok()
    }

    /// Waits until nobody else decides this call. Whoever looks for it then, finds it decided or decides it: two who ask
    /// at once for a call that is new do not stand in each other's way, at a last free place or in a count.
    ///
    /// To be taken before anything else is asked of the calls in progress.
    #[must_use]
    pub fn turn(&self, account: &AccountId, call_id: &str) -> Turn<'_> {
        self.turns.of(self.key(account, call_id))
    }

    /// Remembers what was decided for a call, and keeps its places until it ends; gives them back at once where it is
    /// not remembered.
    pub fn remember(
        &self,
        request: &CallRequest<'_>,
        call_id: &str,
        (kept, places): (Kept, Places),
        now: Timestamp,
    ) -> Remembered {
        let leg = || Placed { leg: Leg::new(request, call_id, kept, now), places };
        self.remember_among(&self.live, request, call_id, leg)
    }

    /// Keeps a call that began elsewhere and has ended among those that ended a moment ago.
    pub fn remember_ended(
        &self,
        request: &CallRequest<'_>,
        call_id: &str,
        kept: Kept,
        began: Timestamp,
        ending: &Ending,
    ) -> Remembered {
        self.remember_among(&self.ended, request, call_id, || {
            let mut leg = Leg::new(request, call_id, kept, began);
            leg.ended = Some(ending.timed(began));
            Placed { leg, places: Places::default() }
        })
    }

    /// Puts a leg among so many others of its kind, if there is room.
    fn remember_among(
        &self,
        others: &AtomicUsize,
        request: &CallRequest<'_>,
        call_id: &str,
        leg: impl FnOnce() -> Placed,
    ) -> Remembered {
        if others.fetch_add(1, Ordering::Relaxed) >= self.bounds.calls_max {
            others.fetch_sub(1, Ordering::Relaxed);
            let known = self.leg(request, call_id).map(|leg| Box::new(leg.kept.clone()));
            return known.map_or(Remembered::Full, Remembered::Already);
        }
        let key = self.key(request.account, call_id);
        let noted = || {
            let placed = leg();
            self.decisions.note(placed.leg.kept.decision_id, key);
            placed
        };
        let outcome = match self.calls.entry(key) {
            Entry::Vacant(vacant) => {
                let account = request.account.clone();
                vacant.insert(Call { account, legs: Legs::new(noted()) });
                Remembered::New
            }
            Entry::Occupied(mut occupied) => {
                let call = occupied.get_mut();
                match call.leg(request, call_id).map(|leg| leg.kept.clone()) {
                    Some(kept) => Remembered::Already(Box::new(kept)),
                    // Another call whose id has the same hash: as good as impossible, and then its token is enough.
                    None if !call.is(request.account, call_id) => Remembered::Full,
                    None if call.legs.push(noted()) => Remembered::New,
                    None => Remembered::TooManyLegs,
                }
            }
        };
        if !matches!(outcome, Remembered::New) {
            others.fetch_sub(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Legs of a call, in progress or ended a moment ago, the newest last.
    #[must_use]
    pub fn legs(&self, account: &AccountId, which: Which<'_>, call_id: &str) -> Vec<Leg> {
        let call = self.calls.get(&self.key(account, call_id)).filter(|call| call.is(account, call_id));
        call.map(|call| call.legs.iter().filter(|leg| which.is(leg)).cloned().collect()).unwrap_or_default()
    }

    /// The leg that a decision began, or went on with under another call id, the latest: in progress, or ended a moment ago.
    /// One of a great many may not be found any more.
    #[must_use]
    pub fn decided(&self, account: &AccountId, decision_id: u128) -> Option<Leg> {
        let call = self.calls.get(&self.decisions.call(decision_id)?)?;
        let mut legs = call.legs.iter().filter(|leg| leg.kept.decision_id == decision_id);
        (call.account == *account).then(|| legs.next_back().cloned()).flatten()
    }

    /// Ends legs of a call. Nothing where there is no such call; the legs that had ended before stay as they were,
    /// except that a real end replaces a time-out's.
    pub fn end(
        &self,
        account: &AccountId,
        which: Which<'_>,
        call_id: &str,
        ending: &Ending,
    ) -> Option<Vec<EndedLeg>> {
        let mut call =
            self.calls.get_mut(&self.key(account, call_id)).filter(|call| call.is(account, call_id))?;
        let mut known = false;
        let mut ended = Vec::new();
        for placed in call.legs.iter_mut().filter(|placed| which.is(&placed.leg)) {
            known = true;
            let after_timeout = match &placed.leg.ended {
                None => false,
                Some(before) if before.outcome == Outcome::Unknown && ending.outcome != Outcome::Unknown => {
                    true
                }
                Some(_) => continue,
            };
            ended.push(self.end_leg(placed, ending, after_timeout));
        }
        known.then_some(ended)
    }

    fn end_leg(&self, placed: &mut Placed, ending: &Ending, after_timeout: bool) -> EndedLeg {
        let Placed { leg, places } = placed;
        *places = Places::default();
        let ending = ending.timed(leg.started_at);
        if !after_timeout {
            self.live.fetch_sub(1, Ordering::Relaxed);
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
        leg.ended = Some(ending.clone());
        EndedLeg {
            series: Arc::clone(&leg.kept.served.series),
            gateway_row: leg.gateway_row,
            ending,
            after_timeout,
        }
    }

    /// Ends calls that have lasted too long, as unknown, and forgets those that ended a while ago; for a clock to call.
    /// Walks every call, one shard at a time; who asks for a call of that shard waits meanwhile.
    ///
    /// Where more have ended than are to be kept, the time for which they are is shorter in the same proportion, so
    /// that the oldest go first.
    pub fn sweep(&self, now: Timestamp) -> Vec<EndedLeg> {
        let mut timed_out = Vec::new();
        let ended_ms = self.ended_ms();
        self.calls.retain(|_, call| {
            call.legs.retain(|placed| match &placed.leg.ended {
                None if now.0 - placed.leg.started_at.0 >= self.bounds.life_ms => {
                    let ending = Ending { at: now, known_at: now, ..Ending::default() };
                    timed_out.push(self.end_leg(placed, &ending, false));
                    true
                }
                Some(ending) if now.0 - ending.known_at.0 >= ended_ms => {
                    self.ended.fetch_sub(1, Ordering::Relaxed);
                    false
                }
                _ => true,
            })
        });
        timed_out
    }

    /// For how long ended calls are kept at present.
    fn ended_ms(&self) -> i64 {
        let (ended, max) = (self.ended.load(Ordering::Relaxed).max(1), self.bounds.calls_max);
        let [ended, max] = [ended, max].map(|count| i128::try_from(count).unwrap_or(i128::MAX));
        let crowded = i128::from(self.bounds.ended_ms) * max / ended;
        i64::try_from(crowded).unwrap_or(i64::MAX).min(self.bounds.ended_ms)
    }

    fn key(&self, account: &AccountId, call_id: &str) -> u128 {
        let account = xxh3_64_with_seed(account.as_str().as_bytes(), self.seed);
        xxh3_128_with_seed(call_id.as_bytes(), account)
    }
}

impl Call {
    fn is(&self, account: &AccountId, call_id: &str) -> bool {
        self.account == *account && self.legs.first().names.is_call(call_id)
    }

    fn leg(&self, request: &CallRequest<'_>, call_id: &str) -> Option<&Leg> {
        let leg = self.legs.find(&request.to, request.gateway)?;
        self.is(request.account, call_id).then_some(leg)
    }
}
