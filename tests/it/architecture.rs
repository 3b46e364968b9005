//! The import edges between the stages, and what the pure ones may not name: read from the sources, held as a test.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Each module, and the modules of the crate that it may name beside itself.
const EDGES: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("model", &[]),
    ("parse", &["model"]),
    ("wire", &["model"]),
    ("discover", &["model", "parse", "wire"]),
    ("diagnose", &["model", "parse"]),
    ("plan", &["model", "parse", "error"]),
    ("execute", &["model", "parse", "wire", "error"]),
    ("render", &["model", "error"]),
    ("cli", &["diagnose", "discover", "error", "execute", "model", "parse", "plan", "render", "wire"]),
];

/// They know no clock, environment, file, socket or runtime.
const PURE: &[&str] = &["model", "parse", "diagnose", "plan"];
const WORLD: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::thread",
    "tokio",
    "tokio_postgres",
    "bollard",
];

#[test]
fn stages_import_only_what_they_may() {
    let mut wrong = String::new();
    let files = sources(&root().join("src"));
    assert!(files.len() > 100, "the sources are read");
    for file in files {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        for fault in faults(&path, &std::fs::read_to_string(&file).unwrap()) {
            writeln!(wrong, "{path}:{}: {}", fault.line, fault.what).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_module_has_its_edges() {
    let listed: BTreeSet<String> = EDGES.iter().map(|(module, _)| (*module).to_owned()).collect();
    let entries = std::fs::read_dir(root().join("src")).unwrap();
    let found: BTreeSet<String> = entries
        .map(|entry| Path::new(&entry.unwrap().file_name()).file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !["main", "lib"].contains(&name.as_str()))
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn a_bad_line_is_caught() {
    #[track_caller]
    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let found = faults(path, text);
        let found: Vec<(usize, &str)> = found.iter().map(|fault| (fault.line, fault.what.as_str())).collect();
        assert_eq!(found, expected, "{path}: {text}");
    }
    check("src/diagnose/mod.rs", "use crate::model::picture::Picture;\nuse crate::parse::pg_url;\n", &[]);
    check("src/diagnose/mod.rs", "use crate::discover;\n", &[(1, "names crate::discover")]);
    check("src/model/chain.rs", "\nuse crate::parse::sql;\n", &[(2, "names crate::parse")]);
    check("src/plan/mod.rs", "fn f() { crate::execute::run() }\n", &[(1, "names crate::execute")]);
    check("src/parse/a.rs", "use crate::{\n    model::env,\n    wire::files,\n};\n", &[(3, "names crate::wire")]);
    check("src/discover/a.rs", "use crate::{model::{env, chain}, render};\n", &[(1, "names crate::render")]);
    check("src/wire/a.rs", "pub(in crate::wire) fn f() {}\npub(crate) fn g() {}\n", &[]);
    check("src/parse/mod.rs", "use std::fs;\n", &[(1, "names std::fs")]);
    check(
        "src/plan/mod.rs",
        "use std::{\n    fmt,\n    time::{Duration, Instant},\n};\n",
        &[(3, "names std::time::Instant")],
    );
    check("src/model/a.rs", "fn f() { tokio::spawn(g()) }\n", &[(1, "names tokio")]);
    check("src/model/a.rs", "use std::net::{IpAddr, TcpStream};\n", &[(1, "names std::net::TcpStream")]);
    check("src/wire/a.rs", "use std::fs;\nuse tokio::net::TcpStream;\n", &[]);
    // Comments, strings and tests may say what they like.
    check(
        "src/model/a.rs",
        "// crate::parse and std::fs\n/// [`crate::parse`]\nconst A: &str = \"std::fs tokio\";\n",
        &[],
    );
    check("src/model/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n    use crate::parse::sql;\n}\n", &[]);
    check("src/parse/sql/tests.rs", "use std::fs;\n", &[]);
}

#[derive(Debug)]
struct Fault {
    line: usize,
    what: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What a source names that its module may not.
fn faults(path: &str, text: &str) -> Vec<Fault> {
    let module = path.strip_prefix("src/").unwrap().split(['/', '.']).next().unwrap();
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == module) else { return Vec::new() };
    // A file of tests, and what only a test reads.
    if path.contains("/tests") || path.ends_with("/sample.rs") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (line, name) in paths(&code(text)) {
        let mut parts = name.split("::");
        let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let known = EDGES.iter().any(|(known, _)| *known == second);
        if first == "crate" && known && second != module && !allowed.contains(&second) {
            faults.push(Fault { line, what: format!("names crate::{second}") });
        }
        let inside = |world: &&&str| name == **world || name.starts_with(&format!("{world}::"));
        if let Some(world) = WORLD.iter().find(inside).filter(|_| PURE.contains(&module)) {
            faults.push(Fault { line, what: format!("names {world}") });
        }
    }
    faults
}

/// The source without comments, strings and `#[cfg(test)]` items; what is left keeps its line.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'/') => {
                while characters.peek().is_some_and(|next| *next != '\n') {
                    characters.next();
                }
            }
            '"' => {
                code.push_str("\"\"");
                while let Some(next) = characters.next() {
                    match next {
                        '\\' if characters.next() == Some('\n') => code.push('\n'),
                        '"' => break,
                        '\n' => code.push('\n'),
                        _ => {}
                    }
                }
            }
            // `'"'` opens no string.
            '\'' if characters.peek() == Some(&'"') => {
                characters.next();
            }
            other => code.push(other),
        }
    }
    without_tests(&code)
}

/// Blanks each item that follows `#[cfg(test)]`: to its `;` or `,`, or to the end of its braces.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        kept.push_str(before);
        let mut depth = 0_i32;
        let mut end = after.len();
        for (index, character) in after.char_indices() {
            match character {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ => {}
            }
            let closed = character == '}' && depth == 0;
            if depth < 0 || closed || (depth == 0 && matches!(character, ';' | ',')) {
                end = index + usize::from(depth >= 0);
                break;
            }
        }
        let (item, left) = after.split_at(end);
        kept.extend(item.chars().filter(|character| *character == '\n'));
        rest = left;
    }
    kept.push_str(rest);
    kept
}

/// Every path that the code writes, with its line; braces of a `use` are multiplied out.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut prefixes: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut finish = |current: &mut String, prefixes: &[String], line: usize| {
        if !current.is_empty() {
            found.push((line, format!("{}{}", prefixes.last().map_or("", String::as_str), current)));
            current.clear();
        }
    };
    for character in code.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ':' => current.push(character),
            '{' if current.ends_with("::") => {
                let prefix = format!("{}{current}", prefixes.last().map_or("", String::as_str));
                prefixes.push(prefix);
                current.clear();
            }
            '{' => {
                finish(&mut current, &prefixes, line);
                prefixes.push(String::new());
            }
            '}' => {
                finish(&mut current, &prefixes, line);
                prefixes.pop();
            }
            _ => finish(&mut current, &prefixes, line),
        }
        if character == '\n' {
            line += 1;
        }
    }
    finish(&mut current, &prefixes, line);
    found
}
