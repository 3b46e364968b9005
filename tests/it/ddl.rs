//! The statements that make one schema of another, run on a real server.

use crate::schema::EVERYTHING;
use crate::support::block_on;
use crate::support::cluster::{Cluster, Database};
use devdb::model::ddl::Statement;
use devdb::model::schema::Schema;
use devdb::parse::pg_url;
use devdb::plan::ddl;
use devdb::wire::catalog::{self, Options};
use devdb::wire::postgres::Session;
use std::time::Duration;

fn read(cluster: &Cluster, database: &Database<'_>, options: Options) -> Schema {
    let target = pg_url::parse(&cluster.superuser_url(&database.name)).unwrap().target;
    block_on(async {
        let session = Session::open(&target, &database.name, "test", Duration::from_secs(5)).await.unwrap();
        let schema = catalog::read(&session, options).await.unwrap();
        session.close().await;
        schema
    })
}

#[track_caller]
pub(crate) fn run(cluster: &Cluster, database: &Database<'_>, statements: &str) {
    try_run(cluster, database, statements).unwrap_or_else(|why| panic!("{why}"));
}

#[track_caller]
fn try_run(cluster: &Cluster, database: &Database<'_>, statements: &str) -> Result<(), String> {
    let target = pg_url::parse(&cluster.superuser_url(&database.name)).unwrap().target;
    let ran = block_on(async {
        let session = Session::open(&target, &database.name, "test", Duration::from_secs(5)).await.unwrap();
        let ran = session.batch_execute(statements).await;
        session.close().await;
        ran
    });
    ran.map_err(|error| {
        let error =
            error.as_db_error().map_or_else(|| error.to_string(), |it| format!("{} {:?}", it.message(), it.detail()));
        format!("{error}\n{statements}")
    })
}

/// Two databases that schemas are made in, again and again.
pub(crate) struct Pair {
    cluster: &'static Cluster,
    pub(crate) from: Database<'static>,
    to: Database<'static>,
}

impl Pair {
    pub(crate) fn new() -> Option<Self> {
        let cluster = Cluster::shared()?;
        let owner = cluster.create_role("");
        Some(Self { cluster, from: cluster.fresh_database(&owner), to: cluster.fresh_database(&owner) })
    }

    /// Makes both anew, and returns what they are made of.
    #[track_caller]
    pub(crate) fn made(&self, before: &str, after: &str) -> (Schema, Schema) {
        for (database, statements) in [(&self.from, before), (&self.to, after)] {
            database.empty();
            self.cluster.sql(&database.name, "drop schema if exists s cascade");
            self.cluster.sql(&database.name, statements);
        }
        let [old, new] = [&self.from, &self.to].map(|it| read(self.cluster, it, Options::default()));
        (old, new)
    }

    /// Makes of the first the second by the statements; says what differs then, or what the server says.
    #[track_caller]
    pub(crate) fn becomes(&self, before: &str, after: &str) -> Result<String, String> {
        let (old, new) = self.made(before, after);
        self.changed(&old, &new, Options::default())
    }

    #[track_caller]
    fn changed(&self, old: &Schema, new: &Schema, options: Options) -> Result<String, String> {
        let script = ddl::script(old, new);
        if !script.by_hand.is_empty() {
            return Err(format!("by hand: {:?}", script.by_hand));
        }
        let all = |statements: &[Statement]| {
            let texts: Vec<&str> = statements.iter().map(|it| it.text.as_str()).chain([""]).collect();
            texts.join(";\n")
        };
        let (first, text) = (all(&script.before), all(&script.statements));
        let whole = format!("begin;\nset local check_function_bodies = off;\n{text}commit;\n");
        try_run(self.cluster, &self.from, &first).and_then(|()| try_run(self.cluster, &self.from, &whole))?;
        let now = read(self.cluster, &self.from, options);
        let left: Vec<String> = now.differences(new).iter().map(ToString::to_string).collect();
        if !left.is_empty() || !ddl::script(&now, new).is_empty() {
            return Err(format!("{left:#?}\n{first}{text}"));
        }
        Ok(format!("{first}{text}"))
    }
}

