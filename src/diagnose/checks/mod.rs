//! The registry: plain modules and one slice, in the order in which checks run and are shown. Causes stand before
//! their consequences, so that a consequence can be left out when its cause was found.
#![expect(clippy::unnecessary_wraps, reason = "a check that always knows has the same type as one that may not")]

mod connection;
mod engine;
mod env;
mod migrations;
mod ports;
mod prelude;

use super::check::Check;

pub(super) const CHECKS: &[Check] = &[
    env::env_missing::CHECK,
    env::env_syntax::CHECK,
    env::env_crlf::CHECK,
    env::env_duplicate_key::CHECK,
    env::env_key_missing::CHECK,
    env::env_shell_override::CHECK,
    env::url_unescaped::CHECK,
    env::url_scheme_postgres::CHECK,
    engine::docker_permission::CHECK,
    engine::docker_down::CHECK,
    ports::port_allocated::CHECK,
    ports::port_in_use::CHECK,
    engine::container_created::CHECK,
    engine::container_restarting::CHECK,
    ports::port_unpublished::CHECK,
    ports::port_ephemeral::CHECK,
    ports::wrong_server::CHECK,
    engine::volume_password_stale::CHECK,
    ports::port_mismatch::CHECK,
    ports::host_is_service_name::CHECK,
    ports::host_localhost_inside::CHECK,
    connection::conn_refused::CHECK,
    connection::conn_timeout::CHECK,
    connection::ipv6_localhost::CHECK,
    connection::not_postgres::CHECK,
    connection::server_starting::CHECK,
    connection::auth_password::CHECK,
    connection::too_many_clients::CHECK,
    connection::db_missing::CHECK,
    connection::server_read_only::CHECK,
    connection::schema_no_create::CHECK,
    connection::not_owner::CHECK,
    connection::no_createdb::CHECK,
    connection::index_invalid::CHECK,
    connection::db_in_use::CHECK,
    migrations::alembic_unreadable_revision::CHECK,
    migrations::alembic_missing_parent::CHECK,
    migrations::alembic_cycle::CHECK,
    migrations::alembic_duplicate_id::CHECK,
    migrations::alembic_multiple_heads::CHECK,
    migrations::alembic_order::CHECK,
    migrations::alembic_needs_bootstrap::CHECK,
    migrations::alembic_rev_too_long::CHECK,
    migrations::alembic_enum_exists::CHECK,
    migrations::alembic_empty_down::CHECK,
    migrations::alembic_url_diff::CHECK,
    migrations::alembic_unknown_revision::CHECK,
    migrations::alembic_unstamped::CHECK,
    migrations::alembic_stamped_empty::CHECK,
    migrations::alembic_overlapping_rows::CHECK,
    migrations::alembic_behind::CHECK,
    migrations::sql_chain_fault::CHECK,
    migrations::sql_dirty::CHECK,
    migrations::sql_unknown_version::CHECK,
    migrations::sql_checksum::CHECK,
    migrations::sql_behind::CHECK,
];
