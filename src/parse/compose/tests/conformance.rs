//! The conformance list, row by row, as `nat.ParsePortSpecs` and `template.Substitute` answered it.

use super::super::interpolate::{InterpolationError, interpolate};
use super::*;

/// Ports of one short-syntax entry as the loaded project has them; the message when it is refused.
fn short(written: &str) -> Vec<String> {
    let compose = one(&format!("services:\n  db:\n    image: postgres\n    ports:\n      - \"{written}\"\n"));
    let refused = fatal(&compose);
    if refused.is_empty() { shown_ports(service(&compose, "db")) } else { refused }
}

#[test]
fn ports_rows_1_to_28() {
    let rows: [(usize, &str, &[&str]); 28] = [
        (1, "5432", &["?->5432/tcp"]),
        (2, "5432:5432", &["5432->5432/tcp"]),
        (3, "5433:5432", &["5433->5432/tcp"]),
        (4, "127.0.0.1:5433:5432", &["127.0.0.1:5433->5432/tcp"]),
        (5, "127.0.0.1::5432", &["127.0.0.1:?->5432/tcp"]),
        (6, "0.0.0.0:5433:5432", &["0.0.0.0:5433->5432/tcp"]),
        (7, "[::1]:5433:5432", &["::1:5433->5432/tcp"]),
        (8, "::1:5433:5432", &["compose.yaml:5: `ports[0]` has an invalid host address `::1`"]),
        (9, "[::]:5433:5432", &["::: 5433->5432/tcp"]),
        (10, ":5433:5432", &["5433->5432/tcp"]),
        (11, ":5432", &["?->5432/tcp"]),
        (12, "5433:5432/udp", &["5433->5432/udp"]),
        (13, "5433:5432/TCP", &["5433->5432/tcp"]),
        (14, "5433-5435:5432", &["5433-5435->5432/tcp"]),
        (15, "5433-5435:5432-5434", &["5433->5432/tcp", "5434->5433/tcp", "5435->5434/tcp"]),
        (
            16,
            "5433-5434:5432-5434",
            &["compose.yaml:5: `ports[0]` maps `5433-5434` to `5432-5434`: the ranges differ in length"],
        ),
        (17, "5432-5433", &["?->5432/tcp", "?->5433/tcp"]),
        (18, "5433:", &["compose.yaml:5: `ports[0]` has no container port"]),
        (19, "localhost:5433:5432", &["compose.yaml:5: `ports[0]` has an invalid host address `localhost`"]),
        // The engine takes port 0 for "any free port".
        (20, "0:5432", &["?->5432/tcp"]),
        (21, "70000:5432", &["compose.yaml:5: `ports[0]` has an invalid host port `70000`"]),
        (22, "5433:70000", &["compose.yaml:5: `ports[0]` has an invalid container port `70000`"]),
        (23, " 5433:5432", &["compose.yaml:5: `ports[0]` has an invalid host port ` 5433`"]),
        (24, "05433:5432", &["5433->5432/tcp"]),
        (25, "5433:5432/xyz", &["compose.yaml:5: `ports[0]` has an invalid protocol `xyz`"]),
        (26, "5435-5433:5432", &["compose.yaml:5: `ports[0]` has an invalid host port `5435-5433`"]),
        (27, "127.0.0.1:5432", &["compose.yaml:5: `ports[0]` has an invalid host port `127.0.0.1`"]),
        (28, "db:5432", &["compose.yaml:5: `ports[0]` has an invalid host port `db`"]),
    ];
    for (number, written, expected) in rows {
        let expected: Vec<String> = expected.iter().map(|port| port.replace("::: ", ":::")).collect();
        assert_eq!(short(written), expected, "row {number}");
    }
}

/// Ports of one entry as YAML.
fn entry(yaml: &str) -> Vec<String> {
    let compose = project(
        &[("compose.yaml", &format!("services: {{db: {{image: postgres, ports: [{yaml}]}}}}\n"))],
        &[],
        &[("PORT", "5433")],
    );
    let refused = fatal(&compose);
    if refused.is_empty() { shown_ports(service(&compose, "db")) } else { refused }
}

#[test]
fn ports_rows_29_to_31() {
    assert_eq!(entry("{target: 5432, published: 5433}"), ["5433->5432/tcp"], "row 29, numbers");
    assert_eq!(entry("{target: '5432', published: '5433'}"), ["5433->5432/tcp"], "row 29, texts");
    assert_eq!(
        entry("{target: 5432, published: '5433-5435', host_ip: 127.0.0.1, protocol: udp, mode: host}"),
        ["127.0.0.1:5433-5435->5432/udp"],
        "row 29, everything"
    );
    assert_eq!(entry("{target: 5432, published: \"${PORT:-5432}\"}"), ["5433->5432/tcp"], "row 29, interpolated");
    assert_eq!(entry("{published: 5433}"), ["compose.yaml:1: `ports[0]` has no container port"], "row 29, no target");
    assert_eq!(entry("{target: 5432}"), ["?->5432/tcp"], "row 30");
    // Compose's YAML library reads the base-60 numbers of YAML 1.1 as texts; PyYAML does not.
    assert_eq!(entry("22:22"), ["22->22/tcp"], "row 31");
    assert_eq!(entry("5432"), ["?->5432/tcp"], "a plain number");
}

