#![expect(clippy::disallowed_methods, reason = "real Alembic is asked for its names")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

const AT: Moment = Moment { epoch: 1_709_614_807, year: 2024, month: 3, day: 5, hour: 4, minute: 0, second: 7 };

fn config(template: Option<&str>, longest: Option<usize>) -> AlembicConfig {
    AlembicConfig {
        file_template: template.map(str::to_owned),
        truncate_slug_length: longest,
        ..AlembicConfig::default()
    }
}

const TEMPLATES: [&str; 14] = [
    "%(rev)s_%(slug)s",
    "%(year)d_%(month).2d_%(day).2d_%(hour).2d%(minute).2d-%(rev)s_%(slug)s",
    "%(year)d%(month).2d%(day).2d_%(hour).2d%(minute).2d_%(rev)s_%(slug)s",
    "%(year)d/%(month)02d/%(epoch)s-%(rev)s",
    "%(epoch)d_%(rev).4s_%(slug).7s",
    "%(month)5d|%(month)-5d|%(month)+d|%(month) d|%(month)05d|%(month)+05d|%(month)5.2d|%(month)-05d|",
    "%(epoch)x_%(epoch)X_%(epoch)o_%(day)i_%(day)u_%(day)ld",
    "%(rev)12s|%(rev)-12s|%%|100%% %(second)s",
    "%(second).3d%(second)06.3d",
    "no name",
    "%(gone)s",
    "%(rev)d",
    "50% of",
    "%(rev",
];

const MESSAGES: [&str; 10] = [
    "add users",
    "Add  the_Users' e-mail (again)!",
    "",
    "Ünïcode, naïve & ÉCOLE ΣΑΣ",
    "日本語 の テーブル",
    "हिन्दी मार्ग",
    "e\u{301}te\u{301} ² ½ Ⅷ ٣",
    "a very long message that goes on and on until it has to be cut somewhere",
    "onelongwordwithoutanybreakthatgoesonandonandon",
    "İstanbul straße ŉ",
];

#[test]
fn names_are_those_of_the_usual_templates() {
    let name = |template: &str, message: &str| file_name(&config(Some(template), None), "ae10", message, &AT);
    assert_eq!(name("%(rev)s_%(slug)s", "Add users!"), Ok("ae10_add_users.py".to_owned()));
    let dated = "%(year)d_%(month).2d_%(day).2d_%(hour).2d%(minute).2d-%(rev)s_%(slug)s";
    assert_eq!(name(dated, "Add users"), Ok("2024_03_05_0400-ae10_add_users.py".to_owned()));
    assert_eq!(name("%(epoch)s", ""), Ok("1709614807.py".to_owned()));
    assert_eq!(file_name(&config(None, Some(5)), "a", "one two", &AT), Ok("a_one_.py".to_owned()));
    assert_eq!(name("%(gone)s", ""), Err(TemplateError::UnknownName("gone".to_owned())));
    assert_eq!(name("%(rev)d", ""), Err(TemplateError::UnknownKind { name: "rev".to_owned(), kind: 'd' }));
    assert_eq!(name("%(year)99999d", ""), Err(TemplateError::TooWide));
}

/// Asks `_rev_path` itself for every template, message and length.
const ASK: &str = r#"
import json, sys
from alembic.script.base import ScriptDirectory
class At:
    year, month, day, hour, minute, second = 2024, 3, 5, 4, 0, 7
    def timestamp(self): return 1709614807.9
for case in json.load(sys.stdin):
    script = ScriptDirectory.__new__(ScriptDirectory)
    script.file_template = case["template"]
    script.truncate_slug_length = case["longest"] or 40
    try:
        name = str(script._rev_path("", "ae1027a6acf", case["message"], At()))
    except Exception:
        name = None
    print(json.dumps(name))
"#;

#[test]
fn names_are_those_of_alembic() {
    let bench = std::env::var_os("DEVDB_BENCH").and_then(|path| std::fs::read_to_string(path).ok());
    let bench = bench.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let Some(venv) = bench.as_ref().and_then(|bench| bench["venv"].as_str()) else {
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "no bench");
        return eprintln!("SKIPPED: no bench with Alembic");
    };
    let mut cases = Vec::new();
    for template in TEMPLATES {
        for message in MESSAGES {
            cases.extend([0, 5, 12].map(|longest| (template, message, longest)));
        }
    }
    let asked: Vec<_> = cases
        .iter()
        .map(|(template, message, longest)| {
            serde_json::json!({"template": template, "message": message, "longest": longest})
        })
        .collect();
    let mut python = Command::new(format!("{venv}/bin/python"))
        .args(["-c", ASK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let text = serde_json::to_string(&asked).unwrap();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers: Vec<Option<String>> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len());
    for ((template, message, longest), answer) in cases.into_iter().zip(answers) {
        let name = file_name(&config(Some(template), Some(longest)), "ae1027a6acf", message, &AT);
        assert_eq!(name.ok(), answer, "{template} {message} {longest}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(template in r"(%|\(rev\)|\(year\)|[()sdxo.0-9+ -]|\PC){0,20}", message in "\\PC{0,60}") {
        drop(file_name(&config(Some(&template), Some(3)), "a", &message, &AT));
    }
}
