//! Laws of real-time configs as answers give them.

use super::*;
use crate::domain::change::Change;
use crate::domain::real_time_config::ConfigPage;

const LIVE: &str = "+14155550100";

/// Stores `{"open": …}` for what `live` serves of an agent.
fn store(world: &mut World, agent: &str, open: bool) {
    let variables = serde_json::json!({ "open": open }).as_object().cloned();
    let page = Arc::new(ConfigPage { variables, ..ConfigPage::new(Environment::Live) });
    absorb(world, &Change::ConfigPagePut { agent: agent_ref(agent), page });
}

fn absorb(world: &mut World, change: &Change) {
    let mut touched = Touched::default();
    world.state.revision = world.state.revision.next();
    world.state.absorb(change, &mut touched);
    world.table = world.patched(&world.table, &touched);
}

fn told(board: &Switchboard, world: &World, id: &str) -> Option<String> {
    let headers = Vec::new();
    let call = CallRequest { call_id: Some(id), ..world.call(LIVE, "+14155550199", &headers) };
    let page = |answer: &Answer<'_>| answer.real_time_config.map(ToOwned::to_owned);
    board.ask(&world.table, &call, occasion(1), &mut Silent, page)
}

#[test]
fn a_page_is_told_in_the_next_answer_to_new_calls_and_to_those_in_progress() {
    let mut world = World::new();
    world.put(LIVE, "sales@live");
    let board = switchboard(&world, 10);
    assert_eq!(told(&board, &world, "a"), None);
    for open in [true, false] {
        store(&mut world, "sales", open);
        let page = format!("{{\"open\":{open}}}");
        assert_eq!([told(&board, &world, "a"), told(&board, &world, "b")], [Some(page.clone()), Some(page)]);
    }
}

#[test]
fn a_call_is_told_nothing_of_another_agent_that_stands_where_its_own_did() {
    let mut world = World::new();
    world.put(LIVE, "sales@live");
    let board = switchboard(&world, 10);
    assert_eq!(told(&board, &world, "a"), None);
    let place = |world: &World, agent: &str| world.table.agent(&agent_ref(agent)).unwrap().place;
    let (sales, before) = (world.state.agent(&agent_ref("sales")).unwrap().clone(), place(&world, "sales"));
    world.act(Action::DeleteNumber(number(LIVE)));
    absorb(&mut world, &Change::AgentRemoved(agent_ref("sales")));
    let mut profile = sales.profile.clone();
    profile.id = agent_ref("other");
    absorb(&mut world, &Change::AgentPut(profile));
    store(&mut world, "other", true);
    assert_eq!((place(&world, "other"), told(&board, &world, "a")), (before, None));
    // One of its own name is as good as its own, wherever that stands.
    absorb(&mut world, &Change::AgentPut(sales.profile.clone()));
    store(&mut world, "sales", false);
    assert_ne!(place(&world, "sales"), before);
    assert_eq!(told(&board, &world, "a").as_deref(), Some("{\"open\":false}"));
}
