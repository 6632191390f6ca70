mod environment_splits;
mod test_runs;

use super::*;
use crate::domain::account::ActiveCalls;
use crate::domain::address::Prefix;
use crate::domain::agent_config::AgentConfig;
use crate::domain::change::Touched;
use crate::domain::command::{Action, ArmPatch, SplitPatch};
use crate::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use crate::domain::id::{ConnectorId, Environment, Revision, SplitId};
use crate::domain::testing::*;
use crate::domain::time::Timestamp;

fn content_of(prompt: &str) -> Content {
    let json = serde_json::json!({"name": "Desk", "instructions": {"systemPrompt": prompt}});
    let config = AgentConfig::from_value(&json).unwrap();
    Content {
        agent_name: config.name.clone(),
        hash: config.hash(),
        dispatch: Arc::new(config.dispatch()),
        body: config.canonical_json().into(),
    }
}

fn of(agent: &str, edit: AgentEdit) -> Action {
    Action::Agent { agent: AgentId::parse(agent).unwrap(), edit }
}

fn desk(edit: AgentEdit) -> Action {
    of("desk", edit)
}

fn create(prompt: &str) -> AgentEdit {
    AgentEdit::Create(Box::new(NewAgent { draft: content_of(prompt), copy_of: None }))
}

fn put(content: Content, made_from: Option<ConfigHash>) -> Action {
    desk(AgentEdit::PutDraft(NewDraft { branch: BranchId::main(), content, made_from }))
}

fn edit(prompt: &str) -> Action {
    put(content_of(prompt), None)
}

fn save() -> AgentEdit {
    AgentEdit::SaveVersion { name: String::new(), description: String::new() }
}

fn restore(n: u32) -> Action {
    desk(AgentEdit::Restore { version: version(n), agent_name: "Desk".to_owned(), newest: false })
}

fn deploy(active_calls: Option<ActiveCalls>) -> Deploy {
    let id = DeploymentId::new(Timestamp(1), &[7; 10]);
    Deploy { id, message: String::new(), active_calls, end_split: false }
}

fn publish(environment: Environment) -> Action {
    desk(AgentEdit::Publish(Publish {
        deploy: deploy(None),
        environment,
        version_name: String::new(),
        version_description: String::new(),
        of_staging: false,
    }))
}

fn promote(from: &Arc<Deployment>, to: Option<Environment>) -> Action {
    desk(AgentEdit::Promote(Promote { deploy: deploy(None), from: Arc::clone(from), to }))
}

fn roll_back(to: &Arc<Deployment>, active_calls: Option<ActiveCalls>) -> Action {
    desk(AgentEdit::Rollback(Rollback { deploy: deploy(active_calls), to: Arc::clone(to) }))
}

fn with_desk() -> State {
    let mut state = world();
    state.act(desk(create("one"))).unwrap();
    state
}

fn agent(state: &State) -> &Agent {
    state.agents.get(&AgentRef { account: account(), agent: AgentId::parse("desk").unwrap() }).unwrap()
}

fn active(state: &State, environment: Environment) -> Arc<Deployment> {
    Arc::clone(agent(state).deployment(environment).unwrap())
}

/// Why something is refused; nothing of the agent changes by it.
fn refused(state: &mut State, action: Action) -> &'static str {
    let before = agent(state).clone();
    let code = state.act(action).unwrap_err().code;
    assert_eq!(*agent(state), before);
    code
}

#[test]
fn an_edit_is_the_draft_and_nothing_else() {
    let mut state = with_desk();
    state.act(publish(Environment::Live)).unwrap();
    let before = agent(&state).clone();
    state.act(edit("two")).unwrap();
    let after = agent(&state);
    assert_eq!(after.draft.as_ref().unwrap().hash, content_of("two").hash);
    assert_eq!((&after.versions, &after.deployments), (&before.versions, &before.deployments));
    assert!(state.act(edit("two")).unwrap().is_nothing(), "equal content changes nothing");
}

#[test]
fn an_edit_that_was_made_from_another_content_overwrites_nothing() {
    let mut state = with_desk();
    let made_from = Some(content_of("one").hash);
    state.act(put(content_of("two"), made_from)).unwrap();
    assert_eq!(refused(&mut state, put(content_of("three"), made_from)), STALE_DRAFT);
}