/// Makes both databases, and of the first the second by the statements; nothing may differ, and then there is nothing to
/// do. Returns the statements.
#[track_caller]
fn becomes(before: &str, after: &str, options: Options) -> String {
    let Some(pair) = Pair::new() else { return String::new() };
    pair.cluster.sql(&pair.from.name, before);
    pair.cluster.sql(&pair.to.name, after);
    let [old, new] = [&pair.from, &pair.to].map(|it| read(pair.cluster, it, options));
    pair.changed(&old, &new, options).unwrap_or_else(|why| panic!("{why}"))
}

/// Both ways.
#[track_caller]
fn both(before: &str, after: &str) {
    becomes(before, after, Options::default());
    becomes(after, before, Options::default());
}

#[test]
fn one_of_everything_is_made_and_dropped() {
    both("", EVERYTHING);
}

#[test]
fn one_of_everything_is_altered() {
    let changes = r#"
        comment on schema billing is null;
        alter type mood add value 'elated';
        alter domain billing.amount drop not null;
        alter domain billing.amount set default 7;
        alter domain billing.amount drop constraint amount_check;
        alter domain billing.amount add constraint small check (value < 1000);
        alter type address add attribute city text;
        alter type address drop attribute zip;
        alter sequence billing.invoice_number increment 7 no cycle owned by none;
        alter table users add column nick text not null default 'it''s';
        alter table users add column "Größe" numeric(6, 2)[];
        alter table users drop column home;
        alter table users alter username set default 'me';
        alter table users alter feeling drop not null;
        alter table users alter feeling set default 'sad';
        alter table users alter id set generated by default;
        alter table users alter "Full Name" drop default;
        comment on column users.username is 'other';
        drop index users_lower;
        create index users_lower on users (lower(username));
        alter table users drop constraint name_is_long;
        alter table users add constraint name_is_long check (length(username) > 2);
        alter table billing.invoices drop constraint positive;
        alter table billing.invoices add unique (number);
        create table "Weird Table" (id serial primary key, "User" int references users, number int references billing.invoices (number));
        create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
        alter table base set (fillfactor = 90);
        alter table base set logged;
        alter table base add column c text not null default 'x';
        alter table users replica identity using index users_pkey;
        drop statistics users_stats;
        create or replace view grown_ups with (security_barrier) as select id, username, feeling from users;
        drop materialized view moods;
        create materialized view moods as select feeling, max(id) as newest from users group by feeling;
        create view of_moods as select * from moods;
        drop rule no_delete on derived;
        create rule no_update as on update to derived do instead nothing;
        drop function total(integer, text);
        create function total(integer, text default 'y') returns numeric language sql as $$ select 1.0 $$;
        create or replace procedure tidy() language plpgsql as $$ begin perform 2; end $$;
        alter table users enable trigger touched;
        alter table users no force row level security;
        drop policy own on users;
        create policy own on users for update to current_user using (true) with check (username <> '');
        alter event trigger note disable;
    "#;
    both(EVERYTHING, &format!("{EVERYTHING}\n{changes}"));
}

