//! Route and agent files: from bytes to one set that is applied whole or not at all.
//!
//! ```text
//!   SourceFile --read--> Library (one entry a file, parsed) --file_set--> FileSet --weigh--> facts
//!                              |
//!                          LastGood (copies of what was applied)
//! ```
//!
//! Whoever follows the files keeps two things that belong together: the library that is applied, and the contents it
//! was read from. What differs from those contents is read into a new library; only when that is applied do both take
//! the place of the old ones. So a faulty file changes nothing, and is looked at again with whatever changes next.
//!
//! Nothing here looks at a folder: contents are handed in, by paths such as `routes/a.toml` and `agents/sales/V1.toml`.

mod agent_folder;
mod caller_pin_table;
mod check;
mod column;
mod cut;
mod difference;
mod doubtful;
mod faults;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod item;
mod last_good;
mod library;
mod origin;
mod plain;
mod plain_routes;
mod route_file;
mod route_table;
mod rows;
mod shadowed;
mod source;
mod split_table;
mod unpinned;
mod value;

pub use check::{Summary, check};
pub use column::located;
pub use last_good::{LastGood, LastGoodError};
pub use library::Library;
pub use source::SourceFile;

#[cfg(test)]
mod tests;
