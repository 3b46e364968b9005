//! What stands in `.env` files.

pub(super) mod env_crlf;
pub(super) mod env_duplicate_key;
pub(super) mod env_key_missing;
pub(super) mod env_missing;
pub(super) mod env_shell_override;
pub(super) mod env_syntax;
pub(super) mod url_scheme_postgres;
pub(super) mod url_unescaped;
