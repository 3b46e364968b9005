//! What the server says of itself to the app's own role: two statements in one round trip.

use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::chain::VersionTable;
use super::health;
use crate::model::observed::Observed;
use crate::model::server::{Attached, Database, LoginFailure, LoginFailureKind, Role, Server, Session as Other};
use crate::model::sql_chain::AppliedMigration;
use crate::model::target::Target;
use crate::model::text::visible;
use crate::wire::history;
use crate::wire::postgres::{Session, message};

/// Sessions are those with a user: an autovacuum worker has none, and the kind of another role's session is hidden.
/// Everything in one row, from what stands behind the views, which join more than is asked for; what an ordinary role may
/// not see comes back as null.
const FACTS: &str = "
with activity as materialized (
  select pid, datid, usesysid, application_name, state, state_change, backend_type from pg_stat_get_activity(null)
), asked as materialized (select * from pg_database where datname = $1)
select json_build_object(
  'version', current_setting('server_version'),
  'version_number', current_setting('server_version_num')::int,
  'address', host(inet_server_addr()),
  'entered', current_database(),
  'max_connections', current_setting('max_connections')::int,
  'connections', (select count(*) from activity where datid is not null),
  'role', (select json_build_object(
      'name', rolname, 'superuser', rolsuper, 'create_database', rolcreatedb or rolsuper,
      'signal_backend', rolsuper or pg_has_role(oid, 'pg_signal_backend', 'usage'))
    from pg_roles where rolname = current_user),
  'database', (select json_build_object(
      'name', d.datname, 'oid', d.oid::bigint, 'owner', r.rolname, 'encoding', pg_encoding_to_char(d.encoding),
      'allows_connections', d.datallowconn,
      'owned', pg_has_role(current_user, d.datdba, 'usage'),
      'size', case when has_database_privilege(d.oid, 'connect') then pg_database_size(d.oid) end,
      'comment', shobj_description(d.oid, 'pg_database'),
      'marker', (select split_part(setting, '=', 2) from pg_db_role_setting s, unnest(s.setconfig) setting
                 where s.setdatabase = d.oid and s.setrole = 0 and setting like 'devdb.environment=%'))
    from asked d join pg_roles r on r.oid = d.datdba),
  'tables', (select json_build_object('count', count(*), 'rows', coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
      and not exists (select from pg_depend e where e.objid = c.oid and e.deptype = 'e')),
  'sessions', (select coalesce(json_agg(json_build_object(
      'pid', pid, 'user', pg_get_userbyid(usesysid), 'application', coalesce(application_name, ''), 'state', state,
      'idle', extract(epoch from now() - state_change)::bigint) order by application_name, pid), '[]')
    from activity where datid = (select oid from asked) and pid <> pg_backend_pid() and usesysid is not null),
  'attached', json_build_object(
    'slots', (select coalesce(json_agg(slot_name order by slot_name), '[]') from pg_get_replication_slots()
              where datoid = (select oid from asked) and slot_type = 'logical' and not temporary),
    'subscriptions', (select coalesce(json_agg(subname order by subname), '[]') from pg_subscription
                      where subdbid = (select oid from asked)),
    'prepared', (select coalesce(json_agg(gid order by prepared), '[]') from pg_prepared_xact()
                 where dbid = (select oid from asked)),
    'workers', (select coalesce(json_agg(distinct backend_type), '[]') from activity
                where datid = (select oid from asked)
                  and backend_type not in ('client backend', 'parallel worker', 'autovacuum worker', 'walsender', 'logical replication worker', 'logical replication apply worker',
                  'logical replication tablesync worker', 'logical replication parallel worker')))
)::text";

const IDENTITY: &str = "select system_identifier::text from pg_control_system()";

/// The databases through which a server can be asked when the target's own cannot be entered.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

#[derive(Deserialize)]
struct Facts {
    version: String,
    version_number: u32,
    address: Option<String>,
    entered: String,
    max_connections: u32,
    connections: u32,
    role: RoleFacts,
    database: Option<DatabaseFacts>,
    tables: TableFacts,
    sessions: Vec<SessionFacts>,
    attached: AttachedFacts,
}

#[derive(Deserialize)]
struct AttachedFacts {
    slots: Vec<String>,
    subscriptions: Vec<String>,
    prepared: Vec<String>,
    workers: Vec<String>,
}

#[derive(Deserialize)]
struct RoleFacts {
    name: String,
    superuser: bool,
    create_database: bool,
    signal_backend: bool,
}

#[derive(Deserialize)]
struct DatabaseFacts {
    name: String,
    oid: u32,
    owner: String,
    encoding: String,
    allows_connections: bool,
    owned: bool,
    size: Option<u64>,
    comment: Option<String>,
    marker: Option<String>,
}

#[derive(Deserialize)]
struct TableFacts {
    count: u32,
    rows: u64,
}

#[derive(Deserialize)]
struct SessionFacts {
    pid: i32,
    user: String,
    application: String,
    state: Option<String>,
    idle: Option<i64>,
}

/// What is asked beside the description.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The rows of the chain's version table.
    pub versions: Option<&'a VersionTable>,
    /// What only a diagnosis asks.
    pub health: bool,
    /// The rows of `django_migrations`, with it.
    pub django: bool,
}

