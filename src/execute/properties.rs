//! What a database has besides its content, and `CREATE DATABASE … TEMPLATE` does not copy: owner, grants, settings,
//! limits, comment. Read from the old database, given to the new one.

use super::Teller;
use super::admin::Admin;
use super::tag::{Role, Tag};
use crate::error::Result;
use crate::model::event::Event;
use crate::wire::postgres::{quote_ident, quote_literal};

/// The properties of one database (`pg_database`, `pg_db_role_setting`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Properties {
    pub owner: String,
    pub encoding: String,
    pub collate: String,
    pub ctype: String,
    /// `c`: libc, `i`: ICU, `b`: builtin; empty before version 15, which knows libc alone.
    pub provider: String,
    /// The ICU or builtin locale.
    pub locale: Option<String>,
    /// What tailors the ICU locale, from version 16 on.
    pub rules: Option<String>,
    pub connection_limit: i32,
    /// As its owner wrote it.
    pub comment: Option<String>,
    /// The git branch that the database belongs to, where `[branches]` keeps one a branch.
    pub branch: Option<String>,
    /// Grantee (empty: PUBLIC), privilege, with grant option; nothing when the defaults were never changed.
    pub grants: Option<Vec<(String, String, bool)>>,
    /// Role (empty: all), name, value.
    pub settings: Vec<(String, String, String)>,
}

impl Properties {
    /// Returns the properties of `database`; nothing when it does not exist.
    pub(super) async fn read(admin: &Admin, database: &str) -> Result<Option<Self>> {
        let provider = if admin.major() >= 15 { "d.datlocprovider::text" } else { "''::text" };
        let rules = if admin.major() >= 16 { "d.daticurules::text" } else { "null::text" };
        let locale = match admin.major() {
            17.. => "d.datlocale::text",
            15.. => "d.daticulocale::text",
            _ => "null::text",
        };
        let query = format!(
            "select r.rolname::text, pg_encoding_to_char(d.encoding)::text, d.datcollate::text, d.datctype::text,
                    {provider}, {locale}, d.datconnlimit, shobj_description(d.oid, 'pg_database'), d.datacl is not null,
                    {rules}
             from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = $1"
        );
        let rows = admin.rows(&query, &[database], "read the database's properties").await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let changed: bool = row.try_get(8).unwrap_or_default();
        let comment: Option<String> = row.try_get(7).unwrap_or_default();
        let live = Tag::read(comment.as_deref()).filter(|tag| tag.role == Role::Live && tag.of == database);
        let (comment, branch) = live.map_or((comment, None), |live| (live.comment, live.branch));
        Ok(Some(Self {
            owner: row.try_get(0).unwrap_or_default(),
            encoding: row.try_get(1).unwrap_or_default(),
            collate: row.try_get(2).unwrap_or_default(),
            ctype: row.try_get(3).unwrap_or_default(),
            provider: row.try_get(4).unwrap_or_default(),
            locale: row.try_get(5).unwrap_or_default(),
            rules: row.try_get(9).unwrap_or_default(),
            connection_limit: row.try_get(6).unwrap_or(-1),
            comment,
            branch,
            grants: if changed { Some(grants(admin, database).await?) } else { None },
            settings: settings(admin, database).await?,
        }))
    }

    /// Returns the options of `CREATE DATABASE` that make a database of the same encoding and locale.
    pub(super) fn create_options(&self) -> String {
        let options = format!(
            " encoding {} lc_collate {} lc_ctype {}",
            quote_literal(&self.encoding),
            quote_literal(&self.collate),
            quote_literal(&self.ctype)
        );
        match (self.provider.as_str(), &self.locale) {
            ("i", Some(locale)) => {
                let rules = self.rules.as_ref().map(|rules| format!(" icu_rules {}", quote_literal(rules)));
                let rules = rules.unwrap_or_default();
                format!("{options} locale_provider icu icu_locale {}{rules}", quote_literal(locale))
            }
            ("b", Some(locale)) => {
                format!("{options} locale_provider builtin builtin_locale {}", quote_literal(locale))
            }
            // Said, as the server's own default may be another one.
            ("c", _) => format!("{options} locale_provider libc"),
            _ => options,
        }
    }

    /// Returns whether another database has the same encoding and locale.
    pub(super) fn same_locale(&self, other: &Self) -> bool {
        let locale = |it: &Self| {
            let Self { encoding, collate, ctype, provider, locale, rules, .. } = it.clone();
            (encoding, collate, ctype, provider, locale, rules)
        };
        locale(self) == locale(other)
    }

