//! What several checks ask of the picture: by the room that it belongs to, and what belongs to all of them here.

mod chains;
mod containers;
mod edits;
mod listeners;

pub(super) use chains::{applied, created_extensions, in_order, is_beside_chain, sql_applied};
pub(super) use containers::{
    answering_container, as_superuser, container_name, database_port, engine_says, fixed_port, image_major,
    own_container, recreate_command, runs_at_init, superuser_command, wanted_port, with_major,
};
pub(super) use edits::{
    edit_url, entry, has_secrets, is_placeholder, leads_there, of_example, port_line, set_host_and_port, set_port,
    set_value, sync_driver, with_async_driver,
};
pub(super) use listeners::{beside_engine, held_by_engine, holder, stop_commands};

use crate::model::health::Health;
use crate::model::observed::Unknown;
use crate::model::picture::Picture;
use crate::model::server::{Database, LoginFailure, Reply, Server};
use crate::model::target::{Candidate, Host};

/// Returns whether the target is dialled on this machine's loopback.
pub(super) fn on_loopback(candidate: &Candidate) -> bool {
    matches!(candidate.target.host(), Host::Tcp(_)) && candidate.target.host().is_loopback()
}

/// Returns whether a login succeeded.
pub(super) fn logged_in(picture: &Picture) -> bool {
    picture.server.known().is_some()
}

/// Returns what the role meets in its database; nothing when that could not be entered.
pub(super) fn health(picture: &Picture) -> Result<Option<(&Server, &Database, &Health)>, Unknown> {
    let Some(server) = picture.server.known() else { return Ok(None) };
    let Some(database) = server.database.known() else { return Ok(None) };
    Ok(server.health.look()?.map(|health| (server, database, health)))
}

/// Returns the SQLSTATE of a refusal in parentheses.
pub(super) fn code(failure: &LoginFailure) -> String {
    failure.sqlstate.as_deref().map(|code| format!(" ({code})")).unwrap_or_default()
}

/// Returns whether any address of the target speaks PostgreSQL.
pub(super) fn answers(picture: &Picture) -> bool {
    picture.reach.endpoints.iter().any(|endpoint| matches!(endpoint.reply, Reply::Postgres { .. }))
}