/// Returns the server as the target's role sees it. When the target database cannot be entered, the server is asked
/// through a maintenance database.
pub(super) async fn look(target: &Target, asked: Asked<'_>, deadline: Duration) -> Result<Server, LoginFailure> {
    let name = target.database();
    let failure = match Session::open(target, name, "devdb", deadline).await {
        Ok(session) => {
            let mut server = ask(&session, name, asked.versions, deadline).await?;
            if asked.health {
                let wanted = health::Wanted { settings: server.role.superuser, django: asked.django };
                server.health = health::look(&session, wanted, deadline).await;
            }
            return Ok(server);
        }
        Err(failure) => failure,
    };
    if !matches!(failure.kind, LoginFailureKind::DatabaseMissing | LoginFailureKind::NoConnectionsAllowed) {
        return Err(failure);
    }
    for maintenance in MAINTENANCE {
        if let Ok(session) = Session::open(target, maintenance, "devdb", deadline).await {
            return ask(&session, name, None, deadline).await;
        }
    }
    Err(failure)
}

async fn ask(
    session: &Session,
    name: &str,
    versions: Option<&VersionTable>,
    deadline: Duration,
) -> Result<Server, LoginFailure> {
    let about: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&name, Type::NAME)];
    let described = async { tokio::join!(session.query_typed(FACTS, &about), session.query_typed(IDENTITY, &[])) };
    // A session may hold the version table's lock: that sinks what the table says, and nothing else.
    let both = async {
        tokio::join!(
            tokio::time::timeout(deadline, Box::pin(described)),
            tokio::time::timeout(deadline, Box::pin(applied(session, versions))),
        )
    };
    let (described, applied) = both.await;
    let Ok((facts, identity)) = described else {
        let message = format!("the server took longer than {:.1} s to describe itself", deadline.as_secs_f32());
        return Err(LoginFailure { sqlstate: None, message, kind: LoginFailureKind::TimedOut, routine: None });
    };
    let applied = applied.unwrap_or_else(|_elapsed| {
        let why = format!(
            "the version table did not answer within {:.1} s: another session may have it locked",
            deadline.as_secs_f32()
        );
        Applied { versions: Observed::Unknown(why.clone()), history: Observed::Unknown(why) }
    });
    let rows = facts.map_err(|error| other(&error))?;
    let text: String = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let facts: Facts = serde_json::from_str(&text).map_err(|error| LoginFailure {
        sqlstate: None,
        message: format!("its description of itself is not understood: {error}"),
        kind: LoginFailureKind::Other,
        routine: None,
    })?;
    let identifier = identity.ok().and_then(|rows| rows.first()?.try_get::<_, String>(0).ok()?.parse().ok());
    Ok(server(facts, identifier, applied))
}