fn environment(name: &str) -> Option<String> {
    let known = [("SET", "val"), ("EMPTY", ""), ("PORT", "5433"), ("OTHER", "oth")];
    known.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

#[track_caller]
fn check(row: usize, template: &str, expected: &str) {
    let got = interpolate(template, &environment).map(|(text, _)| text);
    assert_eq!(got.as_deref(), Ok(expected), "row {row}: {template}");
}

#[track_caller]
fn check_blank(row: usize, template: &str, expected: &[&str]) {
    let uses = interpolate(template, &environment).unwrap().1;
    let blank: Vec<_> = uses.iter().filter(|used| used.blank).map(|used| used.name.as_str()).collect();
    assert_eq!(blank, expected, "row {row}: {template}");
}

#[track_caller]
fn check_error(row: usize, template: &str, expected: &str) {
    let error = interpolate(template, &environment).unwrap_err();
    assert_eq!(error.to_string(), expected, "row {row}: {template}");
}

#[test]
fn interpolation_rows_32_to_46() {
    check(32, "$SET ${SET}", "val val");
    check(33, "${UNSET}", "");
    check_blank(33, "${UNSET}", &["UNSET"]);
    check(34, "${UNSET:-5432}", "5432");
    check_blank(34, "${UNSET:-5432}", &[]);
    check(35, "${EMPTY:-5432}", "5432");
    check(36, "${EMPTY-5432}", "");
    check_error(37, "${EMPTY:?m}", "required variable EMPTY is missing a value: m");
    check(38, "${EMPTY?m}", "");
    check_error(39, "${UNSET?m}", "required variable UNSET is missing a value: m");
    check_error(39, "${UNSET?}", "required variable UNSET is missing a value");
    check(40, "${SET:+alt} ${EMPTY:+alt}", "alt ");
    check(41, "${EMPTY+alt}", "alt");
    check(42, "${UNSET:-${OTHER}}", "oth");
    check(43, "${UNSET:-$$x}", "$x");
    check(44, "$$SET", "$SET");
    check(45, "pa$word", "pa");
    check_blank(45, "pa$word", &["word"]);
    for text in ["pa$1word", "pa$", "a$ b"] {
        check(46, text, text);
    }
}

#[test]
fn interpolation_rows_47_to_53() {
    for (row, template) in
        [(47, "${}"), (47, "${1A}"), (47, "${SET"), (47, "${ SET }"), (48, "${SET/a/b}"), (48, "${SET:0:2}")]
    {
        let error = interpolate(template, &environment).unwrap_err();
        assert_eq!(error, InterpolationError::InvalidTemplate(template.to_owned()), "row {row}");
    }
    check(49, "${DB-PORT}", "PORT");
    check(49, "${A-B:-x}", "B:-x");
    check(50, "$SET_x|${SET}_x", "|val_x");
    check(51, "${UNSET:-http://x}", "http://x");
    check(52, "${UNSET}:5432", ":5432");
    check(53, "${PORT:-5432}:5432", "5433:5432");
}

#[test]
fn interpolation_finds_the_closing_brace_as_compose_does() {
    check(0, "${UNSET:-a}${UNSET:-b}", "ab");
    check(0, "${UNSET:-${UNSET:-${OTHER}}}/${SET}", "oth/val");
    check(0, "${UNSET:-{\"a\":1}}", "{\"a\":1}");
    check(0, "${SET:+${OTHER}-${PORT}}", "oth-5433");
    check_error(0, "${UNSET:?${OTHER} first}", "required variable UNSET is missing a value: oth first");
}

#[test]
fn keys_are_not_interpolated_row_54() {
    let compose = one("services:\n  db:\n    image: postgres\n    environment:\n      ${A}: b\n");
    assert_eq!(variable(service(&compose, "db"), "${A}"), Some("b"));
    assert!(compose.variables.is_empty());
}

#[test]
fn override_ports_row_55() {
    let base = "services: {db: {image: postgres, ports: ['5432:5432', '127.0.0.1:6000:5432']}}";
    let over =
        "services: {db: {ports: ['5432:5432', '5433:5432', {target: 5432, published: 6000, host_ip: 127.0.0.1}]}}";
    let compose = two(base, over);
    let db = service(&compose, "db");
    assert_eq!(shown_ports(db), ["5432->5432/tcp", "127.0.0.1:6000->5432/tcp", "5433->5432/tcp"]);
    assert_eq!(db.ports[0].at.to_string(), "compose.override.yaml:1");
}

#[test]
fn file_order_row_56() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = names(&["docker-compose.yaml", "docker-compose.yml", "compose.yml", "compose.yaml"]);
    assert_eq!(project_files(&all, None, None), ["compose.yaml"]);
    assert_eq!(project_files(&all[..3], None, None), ["compose.yml"]);
    assert_eq!(project_files(&all[..2], None, None), ["docker-compose.yml"]);
    assert_eq!(project_files(&all[..1], None, None), ["docker-compose.yaml"]);
    assert_eq!(project_files(&[], None, None), Vec::<String>::new());
    let overridden = names(&["compose.yml", "compose.override.yaml", "docker-compose.override.yml"]);
    assert_eq!(project_files(&overridden, None, None), ["compose.yml", "compose.override.yaml"]);
    assert_eq!(project_files(&all, Some("a.yml;b.yml"), Some(";")), ["a.yml", "b.yml"]);
    assert_eq!(project_files(&all, Some(""), None), ["compose.yaml"]);
}

#[cfg(unix)]
#[test]
fn compose_file_is_split_as_path_is() {
    assert_eq!(project_files(&[], Some("a.yml:dev/b.yml"), None), ["a.yml", "dev/b.yml"]);
}
