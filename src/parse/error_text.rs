//! Errors as drivers, tools and servers print them. In English the text tells; in other languages the SQLSTATE does, and
//! the names stand in quotes in every language.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use crate::model::reported::{Reported, Trouble, Violation};

mod states;
#[cfg(test)]
mod tests;

use states::{by_class, by_state};

/// How much of a text is looked at: logs are long, and the error stands at their end.
const LOOKED_AT: usize = 256 << 10;

/// Returns what a text says of PostgreSQL, its drivers or Alembic; nothing where it says nothing of them. Of several
/// errors the first counts, as the others follow from it.
pub fn parse(text: &str) -> Option<Reported> {
    let mut start = text.len().saturating_sub(LOOKED_AT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let text = plain(text.get(start..).unwrap_or_default());
    let lines: Vec<&str> = text.lines().collect();
    let state = sqlstate(&text);
    let by_words = || lines.iter().find_map(|line| Some((by_text(line, &text)?, *line)));
    let (trouble, line) = by_words().or_else(|| by_code(state.as_deref()?, &lines))?;
    Some(Reported { said: said(line), sqlstate: state, trouble, statement: statement(&lines), key: key(&text) })
}

/// Returns the number of a key that is there already: `Key (id)=(7) already exists`, in every language.
fn key(text: &str) -> Option<i64> {
    static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\([^(),]+\)=\((-?[0-9]+)\)").ok());
    KEY.as_ref()?.captures(text)?.get(1)?.as_str().parse().ok()
}

/// Returns what a state says, with the line that names its objects.
fn by_code<'l>(code: &str, lines: &[&'l str]) -> Option<(Trouble, &'l str)> {
    let names_something = |line: &&&str| quoted(line).next().is_some() && !line.trim_start().starts_with("File ");
    let line = lines.iter().find(names_something).or_else(|| lines.iter().find(|line| line.contains(code)))?;
    let mut names: Vec<String> = quoted(line).collect();
    if line.contains("リレーション") {
        // Japanese names the table before its column.
        names.reverse();
    }
    Some((by_state(code, &names), line))
}

/// Returns whether any line of a text may say so: much may go by, and most of it does not.
pub fn may_tell_of_error(text: &[u8]) -> bool {
    const WORDS: [&str; 9] =
        ["rror", "RROR", "ATAL", "xception", "FAILED", "onnection", "ECONN", "SQLSTATE", "head revisions"];
    WORDS.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}

/// Returns whether a line alone says that PostgreSQL, a driver or Alembic failed: for output that goes by.
pub fn is_error_line(line: &str) -> bool {
    if line.len() > 4_000 || !may_tell_of_error(line.as_bytes()) {
        return false;
    }
    let line = plain(line);
    by_text(&line, &line).is_some() || (sqlstate(&line).is_some() && line.to_ascii_lowercase().contains("error"))
}

/// Without colours, which terminals and log formatters put between words.
fn plain(text: &str) -> String {
    static COLOURS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;]*[A-Za-z]").ok());
    COLOURS.as_ref().map_or_else(|| text.to_owned(), |colours| colours.replace_all(text, "").into_owned())
}

type Rule = (Regex, fn(&Captures<'_>, &str) -> Trouble);

/// The rules that a line is held against, the more telling ones first.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules = SCHEMA.iter().chain(DATA).chain(LOGIN).chain(DIAL).chain(TOOLS);
    rules.filter_map(|(pattern, make)| Some((Regex::new(pattern).ok()?, *make))).collect()
});

fn by_text(line: &str, text: &str) -> Option<Trouble> {
    RULES.iter().find_map(|(rule, make)| rule.captures(line).map(|found| make(&found, text)))
}

fn group(found: &Captures<'_>, index: usize) -> String {
    found.get(index).map_or_else(String::new, |it| it.as_str().trim_matches(['"', '`', '\'']).to_owned())
}

fn maybe(found: &Captures<'_>, index: usize) -> Option<String> {
    Some(group(found, index)).filter(|text| !text.is_empty())
}