/// What the version table says: the versions, and for an SQL chain the whole rows.
#[derive(Debug, Default)]
struct Applied {
    versions: Observed<Vec<String>>,
    history: Observed<Vec<AppliedMigration>>,
}

/// Returns the rows of the version table; absent when there is no such table.
async fn applied(session: &Session, versions: Option<&VersionTable>) -> Applied {
    match versions {
        None => Applied::default(),
        Some(VersionTable::Alembic(table)) => {
            Applied { versions: revisions(session, table).await, ..Applied::default() }
        }
        Some(VersionTable::Sql(tool, table)) => match history::read(session, *tool, table).await {
            Ok(Some(rows)) => Applied {
                versions: Observed::Known(rows.iter().map(|row| row.version.clone()).collect()),
                history: Observed::Known(rows),
            },
            Ok(None) => Applied::default(),
            Err(error) => {
                let why = message(&error);
                Applied { versions: Observed::Unknown(why.clone()), history: Observed::Unknown(why) }
            }
        },
    }
}

async fn revisions(session: &Session, table: &str) -> Observed<Vec<String>> {
    match session.query_typed(&format!("select version_num::text from {table} order by 1"), &[]).await {
        Ok(rows) => Observed::Known(rows.iter().filter_map(|row| row.try_get(0).ok()).collect()),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Observed::Absent,
        Err(error) => Observed::Unknown(message(&error)),
    }
}

const UNSEEN: &str = "the database could not be entered";

fn server(facts: Facts, system_identifier: Option<u64>, applied: Applied) -> Server {
    let entered = facts.entered;
    let owns_database = facts.database.as_ref().is_some_and(|database| database.owned);
    let sessions: Vec<Other> = facts.sessions.into_iter().map(session).collect();
    let tables = facts.tables;
    let all = |names: &[String]| -> Vec<String> { names.iter().map(|name| visible(name)).collect() };
    let attached = Attached {
        slots: all(&facts.attached.slots),
        subscriptions: all(&facts.attached.subscriptions),
        prepared: all(&facts.attached.prepared),
        workers: all(&facts.attached.workers),
    };
    let database = facts.database.map(|database| {
        let inside = database.name == entered;
        Database {
            oid: database.oid,
            owner: database.owner,
            encoding: database.encoding,
            allows_connections: database.allows_connections,
            size_bytes: database.size.unwrap_or_default(),
            marker: database.marker,
            comment: database.comment,
            tables: if inside { Observed::Known(tables.count) } else { Observed::Unknown(UNSEEN.to_owned()) },
            estimated_rows: if inside { tables.rows } else { 0 },
            versions: if inside { applied.versions } else { Observed::Unknown(UNSEEN.to_owned()) },
            history: if inside { applied.history } else { Observed::Unknown(UNSEEN.to_owned()) },
            sessions,
            attached,
            name: database.name,
        }
    });
    Server {
        version: facts.version,
        version_number: facts.version_number,
        system_identifier,
        address: facts.address,
        role: Role {
            name: facts.role.name,
            superuser: facts.role.superuser,
            create_database: facts.role.create_database,
            signal_backend: facts.role.signal_backend,
            owns_database,
        },
        max_connections: facts.max_connections,
        connections: facts.connections,
        entered,
        database: database.into(),
        health: Observed::Absent,
    }
}

fn session(facts: SessionFacts) -> Other {
    Other {
        pid: facts.pid,
        user: visible(&facts.user),
        application: visible(&facts.application),
        state: facts.state,
        idle_seconds: facts.idle,
    }
}

fn other(error: &tokio_postgres::Error) -> LoginFailure {
    LoginFailure {
        sqlstate: error.code().map(|code| code.code().to_owned()),
        message: message(error),
        kind: LoginFailureKind::Other,
        routine: None,
    }
}
