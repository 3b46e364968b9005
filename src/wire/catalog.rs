//! A database's catalog, read in one round trip.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::postgres::Session;
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, Schema};

/// The query.
pub const CATALOG: &str = include_str!("catalog/catalog.sql");

/// Said of a column beside its properties: its number, by which the order is told.
const NUMBER: &str = "#";

/// What is read beside what always is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub privileges: bool,
}

/// Returns the schema of the database that the session is on. The session must not be inside a transaction.
pub async fn read(session: &Session, options: Options) -> Result<Schema, tokio_postgres::Error> {
    // Sent together: the server answers the three without waiting in between. Plans of a statement that runs once
    // are not worth compiling.
    let begin = session.batch_execute(
        "begin transaction isolation level repeatable read read only;
         set local search_path = ''; set local jit = off; set local client_min_messages = warning",
    );
    let mut schema = Schema::default();
    let mut columns = Vec::new();
    // Rows are taken in while the server is still making the rest.
    let reading = async {
        let privileges: (&(dyn ToSql + Sync), Type) = (&options.privileges, Type::BOOL);
        let mut rows = pin!(session.query_typed_raw(CATALOG, [privileges]).await?);
        while let Some(row) = rows.try_next().await? {
            add(&mut schema, &mut columns, &row)?;
        }
        Ok::<(), tokio_postgres::Error>(())
    };
    let (begun, read, ended) = tokio::join!(biased; begin, reading, session.batch_execute("rollback"));
    begun?;
    read?;
    ended?;
    columns.sort_unstable();
    for (table, _number, name) in columns {
        schema.column_order.entry(table).or_default().push(name);
    }
    Ok(schema)
}

type Column = ((String, String), i16, String);

fn add(schema: &mut Schema, columns: &mut Vec<Column>, row: &Row) -> Result<(), tokio_postgres::Error> {
    let Some(kind) = ObjectKind::parse(row.try_get(0)?) else { return Ok(()) };
    let id = ObjectId { kind, schema: row.try_get(1)?, parent: row.try_get(2)?, name: row.try_get(3)? };
    let said: Vec<Option<&str>> = row.try_get(4)?;
    let mut properties = Properties::new();
    for pair in said.chunks_exact(2) {
        let [Some(name), Some(value)] = pair else { continue };
        if let Some(property) = Property::parse(name) {
            properties.insert(property, (*value).to_owned());
        } else if *name == NUMBER
            && let Some(table) = &id.parent
        {
            columns.push(((id.schema.clone(), table.clone()), value.parse().unwrap_or_default(), id.name.clone()));
        }
    }
    schema.objects.insert(id, properties);
    Ok(())
}
