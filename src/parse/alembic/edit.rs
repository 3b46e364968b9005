//! The parents of a revision file, changed in its text and nowhere else.

use ruff_python_ast::{Expr, ModModule, Stmt};
use ruff_text_size::{Ranged as _, TextRange};

use crate::model::chain::UnreadableRevision;
use crate::model::drift::WayBack;
use crate::model::place::Place;
use crate::model::scratch::NO_WAY_BACK;
use crate::model::squash::python_text;
use crate::parse::python::names::{self, Names};
use crate::parse::python::{self, Unusable, excerpt, line_of};

const NAME: &str = "down_revision";

/// Returns the text of a revision file with the parents `to` in place of `from`: the value of `down_revision`, and the
/// docstring's `Revises:` line where there is one. Every other byte stays.
///
/// Fails when the value does not stand in one assignment at the top of the file.
pub fn parents(
    file: &std::path::Path,
    source: &str,
    from: &[String],
    to: &[String],
) -> Result<String, UnreadableRevision> {
    edited(source, from, to)
        .map_err(|unusable| UnreadableRevision { at: Place::new(file, unusable.line), reason: unusable.reason })
}

/// Returns the text of a new revision file whose `upgrade` and `downgrade` execute statements. Docstrings stay.
///
/// Fails where the file has no such functions.
pub fn bodies(
    file: &std::path::Path,
    source: &str,
    upgrade: &[String],
    downgrade: WayBack<'_>,
) -> Result<String, UnreadableRevision> {
    let filled = || {
        let module = python::parse(source)?;
        let calls = |statements: &[String]| statements.iter().map(|it| call(it)).collect::<Vec<_>>();
        let back = match downgrade {
            WayBack::By(statements) => calls(statements),
            WayBack::Refused(why) => {
                vec![format!("raise NotImplementedError({})", python_text(&format!("{NO_WAY_BACK}: {why}")))]
            }
        };
        let mut edits =
            vec![body(source, &module, "upgrade", &calls(upgrade))?, body(source, &module, "downgrade", &back)?];
        edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start()));
        let mut text = source.to_owned();
        for (range, replacement) in edits {
            text.replace_range(range.to_std_range(), &replacement);
        }
        // Some templates import nothing but `op`.
        if text.contains("sa.DDL(") && Names::of(&module.body).place("sa").is_none() {
            text = text.replace("sa.DDL(", "__import__(\"sqlalchemy\").DDL(");
        }
        Ok(text)
    };
    filled().map_err(|unusable: Unusable| UnreadableRevision {
        at: Place::new(file, unusable.line),
        reason: unusable.reason,
    })
}

fn body(source: &str, module: &ModModule, name: &str, calls: &[String]) -> Result<(TextRange, String), Unusable> {
    let function = module.body.iter().find_map(|it| it.as_function_def_stmt().filter(|it| it.name.as_str() == name));
    let body = function.map(|it| it.body.as_slice());
    let Some([first, .., last] | [first @ last]) = body else {
        return Err(Unusable { line: 0, reason: format!("there is no function `{name}` in it") });
    };
    let calls = if calls.is_empty() { "pass".to_owned() } else { calls.join("\n    ") };
    let docstring = first.as_expr_stmt().is_some_and(|it| it.value.is_string_literal_expr());
    Ok(if docstring {
        (TextRange::new(first.end(), last.end()), format!("\n    {calls}"))
    } else {
        let line = line_of(source, first.start());
        let own_line = line > function.map_or(0, |it| line_of(source, it.name.start()));
        let before = if own_line { "" } else { "\n    " };
        (TextRange::new(first.start(), last.end()), format!("{before}{calls}"))
    })
}

/// Returns the call that executes a statement. A colon before a word is a parameter to `text()`, which plain strings
/// become; a `DDL` takes every character as it stands, but for the percent sign.
fn call(statement: &str) -> String {
    let mut before = ' ';
    let parameter = statement.chars().any(|c| {
        let found = before == ':' && (c.is_alphanumeric() || c == '_' || c == '$');
        before = c;
        found
    });
    // Casts are none.
    if parameter && statement.replace("::", "").contains(':') || statement.contains("\\:") {
        return format!("op.execute(sa.DDL({}))", python_text(&statement.replace('%', "%%")));
    }
    format!("op.execute({})", python_text(statement))
}

