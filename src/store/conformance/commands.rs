//! Commands out of dice.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use crate::domain::account::{Account, Key, KeyDigest, Permission};
use crate::domain::address::{Number, Prefix};
use crate::domain::agent::AgentRef;
use crate::domain::agent_config::Dispatch;
use crate::domain::caller_pin::{CallerAddress, CallerHash, CallerPin, CallerPinRef};
use crate::domain::change::SplitRef;
use crate::domain::command::{Action, Author, Command, SplitPatch};
use crate::domain::fallback::Fallback;
use crate::domain::files::{FileAgent, FileConfig, FileNumber, FileSet, FileSplit, Place, Placed, Reading};
use crate::domain::id::{
    AccountId, AgentId, ArmId, ConfigHash, ConnectorId, Environment, Pin, SiteVariantId, SplitId,
    VersionNumber,
};
use crate::domain::object::Object;
use crate::domain::route::{Destination, HeaderRule, HeaderTest, ManagedBy, Route};
use crate::domain::split::slots::Owners;
use crate::domain::split::{Arm, Split, UnitRule};
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// What one command is made of; every throw means one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice {
    kind: u8,
    a: u8,
    b: u8,
    c: u8,
}

impl Arbitrary for Dice {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        (0..24_u8, any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(kind, a, b, c)| Self { kind, a, b, c })
            .boxed()
    }
}

/// The commands that make a small world: two accounts, and agents, a split and numbers from files.
pub(super) fn world() -> [Command; 3] {
    [
        Dice { kind: 0, a: 1, b: 0, c: 0 },
        Dice { kind: 0, a: 0, b: 0, c: 0 },
        Dice { kind: 16, a: 7, b: 0xff, c: 15 },
    ]
    .map(|dice| dice.command(&State::default()))
}

impl Dice {
    /// The command; the files' numbers are a difference to what the state holds.
    pub(super) fn command(self, state: &State) -> Command {
        let Self { kind, a, b, c } = self;
        let account = account(b);
        let action = match kind {
            0 => Action::CreateAccount {
                account: Account::new(self::account(a), format!("{c}"), AT),
                key: key(a, b, c),
            },
            1 => Action::ReplaceKey(key(b, a, c)),
            2..=4 => Action::PutNumber { number: number(a, b), route: route(b, c, ManagedBy::Api) },
            5 => Action::DeleteNumber(number(a, b)),
            6 => Action::PutPrefix { prefix: prefix(a), route: route(b, c, ManagedBy::Api) },
            7 => Action::DeletePrefix(prefix(a)),
            8 if a.is_multiple_of(3) => Action::DeleteDefault,
            8 => Action::PutDefault(route(b, c, ManagedBy::Api)),
            9..=11 => Action::CreateSplit { split: split(a, b, c), numbers: vec![number(c, b)] },
            12 if a > 128 => Action::EndSplit { id: split_id(a), winner: arm_id(c) },
            12 => Action::DeleteSplit(split_id(a)),
            13 | 14 => Action::PatchSplit {
                id: split_id(a),
                patch: SplitPatch {
                    paused: Some(c.is_multiple_of(2)),
                    call_quota: Some(c.is_multiple_of(3).then_some(c.into())),
                    numbers: vec![number(c, b)],
                    ..SplitPatch::default()
                },
            },
            17 | 18 => Action::PutCallerPin {
                pin: caller_pin(a, b, c, ManagedBy::Api),
                known_as: known_as(&account),
            },
            19 => Action::DeleteCallerPin {
                id: caller_pin(a, b, c, ManagedBy::Api).id,
                known_as: known_as(&account),
            },
            20 | 21 => Action::Adopt(objects(&account, a, b, c)),
            22 | 23 => {
                let (objects, mut files) = (objects(&account, a, b, c), files(state, a, b, c));
                let listed = objects.iter().filter_map(|object| match object {
                    Object::Number(number) => Some(number.clone()),
                    _ => None,
                });
                let put = |number| FileNumber { number, route: 0, file: 0, line: 1 };
                (files.put, files.released, files.numbers_before) =
                    (listed.map(put).collect(), Vec::new(), 1);
                Action::Release { objects, files: Arc::new(files) }
            }
            _ => Action::ApplyFiles(Arc::new(files(state, a, b, c))),
        };
        Command { account, author: Author::Console, at: AT.plus_ms(c.into()), action }
    }
}

