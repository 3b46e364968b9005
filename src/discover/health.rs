//! What only a diagnosis asks of the database: two more statements in the session that described the server.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::error::SqlState;

use crate::model::health::{Behind, Collated, Extension, Health, Outdated, ReadOnly, Settings, Waiting};
use crate::model::observed::Observed;
use crate::model::text::visible;
use crate::wire::postgres::{Session, message};

/// `{name}` is [`NAME`]; `{outdated}`, `{trusted}` and `{since}` are what the server's major has of them.
const HEALTH: &str = "
with used as materialized (select distinct attcollation from pg_attribute where attrelid >= 16384 and attcollation > 0)
select json_build_object(
  'standby', pg_is_in_recovery(),
  'read_only', (select source from pg_settings
    where name = 'default_transaction_read_only' and current_setting(name)::boolean),
  'closed_schema', (select n.nspname from pg_namespace n
    where n.nspname = current_schema() and not has_schema_privilege(n.oid, 'create')),
  'foreign', (select coalesce(json_agg(json_build_array(name, owner)), '[]') from (
    select {name} as name, pg_get_userbyid(c.relowner) as owner
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      and not pg_has_role(c.relowner, 'usage')
      and not exists (select from pg_depend e where e.objid = c.oid and e.deptype in ('e', 'a', 'i')
        and e.classid = 'pg_class'::regclass)
    order by 1 limit 40) others),
  'denied', (select coalesce(json_agg(json_build_array(schema, name) order by name), '[]') from (
    select quote_ident(n.nspname) as schema, {name} as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and n.nspname = any (current_schemas(false))
      and c.relname <> all (array['alembic_version', 'schema_migrations', 'goose_db_version', 'flyway_schema_history',
        '_sqlx_migrations', '_prisma_migrations', '__diesel_schema_migrations', 'django_migrations'])
      and has_schema_privilege(n.oid, 'usage') and not has_any_column_privilege(c.oid, 'select, insert, update, references')
      and not has_table_privilege(c.oid, 'delete') and (select rolinherit from pg_roles where rolname = current_user)
      and not exists (select from pg_depend e where e.objid = c.oid and e.deptype = 'e' and e.classid = 'pg_class'::regclass)
    order by 2 limit 40) others),
  'waiting', (select coalesce(json_agg(json_build_object('pid', w.pid, 'application', coalesce(w.application_name, ''),
      'seconds', w.seconds, 'blocker', w.blocker, 'blocker_application', coalesce(b.application_name, ''),
      'blocker_role', coalesce(pg_get_userbyid(b.usesysid), ''), 'blocker_state', b.state) order by w.seconds desc, w.pid), '[]')
    from (select l.pid, a.application_name, (pg_blocking_pids(l.pid))[1] as blocker,
        max(extract(epoch from clock_timestamp() - {since}))::bigint as seconds
      from pg_locks l join pg_stat_get_activity(null) a on a.pid = l.pid
      where not l.granted and l.locktype <> 'advisory' and a.datid = (select oid from pg_database where datname = current_database())
      group by 1, 2) w left join pg_stat_get_activity(null) b on b.pid = w.blocker
    where w.blocker is not null and w.seconds >= 3),
  'invalid_indexes', (select coalesce(json_agg(x.indexrelid::regclass::text order by x.indexrelid), '[]')
    from pg_index x join pg_class i on i.oid = x.indexrelid
    where not x.indisvalid and i.relkind = 'i'
      and not exists (select from pg_stat_progress_create_index p where p.index_relid = x.indexrelid)),
  'outdated', (select coalesce(json_agg(json_build_array(sort, name, recorded, actual)), '[]') from (
    {outdated}
    select 'collation' as sort, quote_ident(s.nspname) || '.' || quote_ident(c.collname), c.collversion, pg_collation_actual_version(c.oid)
    from pg_collation c join pg_namespace s on s.oid = c.collnamespace where c.oid in (select attcollation from used) and c.collversion is not null
    ) versions (sort, name, recorded, actual) where recorded is distinct from actual),
  'extensions', (select coalesce(json_agg(json_build_array(x.name, x.installed_version is not null,
      (select rolsuper from pg_roles where rolname = current_user)
      or has_database_privilege(current_database(), 'create') and exists (
        select from pg_available_extension_versions v
        where v.name = x.name and v.version = x.default_version and (not v.superuser {trusted})))), '[]')
    from pg_available_extensions x)
)::text";

/// A relation's name that a superuser can use as well, who has another search path.
const NAME: &str = "case when n.nspname = 'public' then quote_ident(c.relname)
      else quote_ident(n.nspname) || '.' || quote_ident(c.relname) end";

/// Since PostgreSQL 15. A database whose template is out of date cannot be copied.
const OUTDATED_DATABASES: &str = "
    select 'database', datname, datcollversion, pg_database_collation_actual_version(oid) from pg_database
    where datname in (current_database(), 'template1') and datcollversion is not null
    union all";