fn edited(source: &str, from: &[String], to: &[String]) -> Result<String, Unusable> {
    let module = python::parse(source)?;
    let value = assigned(source, &module)?;
    let mut edits = value_edits(source, &module, value, from, to);
    edits.extend(docstring_edit(source, &module, to));
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start()));
    let mut text = source.to_owned();
    for (range, replacement) in edits {
        text.replace_range(range.to_std_range(), &replacement);
    }
    Ok(text)
}

/// Returns the expression whose value `down_revision` has in the end.
fn assigned<'m>(source: &str, module: &'m ModModule) -> Result<&'m Expr, Unusable> {
    let named = |target: &Expr| Some(target.as_name_expr().filter(|name| name.id.as_str() == NAME)?.range());
    let found = module.body.iter().rev().find_map(|statement| match statement {
        Stmt::Assign(it) => Some((it.targets.iter().find_map(named)?, it.value.as_ref())),
        Stmt::AnnAssign(it) => Some((named(&it.target)?, it.value.as_deref()?)),
        _ => None,
    });
    let last = Names::of(&module.body).place(NAME);
    match (found, last) {
        (Some((range, value)), Some(last)) if range == last => Ok(value),
        (_, Some(last)) => Err(Unusable {
            line: line_of(source, last.start()),
            reason: "`down_revision` is not set by a plain assignment at the top of the file".to_owned(),
        }),
        (_, None) => Err(Unusable { line: 0, reason: "no `down_revision` variable".to_owned() }),
    }
}

/// Where one literal among several changes, only that one is touched; else the whole value is written anew.
fn value_edits(
    source: &str,
    module: &ModModule,
    value: &Expr,
    from: &[String],
    to: &[String],
) -> Vec<(TextRange, String)> {
    let gone: Vec<&String> = from.iter().filter(|id| !to.contains(id)).collect();
    let new: Vec<&String> = to.iter().filter(|id| !from.contains(id)).collect();
    let literals: Vec<&Expr> = match value {
        Expr::Tuple(it) => it.elts.iter().collect(),
        Expr::List(it) => it.elts.iter().collect(),
        other => vec![other],
    };
    if let ([gone], [new]) = (gone.as_slice(), new.as_slice()) {
        let same = |literal: &&&Expr| names::text(literal).as_ref() == Some(*gone);
        let matching: Vec<&&Expr> = literals.iter().filter(same).collect();
        if let [literal] = matching.as_slice() {
            let quote = quote_of(source, literal.range());
            return vec![(literal.range(), format!("{quote}{new}{quote}"))];
        }
    }
    let style = literals.iter().find(|it| it.is_string_literal_expr()).map(ruff_text_size::Ranged::range);
    let style = style.or_else(|| revision_literal(module));
    let quote = style.map_or('"', |range| quote_of(source, range));
    let ids: Vec<String> = to.iter().map(|id| format!("{quote}{id}{quote}")).collect();
    let text = match ids.as_slice() {
        [] => "None".to_owned(),
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    };
    vec![(value.range(), text)]
}

/// The literal of `revision`, which shows how the file writes its strings.
fn revision_literal(module: &ModModule) -> Option<TextRange> {
    module.body.iter().find_map(|statement| {
        let (target, value) = match statement {
            Stmt::Assign(it) => (it.targets.first()?, it.value.as_ref()),
            Stmt::AnnAssign(it) => (it.target.as_ref(), it.value.as_deref()?),
            _ => return None,
        };
        let is_revision = target.as_name_expr().is_some_and(|name| name.id.as_str() == "revision");
        (is_revision && value.is_string_literal_expr()).then(|| value.range())
    })
}

fn quote_of(source: &str, range: TextRange) -> char {
    let text = source.get(range.to_std_range()).unwrap_or_default();
    text.chars().find(|character| matches!(character, '\'' | '"')).unwrap_or('"')
}

