//! The way to the server, and into it.

pub(super) mod auth_password;
pub(super) mod conn_refused;
pub(super) mod conn_timeout;
pub(super) mod db_in_use;
pub(super) mod db_missing;
pub(super) mod index_invalid;
pub(super) mod ipv6_localhost;
pub(super) mod no_createdb;
pub(super) mod not_owner;
pub(super) mod not_postgres;
pub(super) mod schema_no_create;
pub(super) mod server_read_only;
pub(super) mod server_starting;
pub(super) mod too_many_clients;