#[test]
fn a_saved_version_is_the_next_number_and_leaves_the_draft() {
    let mut state = with_desk();
    for n in 1..=3 {
        state.act(edit(&format!("prompt {n}"))).unwrap();
        let draft = agent(&state).draft.clone();
        state.act(desk(save())).unwrap();
        let last = agent(&state).last_version().unwrap();
        assert_eq!((last.number, &last.name), (Some(version(n)), &format!("V{n}")));
        assert_eq!(agent(&state).draft, draft);
        assert_eq!(refused(&mut state, desk(save())), "VERSION_ALREADY_SAVED");
    }
    // An older content is saved again, under a new number.
    state.act(restore(1)).unwrap();
    state.act(desk(save())).unwrap();
    assert_eq!(agent(&state).versions[&version(4)].hash, agent(&state).versions[&version(1)].hash);
}

#[test]
fn restore_copies_a_version_over_the_draft_with_its_name() {
    let mut state = with_desk();
    state.act(desk(save())).unwrap();
    state.act(put(Content { agent_name: "Other".to_owned(), ..content_of("two") }, None)).unwrap();
    assert_eq!(agent(&state).profile.name, "Other");
    state.act(restore(1)).unwrap();
    assert_eq!(agent(&state).draft.as_ref().unwrap().hash, content_of("one").hash);
    assert_eq!(agent(&state).profile.name, "Desk");
    assert_eq!(refused(&mut state, restore(2)), "NOT_FOUND");
}

#[test]
fn publish_saves_a_version_unless_the_last_one_has_the_content() {
    let mut state = with_desk();
    assert_eq!(state.act(publish(Environment::Sandbox)).unwrap().changes.len(), 2);
    assert_eq!(active(&state, Environment::Sandbox).version, version(1));
    assert_eq!(refused(&mut state, publish(Environment::Sandbox)), "DEPLOYMENTS_ALREADY_PUBLISHED");
    state.act(publish(Environment::PreRelease)).unwrap();
    assert_eq!(agent(&state).versions.len(), 1);
    state.act(edit("two")).unwrap();
    state.act(publish(Environment::Sandbox)).unwrap();
    assert_eq!(active(&state, Environment::Sandbox).version, version(2));
    assert_eq!(active(&state, Environment::PreRelease).version, version(1));
}

#[test]
fn promotion_goes_forward_only() {
    let mut state = with_desk();
    state.act(publish(Environment::Sandbox)).unwrap();
    let sandbox = active(&state, Environment::Sandbox);
    for to in Environment::ALL {
        let granted = state.clone().act(promote(&sandbox, Some(to))).is_ok();
        assert_eq!(granted, to > Environment::Sandbox, "{to}");
    }
    state.act(promote(&sandbox, None)).unwrap();
    let rehearsed = active(&state, Environment::PreRelease);
    assert_eq!((rehearsed.version, rehearsed.kind), (version(1), DeploymentKind::Promotion));
    state.act(promote(&rehearsed, None)).unwrap();
    let live = active(&state, Environment::Live);
    assert_eq!(refused(&mut state, promote(&live, None)), "DEPLOYMENTS_INVALID_ENVIRONMENT");
}

#[test]
fn rollback_is_a_new_deployment_and_nothing_where_it_serves_already() {
    let mut state = with_desk();
    state.act(publish(Environment::Live)).unwrap();
    let first = active(&state, Environment::Live);
    state.act(edit("two")).unwrap();
    state.act(publish(Environment::Live)).unwrap();
    state.act(roll_back(&first, None)).unwrap();
    let now = active(&state, Environment::Live);
    assert_eq!((now.version, now.kind), (version(1), DeploymentKind::Rollback));
    assert!(state.act(roll_back(&first, None)).unwrap().is_nothing());
}

