//! A project whose schema is made by files of SQL.

use crate::support::cluster::{Cluster, Database};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

pub(crate) struct Chain {
    pub(crate) project: Project,
    pub(crate) database: Database<'static>,
}

impl Chain {
    pub(crate) fn new(files: &[(&str, &str)]) -> Option<Self> {
        let cluster = Cluster::shared()?;
        let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
        let project = Project::new();
        for (path, text) in files {
            project.write(path, text);
        }
        let chain = Self { project, database };
        chain.name_database("");
        Some(chain)
    }

    /// Writes the URL with parameters behind it.
    pub(crate) fn name_database(&self, parameters: &str) {
        let url = self.database.url();
        self.project.write(".env", &format!("DATABASE_URL={url}{parameters}\nAPP_ENV=development\n"));
    }

    pub(crate) fn devdb<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Sandbox {
        Sandbox::new(&self.project).args(arguments)
    }

    /// The rows of a query, each as its columns with `|` between; `-` for null.
    #[track_caller]
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let shown = |row: Vec<Option<String>>| {
            row.into_iter().map(|value| value.unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>().join("|")
        };
        self.database.query(query).into_iter().map(shown).collect()
    }

    /// The definition of a table: columns, constraints, indexes.
    pub(crate) fn definition(&self, table: &str) -> Vec<String> {
        self.rows(&format!(
            "select attname::text, format_type(atttypid, atttypmod), attnotnull::text, attidentity::text,
               pg_get_expr(adbin, adrelid)
             from pg_attribute a left join pg_attrdef d on (adrelid, adnum) = (attrelid, attnum)
             where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped
             union all
             select conname::text, pg_get_constraintdef(oid), null, null, null from pg_constraint
             where conrelid = '{table}'::regclass and contype <> 'n' -- NOT NULL is listed since 18
             union all
             select indexrelid::regclass::text, pg_get_indexdef(indexrelid), null, null, null from pg_index
             where indrelid = '{table}'::regclass and not indisprimary"
        ))
    }
}
