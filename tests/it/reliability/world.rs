//! A server with several projects on it and databases of nobody's concern, and what has to hold for all of them.

use super::faults;
use crate::reset_common::{fingerprint, oid};
use crate::support::cluster::{Cluster, Database, Role};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How a project is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// SQL files, run by devdb itself.
    Sql,
    /// SQL files, and a seed that is a command.
    Command,
    /// Alembic.
    Alembic,
}

/// One project and its database.
pub(super) struct World<'cluster> {
    pub(super) kind: Kind,
    pub(super) cluster: &'cluster Cluster,
    pub(super) database: Database<'cluster>,
    pub(super) project: Project,
    /// What the files say now: of the seeds, and of the last revision.
    pub(super) seeds: Cell<u64>,
    revision: Cell<u64>,
}

/// What a database is: its identity and its content.
pub(super) type State = (Option<String>, String);

const ROWS: u64 = 300;
const REVISIONS: u64 = 10;

impl<'cluster> World<'cluster> {
    pub(super) fn new(cluster: &'cluster Cluster, kind: Kind, owner: &Role) -> Self {
        let database = cluster.fresh_database(owner);
        let project = Project::new();
        project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
        let world = Self { kind, cluster, database, project, seeds: Cell::new(0), revision: Cell::new(0) };
        world.write_chain();
        world.edit_revision();
        world.edit_seeds();
        let name = world.name();
        cluster.sql("postgres", &format!("comment on database {name} is 'the shop''s own'"));
        cluster.sql("postgres", &format!("alter database {name} set work_mem = '5MB'"));
        cluster.sql("postgres", &format!("grant temporary on database {name} to pg_monitor"));
        world
    }

    pub(super) fn name(&self) -> &str {
        &self.database.name
    }

    pub(super) fn devdb<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Sandbox {
        // With the child that makes a spare, as on a developer's machine.
        Sandbox::new(&self.project).env_remove("CI").args(arguments)
    }

    fn write_chain(&self) {
        match self.kind {
            Kind::Alembic => {
                let environment = bench::venv().expect("asked for before");
                venv::link_into(&environment, &self.project, ".venv");
                self.project.write("alembic.ini", "[alembic]\nscript_location = alembic\n");
                self.project.write("alembic/env.py", ALEMBIC_ENV);
                for number in 1..REVISIONS / 2 {
                    self.write_revision(number, &chapter(number));
                }
            }
            Kind::Sql | Kind::Command => {
                for number in 1..REVISIONS {
                    self.write_revision(number, &chapter(number));
                }
            }
        }
        if self.kind == Kind::Command {
            let seeds = "[[seeds]]\nrun = \"sh slow-seed.sh\"\ninputs = [\"slow-seed.sh\", \"seed.sql\"]\n";
            self.project.write("devdb.toml", seeds);
            self.project.write("slow-seed.sh", "psql -q -v ON_ERROR_STOP=1 -f seed.sql \"$DATABASE_URL\"\n");
        }
    }

    fn write_revision(&self, number: u64, statements: &str) {
        if self.kind == Kind::Alembic {
            let down = if number == 1 { "None".to_owned() } else { format!("\"{:012x}\"", number - 1) };
            self.project.write(
                &format!("alembic/versions/{number:012x}_chapter.py"),
                &format!(
                    "\"\"\"Chapter {number}.\"\"\"\nfrom alembic import op\nrevision = \"{number:012x}\"\n\
                     down_revision = {down}\n\n\ndef upgrade():\n    op.execute(\"\"\"{statements}\"\"\")\n\n\n\
                     def downgrade():\n    pass\n"
                ),
            );
            return;
        }
        let file = format!("db/migrations/{number:03}_chapter.sql");
        self.project.write(&file, &format!("-- migrate:up\n{statements}\n\n-- migrate:down\nselect 1;\n"));
    }

    /// Changes the newest revision.
    pub(super) fn edit_revision(&self) {
        let edition = self.revision.get() + 1;
        self.revision.set(edition);
        let newest = if self.kind == Kind::Alembic { REVISIONS / 2 } else { REVISIONS };
        let statements =
            format!("create table edition (number int default {edition}); insert into edition default values;");
        self.write_revision(newest, &statements);
    }

    /// Makes the newest revision fill a table with so many megabytes.
    pub(super) fn grow_revision(&self, megabytes: u64) {
        let (edition, newest) =
            (self.revision.get(), if self.kind == Kind::Alembic { REVISIONS / 2 } else { REVISIONS });
        let statements = format!(
            "create table edition (number int default {edition}); insert into edition default values;
             create table ballast as select repeat(md5(n::text), 30) text from generate_series(1, {}) n;",
            megabytes * 1000
        );
        self.write_revision(newest, &statements);
    }

