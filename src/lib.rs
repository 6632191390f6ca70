//! Cordboard: a self-hosted runtime call router for voice agents.
//!
//! A gateway asks who serves a call; one agent at one pinned version is the answer, with the reason and the revision
//! that decided.
//!
//! ```text
//!    gateways            HTTP asks: "who serves this call?"
//!       |  CallRequest                                   ^ Decision (always an answer, with its reason)
//!       v                                                |
//!    routing  ........   immutable RoutingTable, pure decide(); swapped whole; no lock, wait or allocation
//!       ^
//!       |  install(table), newer revisions only
//!       |
//!    control <--------   api, route and agent files      one path: Command
//!       |
//!       v
//!    store   ........    embedded SQLite, one writer
//!
//!    domain   the nouns and rules all of them share: pure, synchronous, cannot fail except by refusal
//!    http, telemetry, settings   cellar: know nothing of calls
//!    cli   the client commands, over the API             app   joins the rooms; main starts it
//! ```
//!
//! To read it, follow a change and then a call:
//!
//! 1. [`domain`]: [`State::weigh`](domain::state::State::weigh) turns a [`Command`](domain::command::Command) into facts
//!    ([`Change`](domain::change::Change)) or a refusal; [`State::absorb`](domain::state::State::absorb) makes the next
//!    state of them.
//! 2. [`control`]: the one thread that weighs, commits, absorbs and installs.
//! 3. [`store`]: what a commit is on the disk, and how the present is loaded.
//! 4. [`routing`]: the [`RoutingTable`](routing::table::RoutingTable), patched by what a change touched;
//!    [`decide`](routing::decide::decide()), the calls in progress and the token.
//! 5. [`gateways`]: a request of the call plane, from its bytes to its answer.
//! 6. [`api`] and [`cli`]: what operators ask and change.
//! 7. [`http`], [`settings`], [`telemetry`]: the cellar.
//! 8. [`app`]: how the rooms are joined, run and left.
//!
//! What outranks what, where two aims conflict: a call is always answered; a call keeps its version; operators can tell
//! why; fast; small. Who may name whom is kept by `tests/architecture.rs`; why things are as they are stands in
//! `docs/decisions`.

pub mod api;
pub mod app;
pub mod cli;
pub mod control;
pub mod domain;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod gateways;
pub mod http;
pub mod routing;
pub mod settings;
pub mod store;
pub mod telemetry;
