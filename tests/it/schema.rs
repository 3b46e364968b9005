//! The catalog of a database that has one of everything, read and compared.

use crate::support::block_on;
use crate::support::cluster::{Cluster, Database};
use devdb::model::schema::{ObjectId, ObjectKind, Property, Schema};
use devdb::parse::pg_url;
use devdb::wire::catalog::{self, Options};
use devdb::wire::postgres::Session;
use std::collections::BTreeSet;
use std::time::Duration;

/// One of everything that the reader knows, but for foreign tables.
pub(crate) const EVERYTHING: &str = r#"
create schema billing;
comment on schema billing is 'money';
create extension hstore with schema public;
create collation billing.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create type mood as enum ('sad', 'ok', 'it''s fine');
alter type mood add value 'happy' before 'ok';
create domain billing.amount as numeric(12, 2) not null default 0 check (value >= 0);
create type address as (street text, zip varchar(10));
create type billing.period as range (subtype = date);
create sequence billing.invoice_number start 1000 increment 5 cycle maxvalue 100000;
create table users (
    id int generated always as identity primary key,
    gone text,
    username varchar(50) not null unique,
    "Full Name" text collate "C" default 'nobody',
    feeling mood not null default 'ok',
    lower_name text generated always as (lower(username)) stored,
    home address,
    tags hstore,
    constraint name_is_long check (length(username) > 1)
);
alter table users drop column gone;
comment on table users is 'people';
comment on column users.username is 'what they log in with';
create index users_lower on users (lower(username)) include (id) where username <> '';
comment on index users_lower is 'for the search';
create table billing.invoices (
    number int default nextval('billing.invoice_number') not null,
    user_id int not null references public.users (id) on delete cascade deferrable,
    amount billing.amount,
    during billing.period,
    exclude using gist (during with &&)
);
alter sequence billing.invoice_number owned by billing.invoices.number;
alter table billing.invoices add constraint positive check (amount > 0) not valid;
create table events (at timestamptz not null, what text, primary key (at)) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create index on events (what);
create unlogged table base (a int) with (fillfactor = 70);
create table derived (b int) inherits (base);
alter table users replica identity full;
create statistics users_stats (dependencies) on username, feeling from users;
create view grown_ups with (security_barrier) as select id, username from users where feeling <> 'sad';
comment on view grown_ups is 'a view';
create materialized view moods as select feeling, count(*) from users group by feeling;
create index on moods (feeling);
create rule no_delete as on delete to derived do instead nothing;
create function total(integer, text default 'x') returns bigint language sql as $$ select count(*) from public.users $$;
comment on function total(integer, text) is 'counts';
create procedure tidy() language plpgsql as $$ begin perform 1; end $$;
create aggregate longest(text) (sfunc = textcat, stype = text, initcond = '');
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touched before update on users for each row when (old.username is distinct from new.username) execute function touch();
alter table users disable trigger touched;
alter table users enable row level security;
alter table users force row level security;
create policy own on users as restrictive for select to public using (username = current_user);
create function noted() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger note on ddl_command_end when tag in ('CREATE TABLE') execute function noted();
"#;

fn read(cluster: &Cluster, database: &str, options: Options) -> Schema {
    let target = pg_url::parse(&cluster.superuser_url(database)).unwrap().target;
    block_on(async {
        let session = Session::open(&target, database, "test", Duration::from_secs(5)).await.unwrap();
        let schema = catalog::read(&session, options).await.unwrap();
        session.close().await;
        schema
    })
}

fn two(cluster: &Cluster) -> (Database<'_>, Database<'_>) {
    let owner = cluster.create_role("");
    (cluster.fresh_database(&owner), cluster.fresh_database(&owner))
}

