//! A throw-away database beside the target, held under its lock: what a killed run leaves is removed by the next.

use super::Teller;
use super::admin::Admin;
use super::create::{BUILDING, clean_up, create, free_name};
use super::properties::Properties;
use crate::error::{Error, Result};
use crate::model::event::Event;
use crate::model::target::Target;

/// A scratch database. The target is never touched, and need not exist.
pub(super) struct Scratch {
    admin: Admin,
    pub name: String,
}

impl Scratch {
    /// Creates it, with the target's locale and settings; `what` names the command to others who wait for the lock.
    pub(super) async fn create(
        target: &Target,
        what: &str,
        cancelled: impl Future<Output = ()>,
        tell: &mut Teller<'_>,
    ) -> Result<Self> {
        let admin = Admin::open(target, what).await?;
        let made = tokio::select! {
            biased;
            () = cancelled => Err(Error::cancelled()),
            made = make(&admin, target.database(), tell) => made,
        };
        match made {
            Ok(name) => Ok(Self { admin, name }),
            Err(error) => {
                admin.close().await;
                Err(error)
            }
        }
    }

    /// Drops it.
    pub(super) async fn remove(self, tell: &mut Teller<'_>) {
        if let Err(error) = self.admin.drop_own(&self.name).await {
            tell(Event::Warning { text: format!("{}; the next reset removes it", error.message) });
        }
        self.admin.close().await;
    }
}

async fn make(admin: &Admin, target: &str, tell: &mut Teller<'_>) -> Result<String> {
    admin.lock(tell).await?;
    clean_up(admin, target, tell).await?;
    let old = Properties::read(admin, target).await?;
    let name = free_name(admin, target, BUILDING).await?;
    match create(admin, &name, target, old.as_ref(), tell).await {
        Ok(_tag) => Ok(name),
        Err(error) => {
            if let Err(other) = admin.drop_own(&name).await {
                tell(Event::Warning { text: other.message });
            }
            Err(error)
        }
    }
}
