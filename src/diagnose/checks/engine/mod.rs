//! What the container engine runs.

pub(super) mod auth_trust;
pub(super) mod bind_mount_permissions;
pub(super) mod container_created;
pub(super) mod container_oom;
pub(super) mod container_restarting;
pub(super) mod disk_full;
pub(super) mod docker_down;
pub(super) mod docker_permission;
pub(super) mod healthcheck_args_lost;
pub(super) mod healthcheck_initdb_window;
pub(super) mod image_stale;
pub(super) mod image_unpinned;
pub(super) mod initdb_ignored;
pub(super) mod initdb_not_rerun;
pub(super) mod locale_missing;
pub(super) mod no_healthcheck;
pub(super) mod pg18_mount;
pub(super) mod pgdata_major_mismatch;
pub(super) mod project_name_changed;
pub(super) mod shm_small;
pub(super) mod volume_anonymous;
pub(super) mod volume_foreign;
pub(super) mod volume_password_stale;
pub(super) mod volume_shared;
