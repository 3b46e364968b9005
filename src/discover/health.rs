//! What only a diagnosis asks of the database: one more statement in the session that described the server.

use std::time::Duration;

use serde::Deserialize;

use crate::model::health::{Health, ReadOnly};
use crate::model::observed::Observed;
use crate::model::text::visible;
use crate::wire::postgres::{Session, message};

const HEALTH: &str = "
select json_build_object(
  'standby', pg_is_in_recovery(),
  'read_only', current_setting('default_transaction_read_only')::boolean,
  'closed_schema', (select n.nspname from pg_namespace n
    where n.nspname = current_schema() and not has_schema_privilege(n.oid, 'create')),
  'foreign', (select coalesce(json_agg(json_build_array(name, owner)), '[]') from (
    select c.oid::regclass::text as name, pg_get_userbyid(c.relowner) as owner
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      and not pg_has_role(c.relowner, 'usage')
      and not exists (select from pg_depend e where e.objid = c.oid and e.deptype = 'e')
    order by 1 limit 20) others),
  'invalid_indexes', (select coalesce(json_agg(x.indexrelid::regclass::text), '[]')
    from pg_index x join pg_class i on i.oid = x.indexrelid
    where not x.indisvalid and i.relkind = 'i'
      and not exists (select from pg_stat_progress_create_index p where p.index_relid = x.indexrelid))
)::text";

#[derive(Deserialize)]
struct Facts {
    standby: bool,
    read_only: bool,
    closed_schema: Option<String>,
    foreign: Vec<(String, String)>,
    invalid_indexes: Vec<String>,
}

/// Returns what the session's role meets in the session's database; unknown when the server takes longer than `deadline`.
pub(super) async fn look(session: &Session, deadline: Duration) -> Observed<Health> {
    let asked = match tokio::time::timeout(deadline, session.query_typed(HEALTH, &[])).await {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => return Observed::Unknown(message(&error)),
        Err(_elapsed) => {
            return Observed::Unknown(format!("the catalog did not answer within {:.1} s", deadline.as_secs_f32()));
        }
    };
    let text: String = asked.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    match serde_json::from_str::<Facts>(&text) {
        Ok(facts) => Observed::Known(health(facts)),
        Err(error) => Observed::Unknown(format!("what the catalog says is not understood: {error}")),
    }
}

fn health(facts: Facts) -> Health {
    Health {
        read_only: match (facts.standby, facts.read_only) {
            (true, _) => Some(ReadOnly::Standby),
            (false, true) => Some(ReadOnly::Setting),
            (false, false) => None,
        },
        closed_schema: facts.closed_schema,
        foreign: facts.foreign.iter().map(|(name, owner)| (visible(name), visible(owner))).collect(),
        invalid_indexes: facts.invalid_indexes.iter().map(|name| visible(name)).collect(),
    }
}