#[test]
fn what_stands_on_a_column_makes_room_for_its_new_type() {
    let before = "create type mood as enum ('sad', 'ok', 'happy');
        create table t (id int primary key, kind varchar(10), feeling mood not null default 'ok', feelings mood[],
            twice int generated always as (id * 2) stored, check (id > 0));
        create index on t (kind) where feeling = 'ok';
        create view v as select id, kind, twice from t;
        create view w as select v.kind, t.feeling from v join t using (id);
        create materialized view m as select * from w;
        create index on m (kind);
        comment on view w is 'on both';
        create table child (t_id int references t);
        alter table t enable row level security;
        create policy p on t using (id > 3);
        create function f() returns trigger language plpgsql as 'begin return new; end';
        create trigger g before update of kind on t for each row when (new.feeling = 'ok') execute function f();
        create function of_t() returns setof t language sql as 'select * from t';
        create table defaulted (at int default length('x'), n bigint default 3);";
    let after = "create type mood as enum ('happy', 'sad');
        create table t (id bigint primary key, kind int, feeling mood not null default 'sad', feelings mood[],
            twice bigint generated always as (id * 3) stored, check (id > 0));
        create index on t (kind) where feeling = 'sad';
        create view v as select id, kind, twice from t;
        create view w as select v.kind, t.feeling from v join t using (id);
        create materialized view m as select * from w;
        create index on m (kind);
        comment on view w is 'on both';
        create table child (t_id bigint references t);
        alter table t enable row level security;
        create policy p on t using (id > 3);
        create function f() returns trigger language plpgsql as 'begin return new; end';
        create trigger g before update of kind on t for each row when (new.feeling = 'sad') execute function f();
        create function of_t() returns setof t language sql as 'select * from t';
        create table defaulted (at text default 'x', n numeric default 3);";
    both(before, after);
}

#[test]
fn partitions_heirs_and_their_indexes() {
    let before = "create table events (at date not null, kind text, word text, n int) partition by range (at);
        create table events_1 partition of events for values from ('2024-01-01') to ('2025-01-01');
        create table old_style (a int, b text);
        create table heir (c int) inherits (old_style);";
    let after = "create table events (at date not null, kind text, word varchar(20), n int not null default 1, extra text, unique (at, kind))
            partition by range (at);
        create index by_kind on events (kind);
        create table events_1 partition of events for values from ('2024-01-01') to ('2025-01-01');
        create table \"Events 2\" partition of events for values from ('2025-01-01') to ('2026-01-01') partition by list (kind);
        create table events_2_a partition of \"Events 2\" for values in ('a');
        create table events_rest partition of events default;
        alter table events add constraint positive check (n > 0);
        create table old_style (a int, b text, d int, check (a > 0));
        create table heir (c int) inherits (old_style);
        create table heir2 (e int) inherits (old_style);";
    both(before, after);
}

#[test]
fn tables_that_need_each_other_and_odd_names() {
    let after = r#"
        create table a (id int generated by default as identity (start 100 increment 10) primary key, b_id int);
        create table b (id bigserial primary key, a_id int references a);
        alter table a add foreign key (b_id) references b deferrable initially deferred;
        create table "select" ("from" int, "it's ""quoted""" text default E'a\\b''c', "Ünïcode" date, unique ("from"));
        comment on table "select" is E'back\\slash and ''quotes''';
        create schema "My Schema";
        create sequence "My Schema"."Counter";
        create table "My Schema"."Table.With.Dots" (id int default nextval('"My Schema"."Counter"'), primary key (id));
        create function "My Schema"."Fn"(a "My Schema"."Table.With.Dots") returns int language sql as 'select 1';
        create table uses (x int generated always as (1) stored, y int default length('a.b.c'));
        create view "My Schema"."View" as select * from "My Schema"."Table.With.Dots";
    "#;
    both("", after);
}

#[test]
fn privileges_are_granted_and_revoked() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("");
    let role = &role.name;
    let before = format!(
        "create table t (a int, b int); grant select on t to {role}; create sequence s; create view v as select 1 as x;"
    );
    let after = format!(
        "create table t (a int, b int); grant insert, update on t to {role} with grant option; create sequence s;
         create view v as select 1 as x; create table u (a int); grant select on u to public; grant select (a) on u to {role};"
    );
    becomes(&before, &after, Options { privileges: true });
}

/// What most databases have not.
const SELDOM: &str = r#"
        create schema ext; create extension hstore with schema ext; create extension citext; create extension pg_trgm with schema ext;
        create extension btree_gist;
        create type mood as enum ('sad', 'ok');
        create domain feeling as mood default 'ok' check (value <> 'sad');
        comment on constraint feeling_check on domain feeling is 'not