fn differences(cluster: &Cluster, before: &Database<'_>, after: &Database<'_>) -> Vec<String> {
    let options = Options { privileges: true };
    let (before, after) = (read(cluster, &before.name, options), read(cluster, &after.name, options));
    before.differences(&after).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn said(schema: &Schema, kind: ObjectKind, path: &str, property: Property) -> Option<String> {
    let found = schema.objects.iter().find(|(id, _)| id.kind == kind && id.path() == path);
    let (_, properties) = found.unwrap_or_else(|| panic!("no {} {path}: {:?}", kind.name(), schema.objects.keys()));
    properties.get(&property).cloned()
}

#[test]
fn one_of_everything_is_read() {
    let Some(cluster) = Cluster::shared() else { return };
    let (database, _) = two(cluster);
    cluster.sql(&database.name, EVERYTHING);
    let schema = read(cluster, &database.name, Options::default());
    let kinds: BTreeSet<&str> = schema.objects.keys().map(|id| id.kind.name()).collect();
    assert_eq!(kinds.len(), 22, "{kinds:?}");
    let check = |kind, path: &str, property, expected: &str| {
        assert_eq!(said(&schema, kind, path, property).as_deref(), Some(expected), "{path}");
    };
    check(ObjectKind::Enum, "mood", Property::Labels, "'sad', 'happy', 'ok', 'it''s fine'");
    check(ObjectKind::Domain, "billing.amount", Property::Type, "numeric(12,2)");
    check(ObjectKind::CompositeType, "address", Property::Definition, "street text, zip character varying(10)");
    check(ObjectKind::Sequence, "billing.invoice_number", Property::OwnedBy, "invoices.number");
    check(ObjectKind::Column, "users.username", Property::Type, "character varying(50)");
    check(ObjectKind::Column, "users.username", Property::Comment, "what they log in with");
    check(ObjectKind::Column, "users.feeling", Property::Default, "'ok'::public.mood");
    check(ObjectKind::Column, "users.id", Property::Identity, "always");
    check(ObjectKind::Column, "users.Full Name", Property::Collation, "pg_catalog.\"C\"");
    check(ObjectKind::Column, "users.lower_name", Property::Generated, "stored: lower((username)::text)");
    check(ObjectKind::Table, "events_2024", Property::Kind, "table");
    check(ObjectKind::Table, "events", Property::PartitionBy, "RANGE (at)");
    check(ObjectKind::Table, "users", Property::RowSecurity, "forced");
    check(ObjectKind::Trigger, "users.touched", Property::Enabled, "disabled");
    check(
        ObjectKind::Constraint,
        "billing.invoices.positive",
        Property::Definition,
        "CHECK (((amount)::numeric > (0)::numeric)) NOT VALID",
    );
    assert_eq!(said(&schema, ObjectKind::Column, "users.tags", Property::Default), None);
    // What the extension brought, what stands behind a constraint, and what partitions inherit is not listed.
    let listed = |name: &str| schema.objects.keys().filter(|id: &&ObjectId| id.name.starts_with(name)).count();
    assert_eq!((listed("hstore"), listed("users_pkey"), listed("events_pkey")), (1, 1, 1));
    assert_eq!(schema.column_order[&("public".into(), "users".into())][1], "username");
    assert!(schema.objects.values().all(|properties| !properties.contains_key(&Property::Privileges)));
}

#[test]
fn the_same_statements_make_the_same_schema() {
    let Some(cluster) = Cluster::shared() else { return };
    let (before, after) = two(cluster);
    cluster.sql(&before.name, EVERYTHING);
    // Oids and physical places are others here.
    cluster.sql(&after.name, "create table other (a int); drop table other; create schema aaa; drop schema aaa");
    cluster.sql(&after.name, EVERYTHING);
    cluster.sql(&after.name, "insert into users (username) values ('ada'); select nextval('billing.invoice_number')");
    assert_eq!(differences(cluster, &before, &after), Vec::<String>::new());
}

#[test]
fn every_change_is_seen_and_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let (before, after) = two(cluster);
    cluster.sql(&before.name, EVERYTHING);
    cluster.sql(&after.name, EVERYTHING);
    let cases: &[(&str, &str, &str)] = &[
        ("alter table users alter username drop not null", "column `users.username`: no longer not null", ""),
        ("comment on schema billing is null", "schema `billing`: comment money → none", ""),
        ("alter type mood rename value 'happy' to 'glad'", "enum `mood`: labels", "glad"),
        ("alter domain billing.amount drop not null", "domain `billing.amount`: no longer not null", ""),
        ("alter type address add attribute city text", "composite type `address`: definition", "city text"),
        ("alter sequence billing.invoice_number cache 7", "sequence `billing.invoice_number`: definition", "cache 7"),
        ("drop index users_lower", "index `users.users_lower`: only before", ""),
        ("alter table billing.invoices validate constraint positive", "constraint `billing.invoices.positive`", ""),
        ("drop statistics users_stats", "statistics `users_stats`: only before", ""),
        ("create or replace view grown_ups as select id, username from users", "view `grown_ups`: definition", ""),
        ("drop rule no_delete on derived", "rule `derived.no_delete`: only before", ""),
        (
            "create or replace function total(integer, text default 'x') returns bigint language sql as 'select 1::bigint'",
            "function `total(integer, text)`: definition differs",
            "",
        ),
        ("create table extra (a int, primary key (a))", "table `extra`: only after", ""),
        ("alter table users enable trigger touched", "trigger `users.touched`: enabled disabled → none", ""),
        ("drop policy own on users", "policy `users.own`: only before", ""),
        ("alter table users no force row level security", "table `users`: row security forced → enabled", ""),
        ("drop event trigger note", "event trigger `note`: only before", ""),
        ("grant select on derived to public", "table `derived`: privileges", "=r/"),
        ("alter table base reset (fillfactor)", "table `base`: options fillfactor=70 → none", ""),
        ("alter table derived no inherit base", "table `derived`: inherits public.base → none, privileges", ""),
    ];
    for (statement, line, more) in cases {
        cluster.sql(&after.name, statement);
        let found = differences(cluster, &before, &after);
        let lines: Vec<&String> =
            found.iter().filter(|found| found.starts_with(line) && found.contains(more)).collect();
        assert_eq!(lines.len(), 1, "{statement}: {found:#?}");
    }
    // Two of them are said of one table.
    let found = differences(cluster, &before, &after);
    assert_eq!(found.len(), cases.len() - 1, "{found:#?}");
}

#[test]
fn a_large_catalog_is_read_at_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let (database, _) = two(cluster);
    cluster.sql(
        &database.name,
        "do $$ begin for i in 1..300 loop execute format(
            'create table t%s (id int primary key, a text not null, b text default ''x'', c int references t%s)',
            i, greatest(i - 1, 1)); end loop; end $$",
    );
    let schema = read(cluster, &database.name, Options::default());
    let count = |kind| schema.objects.keys().filter(|id| id.kind == kind).count();
    assert_eq!((count(ObjectKind::Table), count(ObjectKind::Column), count(ObjectKind::Constraint)), (300, 1200, 600));
}
