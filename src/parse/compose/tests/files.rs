//! Several files: names, `env_file`, `extends`, `include`.

use super::*;

#[track_caller]
fn check_name(text: &str, environment: &[(&str, &str)], expected: &str) -> Compose {
    let compose = project(&[("compose.yaml", text)], &[], environment);
    assert_eq!(compose.name, expected);
    compose
}

#[test]
fn the_project_has_a_name() {
    let plain = "services: {a: {image: \"x:${COMPOSE_PROJECT_NAME}\"}}";
    let compose = check_name(plain, &[], "myproject");
    assert_eq!(service(&compose, "a").image.as_ref().unwrap().value, "x:myproject");
    check_name("name: -My_App-${V:-2}\nservices: {}", &[], "my_app-2");
    check_name("name: file\n", &[("COMPOSE_PROJECT_NAME", "env")], "env");
    let refused = check_name("name: file\n", &[("COMPOSE_PROJECT_NAME", "My App")], "myapp");
    assert_eq!(fatal(&refused).len(), 1);
}

#[test]
fn env_files_are_read_and_overridden_by_environment() {
    let text = "\
services:
  db:
    image: postgres
    env_file:
      - one.env
      - {path: ./conf/two.env, required: false, format: raw}
      - {path: gone.env, required: false}
      - missing.env
    environment: {C: own}
";
    let others =
        [("one.env", "A=1\nB='two words' # note\nC=file\nD=${SHELL_ONLY}-${C}\n"), ("conf/two.env", "E=\"$A\"\n")];
    let compose = project(&[("compose.yaml", text)], &others, &[("SHELL_ONLY", "s")]);
    let db = service(&compose, "db");
    let values = ["A", "B", "C", "D", "E"].map(|key| variable(db, key));
    assert_eq!(values, [Some("1"), Some("two words"), Some("own"), Some("s-own"), Some("\"$A\"")]);
    assert_eq!(db.environment["B"].at.to_string(), "one.env:2");
    assert_eq!(db.env_files.len(), 4);
    assert_eq!(fatal(&compose), ["compose.yaml:8: the env file `missing.env` cannot be read: no such file"]);
}

#[test]
fn a_broken_env_file_is_refused() {
    let text = "services: {db: {image: postgres, env_file: a.env}}";
    let compose = project(&[("compose.yaml", text)], &[("a.env", "A=1\nB='x\n")], &[]);
    assert_eq!(fatal(&compose), ["a.env:2: Compose cannot read this line of the env file"]);
}

#[test]
fn extends_of_the_same_file_and_of_another() {
    let text = "\
services:
  db:
    extends: {file: base/common.yml, service: postgres}
    environment: {A: own}
  copy:
    extends: db
    container_name: copy
";
    let base = "\
services:
  root:
    image: postgres:16
    environment: {A: root, B: root}
    volumes: ['./init:/docker-entrypoint-initdb.d']
    env_file: db.env
  postgres:
    extends: root
    ports: ['5433:5432']
";
    let others = [("base/common.yml", base), ("base/db.env", "C=file\n")];
    let compose = project(&[("compose.yaml", text)], &others, &[]);
    assert_eq!(fatal(&compose), Vec::<String>::new());
    for name in ["db", "copy"] {
        let service = service(&compose, name);
        assert_eq!(shown_ports(service), ["5433->5432/tcp"]);
        let values = ["A", "B", "C"].map(|key| variable(service, key));
        assert_eq!(values, [Some("own"), Some("root"), Some("file")], "{name}");
        let mount = &service.mounts[0];
        assert_eq!(mount.source, crate::model::compose::MountSource::Bind("base/init".into()));
        assert_eq!(mount.at.to_string(), "base/common.yml:5");
    }
    assert_eq!(compose.services.len(), 2);
}

#[test]
fn extends_resets_what_it_tags() {
    let text = "\
services:
  base: {image: postgres, ports: ['5432:5432'], environment: {A: 1, B: 2}}
  db:
    extends: base
    ports: !override ['6000:5432']
    environment:
      A: !reset null
";
    let compose = one(text);
    let db = service(&compose, "db");
    assert_eq!(shown_ports(db), ["6000->5432/tcp"]);
    assert_eq!(db.environment.keys().collect::<Vec<_>>(), ["B"]);
}

