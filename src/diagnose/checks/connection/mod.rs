//! The way to the server, and into it.

pub(super) mod auth_password;
pub(super) mod collation_version;
pub(super) mod conn_refused;
pub(super) mod conn_timeout;
pub(super) mod connection_limit;
pub(super) mod db_in_use;
pub(super) mod db_missing;
pub(super) mod extension_unavailable;
pub(super) mod hba_no_entry;
pub(super) mod index_invalid;
pub(super) mod ipv6_localhost;
pub(super) mod no_createdb;
pub(super) mod not_owner;
pub(super) mod not_postgres;
pub(super) mod password_expired;
pub(super) mod pooler_in_between;
pub(super) mod role_missing;
pub(super) mod role_nologin;
pub(super) mod schema_no_create;
pub(super) mod sequence_behind;
pub(super) mod server_read_only;
pub(super) mod server_starting;
pub(super) mod tls_unsupported;
pub(super) mod too_many_clients;