    /// Changes the seeds.
    pub(super) fn edit_seeds(&self) {
        let edition = self.seeds.get() + 1;
        self.seeds.set(edition);
        let mut text = String::new();
        for number in 1..4 {
            writeln!(
                text,
                "insert into chapter_{number} (note) select '{edition}-' || n from generate_series(1, {ROWS}) n;"
            )
            .unwrap();
        }
        if self.kind == Kind::Command {
            text += "select pg_sleep(0.15);\n";
        }
        let file = if self.kind == Kind::Command { "seed.sql" } else { "seeds/01_chapters.sql" };
        self.project.write(file, &text);
    }

    pub(super) fn state(&self, name: &str) -> State {
        (oid(self.cluster, name), fingerprint(self.cluster, name))
    }

    /// Gives the database something that a reset would lose.
    pub(super) fn write_by_hand(&self, round: u64) {
        self.database.sql(&format!(
            "create table if not exists by_hand (round int); insert into by_hand values ({round});
             do $$ begin
               if to_regclass('chapter_1') is not null then
                 insert into chapter_1 (note) values ('mine {round}');
               end if;
             end $$"
        ));
    }

    /// True when a run that was killed left the door closed, which the next one opens.
    pub(super) fn is_closed(&self) -> bool {
        let query = format!("select datallowconn from pg_database where datname = '{}'", self.name());
        self.cluster.value("postgres", &query).as_deref() == Some("f")
    }

    /// Fails unless the database is wholly what the files describe.
    #[track_caller]
    pub(super) fn assert_new(&self, name: &str, what: &str) {
        let (seeds, revision) = (self.seeds.get(), self.revision.get());
        let query = format!(
            "select concat_ws(' ', (select count(*) from chapter_1 where note like '{seeds}-%'),
             (select count(*) from chapter_2 where note like '{seeds}-%'),
             (select count(*) from chapter_3 where note like '{seeds}-%'),
             (select count(*) from chapter_1), (select number from edition), to_regclass('by_hand'))"
        );
        let expected = format!("{ROWS} {ROWS} {ROWS} {ROWS} {revision}");
        assert_eq!(self.cluster.value(name, &query), Some(expected), "neither the old nor the new one: {what}");
    }

    /// The databases that devdb keeps for this one, by role: previous, spare, building, …; not the bystanders.
    pub(super) fn beside(&self) -> BTreeMap<String, Vec<String>> {
        let name = self.name();
        let query = format!(
            "select datname, coalesce((substring(shobj_description(oid, 'pg_database') from '^devdb: (.*)$')::json)->>'role', \
             'untagged') from pg_database where datname like '{name}\\_\\_devdb\\_%' \
             and datname !~ '(_mine|_by_hand|00c0ffee)$' order by 1"
        );
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in self.cluster.query("postgres", &query) {
            let mut row = row.into_iter().flatten();
            let (database, role) = (row.next().unwrap(), row.next().unwrap());
            found.entry(role).or_default().push(database);
        }
        found
    }

    pub(super) fn kept(&self) -> Option<String> {
        self.beside().get("previous").and_then(|kept| kept.last().cloned())
    }

    /// The snapshot's database and content, which is opened for that.
    pub(super) fn snapshot(&self) -> Option<(String, String)> {
        let beside = self.beside();
        let snapshots = beside.get("snapshot")?;
        assert_eq!(snapshots.len(), 1, "{beside:?}");
        let database = snapshots.first()?.clone();
        let quoted = format!("\"{database}\"");
        self.cluster.sql("postgres", &format!("alter database {quoted} allow_connections true"));
        let content = fingerprint(self.cluster, &database);
        self.cluster.sql("postgres", &format!("alter database {quoted} allow_connections false"));
        Some((database, content))
    }

    pub(super) fn has_spare(&self) -> bool {
        self.beside().contains_key("spare")
    }

    /// Waits until the detached child has ended.
    #[track_caller]
    pub(super) fn wait_for_spare_maker(&self) {
        let started = Instant::now();
        while !faults::spare_makers(self.project.path()).is_empty() {
            assert!(started.elapsed() < Duration::from_secs(90), "the spare's maker does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Fails when more is left than a run leaves: what `undo` brings back, one spare, snapshots that were asked for.
    #[track_caller]
    pub(super) fn assert_tidy(&self, snapshots: usize, what: &str) {
        let beside = self.beside();
        for (role, databases) in &beside {
            let may = match role.as_str() {
                "previous" | "spare" => 1,
                "snapshot" => snapshots,
                _ => 0,
            };
            assert!(databases.len() <= may, "left behind {what}: {beside:?}");
        }
        let name = self.name();
        let properties = format!(
            "select concat_ws('|', shobj_description(d.oid, 'pg_database'), datallowconn, datdba::regrole,
             has_database_privilege('pg_monitor', d.oid, 'temporary'),
             (select string_agg(c, ',') from pg_db_role_setting s, unnest(setconfig) c where setdatabase = d.oid))
             from pg_database d where datname = '{name}'"
        );
        let expected = format!("the shop's own|t|{}|t|work_mem=5MB", self.database.owner.name);
        assert_eq!(
            self.cluster.value("postgres", &properties),
            Some(expected),
            "what the database has besides content"
        );
    }
}

fn chapter(number: u64) -> String {
    format!(
        "create table chapter_{number} (id int generated always as identity primary key, note text not null, \
         made int default {number});\ncreate index on chapter_{number} (note);"
    )
}

const ALEMBIC_ENV: &str = "\
import os
from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ['DATABASE_URL']).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
";