/// The sequences of columns whose highest number an index tells, and that the role may read. The server may ask for
/// privileges before it looks what a relation is, and refuses to on a table: hence the `case`.
const SEQUENCES: &str = "
with numbered as (
  select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number from pg_depend d
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i' and d.refobjsubid > 0
  union
  select d.refobjid, e.adrelid, e.adnum from pg_attrdef e
  join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = e.oid and d.refclassid = 'pg_class'::regclass)
select s.oid::regclass::text, t.oid::regclass::text, quote_ident(a.attname), q.seqincrement, q.seqmax
from numbered n
join pg_class s on s.oid = n.sequence and s.relkind = 'S'
join pg_sequence q on q.seqrelid = s.oid
join pg_class t on t.oid = n.relation and t.relkind in ('r', 'p')
join pg_attribute a on a.attrelid = t.oid and a.attnum = n.number
where q.seqincrement > 0 and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
  and has_column_privilege(t.oid, a.attnum, 'select') and case s.relkind when 'S' then has_sequence_privilege(s.oid, 'select') else false end
  and has_schema_privilege(t.relnamespace, 'usage') and has_schema_privilege(s.relnamespace, 'usage')
  and exists (select from pg_index i
    where i.indrelid = t.oid and i.indisunique and i.indisvalid and i.indkey[0] = a.attnum)
order by 1, 2 limit 1000";

/// `{file}` is the line's file, where the server's major says it: files may include others since PostgreSQL 16.
const SETTINGS: &str = "
select json_build_object(
  'preloaded', current_setting('shared_preload_libraries'),
  'hba_errors', (select coalesce(json_agg(json_build_array({file}, line_number, error) order by 1), '[]')
    from pg_hba_file_rules where error is not null)
)::text";

/// A number that is this many steps ahead is soon met.
const STEPS: i64 = 100;

/// A session of the app's may hold a table's lock: nobody waits for it here.
const BEGIN: &str = "begin read only; set local lock_timeout = '500ms'; set local statement_timeout = '1s'";

#[derive(Deserialize)]
struct Facts {
    standby: bool,
    /// Where the setting comes from (`pg_settings.source`).
    read_only: Option<String>,
    closed_schema: Option<String>,
    foreign: Vec<(String, String)>,
    invalid_indexes: Vec<String>,
    outdated: Vec<(String, String, String, Option<String>)>,
    extensions: Vec<(String, bool, bool)>,
    denied: Vec<(String, String)>,
    waiting: Vec<Waiting>,
}

#[derive(Deserialize)]
struct SettingFacts {
    preloaded: String,
    hba_errors: Vec<(String, u32, String)>,
}

/// What is asked beside.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// What only a superuser may read.
    pub settings: bool,
    /// The rows of `django_migrations`.
    pub django: bool,
}

/// Returns what the session's role meets in the session's database; unknown when the server takes longer than `deadline`.
pub(super) async fn look(session: &Session, wanted: Wanted, deadline: Duration) -> Observed<Health> {
    let too_long = || format!("the catalog did not answer within {:.1} s", deadline.as_secs_f32());
    let databases = if session.major() >= 15 { OUTDATED_DATABASES } else { "" };
    let trusted = if session.major() >= 13 { "or v.trusted" } else { "" };
    // Since when a lock is waited for is not told before 14.
    let since = if session.major() >= 14 { "l.waitstart" } else { "null::timestamptz" };
    let statement = HEALTH
        .replace("{outdated}", databases)
        .replace("{trusted}", trusted)
        .replace("{since}", since)
        .replace("{name}", NAME);
    let all = async {
        tokio::join!(
            session.query_typed(&statement, &[]),
            settings(session, wanted.settings),
            django(session, wanted.django)
        )
    };
    let Ok((asked, settings, django)) = tokio::time::timeout(deadline, Box::pin(all)).await else {
        return Observed::Unknown(too_long());
    };
    let asked = match asked {
        Ok(rows) => rows,
        Err(error) => return Observed::Unknown(message(&error)),
    };
    let text: String = asked.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let facts = match serde_json::from_str::<Facts>(&text) {
        Ok(facts) => facts,
        Err(error) => return Observed::Unknown(format!("what the catalog says is not understood: {error}")),
    };
    let behind = match tokio::time::timeout(deadline, Box::pin(behind(session))).await {
        Ok(Ok(behind)) => Observed::Known(behind),
        Ok(Err(error)) => Observed::Unknown(message(&error)),
        Err(_elapsed) => Observed::Unknown(too_long()),
    };
    Observed::Known(Health { django, settings, ..health(facts, behind) })
}

/// Asks what Django has applied.
async fn django(session: &Session, wanted: bool) -> Observed<Vec<(String, String)>> {
    if !wanted {
        return Observed::Absent;
    }
    match session.query_typed("select app::text, name::text from django_migrations order by id", &[]).await {
        Ok(rows) => Observed::Known(
            rows.iter()
                .filter_map(|row| Some((visible(row.try_get(0).ok()?), visible(row.try_get(1).ok()?))))
                .collect(),
        ),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Observed::Absent,
        Err(error) => Observed::Unknown(message(&error)),
    }
}