#[test]
fn an_account_that_forbids_to_skip_pre_release_forbids_publish_and_promotion_of_what_is_not_there_and_no_rollback()
 {
    let mut state = with_desk();
    settle(&mut state, |settings| settings.allow_skip_pre_release = false);
    assert_eq!(refused(&mut state, publish(Environment::Live)), "PRE_RELEASE_NOT_READY");
    state.act(publish(Environment::Sandbox)).unwrap();
    let sandbox = active(&state, Environment::Sandbox);
    assert_eq!(refused(&mut state, promote(&sandbox, Some(Environment::Live))), "PRE_RELEASE_NOT_READY");
    state.act(promote(&sandbox, None)).unwrap();
    // It is in pre-release now: all three lead on.
    assert!(state.clone().act(publish(Environment::Live)).is_ok());
    assert!(state.clone().act(promote(&sandbox, Some(Environment::Live))).is_ok());
    let rehearsed = active(&state, Environment::PreRelease);
    state.act(promote(&rehearsed, None)).unwrap();
    let live = active(&state, Environment::Live);
    state.act(edit("two")).unwrap();
    assert_eq!(refused(&mut state, publish(Environment::Live)), "PRE_RELEASE_NOT_READY");
    state.act(publish(Environment::PreRelease)).unwrap();
    let rehearsed = active(&state, Environment::PreRelease);
    state.act(promote(&rehearsed, None)).unwrap();
    state.act(roll_back(&live, None)).unwrap();
}

#[test]
fn calls_that_were_told_to_move_stay_told_and_others_keep_their_version() {
    let mut state = with_desk();
    state.act(publish(Environment::Live)).unwrap();
    let first = active(&state, Environment::Live);
    assert_eq!(first.calls_from, Revision(0));
    state.act(edit("two")).unwrap();
    state.act(publish(Environment::Live)).unwrap();
    state.act(roll_back(&first, Some(ActiveCalls::Move))).unwrap();
    let moved = state.revision;
    assert_eq!(active(&state, Environment::Live).calls_from, moved);
    state.act(edit("three")).unwrap();
    state.act(publish(Environment::Live)).unwrap();
    assert_eq!(active(&state, Environment::Live).calls_from, moved);
    let emptied = Change::EnvironmentEmptied {
        agent: agent(&state).profile.id.clone(),
        environment: Environment::Live,
    };
    state.absorb(&emptied, &mut Touched::default());
    state.act(publish(Environment::Live)).unwrap();
    assert_eq!(active(&state, Environment::Live).calls_from, moved, "nobody says that they keep it now");
}

#[test]
fn a_rollback_is_called_so_only_where_it_goes_back() {
    let mut state = with_desk();
    state.act(publish(Environment::Live)).unwrap();
    let first = active(&state, Environment::Live);
    state.act(edit("two")).unwrap();
    state.act(publish(Environment::Live)).unwrap();
    let second = active(&state, Environment::Live);
    let mut told = |to| state.act(roll_back(to, None)).unwrap().summary;
    assert_eq!(told(&first), "live of desk was rolled back to V1");
    assert_eq!(told(&second), "live of desk was put back to V2");
}

#[test]
fn what_comes_into_an_environment_is_warned_of_where_nothing_says_where_it_listens() {
    let mut state = with_desk();
    state.needs_endpoints = true;
    let told = "agent desk at live has no endpoints: its calls are told no target";
    assert_eq!(state.act(publish(Environment::Live)).unwrap().warnings, [told]);
}

#[test]
fn an_agent_that_is_deleted_releases_its_numbers_unless_something_holds_it() {
    let mut state = with_desk();
    state.put("+14155550100", "desk@draft").unwrap();
    state.put("+14155550101", "sales@V1").unwrap();
    let prefix = Prefix::parse("+1415").unwrap();
    state.act(Action::PutPrefix { prefix, route: route("desk@draft") }).unwrap();
    let made = Action::CreateSplit { split: split("s", &[("a", "desk@draft", 1)]), numbers: Vec::new() };
    state.act(made).unwrap();
    assert_eq!(refused(&mut state, desk(AgentEdit::Delete)), "IN_USE");
    state.act(Action::DeleteSplit(SplitId::parse("s").unwrap())).unwrap();
    let outcome = state.act(desk(AgentEdit::Delete)).unwrap();
    let told = "agent desk was deleted, and 1 number released; +1415 is gone; +14155550100 is gone";
    assert_eq!(outcome.summary, told);
    assert!(state.route(&number("+14155550100")).is_none());
    assert!(state.route(&number("+14155550101")).is_some());
    assert_eq!(state.act(desk(AgentEdit::Delete)).unwrap_err().code, "PROJECT_NOT_FOUND");
}

