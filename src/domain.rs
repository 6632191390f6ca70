//! The nouns and rules that every room shares: pure, synchronous, no input or output.

pub mod address;
pub mod fault;
pub mod id;
pub mod persistent;
pub mod time;