/// Asks what only a superuser may read.
async fn settings(session: &Session, wanted: bool) -> Observed<Settings> {
    if !wanted {
        return Observed::Absent;
    }
    let file = if session.major() >= 16 { "file_name" } else { "current_setting('hba_file')" };
    let rows = match session.query_typed(&SETTINGS.replace("{file}", file), &[]).await {
        Ok(rows) => rows,
        Err(error) => return Observed::Unknown(message(&error)),
    };
    let text: String = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    match serde_json::from_str::<SettingFacts>(&text) {
        Ok(facts) => Observed::Known(Settings {
            preloaded: facts.preloaded.split(',').map(|it| visible(it.trim().trim_matches('"'))).collect(),
            hba_errors: facts
                .hba_errors
                .into_iter()
                .map(|(file, line, why)| (visible(&file), line, visible(&why)))
                .collect(),
        }),
        Err(error) => Observed::Unknown(format!("what the settings say is not understood: {error}")),
    }
}

fn health(facts: Facts, behind: Observed<Vec<Behind>>) -> Health {
    let outdated = |(sort, name, recorded, actual): (String, String, String, Option<String>)| Outdated {
        of: if sort == "database" { Collated::Database(visible(&name)) } else { Collated::Collation(visible(&name)) },
        recorded: visible(&recorded),
        actual: actual.as_deref().map(visible),
    };
    Health {
        read_only: match (facts.standby, facts.read_only.as_deref()) {
            (true, _) => Some(ReadOnly::Standby),
            (false, None) => None,
            (false, Some("database")) => Some(ReadOnly::Database),
            (false, Some("user" | "database user")) => Some(ReadOnly::Role),
            (false, Some(_)) => Some(ReadOnly::Server),
        },
        closed_schema: facts.closed_schema,
        foreign: facts.foreign.iter().map(|(name, owner)| (visible(name), visible(owner))).collect(),
        invalid_indexes: facts.invalid_indexes.iter().map(|name| visible(name)).collect(),
        behind,
        outdated: facts.outdated.into_iter().map(outdated).collect(),
        extensions: facts
            .extensions
            .into_iter()
            .map(|(name, installed, permitted)| Extension { name, installed, permitted })
            .collect(),
        denied: facts.denied.iter().map(|(schema, name)| (visible(schema), visible(name))).collect(),
        waiting: facts.waiting.into_iter().map(shown).collect(),
        settings: Observed::Absent,
        django: Observed::Absent,
    }
}

fn shown(waiting: Waiting) -> Waiting {
    Waiting {
        application: visible(&waiting.application),
        blocker_application: visible(&waiting.blocker_application),
        blocker_role: visible(&waiting.blocker_role),
        ..waiting
    }
}

/// Returns the sequences that are behind: within the next numbers that they give, a row has one.
async fn behind(session: &Session) -> Result<Vec<Behind>, tokio_postgres::Error> {
    let sequences = session.query_typed(SEQUENCES, &[]).await?;
    let (mut found, mut ends) = (Vec::new(), Vec::new());
    let mut statement = String::new();
    for row in &sequences {
        let (sequence, table, column): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (step, end): (i64, i64) = (row.try_get(3)?, row.try_get(4)?);
        let (last, far) = (end.saturating_sub(step), step.saturating_mul(STEPS));
        if !statement.is_empty() {
            statement.push_str(" union all ");
        }
        // Writing to a string cannot fail.
        let _written = write!(
            statement,
            "select {}, n.next, (select max({column}) from {table})::int8
             from (select case when not is_called then last_value when last_value <= {last} then last_value + {step} end as next
               from {sequence}) n
             where exists (select from {table} where {column} >= n.next
               and {column} < case when n.next < {} then n.next + {far} else {end} end)",
            found.len(),
            end.saturating_sub(far),
        );
        ends.push(end);
        found.push(Behind { sequence, table, column, ..Behind::default() });
    }
    if found.is_empty() {
        return Ok(found);
    }
    // `set local`: behind a pooler, the session is another client's afterwards.
    let (begun, rows, ended) = tokio::join!(
        session.batch_execute(BEGIN),
        session.query_typed(&statement, &[]),
        session.batch_execute("rollback"),
    );
    begun.and(ended)?;
    let mut behind = Vec::new();
    for row in rows? {
        let index: i32 = row.try_get(0)?;
        let Ok(index) = usize::try_from(index) else { continue };
        let (Some(one), Some(end)) = (found.get(index), ends.get(index)) else { continue };
        let (next, highest): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        behind.push(Behind { next, highest, at_end: highest >= *end, ..one.clone() });
    }
    Ok(behind)
}