#[test]
fn a_number_that_stays_in_a_split_loses_the_connector_of_an_agent_that_is_deleted() {
    let mut state = with_desk();
    let came = number("+14155550100");
    let connector = ConnectorId::parse("CONNECTOR-1").unwrap();
    let new = NewNumbers {
        numbers: vec![came.clone()],
        environment: Environment::Live,
        connector: connector.clone(),
    };
    state.act(desk(AgentEdit::Telephony(TelephonyEdit::Import(new)))).unwrap();
    let arms = [("a", "desk@draft", 1), ("b", "sales@V1", 1)];
    state.act(Action::CreateSplit { split: split("s", &arms), numbers: vec![came.clone()] }).unwrap();
    assert_eq!(state.route(&came).unwrap().connector, Some(connector));
    let arm = ArmPatch { remove: true, ..arm_patch("a") };
    let patch = SplitPatch { arms: vec![arm], ..SplitPatch::default() };
    state.act(Action::PatchSplit { id: SplitId::parse("s").unwrap(), patch }).unwrap();
    assert!(state.route(&came).unwrap().connector.is_some(), "the agent has it yet");
    state.act(desk(AgentEdit::Delete)).unwrap();
    assert_eq!(*state.route(&came).unwrap().as_ref(), route("split:s"));
}

fn branch_id() -> BranchId {
    BranchId::parse("BRANCH-00000001").unwrap()
}

fn create_branch(name: &str) -> AgentEdit {
    AgentEdit::CreateBranch { id: branch_id(), name: name.to_owned() }
}

fn put_branch(prompt: &str, made_from: Option<&str>) -> Action {
    let made_from = made_from.map(|prompt| content_of(prompt).hash);
    desk(AgentEdit::PutDraft(NewDraft { branch: branch_id(), content: content_of(prompt), made_from }))
}

fn settle(state: &mut State, settings: impl FnOnce(&mut AccountSettings)) {
    let mut account = state.accounts.get(&account()).unwrap().as_ref().clone();
    settings(&mut account.settings);
    state.absorb(&Change::AccountPut(account), &mut Touched::default());
}

#[test]
fn a_branch_begins_as_main_is_and_goes_its_own_way() {
    let mut state = with_desk();
    state.act(desk(create_branch("Summer"))).unwrap();
    let revision = state.revision;
    let before = agent(&state).clone();
    state.act(put_branch("two", Some("one"))).unwrap();
    let after = agent(&state);
    let branch = after.branch(&branch_id()).unwrap();
    let [one, two] = ["one", "two"].map(|prompt| content_of(prompt).hash);
    assert_eq!((branch.base, branch.draft, branch.created_in), (one, two, revision));
    let with_branch = Agent { branches: after.branches.clone(), ..before };
    assert_eq!(*after, with_branch, "nothing else of the agent is other than before");
    assert_eq!(refused(&mut state, put_branch("three", Some("one"))), STALE_DRAFT);
    assert!(state.act(put_branch("two", None)).unwrap().is_nothing());
    state.act(desk(AgentEdit::RevertBranch(branch_id()))).unwrap();
    assert_eq!(agent(&state).head(&branch_id()).unwrap(), one);
    state.act(desk(AgentEdit::DeleteBranch(branch_id()))).unwrap();
    for edit in [AgentEdit::DeleteBranch(branch_id()), AgentEdit::RevertBranch(branch_id())] {
        assert_eq!(refused(&mut state, desk(edit)), "BRANCH_NOT_FOUND");
    }
    assert_eq!(refused(&mut state, put_branch("two", None)), "BRANCH_NOT_FOUND");
    assert_eq!(refused(&mut state, desk(AgentEdit::DeleteBranch(BranchId::main()))), "BRANCH_IS_MAIN");
}

