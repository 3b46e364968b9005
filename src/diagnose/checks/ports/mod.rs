//! Who listens where, and who dials what.

pub(super) mod host_gateway_missing;
pub(super) mod host_is_service_name;
pub(super) mod host_localhost_inside;
pub(super) mod localhost_in_container;
pub(super) mod override_ports_appended;
pub(super) mod port_allocated;
pub(super) mod port_ephemeral;
pub(super) mod port_in_container;
pub(super) mod port_in_use;
pub(super) mod port_mismatch;
pub(super) mod port_reserved;
pub(super) mod port_unpublished;
pub(super) mod published_everywhere;
pub(super) mod wrong_server;
