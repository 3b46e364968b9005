use proptest::prelude::*;

use super::*;

/// Imports as `..a.b`, with ` *` behind those of everything.
#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let found = reads(source, &|_| true).imports;
    let shown: Vec<String> = found.iter().map(shown).collect();
    assert_eq!(shown, expected, "{source}");
}

fn shown(import: &Import) -> String {
    format!("{}{}{}", ".".repeat(import.level), import.path.join("."), if import.everything { " *" } else { "" })
}

#[track_caller]
fn reaches(source: &str, expected: Option<(&str, usize)>) {
    let found = reads(source, &|_| true).reach;
    assert_eq!(found.as_ref().map(|reach| (reach.what.as_str(), reach.line)), expected, "{source}");
}

#[test]
fn every_form_of_import_is_read() {
    check("import a", &["a"]);
    check("import a.b.c as d, e", &["a.b.c", "e"]);
    check("from a.b import c as d, e", &["a.b.c", "a.b.e"]);
    check("from a import (  # one\n  b,\n  c as d\n  , e,\n)\nimport f", &["a.b", "a.c", "a.e", "f"]);
    check("from a import *", &["a *"]);
    check("from . import a", &[".a"]);
    check("from ...a.b import c", &["...a.b.c"]);
    check("from .. import *", &[".. *"]);
    check("from a import b; import c", &["a.b", "c"]);
    check("from a \\\n  import b, \\\r\n  c", &["a.b", "a.c"]);
    check("import a\r\nimport b\rimport c", &["a", "b", "c"]);
    check("from type import match, case", &["type.match", "type.case"]);
    check("import größe", &["größe"]);
}

#[test]
fn imports_count_wherever_they_stand() {
    check("if TYPE_CHECKING: from a import b", &["a.b"]);
    check("def f():\n    try:\n\tfrom a import b\n    except E: import c", &["a.b", "c"]);
    check("class A:\n  import a", &["a"]);
}

#[test]
fn what_is_no_import_is_none() {
    check("# import a\n'import b'\n\"\"\"\nfrom c import d\n\"\"\"\nr'\\'; import e'", &[]);
    check("def f():\n  yield from a\n  raise b from c\nimport_ = important", &[]);
    check("x = b'import a' + u\"it's\" + '''a''' ; import b", &["b"]);
    check("x = '\\'import a'; import b", &["b"]);
    check("x = 'open\nimport b", &["b"]);
    check("import", &[]);
    check("from", &[]);
    check("from a import", &[]);
    check("import a.", &["a"]);
}

#[test]
fn attributes_of_what_is_imported_may_be_modules() {
    check("import a\nx = a.b.c(1).d", &["a", "a.b.c"]);
    check("import a.b as x\nx.c", &["a.b", "a.b.c"]);
    check("from a import b\ndef f(): return self.b.c + b.d", &["a.b", "a.b.d"]);
    check("from . import b\nb.c", &[".b", ".b.c"]);
    check("import a.b\na.c", &["a.b", "a.c"]);
}

#[test]
fn packages_that_nobody_asked_for_are_left_out() {
    let found = reads("import os, app.x\nfrom sqlalchemy import text\nfrom .y import z\nos.path", &|top| top == "app");
    assert_eq!(found.imports.iter().map(shown).collect::<Vec<_>>(), ["app.x", ".y.z"]);
    assert_eq!(found.reach, None);
}

#[test]
fn f_strings_hold_code() {
    check("x = f'{a}' ; import b", &["b"]);
    check("x = f\"{d['import a']:>{w}}}} {{import c\" ; import b", &["b"]);
    check("x = f'{x:\">10}'\nimport b", &["b"]);
    check("x = rf'\\{x!r:#x}' f\"\"\"\n{ {1: 2}[1] }\n'\"\"\"\nimport b", &["b"]);
    check("x = f\"{f'{d[\"k\"]}'}\"; import b", &["b"]);
    check("import a\nx = f'\\N{LINE a.c}{a.b}'", &["a", "a.b"]);
    check("import a\nx = f'{a.b}'", &["a", "a.b"]);
    reaches("x = f'{open(p).read()}'", Some(("open", 1)));
    reaches("x = f'open({x})'", None);
}