#[test]
fn an_account_that_protects_main_refuses_every_edit_of_it_and_of_nothing_else() {
    let mut state = with_desk();
    state.act(desk(save())).unwrap();
    state.act(edit("two")).unwrap();
    settle(&mut state, |settings| settings.protected_main = true);
    let revert = AgentEdit::Restore { version: version(1), agent_name: "Desk".to_owned(), newest: true };
    for action in [edit("three"), edit("two"), restore(1), desk(revert)] {
        assert_eq!(refused(&mut state, action), "BRANCH_PROTECTED");
    }
    state.act(desk(create_branch("Summer"))).unwrap();
    state.act(put_branch("three", None)).unwrap();
    state.act(desk(AgentEdit::RevertBranch(branch_id()))).unwrap();
    state.act(publish(Environment::Sandbox)).unwrap();
    state.act(desk(AgentEdit::Delete)).unwrap();
}

#[test]
fn what_the_files_have_is_changed_there() {
    let mut state = world();
    for edit in [AgentEdit::Delete, save(), create_branch("Summer")] {
        assert_eq!(state.act(of("sales", edit)).unwrap_err().code, "MANAGED_BY_FILES");
    }
    assert_eq!(state.act(of("sales", create("x"))).unwrap_err().code, "PROJECT_ID_ALREADY_EXISTS");
}

/// Merges the branch, which comes to this.
fn merge(state: &State, prompt: &str) -> Action {
    let desk = AgentRef { account: account(), agent: AgentId::parse("desk").unwrap() };
    let made_of = state.merging(&desk, &branch_id()).unwrap();
    let deploy = deploy(None);
    desk_merge(MergeBranch { branch: branch_id(), merged: content_of(prompt), made_of, deploy })
}

fn desk_merge(merge: MergeBranch) -> Action {
    desk(AgentEdit::MergeBranch(merge))
}

/// An agent at `one`, with a branch at `two`.
fn with_branch() -> State {
    let mut state = with_desk();
    state.act(desk(create_branch("Summer"))).unwrap();
    state.act(put_branch("two", None)).unwrap();
    state
}

#[test]
fn a_merge_is_one_revision_of_main_branch_version_and_sandbox() {
    let mut state = with_branch();
    state.act(edit("three")).unwrap();
    let (before, merged) = (state.revision, content_of("two and three"));
    let outcome = state.act(merge(&state, "two and three")).unwrap();
    assert_eq!((state.revision, outcome.bodies[0].0), (before.next(), merged.hash));
    let told = "branch BRANCH-00000001 of desk was merged into main: Summer; V1 was published to sandbox";
    assert_eq!(outcome.summary, told);
    let after = agent(&state);
    assert_eq!(after.draft.as_ref().unwrap().hash, merged.hash, "numbers at the draft are served it");
    let saved = after.last_version().unwrap();
    assert_eq!((saved.hash, saved.description.as_str()), (merged.hash, "merge of Summer"));
    let served = active(&state, Environment::Sandbox);
    assert_eq!((served.version, served.kind), (version(1), DeploymentKind::Publish));
    assert!(after.deployment(Environment::PreRelease).is_none());
}

#[test]
fn what_was_merged_is_merged_once_and_what_comes_later_with_the_next_merge() {
    let mut state = with_branch();
    let of = |state: &State| {
        let branch = agent(state).branch(&branch_id()).unwrap();
        (branch.base, branch.draft)
    };
    state.act(merge(&state, "two")).unwrap();
    let [two, later] = ["two", "later"].map(|prompt| content_of(prompt).hash);
    assert_eq!(of(&state), (two, two));
    let before = agent(&state).clone();
    assert!(state.act(merge(&state, "whatever")).unwrap().is_nothing());
    assert_eq!(*agent(&state), before);
    state.act(put_branch("later", None)).unwrap();
    assert_eq!(of(&state), (two, later));
    state.act(merge(&state, "later")).unwrap();
    assert_eq!((of(&state), agent(&state).versions.len()), ((later, later), 2));
    state.act(put_branch("never", None)).unwrap();
    state.act(desk(AgentEdit::RevertBranch(branch_id()))).unwrap();
    assert_eq!(of(&state), (later, later), "what was merged is not taken back");
}

