//! The models: asked for their statements in the project's own Python, and made from them in a scratch database, so that
//! the server itself says what they are.
#![expect(clippy::disallowed_methods, reason = "the program that asks is written into a folder of its own")]

use serde::Deserialize;
use serde_json::json;
use tokio_postgres::error::SqlState;

use crate::error::{Error, Result};
use crate::execute::Teller;
use crate::execute::admin::failed;
use crate::execute::chain::failure;
use crate::execute::scratch::Scratch;
use crate::execute::steps::{MODELS, Opened, Steps};
use crate::model::drift::Models;
use crate::model::schema::{ObjectId, ObjectKind, Property, Schema};
use crate::model::scratch::ScratchPlan;
use crate::model::text::{shortened, visible};
use crate::wire::files::read_text;
use crate::wire::postgres::{Session, message, quote_ident};

/// Schema, name and columns of a table: what `include_object` is asked about.
pub(super) type Relation = (String, String, Vec<String>);

/// What Python says of the models.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    ok: bool,
    /// There is no metadata.
    none: bool,
    statements: Vec<String>,
    /// Kind, schema, table, name.
    excluded: Vec<(String, String, String, String)>,
    compare_type: bool,
    compare_default: bool,
    notes: Vec<String>,
    kind: String,
    message: String,
    place: String,
    source: String,
}

impl Answer {
    /// Returns the answer, where there are models; fails where they could not be read.
    pub(super) fn of_models(self) -> Result<Option<Self>> {
        if self.ok {
            return Ok(Some(self).filter(|it| !it.none && !it.statements.is_empty()));
        }
        let said = shortened(&visible(&self.message), 300);
        let error = if self.kind.is_empty() { said } else { format!("{}: {said}", visible(&self.kind)) };
        let at = match (self.place.is_empty(), self.source.is_empty()) {
            (true, _) => String::new(),
            (false, true) => visible(&self.place),
            (false, false) => format!("{}: `{}`", visible(&self.place), shortened(&visible(&self.source), 100)),
        };
        Err(Error::failed(error).detail("where", at))
    }

    /// Returns the models of this answer, whose statements made `schema`.
    pub(super) fn models(self, schema: Schema) -> Models {
        let excluded = self.excluded.iter().filter_map(|(kind, space, table, name)| {
            let space = if space.is_empty() { "public" } else { space };
            let kind = ObjectKind::parse(kind)?;
            let part = kind != ObjectKind::Table;
            let parent = part.then(|| table.clone());
            Some(ObjectId { kind, schema: space.to_owned(), parent, name: if part { name } else { table }.clone() })
        });
        Models {
            excluded: excluded.collect(),
            schema,
            compare_type: self.compare_type,
            compare_default: self.compare_default,
            notes: self.notes,
        }
    }
}

/// Returns the tables of both, once each.
pub(super) fn relations(chain: Option<&Schema>, database: &Schema) -> Vec<Relation> {
    let mut found: Vec<Relation> = Vec::new();
    for schema in chain.into_iter().chain([database]) {
        let tables = schema.objects.keys().filter(|id| id.kind == ObjectKind::Table);
        for id in tables {
            if found.iter().all(|(space, name, _)| (space, name) != (&id.schema, &id.name)) {
                let key = (id.schema.clone(), id.name.clone());
                let columns = schema.column_order.get(&key).cloned().unwrap_or_default();
                found.push((key.0, key.1, columns));
            }
        }
    }
    found
}

/// Asks `env.py`, inside the command that runs the chain.
pub(super) async fn ask(
    scratch: &Scratch<'_>,
    plan: &ScratchPlan,
    relations: &[Relation],
    tell: &mut Teller<'_>,
) -> Result<Answer> {
    let runner = scratch.runner();
    match Steps::open(&runner, &plan.command, &plan.directory, tell).await? {
        Opened::Asked(mut steps) => {
            let answer = steps.ask(&json!({ "do": "models", "relations": relations }), tell).await?;
            let answer = serde_json::from_str(&answer)
                .map_err(|error| Error::failed("the command answered nonsense").because(error))?;
            steps.abandon().await;
            Ok(answer)
        }
        // No Python, hence no models that could be asked for.
        Opened::Ended(ran) if ran.success && !ran.bridged => Ok(Answer { ok: true, none: true, ..Answer::default() }),
        Opened::Ended(ran) if !ran.success => Err(failure(&runner, &plan.command, "command", &ran)),
        Opened::Ended(_) => Err(Error::environment(format!("`{}` does not run Alembic's own `upgrade`", plan.command))
            .detail("why", "so its `env.py` could not be asked for the models")),
    }
}

