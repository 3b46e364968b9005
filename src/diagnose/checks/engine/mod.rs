//! What the container engine runs.

pub(super) mod container_created;
pub(super) mod container_restarting;
pub(super) mod docker_down;
pub(super) mod docker_permission;
pub(super) mod volume_password_stale;
