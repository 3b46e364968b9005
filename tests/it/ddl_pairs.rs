//! Pairs of schemas, each made of the other by the statements on a real server: what stands in the way of what.

use crate::ddl::{Pair, run};
use crate::support::cluster::Cluster;
use devdb::plan::ddl;

/// What it is about, and the two.
const PAIRS: &[(&str, &str, &str)] = &[
    (
        "enum label lost, array",
        "create type e as enum('a','b'); create table t(x e[] default '{a}');",
        "create type e as enum('a'); create table t(x e[] default '{a}');",
    ),
    (
        "enum label lost, function",
        "create type e as enum('a','b'); create function f(x e) returns e language sql as $$ select x $$; create table t(x e default f('a'));",
        "create type e as enum('a'); create function f(x e) returns e language sql as $$ select x $$; create table t(x e default f('a'));",
    ),
    (
        "table renamed with pk",
        "create table a(id int constraint a_pkey primary key, x int constraint a_x_key unique); create index a_x_idx on a(x);",
        "create table b(id int constraint a_pkey primary key, x int constraint a_x_key unique); create index a_x_idx on b(x);",
    ),
    (
        "table renamed with serial seq name",
        "create table a(id serial primary key);",
        "create table b(id int primary key); create sequence a_id_seq as int; alter table b alter id set default nextval('a_id_seq'); alter sequence a_id_seq owned by b.id; ",
    ),
    (
        "function param names",
        "create function f(a int, b int) returns int language sql as $$ select 1 $$;",
        "create function f(x int, y int) returns int language sql as $$ select 1 $$;",
    ),
    (
        "function out to returns",
        "create function f(a int, out b int) language sql as $$ select 1 $$;",
        "create function f(a int) returns text language sql as $$ select '1' $$;",
    ),
    (
        "function again, used by default",
        "create function f() returns int language sql as $$ select 1 $$; create table t(a int default f());",
        "create function f() returns bigint language sql as $$ select 1 $$; create table t(a int default f());",
    ),
    (
        "function again, used by domain default",
        "create function f() returns int language sql as $$ select 1 $$; create domain d as int default f(); create table t(a d);",
        "create function f() returns bigint language sql as $$ select 1::bigint $$; create domain d as int default f(); create table t(a d);",
    ),
    (
        "function gone, used by default",
        "create function f() returns int language sql as $$ select 1 $$; create table t(a int default f());",
        "create table t(a int);",
    ),
    (
        "function gone, used by domain default",
        "create function f() returns int language sql as $$ select 1 $$; create domain d as int default f();",
        "create domain d as int;",
    ),
    (
        "function gone, used by domain check",
        "create function f(x int) returns bool language sql immutable as $$ select true $$; create domain d as int check (f(value));",
        "",
    ),
    (
        "domain default in other schema",
        "",
        "create schema s; create function s.f() returns int language sql as $$ select 1 $$; create domain s.d as int default s.f(); create table t(a s.d);",
    ),
    ("domain arrays check", "", "create domain dm as int check (value > 0); create table t(a dm[]);"),
    (
        "fk on unique index replaced",
        "create table p(a int, b int); create unique index u1 on p(a); create table c(a int references p(a));",
        "create table p(a int, b int); create unique index u2 on p(a); create table c(a int references p(a));",
    ),
    (
        "fk on unique constraint replaced by pk",
        "create table p(a int constraint u1 unique); create table c(a int references p(a));",
        "create table p(a int primary key); create table c(a int references p(a));",
    ),
    (
        "fk both retyped",
        "create table p(a int primary key); create table c(a int references p(a));",
        "create table p(a numeric primary key); create table c(a numeric references p(a));",
    ),
    (
        "fk both retyped text",
        "create table p(a int primary key); create table c(a int references p(a));",
        "create table p(a text primary key); create table c(a text references p(a));",
    ),
    (
        "begin atomic on column",
        "create table t(a int); create function f() returns int language sql begin atomic select a from t; end;",
        "create table t(a bigint); create function f() returns bigint language sql begin atomic select a from t; end;",
    ),
    (
        "begin atomic on column unchanged fn",
        "create table t(a varchar(5), b int); create function f() returns int language sql begin atomic select length(a) from t; end;",
        "create table t(a text, b int); create function f() returns int language sql begin atomic select length(a) from t; end;",
    ),
    (
        "inherit after dropped column",
        "create table p(a int); create table c(a int, z int);",
        "create table p(a int); create table c(a int) inherits (p);",
    ),
    (
        "inherit undone",
        "create table p(a int); create table c(z int) inherits (p);",
        "create table p(a int); create table c(a int, z int);",
    ),
    ("sequence max", "create sequence s maxvalue 100;", "create sequence s maxvalue 10;"),
    ("schema dropped", "create schema s; create table s.t(a int);", ""),
    (
        "serial to identity",
        "create table t(id serial primary key);",
        "create table t(id int generated always as identity primary key);",
    ),
    ("serial to plain", "create table t(id serial primary key);", "create table t(id int primary key);"),
    ("plain to serial", "create table t(id int primary key);", "create table t(id serial primary key);"),
    (
        "identity to plain",
        "create table t(id int generated always as identity primary key);",
        "create table t(id int primary key);",
    ),
    ("serial to bigserial", "create table t(id serial primary key);", "create table t(id bigserial primary key);"),
    (
        "view column default",
        "create table t(a int); create view v as select a from t;",
        "create table t(a int); create view v as select a from t; alter view v alter a set default 3; comment on column v.a is 'x';",
    ),
    (
        "enum label used",
        "create type e as enum('a'); create table t(x e);",
        "create type e as enum('a','b'); create table t(x e default 'b', check (x <> 'b'));",
    ),
    (
        "partition detached with index",
        "create table t(a int) partition by range(a); create table t1 partition of t for values from (1) to (2); create index i on t(a);",
        "create table t(a int) partition by range(a); create table t1(a int); create index i on t(a); create index t1_a_idx on t1(a);",
    ),
    (
        "partition attached",
        "create table t(a int) partition by range(a); create table t1(a int); create index i on t(a); ",
        "create table t(a int) partition by range(a); create table t1 partition of t for values from (1) to (2); create index i on t(a);",
    ),
    (
        "partition extra kept",
        "create table t(a int) partition by range(a); create table t1 partition of t for values from (1) to (2); ",
        "create table t(a int) partition by range(a); create index i on t(a);",
    ),
    (
        "columns privileges comments",
        "create table t(a int, b int);",
        "create table t(a int, b int); comment on column t.a is 'x'; comment on table t is 'y';",
    ),
    (
        "agg",
        "create aggregate mysum(int) (sfunc=int4pl, stype=int, initcond='0');",
        "create aggregate mysum(int) (sfunc=int4pl, stype=int, initcond='1');",
    ),
    (
        "composite used in function",
        "create type c as (a int); create function f(x c) returns int language sql as $$ select 1 $$;",
        "create type c as (a int, b text); create function f(x c) returns int language sql as $$ select 1 $$;",
    ),
    (
        "table type in function",
        "create table t(a int); create function f(x t) returns int language sql as $$ select 1 $$;",
        "",
    ),
    (
        "trigger function again",
        "create table t(a int); create function f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger g before insert on t for each row execute function f();",
        "create table t(a int); create function f() returns trigger language plpgsql stable as $$ begin return old; end $$; create trigger g before update on t for each row execute function f();",
    ),
    (
        "view replaced with other column type",
        "create table t(a int); create view v as select a from t; create view w as select a from v;",
        "create table t(a bigint); create view v as select a, 1 as b from t; create view w as select a,b from v;",
    ),
    (
        "column to generated",
        "create table t(a int, b int);",
        "create table t(a int, b int generated always as (a+1) stored);",
    ),
    (
        "generated to column",
        "create table t(a int, b int generated always as (a+1) stored);",
        "create table t(a int, b int);",
    ),
    ("exclusion", "create table t(r int4range);", "create table t(r int4range, exclude using gist (r with &&));"),
    ("collation column", "create table t(a text);", "create table t(a text collate \"C\"); create index on t(a);"),
    (
        "uppercase",
        "create table \"T\"(\"A\" int primary key);",
        "create table \"T\"(\"A\" bigint primary key, \"b c\" text default 'q''s'); create table \"U\"(\"x\" bigint references \"T\"(\"A\") on delete cascade deferrable initially deferred);",
    ),
    (
        "check uses function",
        "create table t(a int);",
        "create function ok(int) returns bool language sql immutable as $$ select true $$; create table t(a int check (ok(a)));",
    ),
    (
        "index uses function dropped",
        "create function ok(int) returns int language sql immutable as $$ select 1 $$; create table t(a int); create index i on t(ok(a));",
        "create table t(a int);",
    ),
    (
        "function uses table rowtype both new",
        "",
        "create table t(a int); create function f(t) returns setof t language sql as $$ select * from t $$; create view v as select * from f(null::t);",
    ),
    (
        "recursive tables fks",
        "",
        "create table a(id int primary key, b int); create table b(id int primary key, a int references a); alter table a add foreign key (b) references b;",
    ),
    (
        "view on function on view",
        "",
        "create table t(a int); create view v as select a from t; create function f() returns setof v language sql as $$ select * from v $$; create view w as select * from f();",
    ),
    ("range type w function", "", "create type r as range(subtype=float8); create table t(a r);"),
    (
        "type changes of enum column to text",
        "create type e as enum('a','b'); create table t(x e default 'a');",
        "create table t(x text default 'a');",
    ),
    (
        "text to enum",
        "create table t(x text default 'a');",
        "create type e as enum('a','b'); create table t(x e default 'a');",
    ),
    ("int to bool", "create table t(x int default 0);", "create table t(x boolean default false);"),
    ("varchar to int", "create table t(x varchar default '0');", "create table t(x int default 0);"),
    ("json to jsonb", "create table t(x json default '{}');", "create table t(x jsonb default '{}');"),
    ("timestamp to tz", "create table t(x timestamp default now());", "create table t(x timestamptz default now());"),
    ("array retype", "create table t(x int[] default '{}');", "create table t(x text[] default '{}');"),
    (
        "policy w function",
        "create table t(a int);",
        "create function me() returns int language sql stable as $$ select 1 $$; create table t(a int); alter table t enable row level security; create policy p on t using (a = me());",
    ),
    (
        "not valid",
        "create table t(a int);",
        "create table t(a int); alter table t add constraint c check (a>0) not valid;",
    ),
    (
        "not valid validated",
        "create table t(a int); alter table t add constraint c check (a>0) not valid;",
        "create table t(a int, constraint c check (a>0));",
    ),
    (
        "a view's function is made again",
        "create function f(a int) returns int language sql as $$ select 1 $$; create view v as select f(1) as x; create view w as select x from v;",
        "create function f(b int) returns text language sql as $$ select '1' $$; create view v as select f(1) as x; create view w as select x from v;",
    ),
    (
        "an index and a check of a function that is made again",
        "create function f(a int) returns int language sql immutable as $$ select 1 $$; create table t(a int check (f(a) > 0)); create index i on t (f(a));",
        "create function f(b int) returns int language sql immutable as $$ select 1 $$; create table t(a int check (f(a) > 0)); create index i on t (f(a));",
    ),
    (
        "a generated column of a function that is made again",
        "create function f(a int) returns int language sql immutable as $$ select 1 $$; create table t(a int, b int generated always as (f(a)) stored);",
        "create function f(b int) returns int language sql immutable as $$ select 1 $$; create table t(a int, b int generated always as (f(a)) stored);",
    ),
    (
        "an aggregate of a function that is made again",
        "create function add(a int, b int) returns int language sql as $$ select a + b $$; create aggregate total(int) (sfunc = add, stype = int, initcond = '0');",
        "create function add(x int, y int) returns int language sql as $$ select x + y $$; create aggregate total(int) (sfunc = add, stype = int, initcond = '0');",
    ),
    (
        "a procedure with an argument that comes out",
        "create procedure p(a int, inout b int) language sql as $$ select 1 $$;",
        "create procedure p(x int, inout y int) language sql as $$ select 2 $$;",
    ),
    (
        "a function with the rest of the arguments, and defaults",
        "create function f(a int, variadic b text[] default '{}') returns int language sql as $$ select 1 $$; comment on function f is 'x';",
        "create function f(a int default 1, variadic b text[] default '{}') returns int language sql as $$ select 1 $$; comment on function f is 'y';",
    ),
    (
        "tables that change their names in a ring",
        "create table a(id int primary key); create table b(id int primary key, a_id int references a); create index x on a (id);",
        "create table c(id int constraint b_pkey primary key); create table d(id int constraint a_pkey primary key, c_id int references c); create index x on d (id);",
    ),
    (
        "a partitioned table with a key, taken apart",
        "create table t(a int, b int, primary key (a)) partition by range (a); create table t1 partition of t for values from (1) to (2); create index on t (b);",
        "create table t(a int, b int, primary key (a)) partition by range (a); create table t1(a int primary key, b int); create index on t (b);",
    ),
    (
        "a column that a rule, a policy and a trigger name",
        "create table t(a varchar(5), b int); create rule r as on update to t where new.a = 'x' do instead nothing; alter table t enable row level security; create policy p on t using (a = 'x'); create function f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger g before update of a on t for each row execute function f();",
        "create table t(a text, b bigint); create rule r as on update to t where new.a = 'x' do instead nothing; alter table t enable row level security; create policy p on t using (a = 'x'); create function f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger g before update of a on t for each row execute function f();",
    ),
    (
        "a materialized view with an index on a view that changes",
        "create table t(a int); create view v as select a from t; create materialized view m as select a from v; create unique index on m (a);",
        "create table t(a int); create view v as select a + 1 as a from t; create materialized view m as select a from v; create unique index on m (a);",
    ),
    (
        "a domain over a domain over an enum",
        "create type e as enum ('a', 'b'); create domain d1 as e; create domain d2 as d1 default 'a'; create table t(x d2);",
        "create type e as enum ('a', 'b'); create domain d1 as e; create domain d2 as d1 default 'b' not null; create table t(x d2);",
    ),
    (
        "heirs that get and lose columns",
        "create table p(a int, b int); create table c(z int) inherits (p); create table d() inherits (c);",
        "create table p(a bigint, x text default 'q'); create table c(z text) inherits (p); create table d() inherits (c);",
    ),
    (
        "a column that goes with a label, and one that stays",
        "create type e as enum ('a', 'b', 'c'); create table t(s e default 'a', s2 e);",
        "create type e as enum ('a', 'b'); create table t(s e);",
    ),
    (
        "a column that goes with the function of its default",
        "create function f() returns int language sql as $$ select 1 $$; create table t(a int, b int default f());",
        "create function f() returns bigint language sql as $$ select 1::bigint $$; create table t(a int);",
    ),
    (
        "a partition key whose name holds that of a column",
        "create type e as enum ('a', 'b'); create table t(status e, status_group text) partition by list (status_group);",
        "create type e as enum ('a'); create table t(status e, status_group text) partition by list (status_group);",
    ),
    (
        "a domain in a composite type that no column has",
        "create domain d as int; create type c as (x d);",
        "create domain d as int not null check (value > 0); create type c as (x d);",
    ),
    (
        "an index with the longest name, of a table that goes",
        "create table a(id int); create index iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii1 on a (id); create index iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii2 on a (id);",
        "create table b(id int); create index iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii1 on b (id); create index iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii2 on b (id);",
    ),
    (
        "an identity, and a sequence that leaves room for nothing",
        "create table t(id int generated always as identity);",
        "create sequence q as int; create table t(id int default nextval('q')); alter sequence q owned by t.id;",
    ),
    (
        "numbers in a text",
        "create table t(c text);",
        "create table t(c text); create sequence q; alter sequence q owned by t.c; alter table t alter c set default 'X' || nextval('q');",
    ),
    (
        "a sequence that another table takes its numbers from",
        "create table t(id serial primary key); create table u(id int default nextval('t_id_seq'));",
        "create table t(id int generated always as identity primary key); create table u(id int);",
    ),
    (
        "procedures that differ in what comes out",
        "create procedure p(a int, out b int) language sql as $$ select 1 $$; create procedure p(a int, b int) language sql as $$ select 1 $$; comment on procedure p(int, out int) is 'x';",
        "create procedure p(a int, b int) language sql as $$ select 2 $$;",
    ),
    (
        "a view with defaults and comments of its columns",
        "create table t(id int); create view v as select id from t; alter view v alter id set default 9; comment on column v.id is E'a\\\\b';",
        "create table t(id int, x int); create view v as select id, x from t; alter view v alter id set default 9; comment on column v.id is E'a\\\\b'; comment on column v.x is 'it = x';",
    ),
    (
        "an identity, and a sequence of the same name that nobody owns",
        "create table t(id int generated by default as identity primary key);",
        "create table t(id int primary key); create sequence t_id_seq; alter table t alter id set default nextval('t_id_seq');",
    ),
    (
        "a type under another name",
        "create type e as enum ('a'); create table t(x e default 'a', y e[]);",
        "create type ee as enum ('a'); create table t(x ee default 'a', y ee[]);",
    ),
    (
        "a function that becomes a procedure, and the column that called it",
        "create function f() returns int language sql as 'select 1'; create table q(id int default f(), x int);",
        "create procedure f() language sql as 'select 1'; create table q(x int);",
    ),
    (
        "heirs with and without columns of their own",
        "create table par(id int, n text default 'x', check (id > 0)); create table other(o int);",
        "create table par(id int, n text default 'x', check (id > 0)); create table other(o int); create table ch() inherits (par); create table two(o int, z int) inherits (par, other); alter table ch alter n set default 'y';",
    ),
];

