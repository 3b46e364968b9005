//! What `upgrade()` and `downgrade()` of a revision file do, as far as their text tells.
//!
//! Nothing is guessed: what is computed is [`Action::Opaque`], and what stands behind a condition says so. The
//! conditions on the dialect that migrations for several databases ask (`op.get_bind().dialect.name == "sqlite"`) are
//! answered for PostgreSQL.

use std::path::Path;

use ruff_python_ast::{Expr, ModModule, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use crate::model::operation::{MigrationOperations, WayBack};
use crate::parse::python::{self, line_of};
use crate::parse::{enum_values, extensions};

mod calls;
mod columns;
mod scope;
mod statements;
#[cfg(test)]
mod tests;
mod types;
mod walk;

#[cfg(doc)]
use crate::model::operation::Action;

/// Returns what a revision does in both directions; nothing when its file is no Python.
pub fn parse(revision: &str, file: &Path, source: &str) -> Option<MigrationOperations> {
    let module = python::parse_for_visits(source).ok()?;
    let run = |name| function(&module, name).map(|it| walk::Walk::new(source, &module).run(it)).unwrap_or_default();
    Some(MigrationOperations {
        revision: revision.to_owned(),
        file: file.to_path_buf(),
        up: run("upgrade"),
        down: run("downgrade"),
        way_back: way_back(source, function(&module, "downgrade")),
        autocommits: source.contains("autocommit_block") || source.to_ascii_lowercase().contains("commit"),
        extensions: extensions::used_in_upgrade(source),
        creates_unknown_extensions: extensions::creates_unknown(source),
        new_values: enum_values::in_upgrade(source),
    })
}

/// Returns the last top-level function of this name, which is the one that counts.
fn function<'a>(module: &'a ModModule, name: &str) -> Option<&'a StmtFunctionDef> {
    let mut functions = module.body.iter().filter_map(Stmt::as_function_def_stmt);
    functions.rfind(|it| it.name.id == name)
}

fn way_back(source: &str, downgrade: Option<&StmtFunctionDef>) -> WayBack {
    let Some(downgrade) = downgrade else { return WayBack::Missing };
    let line = |statement: &Stmt| line_of(source, statement.range().start());
    let mut last = line_of(source, downgrade.name.range().start());
    for statement in &downgrade.body {
        match statement {
            Stmt::Raise(_) => return WayBack::Refuses { line: line(statement) },
            Stmt::Pass(_) | Stmt::Return(_) => last = line(statement),
            // A docstring or `...`.
            Stmt::Expr(it) if matches!(&*it.value, Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)) => {}
            _ => return WayBack::Written,
        }
    }
    WayBack::Empty { line: last }
}

/// Returns the beginning of a text on one line.
fn shortened(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    // Words are joined only as far as they are shown: a statement may be long.
    for word in text.split_whitespace() {
        if shown.chars().count() > longest {
            break;
        }
        let gap = if shown.is_empty() || shown.ends_with('(') { "" } else { " " };
        shown.push_str(gap);
        shown.push_str(word);
    }
    crate::model::text::shortened(&shown, longest)
}
