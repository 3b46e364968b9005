//! Which layers are given up: those that were used least recently, once all together take too much.

use crate::error::Result;
use crate::execute::Surroundings;
use crate::execute::Teller;
use crate::execute::admin::Admin;
use crate::execute::tag::Role;
use crate::model::event::Event;
use crate::model::layer::{Contents, Key};
use crate::wire::files::free_space;
use crate::wire::postgres::quote_ident;

/// What layers take at most by default, where the disk has that much.
const MOST: u64 = 5_000_000_000;

/// More than this is more than anybody goes back to; every database costs the server a little.
const COUNT: usize = 40;

/// Returns what all layers may take, in bytes: as configured, else a fifth of the free space and at most 5 GB. The space
/// is that of the project's disk: a server on this machine mostly lies on the same one.
pub(in crate::execute) fn largest(configured: Option<u64>, surroundings: &Surroundings) -> u64 {
    configured.unwrap_or_else(|| free_space(&surroundings.root).map_or(MOST, |free| (free / 5).min(MOST)))
}

/// Drops the layers that were used least recently until the rest takes no more than `max`; never those of `needed`.
/// Returns how many went.
pub(in crate::execute) async fn evict(admin: &Admin, needed: &[Key], max: u64, tell: &mut Teller<'_>) -> Result<usize> {
    let mut layers: Vec<Contents> = admin.layers().await?;
    layers.sort_by_key(|contents| (!needed.contains(&contents.key), std::cmp::Reverse(contents.used)));
    let mut room = max;
    let mut dropped = 0;
    for (index, contents) in layers.iter().enumerate() {
        let fits = room.checked_sub(contents.bytes);
        if needed.contains(&contents.key) || (fits.is_some() && index < COUNT) {
            room = fits.unwrap_or_default();
            continue;
        }
        match admin.drop_layer(&contents.key).await {
            Ok(()) => dropped += 1,
            Err(error) => tell(Event::Warning { text: error.message }),
        }
    }
    Ok(dropped)
}

impl Admin {
    /// Returns what the layers hold that this role made, or whose owner it may act as.
    pub(in crate::execute) async fn layers(&self) -> Result<Vec<Contents>> {
        let tags = self.databases().await?.into_iter().filter(|it| it.owned).filter_map(|it| it.tag);
        Ok(tags.filter(|tag| tag.role == Role::Layer).filter_map(|tag| tag.layer).collect())
    }

    /// Drops a layer; one that is gone already is no error.
    pub(in crate::execute) async fn drop_layer(&self, key: &Key) -> Result<()> {
        let name = key.database();
        let ordinary = format!("alter database {} is_template false", quote_ident(&name));
        if let Err(error) = self.attempt(&ordinary).await {
            if error.code() == Some(&tokio_postgres::error::SqlState::UNDEFINED_DATABASE) {
                return Ok(());
            }
            return Err(crate::execute::admin::failed(&format!("drop the layer `{name}`"), &error));
        }
        self.drop_own(&name).await
    }
}