/// One or two objects of an account.
fn objects(account: &AccountId, a: u8, b: u8, c: u8) -> BTreeSet<Object> {
    let owner = u8::from(account.as_str() == "ws-1");
    let one = |kind: u8| match kind % 6 {
        0 | 1 => Object::Number(number(a, owner)),
        2 => Object::Prefix(prefix(a)),
        3 => Object::DefaultRoute,
        4 => Object::Split(SplitId::parse("of-files").unwrap()),
        _ => Object::Agent(agent(b).agent),
    };
    let pin = caller_pin(a, owner + 2 * (b % 2), c, ManagedBy::Files).id.object();
    if c.is_multiple_of(5) { [pin].into() } else { [one(c), one(c / 6)].into() }
}

const AT: Timestamp = Timestamp(1_700_000_000_123);

fn account(n: u8) -> AccountId {
    AccountId::parse(&format!("ws-{}", n % 2)).unwrap()
}

fn agent(n: u8) -> AgentRef {
    AgentRef { account: account(n), agent: AgentId::parse(&format!("agent-{}", n % 4)).unwrap() }
}

fn split_id(n: u8) -> SplitId {
    SplitId::parse(&format!("split-{}", n % 2)).unwrap()
}

fn arm_id(n: u8) -> ArmId {
    ArmId::parse(["control", "test", "other"][usize::from(n % 3)]).unwrap()
}

/// One of six numbers of an owner.
fn number(n: u8, owner: u8) -> Number {
    let n = n % 6 * 2 + owner % 2;
    Number::parse(&if n < 9 { format!("+1415555010{n}") } else { format!("desk-{n}") }).unwrap()
}

fn prefix(n: u8) -> Prefix {
    Prefix::parse(&format!("+4{}", n % 4)).unwrap()
}

fn pin(n: u8) -> Pin {
    let one = VersionNumber::FIRST;
    [
        Pin::Draft,
        Pin::Version(one),
        Pin::Environment(Environment::Live),
        Pin::Environment(Environment::PreRelease),
    ][usize::from(n % 4)]
}

fn key(owner: u8, name: u8, digest: u8) -> Key {
    Key {
        id: format!("key-{digest}"),
        name: format!("name-{}", name % 3),
        account: account(owner),
        permissions: Permission::ALL[..usize::from(digest % 9)].to_vec(),
        agents: name.is_multiple_of(2).then(|| vec![agent(digest).agent]),
        expires_at: digest.is_multiple_of(2).then_some(AT),
        created_at: None,
        digest: KeyDigest([digest; 32]),
    }
}

fn route(b: u8, c: u8, managed_by: ManagedBy) -> Route {
    let to = if c % 8 == 7 {
        Destination::Split(split_id(c / 8))
    } else {
        Destination::Agent { agent: agent(b).agent, pin: pin(c) }
    };
    let mut route = Route::plain(account(b), managed_by, to);
    if c > 100 {
        route.headers.insert("X-Brand".to_owned(), format!("\"north\" ä {}", c % 3));
        route.site_variant = Some(SiteVariantId::parse("berlin").unwrap());
        route.connector = Some(ConnectorId::parse("c-1").unwrap());
    }
    if c > 200 {
        let test = HeaderTest::Regex("^a+$".to_owned());
        let agent = Some(agent(b).agent);
        route.header_rules = vec![HeaderRule { header: "X-Env".to_owned(), test, agent, pin: pin(c) }];
    }
    route
}

/// One of six callers of an agent.
fn caller_pin(a: u8, b: u8, c: u8, managed_by: ManagedBy) -> CallerPin {
    let caller = CallerAddress::parse(&number(a, 0).to_string()).unwrap();
    let id = CallerPinRef { agent: agent(b), caller };
    CallerPin { id, managed_by, pin: pin(c), until: c.is_multiple_of(2).then_some(AT) }
}

fn known_as(account: &AccountId) -> CallerHash {
    CallerHash::of(&[1; 32], account, &CallerAddress::parse("alice").unwrap())
}

fn arms(b: u8, c: u8) -> Vec<Arm> {
    let arm = |n: u8| Arm {
        id: arm_id(n),
        name: String::new(),
        agent: agent(b.wrapping_add(2 * n)).agent,
        pin: pin(c),
        weight: u32::from(c % 7) + u32::from(n) + 1,
        max_calls_in_progress: (c % 4 == 1).then_some(u32::from(c)),
    };
    (0..=c % 3).map(arm).collect()
}