/// What stands after `Revises:` in the docstring; Alembic writes it and reads it never, people do.
fn docstring_edit(source: &str, module: &ModModule, to: &[String]) -> Option<(TextRange, String)> {
    let Some(Stmt::Expr(statement)) = module.body.first() else { return None };
    let docstring = statement.value.as_string_literal_expr()?.range();
    let text = source.get(docstring.to_std_range())?;
    let mut start = usize::from(docstring.start());
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if let Some(rest) = trimmed.strip_prefix("Revises:") {
            let old = rest.trim();
            // A docstring that ends on this very line is no template's.
            let closes = old.ends_with(['"', '\'']);
            let begin = start + line.len() - rest.len();
            let end = begin + rest.trim_end_matches(['\r', '\n']).len();
            let range = TextRange::new(offset(begin)?, offset(end)?);
            return (!closes).then(|| (range, format!(" {}", to.join(", "))));
        }
        start += line.len();
    }
    None
}

fn offset(position: usize) -> Option<ruff_text_size::TextSize> {
    u32::try_from(position).ok().map(ruff_text_size::TextSize::from)
}

/// Returns what the value of `down_revision` looks like in the text, in one line.
pub fn shown(source: &str) -> Option<String> {
    let module = python::parse(source).ok()?;
    let value = assigned(source, &module).ok()?;
    Some(excerpt(source, value.range()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, from: &[&str], to: &[&str], expected: &str) {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let edited = edited(source, &owned(from), &owned(to));
        assert_eq!(edited.as_deref().map_err(|unusable| unusable.reason.as_str()), Ok(expected), "{source}");
    }

    #[test]
    fn the_value_is_replaced_in_whatever_form_it_stands() {
        check(
            "revision = 'b'\ndown_revision = 'a'  # x\n",
            &["a"],
            &["z"],
            "revision = 'b'\ndown_revision = 'z'  # x\n",
        );
        check("down_revision: str = \"a\"", &["a"], &["z"], "down_revision: str = \"z\"");
        check("down_revision = u'a'", &["a"], &["z"], "down_revision = 'z'");
        check("down_revision = ('a'\n  'b')", &["ab"], &["z"], "down_revision = ('z')");
        check("down_revision = (\"m\", 'a',)", &["m", "a"], &["m", "z"], "down_revision = (\"m\", 'z',)");
        check("down_revision = [ 'a' ]", &["a"], &["z"], "down_revision = [ 'z' ]");
        check("down_revision = ('a', 'b')", &["a", "b"], &["z"], "down_revision = 'z'");
        check("revision = 'b'\ndown_revision = None", &[], &["z"], "revision = 'b'\ndown_revision = 'z'");
        check("down_revision = None", &[], &["z"], "down_revision = \"z\"");
        check("A = 'a'\ndown_revision = A\n", &["a"], &["z"], "A = 'a'\ndown_revision = \"z\"\n");
        check("down_revision = 'a'\ndown_revision = 'b'", &["b"], &["z"], "down_revision = 'a'\ndown_revision = 'z'");
        check("x = down_revision = 'a'", &["a"], &["z"], "x = down_revision = 'z'");
    }

    #[test]
    fn the_docstring_follows() {
        check(
            "\"\"\"add ä\r\n\r\nRevision ID: b\r\nRevises: a\r\nCreate Date: …\r\n\"\"\"\r\ndown_revision = 'a'\r\n",
            &["a"],
            &["z"],
            "\"\"\"add ä\r\n\r\nRevision ID: b\r\nRevises: z\r\nCreate Date: …\r\n\"\"\"\r\ndown_revision = 'z'\r\n",
        );
        check(
            "'''x\n\nRevises: \n'''\ndown_revision = None\n",
            &[],
            &["z"],
            "'''x\n\nRevises: z\n'''\ndown_revision = \"z\"\n",
        );
        // Elsewhere the word is not the template's.
        check("# Revises: a\ndown_revision = 'a'\n", &["a"], &["z"], "# Revises: a\ndown_revision = 'z'\n");
    }

    #[test]
    fn what_is_not_one_assignment_is_left_alone() {
        for source in
            ["if x:\n    down_revision = 'a'\n", "down_revision = 'a'\nfor down_revision in y: pass\n", "x = 1"]
        {
            assert!(edited(source, &["a".to_owned()], &["z".to_owned()]).is_err(), "{source}");
        }
    }
}
