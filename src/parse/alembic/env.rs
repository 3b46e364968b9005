//! `env.py`: what it passes to `context.configure` in literals.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall};

use crate::parse::python;
use crate::parse::python::names::{Names, Value, text};

/// Returns the `version_table` and the `version_table_schema` that an `env.py` gives to `context.configure(…)`.
///
/// A value counts when it is a string literal, or a name that the module binds to one; of several calls (offline and
/// online mode), the first that says something counts. `None` means that the text does not tell: then it is
/// `alembic_version` in the default schema, unless the call is computed.
pub fn version_table(env_py: &str) -> (Option<String>, Option<String>) {
    let Ok(module) = python::parse_for_visits(env_py) else {
        return (None, None);
    };
    let mut search = Search { names: Names::of(&module.body), table: None, schema: None };
    search.visit_body(&module.body);
    (search.table, search.schema)
}

/// Returns the variables, in capitals, of an `env.py` that makes a plain engine of one, so that its URL has to name a synchronous
/// driver; nothing for one that speaks of async, or rewrites the driver. With `of_ini`, the ini's own key is one of them.
pub fn plain_engine(env_py: &str, of_ini: bool) -> Vec<String> {
    let makes = env_py.contains("engine_from_config(") || env_py.contains("create_engine(");
    let is_async = env_py.to_ascii_lowercase().contains("async");
    if makes && !is_async && !rewrites(env_py) { variables(env_py, of_ini) } else { Vec::new() }
}

/// Returns the same of an `env.py` that makes an async engine.
pub fn async_engine(env_py: &str, of_ini: bool) -> Vec<String> {
    let makes = env_py.contains("async_engine_from_config(") || env_py.contains("create_async_engine(");
    if makes && !rewrites(env_py) { variables(env_py, of_ini) } else { Vec::new() }
}

/// Whether the text may give the URL another driver.
fn rewrites(env_py: &str) -> bool {
    ["+asyncpg", "+psycopg", "replace(", "re.sub", "drivername"].iter().any(|it| env_py.contains(it))
}

/// The variables that a text reads from the environment itself: what settings hand out may be rewritten there.
fn variables(env_py: &str, of_ini: bool) -> Vec<String> {
    const READS: [&str; 3] = ["environ[", "environ.get(", "getenv("];
    let code = env_py.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut names: Vec<String> = code
        .flat_map(|line| READS.iter().flat_map(move |read| line.split(read).skip(1)))
        .filter_map(|rest| {
            let rest = rest.strip_prefix(['"', '\''])?;
            rest.split(['"', '\'']).next().map(str::to_ascii_uppercase)
        })
        .collect();
    names.extend(of_ini.then(|| "SQLALCHEMY.URL".to_owned()));
    names
}

/// Returns the line on which an `env.py` says `target_metadata = None`, and nowhere else another thing.
pub fn no_metadata(env_py: &str) -> Option<usize> {
    let assigns = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().trim_end_matches(',');
        // `target_metadata=target_metadata` hands it on.
        (name.split(':').next()?.trim() == "target_metadata" && value != "target_metadata").then(|| value.to_owned())
    };
    let mut found = env_py.lines().zip(1..).filter_map(|(line, number)| Some((assigns(line)?, number)));
    let (value, number) = found.next()?;
    let none = value.split('#').next().is_some_and(|value| value.trim() == "None");
    (none && found.next().is_none()).then_some(number)
}

/// Returns the line on which an `env.py` calls `set_main_option("sqlalchemy.url", …)` with something computed, unless it
/// doubles a `%` anywhere: `configparser` takes a single one for the begin of an interpolation (Python's documentation,
/// "configparser", `BasicInterpolation`).
pub fn sets_unescaped(env_py: &str) -> Option<usize> {
    if env_py.contains("%%") || !env_py.contains("set_main_option") {
        return None;
    }
    let module = python::parse_for_visits(env_py).ok()?;
    let mut calls = MainOptions { start: None };
    calls.visit_body(&module.body);
    let before = env_py.get(..calls.start?)?;
    Some(before.matches('\n').count() + 1)
}

/// The first call that sets the URL.
struct MainOptions {
    start: Option<usize>,
}

impl<'a> Visitor<'a> for MainOptions {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression
            && let Expr::Attribute(method) = &*call.func
            && method.attr.id == "set_main_option"
            && let [name, value, ..] = &*call.arguments.args
            && text(name).as_deref() == Some("sqlalchemy.url")
            && text(value).is_none()
        {
            self.start = self.start.or(Some(call.arguments.range.start().to_usize()));
        }
        walk_expr(self, expression);
    }
}

struct Search<'n> {
    names: Names<'n>,
    table: Option<String>,
    schema: Option<String>,
}

impl<'a> Visitor<'a> for Search<'_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression
            && is_configure(call)
        {
            let table = self.argument(call, "version_table");
            self.table = self.table.take().or(table);
            let schema = self.argument(call, "version_table_schema");
            self.schema = self.schema.take().or(schema);
        }
        walk_expr(self, expression);
    }
}

fn is_configure(call: &ExprCall) -> bool {
    match &*call.func {
        Expr::Attribute(method) => method.attr.id == "configure",
        Expr::Name(name) => name.id == "configure",
        _ => false,
    }
}

impl Search<'_> {
    fn argument(&self, call: &ExprCall, name: &str) -> Option<String> {
        let value = &call.arguments.find_keyword(name)?.value;
        match value {
            Expr::Name(name) => match self.names.value(&name.id)? {
                Ok(Value::Text(text)) => Some(text),
                _ => None,
            },
            _ => text(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{sets_unescaped, version_table};

    #[track_caller]
    fn check(env_py: &str, table: Option<&str>, schema: Option<&str>) {
        let expected = (table.map(str::to_owned), schema.map(str::to_owned));
        assert_eq!(version_table(env_py), expected, "{env_py}");
    }

    #[test]
    fn a_computed_url_is_found_unless_percents_are_doubled() {
        let call = "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'])";
        assert_eq!(sets_unescaped(&format!("import os\n\n{call}\n")), Some(3));
        assert_eq!(sets_unescaped(&call.replace(')', ".replace('%', '%%'))")), None);
        assert_eq!(sets_unescaped("config.set_main_option('sqlalchemy.url', 'postgresql://h/d')"), None);
        assert_eq!(sets_unescaped("config.set_main_option('timezone', zone)"), None);
        assert_eq!(sets_unescaped("set_main_option("), None);
    }

    #[test]
    fn literals_in_any_call_count() {
        check("context.configure(url=u)", None, None);
        check(
            "T = 'versions'\ndef offline():\n  context.configure(url=u, version_table=T)\n\
             def online():\n  with c:\n    context.configure(connection=c, version_table='x', version_table_schema='app')",
            Some("versions"),
            Some("app"),
        );
        check("context.configure(version_table=get())", None, None);
        check("other(version_table='x')", None, None);
        check("context.configure(", None, None);
    }
}
