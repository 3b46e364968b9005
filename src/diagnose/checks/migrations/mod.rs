//! The chain, and where the database stands in it.

pub(super) mod alembic_behind;
pub(super) mod alembic_cycle;
pub(super) mod alembic_duplicate_id;
pub(super) mod alembic_empty_down;
pub(super) mod alembic_enum_exists;
pub(super) mod alembic_missing_parent;
pub(super) mod alembic_multiple_heads;
pub(super) mod alembic_needs_bootstrap;
pub(super) mod alembic_order;
pub(super) mod alembic_overlapping_rows;
pub(super) mod alembic_percent;
pub(super) mod alembic_rev_too_long;
pub(super) mod alembic_stamped_empty;
pub(super) mod alembic_unknown_revision;
pub(super) mod alembic_unreadable_revision;
pub(super) mod alembic_unstamped;
pub(super) mod alembic_url_diff;
pub(super) mod alembic_url_placeholder;
pub(super) mod project_code_fails;
pub(super) mod python_package_missing;
pub(super) mod schema_drift;
pub(super) mod sql_behind;
pub(super) mod sql_chain_fault;
pub(super) mod sql_checksum;
pub(super) mod sql_dirty;
pub(super) mod sql_unknown_version;