sad';
        create type pair as (a feeling, "B b" numeric(6, 2)[]);
        create function one() returns int language sql immutable as 'select 1';
        create function positive(int) returns boolean language sql immutable as 'select $1 > 0';
        create table "a_name_that_is_so_long_that_the_server_cuts_the_names_it_makes" (id serial primary key, "a_name_that_is_so_long_that_the_server_cuts_the_names_it_makes" bigserial);
        create table seldom (
            id int default one() primary key check (positive(id)),
            tags ext.hstore, mail citext unique, words text, f feeling, fs feeling[], p pair, ps pair[],
            i interval day to second(3), t timestamp(3), b bit varying(5), c "char", n name, m money, x xml, pt point,
            j json default '{"a:b": [1]}', arr int[][] default '{1,2}', during tstzrange,
            un int, constraint un_unique unique (un) include (words),
            exclude using gist (during with &&, un with =) where (un > 0)
        );
        comment on constraint un_unique on seldom is E'a\\b''c';
        create index on seldom using gin (words ext.gin_trgm_ops);
        create unique index by_two on seldom (un, (lower(words)) desc nulls last) where un is not null;
        create table refers (un int references seldom (un), two int, foreign key (two) references "a_name_that_is_so_long_that_the_server_cuts_the_names_it_makes" match full on update cascade);
        create index only_brin on refers using brin (two) with (pages_per_range = 4);
        create statistics ex (ndistinct) on lower(words), (un + 1) from seldom;
        create table empty ();
        create function of_table(s seldom, out a int, out b text) language sql as 'select 1, $$x$$';
        create function rows_of() returns table (a int, b mood) language sql as 'select 1, null::mood';
        create function rows_of(a int, variadic rest text[]) returns setof seldom language sql as 'select * from seldom';
        create function standard(a int) returns int language sql begin atomic select a + count(*)::int from public.seldom; end;
        create view v1 as select id, words, f from seldom;
        create view v2 as select v1.id, r.two from v1 left join refers r on r.un = v1.id;
        create recursive view up (n) as values (1) union all select n + 1 from up where n < 5;
        create view checked as select id, un from seldom where un > 3 with local check option;
        create materialized view mv as select id, words from v1 with no data;
        create unique index on mv (id);
        create function instead() returns trigger language plpgsql as $$ begin return null; end; $$;
        create trigger "Instead" instead of insert on v1 for each row execute function instead();
        comment on trigger "Instead" on v1 is 'instead';
        create trigger of_statement after insert on seldom referencing new table as fresh for each statement execute function instead('a', 'b''c');
        create constraint trigger late after insert on seldom deferrable initially deferred for each row execute function instead();
        create rule also as on insert to refers where new.two > 3 do also delete from seldom where id = new.two;
        create table parts (k int, v text) partition by hash (k);
        create table ext.parts_0 partition of parts for values with (modulus 2, remainder 0);
        create table parts_1 partition of parts for values with (modulus 2, remainder 1);
        create index own on parts_1 (v);
        create index every on parts (k, v);
        create table mother (a int); create table father (a int, b text default 'x');
        create table child (c int) inherits (mother, father);
        create sequence shared as smallint increment -1 minvalue -100 maxvalue -1 start -1 cache 5;
        create table s1 (a int default nextval('shared')); create table s2 (a int default nextval('shared'));
        create aggregate agg(*) (sfunc = int8inc, stype = int8, initcond = '0');
        create policy "P p" on seldom as restrictive for insert to public with check (un > 0);
        comment on policy "P p" on seldom is 'policy';
        comment on index by_two is 'index'; comment on function one() is 'fn'; comment on schema ext is '';
        alter table empty replica identity nothing;
"#;

