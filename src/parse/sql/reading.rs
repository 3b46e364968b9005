//! What a script depends on besides its own text, and what of that text counts.

use std::borrow::Cow;
use std::ops::Range;

use super::{Statement, StatementKind, line_of, scanner, split};

/// Commands of `psql` that read a file or run a program.
const READING: [&str; 7] = ["i", "ir", "include", "include_relative", "!", "getenv", "lo_import"];

/// Functions of the server that read its files, or another server.
const FUNCTIONS: [&str; 6] =
    ["pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file", "lo_import", "dblink("];

/// Returns the first thing in a script that reads what the script does not hold, and its line: `\i`, `COPY … FROM 'file'`.
pub fn reads(text: &str) -> Option<(String, usize)> {
    let folded = text.to_ascii_lowercase();
    let may = folded.contains('\\') || folded.contains("copy") || FUNCTIONS.iter().any(|name| folded.contains(name));
    if !may {
        return None;
    }
    let function = || {
        let found = FUNCTIONS.iter().filter_map(|name| Some((folded.find(name)?, *name)));
        found.min().map(|(at, name)| (name.to_owned(), line_of(text, at)))
    };
    let statement = |statement: Statement| {
        let what = match statement.kind {
            StatementKind::MetaCommand => meta_command(statement.text(text))?,
            StatementKind::Sql => copies(statement.text(text)).then(|| "COPY … FROM".to_owned())?,
            StatementKind::CopyIn { .. } => return None,
        };
        Some((what, statement.line))
    };
    split(text).into_iter().find_map(statement).or_else(function)
}

/// Returns the line and the path of the first `COPY … FROM 'file'`, which the server reads on its own disk (PostgreSQL
/// documentation, "COPY").
pub fn reads_server_file(text: &str) -> Option<(usize, String)> {
    let one = |it: Statement| {
        let statement = it.text(text);
        if !matches!(it.kind, StatementKind::Sql) || !copies(statement) {
            return None;
        }
        let (before, quoted) = statement.split_once('\'')?;
        let program = words(before).last().is_some_and(|word| word == "program");
        (!program).then(|| (it.line, quoted.split('\'').next().unwrap_or_default().to_owned()))
    };
    split(text).into_iter().find_map(one)
}

fn meta_command(text: &str) -> Option<String> {
    let text = text.strip_prefix('\\')?;
    let end = text.find(|c: char| c.is_whitespace()).unwrap_or(text.len());
    let (name, arguments) = text.split_at_checked(end)?;
    let copies_in = name == "copy" && words(arguments).iter().any(|word| word == "from");
    // `\set x `date`` puts in what a program says; a name may follow `\i` and `\!` directly.
    let reads = copies_in || READING.contains(&name) || text.contains('`') || name.starts_with('!');
    reads.then(|| format!("\\{name}"))
}

/// `COPY t FROM '/file'` and `FROM PROGRAM '…'`.
fn copies(statement: &str) -> bool {
    let query = statement.get(4..).is_some_and(|rest| rest.trim_start().starts_with('('));
    let words = words(statement);
    let from = words.iter().position(|word| word == "from");
    let source = from.and_then(|at| words.get(at + 1));
    !query && words.first().is_some_and(|word| word == "copy") && source.is_some_and(|word| word != "stdin")
}

fn words(text: &str) -> Vec<String> {
    let text = text.replace('\'', " ' ");
    let words = text.split(|c: char| c.is_whitespace() || "();,\"".contains(c));
    words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Returns the text with `\n` as its line ends, when that makes it no other script: within strings, quoted names, dollar
/// quotes and data for `COPY`, a line end is content.
pub fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    let bare = text.bytes().zip(text.bytes().skip(1).chain([0])).any(|(byte, next)| byte == b'\r' && next != b'\n');
    let holds = |range: Range<usize>| text.get(range).is_none_or(|literal| literal.contains('\r'));
    // The server ends a line there as well, but not `psql`.
    if bare || scanner::Scanner::new(text).literals().into_iter().any(holds) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::{reads, with_line_feeds};

    #[track_caller]
    fn check_reads(text: &str, expected: Option<(&str, usize)>) {
        let found = reads(text);
        assert_eq!(found.as_ref().map(|(what, line)| (what.as_str(), *line)), expected, "{text}");
    }

    #[test]
    fn what_reads_files_is_named() {
        check_reads("select 1;\n\\i other.sql\n", Some(("\\i", 2)));
        check_reads("\\ir other.sql", Some(("\\ir", 1)));
        check_reads("\\copy t from 'x.csv' csv", Some(("\\copy", 1)));
        check_reads("\\set now `date`", Some(("\\set", 1)));
        check_reads("\\! ls", Some(("\\!", 1)));
        check_reads("\n\nCOPY t (a, b)\nFROM '/tmp/x.csv'", Some(("COPY … FROM", 3)));
        check_reads("copy t(a)from'/x'", Some(("COPY … FROM", 1)));
        check_reads("copy t from program 'x'", Some(("COPY … FROM", 1)));
        check_reads("select\npg_read_file('x')", Some(("pg_read_file", 2)));
    }

    #[test]
    fn what_reads_nothing_is_left_alone() {
        check_reads("select 1", None);
        check_reads(
            "\\set x 1\n\\restrict abc\n\\copy t to 'x'\ncopy t from stdin;\n1\n\\.\nselect 'copy t from x'",
            None,
        );
        check_reads("copy t (a) from stdin;\n1\n\\.\n", None);
        check_reads("copy t to '/tmp/x'", None);
        check_reads("copy (select 1 from t) to '/tmp/x'", None);
        check_reads("insert into t values (E'\\\\i')", None);
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(with_line_feeds(text), expected);
    }

    #[test]
    fn line_ends_between_tokens_are_the_same() {
        check("create table t (\r\n  a int -- it's\r\n);\r\n", "create table t (\n  a int -- it's\n);\n");
        check("select 'a',\r\n$$b$$, \"c\"", "select 'a',\n$$b$$, \"c\"");
        check("/* 'a\r\n*/ select E'a'\r\n'b'", "/* 'a\n*/ select E'a'\n'b'");
    }

    #[test]
    fn line_ends_within_tokens_are_content() {
        for text in [
            "select 'a\r\nb'",
            "select 1;\r\nselect E'\\'\r\n'",
            "select \"a\r\nb\"",
            "create function f() returns int as $x$\r\nselect 1\r\n$x$ language sql",
            "copy t from stdin;\r\na\r\n\\.\r\n",
            "select 1 -- a\rselect 2",
        ] {
            check(text, text);
        }
    }
}
