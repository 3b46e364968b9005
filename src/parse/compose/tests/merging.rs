//! One test a rule of "Merge" in the Compose Specification.

use super::*;
use crate::model::compose::MountSource::{Anonymous, Bind, Tmpfs};

const BASE: &str = "\
services:
  db:
    image: postgres:16
    command: postgres -c 'log_statement=all'
    entrypoint: [a, b]
    environment:
      - POSTGRES_USER=app
      - POSTGRES_DB=app
      - INHERITED
    volumes: ['data:/var/lib/postgresql/data', './init:/docker-entrypoint-initdb.d:ro']
    expose: [5432]
    profiles: [dev]
    extra_hosts: ['a:1.2.3.4']
    depends_on: [cache]
    healthcheck: {test: pg_isready, interval: 5s}
  cache: {image: redis}
volumes:
  data:
";

#[test]
fn mappings_are_merged_and_texts_replaced() {
    let compose = two(BASE, "services:\n  db:\n    image: postgres:17\n  new: {image: x}\n");
    let db = service(&compose, "db");
    let image = db.image.as_ref().unwrap();
    assert_eq!((image.value.as_str(), image.at.to_string().as_str()), ("postgres:17", "compose.override.yaml:3"));
    assert_eq!(db.at.to_string(), "compose.yaml:2");
    assert_eq!(compose.services.len(), 3);
    assert_eq!(compose.files, [Path::new("compose.yaml"), Path::new("compose.override.yaml")]);
    assert_eq!(fatal(&compose), Vec::<String>::new());
}

#[test]
fn environment_merges_by_key_whatever_its_form() {
    let over = "services: {db: {environment: {POSTGRES_DB: other, PORT: 0x10, DEBUG: yes, ON: true, RATE: 1.10, N: }}}";
    let compose =
        project(&[("compose.yaml", BASE), ("compose.override.yaml", over)], &[], &[("INHERITED", "from-shell")]);
    let db = service(&compose, "db");
    let got: Vec<_> = db.environment.keys().map(|key| (key.as_str(), variable(db, key))).collect();
    assert_eq!(
        got,
        [
            ("DEBUG", Some("yes")),
            ("INHERITED", Some("from-shell")),
            ("N", None),
            ("ON", Some("true")),
            ("PORT", Some("16")),
            ("POSTGRES_DB", Some("other")),
            ("POSTGRES_USER", Some("app")),
            ("RATE", Some("1.1")),
        ]
    );
    assert_eq!(db.environment["POSTGRES_USER"].at.to_string(), "compose.yaml:7");
    assert_eq!(db.environment["POSTGRES_DB"].at.to_string(), "compose.override.yaml:1");
}

#[test]
fn commands_and_tests_are_replaced_not_appended() {
    let over = "services: {db: {command: [postgres], healthcheck: {test: [CMD, 'true']}}}";
    let compose = two(BASE, over);
    let db = service(&compose, "db");
    assert_eq!(db.command.as_ref().unwrap().value, ["postgres"]);
    assert_eq!(db.healthcheck.as_ref().unwrap().value, ["CMD", "true"]);
    let alone = one(BASE);
    let db = service(&alone, "db");
    assert_eq!(db.command.as_ref().unwrap().value, ["postgres", "-c", "log_statement=all"]);
    assert_eq!(db.healthcheck.as_ref().unwrap().value, ["CMD-SHELL", "pg_isready"]);
}

#[test]
fn a_disabled_healthcheck_is_empty() {
    for disabled in ["{disable: true}", "{test: [NONE]}", "{test: NONE, disable: true}"] {
        let compose = two(BASE, &format!("services: {{db: {{healthcheck: {disabled}}}}}"));
        assert_eq!(service(&compose, "db").healthcheck.as_ref().unwrap().value, Vec::<String>::new());
    }
    assert_eq!(service(&one(BASE), "cache").healthcheck, None);
}

#[test]
fn volumes_merge_by_target() {
    let over = "services: {db: {volumes: [{type: bind, source: ../data, target: /var/lib/postgresql/data}, /scratch, {type: tmpfs, target: /run}], tmpfs: /tmp}}";
    let compose = two(BASE, over);
    let mounts: Vec<_> = service(&compose, "db")
        .mounts
        .iter()
        .map(|mount| (mount.source.clone(), mount.target.as_str(), mount.read_only))
        .collect();
    assert_eq!(
        mounts,
        [
            (Bind("../data".into()), "/var/lib/postgresql/data", false),
            (Bind("init".into()), "/docker-entrypoint-initdb.d", true),
            (Anonymous, "/scratch", false),
            (Tmpfs, "/run", false),
            (Tmpfs, "/tmp", false),
        ]
    );
}