/// Without the schema that is searched anyway, and without quotes.
fn relation(name: &str) -> String {
    let name = name.replace('"', "");
    name.strip_prefix("public.").map_or(name.clone(), str::to_owned)
}

type Pattern = (&'static str, fn(&Captures<'_>, &str) -> Trouble);

const SCHEMA: &[Pattern] = &[
    (r#"column "([^"]+)" of relation "([^"]+)" does not exist"#, |found, _| Trouble::UndefinedColumn {
        table: maybe(found, 2),
        column: group(found, 1),
    }),
    (r#"column "([^"]+)" of relation "([^"]+)" already exists"#, |found, _| Trouble::DuplicateColumn {
        table: maybe(found, 2),
        column: group(found, 1),
    }),
    (r"column (?:[`'])?(\w+)\.(\w+)(?:[`'])? does not exist", |found, _| Trouble::UndefinedColumn {
        table: maybe(found, 1),
        column: group(found, 2),
    }),
    (r#"column ["`']?([^"`' ]+)["`']? (?:does not exist|referenced in foreign key)"#, |found, _| {
        Trouble::UndefinedColumn { table: None, column: group(found, 1) }
    }),
    (
        r#"(?:relation|[Tt]he table|materialized view|view|sequence|index|table) ["`]?([^"`]+?)["`]? does not exist"#,
        |found, _| Trouble::UndefinedTable(relation(&group(found, 1))),
    ),
    (r#"relation "([^"]+)" already exists"#, |found, _| Trouble::DuplicateRelation(group(found, 1))),
    (r#"type "([^"]+)" does not exist"#, |found, _| Trouble::UndefinedType(relation(&group(found, 1)))),
    (r#"type "([^"]+)" already exists"#, |found, _| Trouble::DuplicateType(group(found, 1))),
    (r"function ([\w.]+)\(.*\) does not exist", |found, _| Trouble::UndefinedFunction(relation(&group(found, 1)))),
    (r#"schema "([^"]+)" does not exist"#, |found, _| Trouble::UndefinedSchema(group(found, 1))),
];

const DATA: &[Pattern] = &[
    (r#"violates unique constraint "([^"]+)""#, |found, _| violated(found, Violation::Unique)),
    (r#"violates foreign key constraint "([^"]+)""#, |found, _| violated(found, Violation::ForeignKey)),
    (r#"violates check constraint "([^"]+)""#, |found, _| violated(found, Violation::Check)),
    (r#"violates exclusion constraint "([^"]+)""#, |found, _| violated(found, Violation::Exclusion)),
    (r#"null value in column "([^"]+)"(?: of relation "([^"]+)")? violates not-null"#, |found, _| Trouble::NotNull {
        table: maybe(found, 2),
        column: group(found, 1),
    }),
    (r"value too long for type|invalid input syntax for|invalid input value for enum|out of range for type", |_, _| {
        Trouble::BadValue
    }),
];

fn violated(found: &Captures<'_>, how: Violation) -> Trouble {
    Trouble::Violated { constraint: group(found, 1), how }
}

const LOGIN: &[Pattern] = &[
    ("password authentication failed for user|Peer authentication failed|Ident authentication failed", |_, _| {
        Trouble::Authentication
    }),
    ("Authentication failed against (?:the )?database server", |_, _| Trouble::Authentication),
    ("client password must be a string|no password supplied|password missing", |_, _| Trouble::NoPassword),
    (r"no pg_hba\.conf entry for|is not permitted to log in", |_, _| Trouble::NotPermitted),
    (r#"database "([^"]+)" is being accessed by other users"#, |_, _| Trouble::InUse),
    (r#"database "([^"]+)" already exists"#, |found, _| Trouble::DuplicateDatabase(group(found, 1))),
    (r#"[Dd]atabase ["`]([^"`]+)["`] does not exist"#, |found, _| Trouble::MissingDatabase(group(found, 1))),
    (r#"role "([^"]+)" does not exist"#, |found, _| Trouble::MissingRole(group(found, 1))),
    ("too many clients already|remaining connection slots are reserved|too many connections for", |_, _| {
        Trouble::TooManyClients
    }),
    (r"Too many database connections opened", |_, _| Trouble::TooManyClients),
    ("current transaction is aborted", |_, _| Trouble::Aborted),
    ("in a read-only transaction", |_, _| Trouble::ReadOnly),
    ("canceling statement due to lock timeout|could not obtain lock on|deadlock detected", |_, _| Trouble::LockTimeout),
    ("the database system is (?:starting up|shutting down|in recovery|not yet accepting)", |_, _| Trouble::Starting),
    ("No space left on device", |_, _| Trouble::DiskFull),
    ("collation version mismatch", |_, _| Trouble::Collation),
    (r#"extension "([^"]+)" is not available"#, |found, _| Trouble::MissingExtension(group(found, 1))),
    (r"extension control file .*/(\w[\w-]*)\.control", |found, _| Trouble::MissingExtension(group(found, 1))),
    (r"permission denied (?:for|to) (.+)$", |found, _| Trouble::Permission(group(found, 1))),
    (r"must be owner of (.+)$", |found, _| Trouble::Permission(group(found, 1))),
];

const DIAL: &[Pattern] = &[
    (r"ECONNREFUSED \S+:(\d+)|Connect call failed \('[^']+', (\d+)", |found, _| refused(found)),
    (r"port (\d+) failed: Connection refused|[Cc]an't reach database server at [`\S]+:(\d+)", |found, _| {
        refused(found)
    }),
    (r":(\d+)[:;)]? .*connection refused|Connection to \S+:(\d+) refused", |found, _| refused(found)),
    ("(?i)connection refused|ECONNREFUSED", |_, text| {
        let port = Regex::new(r":(\d{2,5})\b").ok().and_then(|rule| rule.captures(text).map(|found| group(&found, 1)));
        Trouble::Refused { port: port.and_then(|port| port.parse().ok()) }
    }),
    ("could not translate host name \"([^\"]+)\"|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\\S+)", |found, _| {
        unknown_host(found)
    }),
    (r"lookup (\S+?)(?: on \S+)?: no such host|failed to resolve host '([^']+)'", |found, _| unknown_host(found)),
    (
        "nodename nor servname provided|Name or service not known|Temporary failure in name resolution|failed to lookup address",
        |_, _| Trouble::UnknownHost(String::new()),
    ),
    (
        "server closed the connection unexpectedly|ECONNRESET|[Cc]onnection reset by peer|connection was closed in the middle|terminating connection due to administrator",
        |_, _| Trouble::Reset,
    ),
    ("timeout expired|ETIMEDOUT|[Cc]onnection timed out|Timed out fetching a new connection", |_, _| Trouble::TimedOut),
];

fn refused(found: &Captures<'_>) -> Trouble {
    let port = maybe(found, 1).or_else(|| maybe(found, 2));
    Trouble::Refused { port: port.and_then(|port| port.parse().ok()) }
}

fn unknown_host(found: &Captures<'_>) -> Trouble {
    Trouble::UnknownHost(maybe(found, 1).or_else(|| maybe(found, 2)).unwrap_or_default())
}

const TOOLS: &[Pattern] = &[
    (r"Can't locate revision identified by '([^']+)'|No such revision or branch '([^']+)'", |found, _| {
        Trouble::UnknownRevision(maybe(found, 1).or_else(|| maybe(found, 2)).unwrap_or_default())
    }),
    (r"Revision (\S+) referenced from .* is not present", |found, _| Trouble::MissingParent(group(found, 1))),
    ("[Mm]ultiple head(?:s| revisions) (?:are|is) present", |_, _| Trouble::MultipleHeads),
    ("Target database is not up to date", |_, _| Trouble::NotUpToDate),
    (r"sqlalchemy\.dialects:postgres\b", |_, _| Trouble::UrlScheme),
    (r"requires an async driver|is not async", |_, _| Trouble::AsyncDriver),
    (r"^KeyError: '(\w+)'", |found, text| {
        if text.contains("alembic/script/revision") { Trouble::MissingParent(group(found, 1)) } else { Trouble::Other }
    }),
];

/// Returns the SQLSTATE that stands in a text, or that a driver's exception stands for.
fn sqlstate(text: &str) -> Option<String> {
    static STATES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        [
            r"(?i)sqlstate\W{0,4}([0-9A-Z]{5})\b",
            // The word for "error", in whatever language the server speaks.
            r"(?m)(?:^|\s)[^\s:]{3,12}: {1,3}([0-9A-Z]{5}): ",
            r#"\bcode: ?['"]([0-9A-Z]{5})['"]"#,
            r"SqlState\(E([0-9A-Z]{5})\)",
            r#"\bpgcode['"]?[:=] ?['"]([0-9A-Z]{5})['"]"#,
        ]
        .iter()
        .filter_map(|rule| Regex::new(rule).ok())
        .collect()
    });
    let written = STATES.iter().find_map(|rule| rule.captures(text).map(|found| group(&found, 1)));
    written.or_else(|| by_class(text).map(str::to_owned))
}

/// Yields what stands in quotes, of whatever language.
fn quoted(line: &str) -> impl Iterator<Item = String> {
    static QUOTES: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("[\"«»„“”`]\u{a0}? ?([^\"«»„“”`]+?) ?\u{a0}?[\"«»„“”`]").ok());
    let found: Vec<String> = QUOTES
        .as_ref()
        .into_iter()
        .flat_map(|rule| rule.captures_iter(line))
        .filter_map(|found| Some(found.get(1)?.as_str().trim().to_owned()))
        .collect();
    found.into_iter()
}

/// The message without the names of exceptions and the prefix of a log.
fn said(line: &str) -> String {
    let line = line.trim();
    for mark in ["ERROR:  ", "FATAL:  ", "ERROR: ", "FATAL: ", "FAILED: ", "error: "] {
        if let Some((_, rest)) = line.split_once(mark) {
            return rest.trim().to_owned();
        }
    }
    let line = line.split_once(" DETAIL: ").map_or(line, |(line, _)| line.trim_end());
    // `(psycopg2.errors.UndefinedColumn) …`, and not `function f(integer) …` or `Key (id)=(x) …`.
    let class = line.split_once(") ").filter(|(before, _)| {
        let opened = before.split_once('(').filter(|(head, _)| head.is_empty() || head.ends_with(' '));
        opened.is_some_and(|(_, class)| class.contains('.') && class.ends_with(|c: char| c.is_alphabetic()))
    });
    let line = class.map_or(line, |(_, rest)| rest);
    let class = line.split_once(": ").filter(|(before, _)| before.ends_with("Error") || before.contains("errors."));
    class.map_or(line, |(_, rest)| rest).to_owned()
}

/// Returns the statement that SQLAlchemy (`[SQL: …]`), the server's log (`STATEMENT:`) or psql (`LINE 1:`) prints.
fn statement(lines: &[&str]) -> Option<String> {
    let at = |mark: &str| {
        let index = lines.iter().position(|line| line.contains(mark))?;
        let first = lines.get(index)?.split_once(mark)?.1;
        let rest = lines
            .get(index + 1..)?
            .iter()
            .take_while(|line| !line.starts_with("[parameters") && !line.starts_with("(Background"));
        let whole: Vec<&str> = std::iter::once(first).chain(rest.take(40).copied()).collect();
        Some(whole.join("\n"))
    };
    let short = |mark: &str| {
        let index = lines.iter().position(|line| line.contains(mark))?;
        Some(lines.get(index)?.split_once(mark)?.1.trim().to_owned())
    };
    at("[SQL: ").or_else(|| at("STATEMENT:  ")).or_else(|| short("LINE 1: "))
}
