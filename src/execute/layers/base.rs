//! What the server contributes to every database that is made on it.

use std::time::Duration;

use tokio_postgres::Row;

use crate::error::Result;
use crate::execute::admin::{Admin, failed};
use crate::execute::create::now;
use crate::execute::properties::Properties;
use crate::model::layer::Digest;
use crate::model::server::LoginFailureKind;
use crate::wire::postgres::Session;

/// Versions, the role, what it and the server set that statements can see, and the extensions that can be made.
const FACTS: &str = "select json_build_array(
    current_setting('server_version_num')::int / 10000, current_user::text,
    (select json_agg(setting order by setting) from pg_db_role_setting s, unnest(s.setconfig) setting
     where s.setdatabase = 0 and (s.setrole = 0 or s.setrole = (select oid from pg_roles where rolname = current_user))),
    (select json_agg(name || '=' || coalesce(setting, '') order by name) from pg_settings where name = any (array[
       'TimeZone', 'DateStyle', 'IntervalStyle', 'bytea_output', 'default_table_access_method', 'default_tablespace',
       'default_text_search_config', 'default_toast_compression', 'default_with_oids', 'lc_messages', 'lc_monetary',
       'lc_numeric', 'lc_time', 'search_path', 'standard_conforming_strings', 'array_nulls', 'xmloption',
       'extra_float_digits', 'shared_preload_libraries', 'session_preload_libraries', 'createrole_self_grant'])),
    (select json_agg(name || ' ' || default_version order by name) from pg_available_extensions))::text";

/// What somebody made in `template1`, from which new databases are copied.
const TEMPLATE: &str = "select md5(coalesce(string_agg(line, ',' order by line), '')) from (
      select 'c' || oid || ' ' || xmin as line from pg_class where oid >= 16384
      union all select 'p' || oid || ' ' || xmin from pg_proc where oid >= 16384
      union all select 't' || oid || ' ' || xmin from pg_type where oid >= 16384
      union all select 'n' || oid || ' ' || xmin from pg_namespace where oid >= 16384 or nspname = 'public'
      union all select 'e' || oid || ' ' || xmin || extversion from pg_extension
      union all select 'd' || oid || ' ' || xmin from pg_default_acl) lines";

const TEMPLATE1: &str = "template1";

/// What is said in place of a digest.
const UNKNOWN: &str = "unknown";

const LOGIN: Duration = Duration::from_secs(5);

/// What a server contributes to every database that is made on it.
pub(in crate::execute) struct Site {
    facts: String,
    /// What `template1` holds, as a digest.
    template: String,
}

impl Site {
    /// Whether all of it could be seen; where not, no layer fits.
    pub(in crate::execute) fn is_known(&self) -> bool {
        !self.template.starts_with(UNKNOWN)
    }
}

/// Returns what this server contributes now.
pub(in crate::execute) async fn site(admin: &Admin) -> Result<Site> {
    let (facts, template) = tokio::join!(admin.rows(FACTS, &[], "ask the server about itself"), template(admin));
    let facts = facts?.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    Ok(Site { facts, template: template? })
}

/// Returns the digest of what a database depends on that is made on this server by this role, with these properties;
/// those of `template1` where there is no old database to take them from.
pub(in crate::execute) async fn digest(admin: &Admin, site: &Site, old: Option<&Properties>) -> Result<Digest> {
    let given = if let Some(old) = old {
        old.clone()
    } else {
        let first = Properties::read(admin, TEMPLATE1).await?.unwrap_or_default();
        Properties { grants: None, settings: Vec::new(), owner: admin.target.user().to_owned(), ..first }
    };
    Ok(Digest::of(["devdb layers, 1", &site.facts, &site.template, &properties(&given)]))
}

fn properties(given: &Properties) -> String {
    let own = |setting: &&(String, String, String)| !setting.1.starts_with("devdb.");
    let settings: Vec<_> = given.settings.iter().filter(own).collect();
    let locale = (&given.encoding, &given.collate, &given.ctype, &given.provider, &given.locale, &given.rules);
    format!("{:?} {locale:?} {:?} {settings:?}", given.owner, given.grants)
}

/// A short look: nobody can create databases from `template1` while somebody is on it.
async fn template(admin: &Admin) -> Result<String> {
    let digest = |rows: &[Row]| rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    if admin.entered == TEMPLATE1 {
        return Ok(digest(&admin.rows(TEMPLATE, &[], "look into template1").await?));
    }
    let session = match Session::open(&admin.target, TEMPLATE1, "devdb layers", LOGIN).await {
        Ok(session) => session,
        Err(failure) => match failure.kind {
            LoginFailureKind::NoConnectionsAllowed | LoginFailureKind::NotPermitted => return Ok("closed".to_owned()),
            // Not to be known now: no layer fits.
            _ => return Ok(format!("{UNKNOWN} at {}", now(admin).await)),
        },
    };
    let rows = session.query_typed(TEMPLATE, &[]).await.map_err(|error| failed("look into template1", &error));
    session.close().await;
    Ok(digest(&rows?))
}