#[test]
fn other_lists_are_appended_without_duplicates() {
    let over = "services: {db: {expose: ['5432', 6000], profiles: [dev, test], extra_hosts: {b: 1.1.1.1}}}";
    let compose = two(BASE, over);
    let db = service(&compose, "db");
    let texts = |list: &[crate::model::place::Located<String>]| -> Vec<String> {
        list.iter().map(|item| item.value.clone()).collect()
    };
    assert_eq!(texts(&db.expose), ["5432", "6000"]);
    assert_eq!(db.profiles, ["dev", "test"]);
    assert_eq!(texts(&db.extra_hosts), ["a:1.2.3.4", "b:1.1.1.1"]);
    assert!(!db.is_active(&[]) && db.is_active(&["test".to_owned()]));
}

#[test]
fn depends_on_merges_lists_and_mappings() {
    let over = "services: {db: {depends_on: {cache: {condition: service_healthy}}}}";
    let compose = two(BASE, over);
    assert_eq!(service(&compose, "db").depends_on["cache"].value, "service_healthy");
    assert_eq!(service(&one(BASE), "db").depends_on["cache"].value, "service_started");
}

#[test]
fn reset_removes_and_override_replaces() {
    let base = "services: {db: {image: postgres, ports: ['5432:5432'], environment: {A: 1, B: 2}}}";
    let reset = two(base, "services:\n  db:\n    ports: !reset []\n    environment:\n      A: !reset null\n");
    let db = service(&reset, "db");
    assert_eq!(shown_ports(db), Vec::<String>::new());
    assert_eq!(db.environment.keys().collect::<Vec<_>>(), ["B"]);
    let replaced = two(base, "services:\n  db:\n    ports: !override ['6000:5432']\n");
    assert_eq!(shown_ports(service(&replaced, "db")), ["6000->5432/tcp"]);
}

#[test]
fn documents_of_one_file_are_merged() {
    let compose = one("services: {db: {image: a, environment: {A: 1}}}\n---\nservices: {db: {image: b}}\n");
    let db = service(&compose, "db");
    assert_eq!(db.image.as_ref().unwrap().value, "b");
    assert_eq!(variable(db, "A"), Some("1"));
}

#[test]
fn anchors_and_merge_keys_are_expanded() {
    let compose = one("\
x-env: &env {A: x, B: x}
x-more: &more {B: y, C: y}
x-db: &db
  image: postgres
  environment:
    <<: [*env, *more]
    A: own
services:
  db: {<<: *db, ports: [5432]}
  other: *db
");
    for name in ["db", "other"] {
        let service = service(&compose, name);
        let values = ["A", "B", "C"].map(|key| variable(service, key));
        assert_eq!(values, [Some("own"), Some("x"), Some("y")], "{name}");
    }
    assert_eq!(fatal(&compose), Vec::<String>::new());
}

#[test]
fn an_undefined_volume_or_service_is_refused() {
    let compose = one(
        "services:\n  a: {image: x, depends_on: {gone: {}, later: {required: false}}, volumes: ['lost:/x']}\n  b: {}\n",
    );
    assert_eq!(
        fatal(&compose),
        [
            "compose.yaml:2: the service `a` depends on `gone`, which does not exist",
            "compose.yaml:2: the service `a` mounts the volume `lost`, which is not declared",
            "compose.yaml:3: the service `b` has neither an image nor a build context",
        ]
    );
}

#[test]
fn volumes_have_the_engines_names() {
    let compose = one("\
services: {a: {image: x}}
volumes:
  plain:
  named: {name: \"pg-${V:-1}\"}
  outside: {external: true}
  old: {external: {name: legacy}}
");
    let names: Vec<_> =
        compose.volumes.values().map(|volume| (volume.engine_name.as_str(), volume.external, volume.at.line)).collect();
    assert_eq!(names, [("pg-1", false, 4), ("legacy", true, 6), ("outside", true, 5), ("myproject_plain", false, 3)]);
}
