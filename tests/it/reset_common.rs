//! What the tests of `devdb reset` share: a shop with an SQL chain, and what is to be seen on the server.

use crate::support::cluster::{Cluster, Database, Options, Role};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

/// A project with an SQL chain and its database, filled by nobody yet.
pub(crate) struct Shop<'cluster> {
    pub(crate) project: Project,
    pub(crate) database: Database<'cluster>,
    pub(crate) cluster: &'cluster Cluster,
}

pub(crate) const USERS: &str = "-- migrate:up\n\
    create table users (id int generated always as identity primary key, email text unique not null);\n\n\
    -- migrate:down\ndrop table users;\n";
pub(crate) const ORDERS: &str = "-- migrate:up\n\
    create table orders (id int generated always as identity, user_id int references users, total numeric);\n\
    create index on orders (user_id);\n\n-- migrate:down\ndrop table orders;\n";

impl<'cluster> Shop<'cluster> {
    /// A shop whose role may create databases.
    pub(crate) fn new(cluster: &'cluster Cluster) -> Self {
        let owner = cluster.create_role("CREATEDB");
        Self::of(cluster, &owner)
    }

    pub(crate) fn of(cluster: &'cluster Cluster, owner: &Role) -> Self {
        let database = cluster.fresh_database(owner);
        let project = Project::new();
        project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
        project.write("db/migrations/001_create_users.sql", USERS);
        project.write("db/migrations/002_create_orders.sql", ORDERS);
        project.write(
            "seeds/01_users.sql",
            "insert into users (email) values ('ada@example.org'), ('alan@example.org');\n",
        );
        Self { project, database, cluster }
    }

    /// Gives the database something that a reset would lose.
    pub(crate) fn with_old_content(self) -> Self {
        self.database.sql("create table old_things (id int, note text); insert into old_things values (1, 'mine')");
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.database.name
    }

    pub(crate) fn devdb<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Sandbox {
        Sandbox::new(&self.project).args(arguments)
    }

    pub(crate) fn reset(&self) -> Sandbox {
        self.devdb(["reset", "--yes"])
    }

    /// Names of what stands beside the database, in order.
    pub(crate) fn beside(&self) -> Vec<String> {
        beside(self.cluster, self.name())
    }

    pub(crate) fn oid(&self) -> Option<String> {
        oid(self.cluster, self.name())
    }

    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(self.cluster, self.name())
    }

    /// Nothing but the database itself, as it was.
    #[track_caller]
    pub(crate) fn assert_untouched(&self, before: &(Option<String>, String)) {
        assert_eq!(self.beside(), Vec::<String>::new(), "something was left behind");
        assert_eq!(self.oid(), before.0, "it is another database");
        assert_eq!(self.fingerprint(), before.1, "its content changed");
    }

    /// What [`Self::assert_untouched`] compares with.
    pub(crate) fn before(&self) -> (Option<String>, String) {
        (self.oid(), self.fingerprint())
    }
}

/// A server of the test's own.
pub(crate) fn own_server(conf: &str) -> Option<Cluster> {
    Cluster::start(&Options { conf: conf.to_owned(), ..Options::default() })
}

/// Names of devdb's databases that say they belong to `name`.
pub(crate) fn beside(cluster: &Cluster, name: &str) -> Vec<String> {
    let literal = name.replace('\'', "''");
    let query = format!(
        "select datname from pg_database where datname like '%\\_\\_devdb\\_%' and (starts_with(datname, '{literal}') \
         or shobj_description(oid, 'pg_database')::text like '%' || to_json('{literal}'::text)::text || '%') order by 1"
    );
    cluster.query("postgres", &query).into_iter().flatten().flatten().collect()
}

pub(crate) fn oid(cluster: &Cluster, name: &str) -> Option<String> {
    let literal = name.replace('\'', "''");
    let rows = cluster.query("postgres", &format!("select oid from pg_database where datname = '{literal}'"));
    rows.into_iter().flatten().next().flatten()
}

/// Every database of the server with its owner, comment, grants and settings.
pub(crate) fn inventory(cluster: &Cluster) -> Vec<Vec<Option<String>>> {
    cluster.query(
        "postgres",
        "select d.oid, datname, datdba::regrole, datacl, datallowconn, shobj_description(d.oid, 'pg_database'),
         (select array_agg(s::text order by s::text) from pg_db_role_setting s where setdatabase = d.oid)
         from pg_database d order by datname",
    )
}

/// A hash over tables, columns, indexes and every row of the schemas that are not the server's.
pub(crate) fn fingerprint(cluster: &Cluster, database: &str) -> String {
    let query = "select md5(coalesce(string_agg(line, E'\\n' order by line), '')) from (
        select format('%s %s', c.oid::regclass,
            query_to_xml(format('select t::text from %s t order by 1', c.oid::regclass), true, false, '')) line
        from pg_class c where c.relkind = 'r' and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
        union all
        select format('%s.%s %s %s', a.attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        where attnum > 0 and not attisdropped and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
        ) lines";
    cluster.value(database, query).unwrap()
}
