//! What stands in `.env` files.

pub(super) mod compose_invalid;
pub(super) mod compose_quotes_literal;
pub(super) mod env_blank_in_value;
pub(super) mod env_bom;
pub(super) mod env_committed;
pub(super) mod env_crlf;
pub(super) mod env_duplicate_key;
pub(super) mod env_extra_forbidden;
pub(super) mod env_key_missing;
pub(super) mod env_missing;
pub(super) mod env_not_ignored;
pub(super) mod env_shell_override;
pub(super) mod env_syntax;
pub(super) mod env_value_cut;
pub(super) mod env_vars_disagree;
pub(super) mod password_empty;
pub(super) mod url_driver_suffix;
pub(super) mod url_driver_sync;
pub(super) mod url_option_unknown;
pub(super) mod url_scheme_postgres;
pub(super) mod url_unescaped;