#[test]
fn extends_that_lead_nowhere_are_problems() {
    let compose =
        one("services:\n  a: {image: x, extends: b}\n  b: {image: x, extends: a}\n  c: {image: x, extends: gone}\n");
    let problems = fatal(&compose);
    assert!(problems.iter().any(|problem| problem.contains("extends itself")), "{problems:?}");
    assert!(problems.contains(&"compose.yaml:4: `c` extends the service `gone`, which does not exist".to_owned()));
    assert_eq!(compose.services.len(), 3);
}

#[test]
fn includes_have_their_own_directory_and_env_file() {
    let text = "\
include:
  - infra/compose.yaml
  - path: [other/a.yaml, other/b.yaml]
    project_directory: elsewhere
    env_file: other/x.env
services:
  app: {image: app, depends_on: [db]}
  db: {environment: {A: local}}
";
    let infra = "\
services:
  db:
    image: postgres:${TAG}
    env_file: db.env
    environment: {A: included}
    volumes: ['./data:/var/lib/postgresql/data', 'pg:/pg']
volumes: {pg: }
";
    let others = [
        ("infra/compose.yaml", infra),
        ("infra/.env", "TAG=16\nSHELL=no\n"),
        ("infra/db.env", "B=file\n"),
        ("other/a.yaml", "services: {cache: {image: \"redis:${TAG}\", volumes: ['./r:/r']}}"),
        ("other/b.yaml", "services: {cache: {ports: ['6379:6379']}}"),
        ("other/x.env", "TAG=7\n"),
    ];
    let compose = project(&[("compose.yaml", text)], &others, &[]);
    assert_eq!(fatal(&compose), Vec::<String>::new());
    let db = service(&compose, "db");
    assert_eq!(db.image.as_ref().unwrap().value, "postgres:16");
    assert_eq!(["A", "B"].map(|key| variable(db, key)), [Some("local"), Some("file")]);
    assert_eq!(db.mounts[0].source, crate::model::compose::MountSource::Bind("infra/data".into()));
    assert_eq!(compose.volumes["pg"].engine_name, "myproject_pg");
    let cache = service(&compose, "cache");
    assert_eq!(cache.image.as_ref().unwrap().value, "redis:7");
    assert_eq!(shown_ports(cache), ["6379->6379/tcp"]);
    assert_eq!(cache.mounts[0].source, crate::model::compose::MountSource::Bind("elsewhere/r".into()));
    let files: Vec<_> = compose.files.iter().map(|file| file.display().to_string()).collect();
    assert_eq!(files, ["compose.yaml", "infra/compose.yaml", "other/a.yaml", "other/b.yaml"]);
}

#[test]
fn includes_that_lead_back_are_problems() {
    let others = [("b.yaml", "include: [compose.yaml]\nservices: {b: {image: x}}")];
    let compose = project(&[("compose.yaml", "include: [b.yaml]\nservices: {a: {image: x}}")], &others, &[]);
    assert_eq!(fatal(&compose), ["b.yaml:1: `compose.yaml` includes itself"]);
    assert_eq!(compose.services.len(), 2);
}

#[test]
fn variables_are_listed_once_a_place() {
    let text = "\
services:
  db:
    image: postgres:${TAG:-16}
    environment:
      POSTGRES_PASSWORD: ${PASSWORD:?set it}
      POSTGRES_USER: ${USER_NAME}
      POSTGRES_DB: ${NAME}${NAME}
";
    let compose = project(&[("compose.yaml", text)], &[], &[("NAME", "app")]);
    let shown: Vec<_> = compose
        .variables
        .iter()
        .map(|used| (used.name.as_str(), used.at.line, used.default.as_deref(), used.required, used.defined))
        .collect();
    assert_eq!(
        shown,
        [
            ("TAG", 3, Some("16"), false, false),
            ("PASSWORD", 5, None, true, false),
            ("USER_NAME", 6, None, false, false),
            ("NAME", 7, None, false, true),
        ]
    );
    let problems: Vec<_> = compose.problems.iter().map(|problem| (problem.at.line, problem.fatal)).collect();
    assert_eq!(problems, [(5, true), (6, false)]);
}

#[test]
fn an_invalid_template_does_not_show_its_text() {
    let compose = one("services: {db: {image: postgres, environment: {URL: 'postgres://a:s3cret${@db'}}}");
    assert_eq!(fatal(&compose).len(), 1);
    assert!(!fatal(&compose)[0].contains("s3cret"));
}
