//! JSON bodies that are not as they must be: read whole, so that every fault is told at once and in our own words.
//!
//! ```text
//!   bytes --> Tree --> a reader, which keeps Faults --> ApiError: 400, each fault by the path of its field
//! ```

pub mod faults;
pub mod tree;

mod reading;