#[test]
fn what_reaches_out_is_named() {
    reaches("import os\n\nURL = os.environ['X']", Some(("os.environ", 3)));
    reaches("from os import getenv", Some(("getenv", 1)));
    reaches("with open('x') as f: pass", Some(("open", 1)));
    reaches("a = Path('x').open()", Some(("open", 1)));
    reaches("text = path.read_text()", Some(("path.read_text", 1)));
    reaches("here = Path(__file__).parent", Some(("__file__", 1)));
    reaches("m = importlib.import_module('x')", Some(("importlib.import_module", 1)));
    reaches("import subprocess", Some(("subprocess", 1)));
    reaches("import requests.adapters", Some(("requests.adapters", 1)));
    reaches("from urllib import request", Some(("urllib.request", 1)));
    reaches("sys.path.insert(0, 'x')", Some(("sys.path", 1)));
    reaches("exec(code)", Some(("exec", 1)));
    reaches("\n__import__('x')\nopen('x')", Some(("__import__", 2)));
    reaches("class Settings(BaseSettings): pass", Some(("BaseSettings", 1)));
}

#[test]
fn what_only_looks_like_it_is_not() {
    reaches("session.exec(select(x))", None);
    reaches("def open(self): pass", None);
    reaches("sa.Column('open', sa.Boolean)\nis_open(1)\nopen = 1\n# open('x')", None);
    reaches("from urllib.parse import quote_plus", None);
    reaches("requests = sa.table('requests')\nfrom http import HTTPStatus", None);
    reaches("op.execute('''select open('x'), os.environ''')", None);
}

#[test]
fn names_and_strings_can_be_asked_for() {
    let source = "from app import create_all\nx('../src', b'y', f'{a}z')  # drop_all\n";
    assert!(uses(source, &["create_all"]));
    assert!(!uses(source, &["drop_all", "src"]));
    assert_eq!(strings(source), ["../src", "y"]);
}

proptest! {
    #[test]
    fn nothing_panics(pieces in proptest::collection::vec(
        prop::sample::select(vec!["import ", "from ", ".", "a", "(", ")", "{", "}", "'", "\"", "'''", "f'", "rb\"", "\\", "\n",
            "\r", ":", ",", "*", "#", "é", "open", " as ", "1.5", "f\"\"\"", "{{"]), 0..40)) {
        let source = pieces.concat();
        drop(reads(&source, &|_| true));
        drop(strings(&source));
    }
}

/// Compares the names with those of the parser's own lexer, in every source below the folder that `DEVDB_SOURCES` names.
#[test]
#[ignore = "reads the sources that are named to it"]
#[expect(clippy::disallowed_methods, clippy::string_slice, reason = "the sources are named by a variable, and listed")]
fn names_are_those_of_the_parser() {
    use ruff_python_ast::token::TokenKind;
    let mut folders = vec![std::path::PathBuf::from(std::env::var("DEVDB_SOURCES").unwrap())];
    let mut compared = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
                continue;
            }
            let is_python = path.extension().is_some_and(|ending| ending == "py");
            let Some(source) = is_python.then(|| std::fs::read_to_string(&path).ok()).flatten() else { continue };
            let Ok(parsed) = ruff_python_parser::parse_module(&source) else { continue };
            let is_name = |kind: TokenKind| kind == TokenKind::Name || kind.is_keyword();
            let theirs = parsed.tokens().iter().filter(|token| is_name(token.kind()));
            let theirs: Vec<&str> = theirs
                .map(|token| &source[std::ops::Range::<usize>::from(ruff_text_size::Ranged::range(token))])
                .collect();
            let ours = tokens(&source).into_iter().filter(|token| token.kind == Kind::Name);
            let ours: Vec<&str> = ours.map(|token| token.text).collect();
            let differ = ours.iter().zip(&theirs).position(|(a, b)| a != b);
            assert!(ours == theirs, "{}: {differ:?} {}/{}", path.display(), ours.len(), theirs.len());
            compared += 1;
        }
    }
    println!("{compared} sources");
    assert!(compared > 0);
}

#[test]
fn libraries_that_read_files_themselves_reach_out() {
    reaches("import sqlite3", Some(("sqlite3", 1)));
    reaches("from configparser import ConfigParser", Some(("configparser.ConfigParser", 1)));
    reaches("import xml.etree.ElementTree as tree", Some(("xml.etree.ElementTree", 1)));
    reaches("\nfrom zipfile import ZipFile", Some(("zipfile.ZipFile", 2)));
    reaches("import json, tomllib, decimal", None);
}