fn split(a: u8, b: u8, c: u8) -> Split {
    let arms = arms(b, c);
    let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
    Split {
        account: account(b),
        id: split_id(a),
        name: format!("name {c}"),
        managed_by: ManagedBy::Api,
        scope: None,
        unit: if c.is_multiple_of(2) { UnitRule::Caller } else { UnitRule::Header("X-Tenant".to_owned()) },
        arms,
        salt: u64::MAX - u64::from(c),
        owners: Owners::first(&weights),
        starts_at: c.is_multiple_of(5).then_some(AT),
        ends_at: None,
        call_quota: None,
        paused: false,
        ending: None,
        created_at: AT,
        updated_at: AT,
    }
}

fn placed<T>(value: T) -> Placed<T> {
    Placed::whole(Place { file: Arc::from("routes.toml"), line: 1, column: 1 }, value)
}

fn config(agent: u8, version: u8) -> FileConfig {
    let mut dispatch = Dispatch::default();
    if version.is_multiple_of(2) {
        dispatch.sip_headers.insert("X-Agent".to_owned(), format!("{agent}"));
    }
    let hash = ConfigHash([agent * 16 + version; 16]);
    FileConfig { hash, dispatch: Arc::new(dispatch), body: Some(Arc::from(hash.hex().as_str().as_bytes())) }
}

fn file_agent(n: u8, versions: u8, deployed: u8) -> Placed<FileAgent> {
    let version = |v: u8| VersionNumber::new(v.into()).unwrap();
    placed(FileAgent {
        id: agent(n),
        name: format!("agent {deployed}"),
        endpoints: Vec::new(),
        max_calls_in_progress: (deployed == 1).then_some(u32::from(n) + 1),
        fallback: (deployed == 2).then(|| Fallback::parse("sip:desk@10.0.0.9").unwrap()),
        environments: (deployed <= versions)
            .then(|| placed((Environment::Live, version(deployed))))
            .into_iter()
            .collect(),
        draft: deployed.is_multiple_of(2).then(|| placed(config(n, 8 + deployed))),
        versions: (1..=versions).map(|v| placed((version(v), config(n, v)))).collect(),
    })
}

/// Four agents or fewer, a split, a prefix, a default and some numbers, as the dice fall.
fn files(state: &State, a: u8, b: u8, c: u8) -> FileSet {
    let of_files = |number: &Number| state.route(number).is_some_and(|r| r.managed_by == ManagedBy::Files);
    let own = (0..6).map(|n| number(n, b)).filter(|number| state.route(number).is_none() || of_files(number));
    let given: Vec<Number> =
        own.zip(0..).filter(|(_, n)| a >> n & 1 == 1).map(|(own, _)| own).take(2).collect();
    let all = (0..12).map(|n| number(n / 2, n));
    let released = all.filter(|number| of_files(number) && !given.contains(number)).collect();
    let split = FileSplit {
        id: SplitRef { account: account(a), split: SplitId::parse("of-files").unwrap() },
        name: String::new(),
        unit: UnitRule::Call,
        arms: arms(a, c),
        salt: None,
        owners: None,
        starts_at: None,
        ends_at: None,
        call_quota: None,
        paused: c.is_multiple_of(2),
    };
    FileSet {
        hash: ConfigHash([a ^ b ^ c; 16]),
        accepted: true,
        accepted_by: None,
        account: account(0),
        agents: (0..4)
            .filter(|n| (b | c) >> n & 1 == 1)
            .map(|n| file_agent(n, 1 + c % 4, 1 + a % 4))
            .collect(),
        splits: (c < 80).then(|| placed(split)).into_iter().collect(),
        prefixes: (c > 60)
            .then(|| placed((prefix(a), Arc::new(route(b, 0, ManagedBy::Files)))))
            .into_iter()
            .collect(),
        defaults: (c > 120).then(|| placed(Arc::new(route(b, 0, ManagedBy::Files)))).into_iter().collect(),
        caller_pins: (c > 90)
            .then(|| placed(Arc::new(caller_pin(a, b, c, ManagedBy::Files))))
            .into_iter()
            .collect(),
        routes: vec![placed(Arc::new(route(b, 1, ManagedBy::Files)))],
        files: vec![Arc::from("routes.toml")],
        put: given.into_iter().map(|number| FileNumber { number, route: 0, file: 0, line: 1 }).collect(),
        released,
        numbers_before: 0,
        reading: Reading::default(),
    }
}