    /// Gives `database` these properties, but for the comment, which the swap carries, and the connection limit, which
    /// would count the build's own sessions. What the role may not give is told.
    pub(super) async fn give(&self, admin: &Admin, database: &str, role: &str, tell: &mut Teller<'_>) -> Result<()> {
        let name = quote_ident(database);
        if self.owner != role {
            let statement = format!("alter database {name} owner to {}", quote_ident(&self.owner));
            admin.run(&statement, &format!("make `{}` the owner", self.owner)).await?;
        }
        let mut optional = Vec::new();
        optional.extend(self.grant_statements(&name));
        optional.extend(self.settings.iter().map(|setting| setting_statement(&name, setting)));
        for statement in optional {
            if let Err(error) = admin.attempt(&statement).await {
                let why = crate::wire::postgres::message(&error);
                tell(Event::Warning { text: format!("not carried over: {}: {why}", statement.replace(&name, "…")) });
            }
        }
        Ok(())
    }

    /// Gives `database` what only this one says of itself, and no layer holds: the settings of devdb's own.
    pub(super) async fn give_marks(&self, admin: &Admin, database: &str, tell: &mut Teller<'_>) -> Result<()> {
        let name = quote_ident(database);
        for setting in self.settings.iter().filter(|(_, key, _)| key.starts_with("devdb.")) {
            if let Err(error) = admin.attempt(&setting_statement(&name, setting)).await {
                let why = crate::wire::postgres::message(&error);
                tell(Event::Warning { text: format!("not carried over: `{}`: {why}", setting.1) });
            }
        }
        Ok(())
    }

    /// Gives `database` the connection limit, once it is built.
    pub(super) async fn limit(&self, admin: &Admin, database: &str) -> Result<()> {
        if self.connection_limit == -1 {
            return Ok(());
        }
        let name = quote_ident(database);
        let statement = format!("alter database {name} connection limit {}", self.connection_limit);
        admin.run(&statement, "set the connection limit").await
    }

    fn grant_statements(&self, name: &str) -> Vec<String> {
        let Some(grants) = &self.grants else { return Vec::new() };
        let mut statements = vec![format!("revoke all on database {name} from public")];
        for (grantee, privilege, grantable) in grants {
            let to = if grantee.is_empty() { "public".to_owned() } else { quote_ident(grantee) };
            let option = if *grantable { " with grant option" } else { "" };
            statements.push(format!("grant {privilege} on database {name} to {to}{option}"));
        }
        statements
    }
}

fn setting_statement(name: &str, (role, key, value): &(String, String, String)) -> String {
    // Lists are stored as they are written, each name quoted already (GUC_LIST_QUOTE).
    const LISTS: [&str; 5] = [
        "search_path",
        "temp_tablespaces",
        "session_preload_libraries",
        "local_preload_libraries",
        "shared_preload_libraries",
    ];
    let value = match value.as_str() {
        "" => "''".to_owned(),
        list if LISTS.contains(&key.as_str()) => list.to_owned(),
        text => quote_literal(text),
    };
    let key = key.split('.').map(quote_ident).collect::<Vec<_>>().join(".");
    if role.is_empty() {
        format!("alter database {name} set {key} to {value}")
    } else {
        format!("alter role {} in database {name} set {key} to {value}", quote_ident(role))
    }
}

async fn grants(admin: &Admin, database: &str) -> Result<Vec<(String, String, bool)>> {
    const GRANTS: &str = "select coalesce(r.rolname::text, ''), a.privilege_type, a.is_grantable
        from pg_database d, aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee
        where d.datname = $1 and a.grantee <> d.datdba order by 1, 2";
    let rows = admin.rows(GRANTS, &[database], "read the database's grants").await?;
    let grant = |row: &tokio_postgres::Row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?, row.try_get(2).ok()?));
    Ok(rows.iter().filter_map(grant).collect())
}

async fn settings(admin: &Admin, database: &str) -> Result<Vec<(String, String, String)>> {
    const SETTINGS: &str = "select coalesce(r.rolname::text, ''), unnest(s.setconfig)
        from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole
        where d.datname = $1 order by 1, 2";
    let rows = admin.rows(SETTINGS, &[database], "read the database's settings").await?;
    let setting = |row: &tokio_postgres::Row| {
        let entry: String = row.try_get(1).ok()?;
        let (key, value) = entry.split_once('=')?;
        Some((row.try_get(0).ok()?, key.to_owned(), value.to_owned()))
    };
    Ok(rows.iter().filter_map(setting).collect())
}
