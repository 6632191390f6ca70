//! Housekeeping: what is done now and then beside the calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::token_keys::TokenKeyFile;
use super::{random_bytes, reset};
use crate::control::Control;
use crate::domain::time::Timestamp;
use crate::gateways::plane::CallPlane;
use crate::store::folder::DataFolder;
use crate::telemetry::Clock;

/// How often the calls of splits are kept, and the store is looked for.
const SAVE: Duration = Duration::from_secs(5);
/// How often the data folder is looked at: for a request to reset the key, and for the keys of tokens.
const LOOK: Duration = Duration::from_secs(1);

/// What is to be done now and then.
pub(super) struct Housekeeping {
    pub(super) control: Control,
    pub(super) plane: Arc<CallPlane>,
    pub(super) folder: Arc<DataFolder>,
    pub(super) key_secret: [u8; 32],
    pub(super) token_keys: TokenKeyFile,
    pub(super) clock: Clock,
}

impl Housekeeping {
    /// Does both jobs until it is dropped, each when its time has come and never twice at once.
    pub(super) async fn run(self) {
        let this = Arc::new(self);
        tokio::join!(now_and_then(&this, SAVE, Self::save), now_and_then(&this, LOOK, Self::look));
    }

    fn save(&self) {
        self.control.check_store();
        if let Err(why) = self.control.save_split_calls() {
            tracing::error!(error = ?why, "the calls of splits could not be kept");
        }
    }

    fn look(&self) {
        self.token_keys.follow(self.plane.token_keys(), self.control.status());
        let now = Timestamp(self.clock.now_ms());
        match reset::answer(&self.folder, &self.control, &self.key_secret, now, &mut random_bytes) {
            Ok(false) => {}
            Ok(true) => tracing::warn!("the admin key was made anew, as was asked for in the data folder"),
            Err(why) => tracing::error!(error = %why, "the admin key could not be made anew"),
        }
    }
}

async fn now_and_then(house: &Arc<Housekeeping>, period: Duration, job: fn(&Housekeeping)) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let house = Arc::clone(house);
        if let Err(why) = tokio::task::spawn_blocking(move || job(&house)).await {
            tracing::error!(error = %why, "a job of the house broke off");
        }
    }
}