#[test]
fn what_is_seldom_is_made_and_taken_back() {
    both("", SELDOM);
    // Everything that stands on a column or a type makes room.
    let changes = "
        alter table refers drop constraint refers_un_fkey; alter table seldom drop constraint un_unique;
        alter table seldom add constraint un_unique unique (un);
        alter table refers add foreign key (un) references seldom (un);
        create or replace function instead() returns trigger language plpgsql as $$ begin return new; end; $$;
        drop view v2; create view v2 as select v1.id, v1.words from v1;
        drop rule also on refers;
        alter table mother add z int default 1;
        drop table s2; alter sequence shared owned by s1.a;
        drop materialized view mv; create materialized view mv as select id from v1;
        alter table parts add w int; drop index every; create index every on parts (w);
        alter table parts detach partition parts_1;
        drop function rows_of(); create function rows_of() returns table (a int) language sql as 'select 1';
        alter index by_two rename to by_three;
        alter table seldom alter i drop not null, alter t set default now();";
    both(SELDOM, &format!("{SELDOM}\n{changes}"));
}

#[test]
fn what_is_made_anew_leaves_room_for_what_stands_on_it() {
    // A label that goes, in a check, an index, an argument, and a table that only one side has.
    let before = "create type mood as enum ('sad', 'ok', 'new');
        create table t (m mood default 'ok' check (m <> 'sad'), x varchar(50), z int generated always as (length(x)) stored);
        create index on t (m) where m = 'ok';
        create function about(m mood) returns mood language sql as 'select m';
        create view \"5'\" as select '5\"', z.x from t z where z.x <> '6\"' and z.x <> 'see public.u';
        create table extra (m mood, k int references t2_placeholder);";
    let before =
        before.replace("create table extra (m mood, k int references t2_placeholder);", "create table extra (m mood);");
    let after = "create type mood as enum ('ok', 'sad');
        create table t (m mood default 'ok' check (m <> 'sad'), x varchar(50)[]);
        create index on t (m) where m = 'ok';
        create function about(m mood) returns mood language sql as 'select m';
        create view \"5'\" as select '5\"', z.x from t z where z.x[1] <> '6\"' and z.x[1] <> 'see public.u';
        create view extra_view as select 1 as one;";
    let after = after.replace("varchar(50)[])", "text)").replace("z.x[1]", "z.x");
    becomes(&before, &after, Options::default());
    // Names that another kind of object had.
    becomes(
        "create view stats as select 1 as a; create type d as enum ('a'); create function f() returns int language sql as 'select 1'",
        "create table stats (a int); create domain d as int; create procedure f() language sql as 'select 1'",
        Options::default(),
    );
    // Keys of one type, all of them.
    both(
        "create table a (id int primary key); create table b (a_id int references a); create unique index on b (a_id);
         create table c (b_id int references b (a_id))",
        "create table a (id text primary key); create table b (a_id text references a); create unique index on b (a_id);
         create table c (b_id text references b (a_id))",
    );
}

#[test]
fn what_is_made_again_gets_back_who_may_use_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let role = cluster.create_role("").name;
    let owner = cluster.create_role("");
    let (from, to) = (cluster.fresh_database(&owner), cluster.fresh_database(&owner));
    let made = "create table t (a int); create view v as select a from t;
        create function f() returns int language sql security definer as 'select 1';";
    cluster.sql(&from.name, made);
    cluster.sql(&from.name, &format!("grant select on v to {role}; revoke all on function f() from public; grant execute on function f() to {role}"));
    cluster.sql(
        &to.name,
        &made.replace("select a from t", "select a + 1 as a from t").replace("returns int", "returns bigint"),
    );
    let [old, new] = [&from, &to].map(|it| read(cluster, it, Options::default()));
    let granted = read(cluster, &from, Options { privileges: true });
    let script = ddl::script_keeping(&old, &new, &granted);
    let text: Vec<&str> = script.statements.iter().map(|it| it.text.as_str()).collect();
    run(cluster, &from, &(text.join(";\n") + ";"));
    let ask = |what: &str| cluster.value(&from.name, what).unwrap();
    assert_eq!(ask(&format!("select has_table_privilege('{role}', 'v', 'select')::text")), "true");
    assert_eq!(ask(&format!("select has_function_privilege('{role}', 'f()', 'execute')::text")), "true");
    assert_eq!(ask("select (proacl::text like '{=X%')::text from pg_proc where proname = 'f'"), "false");
}