/// Imports the metadata that `devdb.toml` names.
pub(super) async fn ask_named(
    scratch: &Scratch<'_>,
    name: &str,
    relations: &[Relation],
    tell: &mut Teller<'_>,
) -> Result<Answer> {
    let broken = |error: std::io::Error| Error::environment("cannot write the program that asks").because(error);
    let folder = tempfile::Builder::new().prefix("devdb-").tempdir().map_err(broken)?;
    std::fs::write(folder.path().join("models.py"), MODELS).map_err(broken)?;
    let wanted = json!({ "metadata": name, "relations": relations, "version": scratch.major() }).to_string();
    std::fs::write(folder.path().join("models.json"), wanted).map_err(broken)?;
    let program = folder.path().join("models.py");
    // Outside of an environment, many systems know Python by its other name alone.
    let command = format!("$(command -v python || echo python3) '{}'", program.display());
    let runner = scratch.runner();
    let ran = runner.run(&command, std::path::Path::new(""), tell).await?;
    match read_text(&folder.path().join("answer.json")) {
        Ok(text) => {
            serde_json::from_str(&text).map_err(|error| Error::failed("the program answered nonsense").because(error))
        }
        Err(_) => Err(failure(&runner, "python", "program", &ran)),
    }
}

/// Makes the models in the scratch database: without the chain's tables, and with the schemas and extensions that they
/// may need.
pub(super) async fn make(session: &Session, answer: &mut Answer, like: &Schema) -> Result<()> {
    clear(session).await?;
    for (id, properties) in &like.objects {
        let statement = match id.kind {
            ObjectKind::Schema => format!("create schema if not exists {}", quote_ident(&id.name)),
            ObjectKind::Extension => {
                let into = properties.get(&Property::Definition).and_then(|it| it.strip_prefix("schema "));
                let into = into.map(|space| format!(" with schema {}", quote_ident(space))).unwrap_or_default();
                format!("create extension if not exists {}{into} cascade", quote_ident(&id.name))
            }
            _ => continue,
        };
        // What lacks it says so itself.
        if let Err(error) = session.batch_execute(&statement).await {
            tracing::debug!(%error, statement, "not made for the models");
        }
    }
    let statements = std::mem::take(&mut answer.statements);
    // All at once, where nothing is refused: hundreds of tables are hundreds of commits.
    if session.batch_execute(&format!("begin;\n{};\ncommit", statements.join(";\n"))).await.is_ok() {
        return Ok(());
    }
    session.batch_execute("rollback").await.map_err(|error| failed("roll back", &error))?;
    for statement in &statements {
        let Err(error) = session.batch_execute(statement).await else { continue };
        let there = [
            &SqlState::DUPLICATE_OBJECT,
            &SqlState::DUPLICATE_TABLE,
            &SqlState::DUPLICATE_SCHEMA,
            &SqlState::DUPLICATE_FUNCTION,
        ];
        if error.code().is_some_and(|code| there.contains(&code)) {
            continue;
        }
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((table, index)) = index_of(&statement) {
            // Such models are never given to `create_all`: the chain makes the index otherwise, by hand.
            answer.notes.push(format!("the index `{index}` is not compared: {}", message(&error)));
            let (space, table) = table.split_once('.').unwrap_or(("", &table));
            answer.excluded.push(("index".to_owned(), space.to_owned(), table.to_owned(), index));
            continue;
        }
        let what = format!("create what the models say (`{}`)", shortened(&visible(&statement), 100));
        return Err(failed(&what, &error));
    }
    Ok(())
}

/// Returns the table and the name of `CREATE [UNIQUE] INDEX name ON table …`, as SQLAlchemy writes it.
fn index_of(statement: &str) -> Option<(String, String)> {
    let rest = statement.strip_prefix("CREATE INDEX ").or_else(|| statement.strip_prefix("CREATE UNIQUE INDEX "))?;
    let mut words = rest.split(' ').filter(|word| !matches!(*word, "CONCURRENTLY" | "IF" | "NOT" | "EXISTS"));
    let plain = |word: &str| word.replace('"', "");
    let name = plain(words.next()?);
    (words.next()? == "ON").then_some(())?;
    Some((plain(words.next()?), name))
}

/// Drops tables and enumerations; functions, domains and extensions stay, as models use them.
async fn clear(session: &Session) -> Result<()> {
    const CLEAR: &str = "do $clear$ declare it record; begin
        for it in select format('drop %s if exists %I.%I cascade',
                case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                     when 'f' then 'foreign table' else 'table' end, n.nspname, c.relname) as statement
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
              and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                  and (d.deptype = 'e' or (c.relkind = 'S' and d.deptype in ('a', 'i'))))
        loop execute it.statement; end loop;
        for it in select format('drop type if exists %I.%I cascade', n.nspname, t.typname) as statement
            from pg_type t join pg_namespace n on n.oid = t.typnamespace
            where t.typtype = 'e' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
              and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')
        loop execute it.statement; end loop;
    end $clear$";
    let alone = "set client_min_messages = warning; set synchronous_commit = off";
    session.batch_execute(alone).await.map_err(|error| failed("prepare the scratch database", &error))?;
    session.batch_execute(CLEAR).await.map_err(|error| failed("empty the scratch database", &error))
}