#[test]
fn a_merge_deploys_only_what_sandbox_does_not_serve_and_only_where_the_account_says_so() {
    let mut state = with_branch();
    settle(&mut state, |settings| settings.merge_publishes = false);
    state.act(merge(&state, "two")).unwrap();
    assert_eq!((agent(&state).versions.len(), agent(&state).deployments.clone()), (0, [None, None, None]));
    state.act(publish(Environment::Sandbox)).unwrap();
    settle(&mut state, |settings| settings.merge_publishes = true);
    let served = active(&state, Environment::Sandbox);
    // The branch comes to what main is already.
    state.act(put_branch("three", None)).unwrap();
    let outcome = state.act(merge(&state, "two")).unwrap();
    assert!(!outcome.is_nothing() && !outcome.summary.contains("sandbox"), "{}", outcome.summary);
    assert_eq!((agent(&state).versions.len(), active(&state, Environment::Sandbox)), (1, served));
    // The newest version has the content, and sandbox another one.
    state.act(edit("four")).unwrap();
    state.act(desk(save())).unwrap();
    state.act(put_branch("four", None)).unwrap();
    state.act(merge(&state, "four")).unwrap();
    assert_eq!((agent(&state).versions.len(), active(&state, Environment::Sandbox).version), (2, version(2)));
}

#[test]
fn a_merge_of_what_somebody_changed_meanwhile_changes_nothing() {
    let edits: [fn() -> Action; 4] = [
        || edit("other"),
        || put_branch("other", None),
        || publish(Environment::Sandbox),
        || desk(AgentEdit::RevertBranch(branch_id())),
    ];
    for meanwhile in edits {
        let mut state = with_branch();
        let merge = merge(&state, "two");
        state.act(meanwhile()).unwrap();
        assert_eq!(refused(&mut state, merge), STALE_DRAFT);
    }
    let mut state = with_branch();
    let merge = merge(&state, "two");
    settle(&mut state, |settings| settings.merge_publishes = false);
    assert_eq!(refused(&mut state, merge), STALE_DRAFT, "who asked may not know that it publishes");
}

#[test]
fn merging_is_the_way_into_a_protected_main_and_renames_the_agent() {
    let mut state = with_branch();
    settle(&mut state, |settings| settings.protected_main = true);
    let Action::Agent { edit: AgentEdit::MergeBranch(mut merge), .. } = merge(&state, "two") else {
        panic!()
    };
    merge.merged.agent_name = "Summer desk".to_owned();
    state.act(desk_merge(merge)).unwrap();
    assert_eq!(agent(&state).draft.as_ref().unwrap().hash, content_of("two").hash);
    assert_eq!(agent(&state).profile.name, "Summer desk");
}

#[test]
fn only_a_branch_of_an_agent_of_the_api_is_merged() {
    let state = with_branch();
    let asked = |agent: &str, branch: &str| {
        let agent = AgentRef { account: account(), agent: AgentId::parse(agent).unwrap() };
        state.merging(&agent, &BranchId::parse(branch).unwrap()).unwrap_err().code
    };
    assert_eq!(asked("desk", "main"), "BRANCH_IS_MAIN");
    assert_eq!(asked("desk", "BRANCH-00000002"), "BRANCH_NOT_FOUND");
    assert_eq!(asked("sales", "main"), "MANAGED_BY_FILES");
    assert_eq!(asked("nobody", "main"), "PROJECT_NOT_FOUND");
    let mut without = state.clone();
    let merge = merge(&state, "two");
    without.act(desk(AgentEdit::DeleteBranch(branch_id()))).unwrap();
    assert_eq!(refused(&mut without, merge), "BRANCH_NOT_FOUND");
}

