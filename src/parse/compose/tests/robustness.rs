//! Whatever the files hold, loading ends, and ends with a project.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Fragments of Compose files, to be put together wrongly.
fn yaml_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("services:"),
        Just("  db:"),
        Just("    image: postgres:${TAG:-16}"),
        Just("    ports: [\"5432:5432\", 1-9:1-9, {target: ${P}}]"),
        Just("    environment: &env {A: 1, B: ${B:?}}"),
        Just("    environment: [A=1, B, *env]"),
        Just("    env_file: [a.env, {path: a.env}]"),
        Just("    extends: {service: db, file: compose.yaml}"),
        Just("    extends: db"),
        Just("    volumes: ['a:/b:ro', {type: bind, source: ., target: /x}, 'C:\\a:/b']"),
        Just("    healthcheck: {test: [NONE]}"),
        Just("    depends_on: {db: {condition: x}}"),
        Just("    ports: !reset []"),
        Just("    <<: *env"),
        Just("include: [compose.yaml, {path: [b.yaml]}]"),
        Just("volumes: {a: {external: {name: x}}}"),
        Just("name: ${N}"),
        Just("---"),
        Just("? [a]"),
        Just("\t- x"),
        Just("'"),
        Just("{"),
    ];
    prop::collection::vec(line, 0..14).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn loading_never_panics(base in prop_oneof![yaml_text(), ".*"], over in yaml_text(), env in ".{0,30}") {
        let others = [("b.yaml", over.as_str()), ("a.env", env.as_str()), (".env", env.as_str())];
        project(&[("compose.yaml", &base), ("over.yaml", &over)], &others, &[("P", "5432"), ("TAG", &env)]);
    }

    #[test]
    fn interpolation_never_panics(text in r"([$}{:?+-]|[Aa1_]|\n|é){0,30}") {
        drop(interpolate::interpolate(&text, &|name| (name == "A").then(|| "é{".to_owned())));
    }

    #[test]
    fn ports_never_panic(text in r"[0-9\[\]:/.-]{0,24}") {
        drop(ports::parse_short(&text));
    }
}

#[test]
fn a_billion_laughs_are_a_problem() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let problems = fatal(&one(&text));
    assert_eq!(problems, ["compose.yaml:5: the file has more than 100000 values once its aliases are expanded"]);
}

#[test]
fn depth_is_bounded() {
    let deep = format!("a: {}", "[".repeat(5_000));
    assert_eq!(fatal(&one(&deep)).len(), 1);
    let block = (0..3_000).map(|level| " ".repeat(level) + "a:\n").collect::<String>();
    assert_eq!(fatal(&one(&block)), ["compose.yaml:101: the file nests more than 100 levels deep"]);
    let template = format!("services: {{a: {{image: '{}x{}'}}}}", "${A:-".repeat(3_000), "}".repeat(3_000));
    assert!(!fatal(&one(&template)).is_empty());
}

#[test]
fn an_alias_to_itself_is_a_problem() {
    assert_eq!(fatal(&one("a: &a [*a]\n")), ["compose.yaml:1: an alias refers to itself"]);
}

#[test]
fn long_chains_of_extends_end() {
    let mut text = "services:\n  s0: {image: x}\n".to_owned();
    for number in 1..500 {
        writeln!(text, "  s{number}: {{extends: s{}}}", number - 1).unwrap();
    }
    assert_eq!(one(&text).services.len(), 500);
}

#[test]
fn huge_port_ranges_are_bounded() {
    let ports = "- 1-65535:1-65535\n".repeat(3);
    let compose = one(&format!("services:\n  a:\n    image: x\n    ports:\n{}", ports.replace("- ", "    - ")));
    assert_eq!(fatal(&compose).len(), 2);
    assert_eq!(service(&compose, "a").ports.len(), 65_535);
}

#[test]
fn broken_files_are_problems() {
    assert_eq!(fatal(&one("services: {")).len(), 1);
    assert_eq!(fatal(&one("- a\n")), ["compose.yaml:1: the top level is not a mapping"]);
    assert_eq!(
        fatal(&one("services:\n  a: {image: x}\n  a: {image: y}\n")),
        ["compose.yaml:3: the key `a` is already defined at line 2"]
    );
    let missing = load(&ComposeInput {
        directory: Path::new("x"),
        absolute_directory_name: "x",
        files: vec![PathBuf::from("x/compose.yaml")],
        environment: &|_| None,
        read: &|_| Err("permission denied".to_owned()),
    });
    assert_eq!(fatal(&missing), ["x/compose.yaml: the file cannot be read: permission denied"]);
}