/// Databases that devdb did not make; among them some whose names or comments look as if it had.
pub(super) struct Bystanders<'cluster> {
    cluster: &'cluster Cluster,
    before: BTreeMap<String, (State, Vec<Option<String>>)>,
}

impl<'cluster> Bystanders<'cluster> {
    /// Makes them for a server of the test's own, and as [`Self::around`] does.
    pub(super) fn new(cluster: &'cluster Cluster, owner: &Role, targets: &[&str]) -> Self {
        let others =
            ["ledger", "devdb", "devdb_layer_mine", "devdb_layer_00000000000000000000000000000000", "a \"b\"; c"];
        Self::beside(cluster, owner, others.iter().map(|name| ((*name).to_owned(), None)).collect(), targets)
    }

    /// Makes them for all `targets`, owned by the role that devdb works as: nothing but its own rules protects them.
    pub(super) fn around(cluster: &'cluster Cluster, owner: &Role, targets: &[&str]) -> Self {
        Self::beside(cluster, owner, Vec::new(), targets)
    }

    fn beside(
        cluster: &'cluster Cluster,
        owner: &Role,
        mut names: Vec<(String, Option<String>)>,
        targets: &[&str],
    ) -> Self {
        for target in targets {
            let of_another_version = format!("devdb: {{\"role\":\"archive\",\"of\":\"{target}\"}}");
            let tag = format!("devdb: {{\"role\":\"building\",\"of\":\"{target}\",\"made\":1}}");
            names.extend([
                (format!("{target}2"), None),
                (format!("{target}__devdb_building_mine"), None),
                (format!("{target}__devdb_previous_by_hand"), None),
                (format!("{target}__devdb_previous_00c0ffee"), None),
                (format!("{target}__devdb_snapshot_00c0ffee"), Some("of the demo, do not drop".to_owned())),
                (format!("{target}__devdb_building_00c0ffee"), Some(of_another_version.clone())),
                (format!("copy_of_{target}"), Some(tag)),
                (format!("notes_on_{target}"), Some("devdb: not a tag".to_owned())),
            ]);
        }
        Self::make(cluster, owner, &names)
    }

    /// Makes two, for a server that has no room for more.
    pub(super) fn few(cluster: &'cluster Cluster, owner: &Role) -> Self {
        Self::make(cluster, owner, &[("ledger".to_owned(), None), ("devdb_layer_mine".to_owned(), None)])
    }

    fn make(cluster: &'cluster Cluster, owner: &Role, names: &[(String, Option<String>)]) -> Self {
        for (name, comment) in names {
            let quoted = format!("\"{}\"", name.replace('"', "\"\""));
            cluster.sql("postgres", &format!("create database {quoted} owner {}", owner.name));
            if let Some(comment) = comment {
                cluster.sql("postgres", &format!("comment on database {quoted} is '{comment}'"));
            }
            cluster.sql_as(owner, name, "create table mine (n int); insert into mine select generate_series(1, 50)");
        }
        let mut all = Self { cluster, before: BTreeMap::new() };
        all.before = names.iter().map(|(name, _)| (name.clone(), all.look(name))).collect();
        all
    }

    pub(super) fn count(&self) -> usize {
        self.before.len()
    }

    fn look(&self, name: &str) -> (State, Vec<Option<String>>) {
        let query = format!(
            "select datdba, datallowconn, datistemplate, datacl, datconnlimit, shobj_description(oid, 'pg_database')
             from pg_database where datname = '{}'",
            name.replace('\'', "''")
        );
        let properties = self.cluster.query("postgres", &query).into_iter().flatten().collect();
        ((oid(self.cluster, name), fingerprint(self.cluster, name)), properties)
    }

    /// Fails when one of them is gone, another one, or other than it was.
    #[track_caller]
    pub(super) fn assert_untouched(&self, what: &str) {
        for (name, before) in &self.before {
            assert_eq!(&self.look(name), before, "`{name}` was touched {what}");
        }
    }
}