#[test]
fn who_merges_where_merges_are_published_may_deploy_too() {
    let mut state = with_branch();
    let asked = |state: &State, permissions: &[Permission]| {
        let key = crate::domain::account::Key { permissions: permissions.to_vec(), ..key() };
        let mut state = state.clone();
        state.absorb(&Change::KeyPut(key.clone()), &mut Touched::default());
        let author = crate::domain::command::Author::Key { key: Arc::new(key), actor: None };
        state.authorise(&Command { author, ..command(merge(&state, "two")) }).map_err(|why| why.code)
    };
    let (edit, deploy) = (Permission::Edit, Permission::Deploy);
    assert_eq!(asked(&state, &[edit, deploy]), Ok(()));
    for lacking in [&[edit][..], &[deploy], &[]] {
        assert_eq!(asked(&state, lacking), Err("USER_ACCESS_FORBIDDEN"), "{lacking:?}");
    }
    settle(&mut state, |settings| settings.merge_publishes = false);
    assert_eq!(asked(&state, &[edit]), Ok(()));
}

/// Takes from the draft what a publish brought, so that this is left.
fn revert(state: &State, publish: &Arc<Deployment>, prompt: &str) -> Action {
    let id = AgentRef { account: account(), agent: AgentId::parse("desk").unwrap() };
    desk(AgentEdit::RevertPublish(RevertPublish {
        publish: Arc::clone(publish),
        reverted: content_of(prompt),
        made_of: state.reverting(&id, publish.version).unwrap(),
    }))
}

/// An agent whose `live` is at V2, and that publish.
fn with_publish() -> (State, Arc<Deployment>) {
    let mut state = with_desk();
    state.act(publish(Environment::Live)).unwrap();
    state.act(edit("two")).unwrap();
    state.act(publish(Environment::Live)).unwrap();
    let published = active(&state, Environment::Live);
    (state, published)
}

#[test]
fn a_revert_is_the_draft_and_nothing_else_and_made_once() {
    let (mut state, published) = with_publish();
    let before = agent(&state).clone();
    let outcome = state.act(revert(&state, &published, "one")).unwrap();
    let after = agent(&state);
    assert_eq!(after.draft.as_ref().unwrap().hash, content_of("one").hash);
    assert_eq!((&after.versions, &after.deployments), (&before.versions, &before.deployments));
    let told = format!("what V2 brought was taken from the draft of desk: publish {}", published.id);
    assert_eq!((outcome.action, outcome.summary, outcome.bodies.len()), ("draft.revert", told, 1));
    let again = state.act(revert(&state, &published, "one")).unwrap();
    assert!(again.is_nothing(), "{}", again.summary);
}

#[test]
fn a_revert_of_what_somebody_changed_meanwhile_or_may_not_change_changes_nothing() {
    let (mut state, published) = with_publish();
    let action = revert(&state, &published, "one");
    state.act(edit("other")).unwrap();
    assert_eq!(refused(&mut state, action), STALE_DRAFT);
    let action = revert(&state, &published, "one");
    settle(&mut state, |settings| settings.protected_main = true);
    assert_eq!(refused(&mut state, action), "BRANCH_PROTECTED");
    let id = AgentRef { account: account(), agent: AgentId::parse("desk").unwrap() };
    assert_eq!(state.reverting(&id, version(2)).unwrap_err().code, "BRANCH_PROTECTED");
    settle(&mut state, |settings| settings.protected_main = false);
    assert_eq!(state.reverting(&id, version(3)).unwrap_err().code, "NOT_FOUND");
    let first = state.reverting(&id, version(1)).unwrap();
    assert_eq!((first.entry, first.before), (content_of("one").hash, None));
}

#[test]
fn staging_alone_is_let_past_pre_release_where_the_account_says_so() {
    let mut state = with_desk();
    let staging = || match publish(Environment::Live) {
        Action::Agent { agent, edit: AgentEdit::Publish(publish) } => {
            Action::Agent { agent, edit: AgentEdit::Publish(Publish { of_staging: true, ..publish }) }
        }
        other => other,
    };
    settle(&mut state, |settings| settings.allow_skip_pre_release = false);
    assert_eq!(refused(&mut state, staging()), "PRE_RELEASE_NOT_READY");
    settle(&mut state, |settings| settings.staging_publishes_live = true);
    assert_eq!(refused(&mut state, publish(Environment::Live)), "PRE_RELEASE_NOT_READY");
    state.act(staging()).unwrap();
}
