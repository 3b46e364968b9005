//! Copies of databases, made by the server (`CREATE DATABASE … TEMPLATE`), and what such a copy lacks.

use super::Teller;
use super::admin::{Admin, failed};
use super::properties::Properties;
use super::tag::Tag;
use crate::error::Result;
use crate::wire::postgres::quote_ident;

/// From this size on, copying files beats writing every block through the log (PostgreSQL documentation, CREATE DATABASE).
const LARGE: u64 = 50 << 20;

/// Makes `name` a tagged copy of `source`, on which nobody may be; then gives it what copies lack. `bytes` is the source's
/// size, by which the way of copying is chosen.
pub(super) async fn clone(
    admin: &Admin,
    (source, bytes): (&str, u64),
    (name, tag): (&str, &Tag),
    properties: &Properties,
    tell: &mut Teller<'_>,
) -> Result<()> {
    copy(admin, (source, bytes), name).await?;
    admin.comment(name, Some(&tag.comment())).await?;
    properties.give(admin, name, admin.target.user(), tell).await
}

/// Makes `name` an untagged copy of `source`.
pub(super) async fn copy(admin: &Admin, (source, bytes): (&str, u64), name: &str) -> Result<()> {
    let plain = format!("create database {} template {}", quote_ident(name), quote_ident(source));
    let what = format!("clone `{source}`");
    if admin.major() < 15 || bytes < LARGE {
        return admin.run(&plain, &what).await;
    }
    let files = format!("{plain} strategy file_copy");
    // Since 18 the file system may share the blocks, where it can.
    if admin.major() >= 18 && admin.attempt("set file_copy_method = clone").await.is_ok() {
        let cloned = admin.attempt(&files).await;
        admin.run("reset file_copy_method", "reset a setting").await?;
        match cloned {
            Ok(()) => return Ok(()),
            Err(error) if error.as_db_error().is_none() => return Err(failed(&what, &error)),
            Err(error) => tracing::debug!(%error, "the file system cannot clone files"),
        }
    }
    admin.run(&files, &what).await
}

/// Returns a database's size in bytes; 0 where the role may not ask.
pub(super) async fn size(admin: &Admin, database: &str) -> u64 {
    const SIZE: &str = "select pg_database_size($1::name)";
    let rows = admin.rows(SIZE, &[database], "ask for a database's size").await;
    let bytes = rows.ok().and_then(|rows| rows.first()?.try_get::<_, i64>(0).ok());
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default()
}
