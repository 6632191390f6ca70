//! Collections that are copied in no time and changed by copying only the path to the change.
//!
//! Control's state and the routing table hold the same ten million numbers. A clone shares everything with its
//! original; a change afterwards copies the few nodes between the root and what changes, so that it costs
//! microseconds whatever the size, and whoever reads the older clone keeps seeing it whole.
//!
//! Nodes are shared by `Arc` and written through `Arc::make_mut`: while nobody else holds a node it is changed in
//! place, so that filling a collection which nobody has cloned yet costs no copies.

pub mod map;
pub mod slab;

pub use map::Map;
pub use slab::Slab;
