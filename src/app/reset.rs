//! `cordboard keys reset`: a new admin key for whoever may write in the data folder.
//!
//! Without a router the store is changed here. A running router holds the store: then a request is left in the data
//! folder, which the router looks for every second.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::control::keys::{NewKey, new_key};
use crate::control::{Control, ControlError};
use crate::domain::account::KeyDigest;
use crate::domain::change::{Change, Entry, Touched};
use crate::domain::command::{Action, Author, Command};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::store::folder::{DataFolder, FolderError, owned};
use crate::store::life::{Life, LifeError};
use crate::store::port::{Commit, ControlStore};

const REQUEST: &str = "reset-admin-key";
const NEXT: &str = "admin.key.next";
const WAIT: Duration = Duration::from_secs(10);

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store or its secret cannot be used.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] crate::store::error::StoreError),
    /// Nothing has been started on this folder yet.
    #[error("no router has run on {} yet: the first start makes the admin key", folder.display())]
    NoAccount {
        /// The folder.
        folder: PathBuf,
    },
    /// The command was not carried out.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The store was changed meanwhile.
    #[error("the store could not take the change: {0}")]
    Commit(#[from] crate::store::port::CommitError),
    /// A router holds the folder and does not answer.
    #[error(
        "the router that holds the data folder did not make a new key within 10 seconds; its log says why, if it has tried"
    )]
    NoAnswer,
    /// The folder cannot be written.
    #[error("the data folder cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

/// Makes a new admin key and writes it to `admin.key`; earlier admin keys end.
///
/// # Errors
/// When nothing was changed, and why.
pub fn reset(data: &Path, now: Timestamp, random: &mut dyn FnMut() -> [u8; 32]) -> Result<(), ResetError> {
    // Before it is opened, which would make it.
    if Life::is_none(data) {
        return Err(ResetError::NoAccount { folder: data.to_owned() });
    }
    match DataFolder::open(data) {
        Ok(folder) => reset_alone(&folder, now, random),
        Err(FolderError::InUse { .. }) => ask_the_router(data),
        Err(why) => Err(why.into()),
    }
}

fn reset_alone(
    folder: &DataFolder,
    now: Timestamp,
    random: &mut dyn FnMut() -> [u8; 32],
) -> Result<(), ResetError> {
    let Life { store, key_secret } = Life::mend(folder, random())?;
    let mut state = State::default();
    state.revision = store.load(&mut |change: Change| state.absorb(&change, &mut Touched::default()))?;
    let (command, new) = command(folder, &state, &key_secret, now, random)?;
    let outcome = state.weigh(&command).map_err(ControlError::from)?;
    let entry = Entry {
        revision: state.revision.next(),
        at: now,
        account: command.account,
        author: Author::Console.name().to_owned(),
        actor: None,
        action: outcome.action.to_owned(),
        target: outcome.target,
        summary: outcome.summary,
    };
    write_next(folder, &new)?;
    store.commit(
        state.revision,
        &[Commit { entry, staged: None, changes: outcome.changes, bodies: Vec::new() }],
    )?;
    Ok(put_in_place(folder)?)
}

fn ask_the_router(data: &Path) -> Result<(), ResetError> {
    let request = data.join(REQUEST);
    let key = data.join("admin.key");
    let before = std::fs::read(&key).ok();
    std::fs::write(&request, b"")?;
    let deadline = Instant::now() + WAIT;
    while Instant::now() < deadline {
        let present = std::fs::read(&key).ok();
        if present.is_some() && present != before {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // Gone already if the router has tried.
    drop(std::fs::remove_file(&request));
    Err(ResetError::NoAnswer)
}

/// Carries out a request that lies in the data folder, if one does; for the router to call every second.
pub(super) fn answer(
    folder: &DataFolder,
    control: &Control,
    secret: &[u8; 32],
    now: Timestamp,
    random: &mut dyn FnMut() -> [u8; 32],
) -> Result<bool, ResetError> {
    let request = folder.path().join(REQUEST);
    if !request.exists() {
        return Ok(false);
    }
    // Whatever comes of it: a request that stays would be carried out again every second.
    std::fs::remove_file(request)?;
    let (command, new) = command(folder, &control.state(), secret, now, random)?;
    write_next(folder, &new)?;
    control.submit_blocking(command)?;
    put_in_place(folder)?;
    Ok(true)
}

fn command(
    folder: &DataFolder,
    state: &State,
    secret: &[u8; 32],
    now: Timestamp,
    random: &mut dyn FnMut() -> [u8; 32],
) -> Result<(Command, NewKey), ResetError> {
    let none = || ResetError::NoAccount { folder: folder.path().to_owned() };
    let account = state.first_account.clone().ok_or_else(none)?;
    let new = new_key(&account, secret, random(), now);
    let action = Action::ReplaceKey(new.key.clone());
    Ok((Command { account, author: Author::Console, at: now, action }, new))
}

/// Writes the new key beside the old one, which is still the valid one.
fn write_next(folder: &DataFolder, new: &NewKey) -> Result<(), ResetError> {
    Ok(folder.write_atomic(NEXT, format!("{}\n", new.text).as_bytes(), 0o600)?)
}

/// The new key is valid: it takes the old one's place, durably.
fn put_in_place(folder: &DataFolder) -> io::Result<()> {
    std::fs::rename(folder.path().join(NEXT), folder.admin_key())?;
    owned::sync_folder(folder.path())
}

/// Says if `admin.key` does not hold a key of this router any more: the commands on this machine take their key from
/// it.
fn tell_of_a_lost_key(folder: &DataFolder, state: &State, secret: &[u8; 32]) {
    let file = folder.admin_key();
    let why = match std::fs::read_to_string(&file) {
        Ok(text) if state.keys.get(&KeyDigest::of(secret, text.trim())).is_some() => return,
        Ok(_) => "holds no key of this router".to_owned(),
        Err(why) if why.kind() == io::ErrorKind::NotFound => "is not there".to_owned(),
        Err(why) => format!("cannot be read: {why}"),
    };
    tracing::warn!(
        "{} {why}: commands on this machine find no key. The first key is valid still; if nobody has it, \
         `cordboard keys reset` ends it and makes a new one",
        file.display()
    );
}

/// Ends what broke off in the middle, for a start to call: a new key that became valid takes its place, one that did not
/// goes, since it never will. A start that is not the first one says if the key is lost.
pub(super) fn finish(
    folder: &DataFolder,
    state: &State,
    secret: &[u8; 32],
    is_first: bool,
) -> io::Result<()> {
    finish_reset(folder, state, secret)?;
    if !is_first {
        tell_of_a_lost_key(folder, state, secret);
    }
    Ok(())
}

fn finish_reset(folder: &DataFolder, state: &State, secret: &[u8; 32]) -> io::Result<()> {
    let next = folder.path().join(NEXT);
    let text = match std::fs::read(&next) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    let digest = KeyDigest::of(secret, String::from_utf8_lossy(&text).trim());
    if state.keys.get(&digest).is_none() {
        return std::fs::remove_file(next);
    }
    tracing::warn!(
        "a reset of the admin key had broken off: the new key is in {}",
        folder.admin_key().display()
    );
    put_in_place(folder)
}