#[test]
fn each_of_two_is_made_of_the_other() {
    let Some(pair) = Pair::new() else { return };
    let mut refused = Vec::new();
    for (name, one, other) in PAIRS {
        for (from, to) in [(one, other), (other, one)] {
            if let Err(why) = pair.becomes(from, to) {
                refused.push(format!("{name}: {why}"));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n\n"));
}

/// What the server refuses whatever is done around it, and who holds it.
const STUCK: &[(&str, &str, &str)] = &[
    (
        "create type e as enum ('a', 'b'); create domain d as e; create table t (x d);",
        "create type e as enum ('a'); create domain d as e; create table t (x d);",
        "enum `e`: a label cannot be taken from it while the domain `d` has it",
    ),
    (
        "create type e as enum ('a', 'b'); create type c as (x e); create table t (x c);",
        "create type e as enum ('a'); create type c as (x e); create table t (x c);",
        "enum `e`: a label cannot be taken from it while the composite type `c` has it",
    ),
    (
        "create type e as enum ('a', 'b'); create table t (x e) partition by list (x);",
        "create type e as enum ('a'); create table t (x e) partition by list (x);",
        "enum `e`: a label cannot be taken from it while the column `t.x` has it",
    ),
    (
        "create domain dm as int check (value > 0); create table t (a dm[]);",
        "create domain dm as int check (value > 1); create table t (a dm[]);",
        "constraint `dm.dm_check`: a domain gets no new check while the column `t.a` has it inside of its type",
    ),
];

#[test]
fn what_the_server_refuses_in_any_case_is_said_and_not_tried() {
    let Some(pair) = Pair::new() else { return };
    for (from, to, why) in STUCK {
        let (old, new) = pair.made(from, to);
        let script = ddl::script(&old, &new);
        assert_eq!(script.by_hand, [*why]);
        let statements: Vec<&str> = script.statements.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(statements, Vec::<&str>::new(), "{why}");
    }
}

#[test]
fn numbers_go_on_where_the_rows_end() {
    let Some(cluster) = Cluster::shared() else { return };
    let kinds = [
        "create table t (id serial primary key, n int)",
        "create sequence t_id_seq; create table t (id int default nextval('t_id_seq') primary key, n int)",
        "create table t (id int generated by default as identity primary key, n int)",
        "create table t (id int primary key, n int)",
    ];
    let Some(pair) = Pair::new() else { return };
    for from in kinds {
        for to in kinds.iter().take(3).filter(|to| **to != from) {
            // As the app does it: the numbers come by themselves, where they can.
            let by_itself = !from.contains("t (id int primary key");
            let rows = if by_itself { "(n) select i" } else { "(id, n) select i, i" };
            let rows = format!("; insert into t {rows} from generate_series(1, 5) i");
            let (old, new) = pair.made(&format!("{from}{rows}"), to);
            let texts = ddl::script(&old, &new).texts();
            run(cluster, &pair.from, &format!("begin; {}; commit;", texts.join("; ")));
            cluster.sql(&pair.from.name, "insert into t (n) values (6)");
            let highest = cluster.value(&pair.from.name, "select max(id)::text from t");
            assert_eq!(highest.as_deref(), Some("6"), "{from} -> {to}");
        }
    }
}

#[test]
fn an_heir_follows_its_parent_afterwards() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(pair) = Pair::new() else { return };
    let after = "create table par(id int); create table ch() inherits (par)";
    let (old, new) = pair.made("create table par(id int)", after);
    run(cluster, &pair.from, &format!("{};", ddl::script(&old, &new).texts().join("; ")));
    cluster.sql(&pair.from.name, "alter table par drop column id");
    let columns =
        "select count(*)::text from pg_attribute where attrelid = 'ch'::regclass and attnum > 0 and not attisdropped";
    assert_eq!(cluster.value(&pair.from.name, columns).as_deref(), Some("0"));
}
