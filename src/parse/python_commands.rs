//! What a Python source says outright about the database that it talks to.

use ruff_python_ast::Expr;
use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_text_size::Ranged as _;

use super::python::{self, line_of};

/// Returns the Postgres URLs that are written out in a Python source, such as an `env.py`, with their 1-based lines.
///
/// Schemes are `postgres`, `postgresql` and either with a driver (`postgresql+asyncpg`). A bare scheme, as in
/// `url.replace("postgres://", …)`, and a text with placeholders (`{host}`, `%s`) are no URLs; an f-string that
/// inserts something is none either. Source that is not valid Python has none.
pub fn literal_url(source: &str) -> Vec<(String, usize)> {
    let mut search = Search { source, found: Vec::new() };
    if let Ok(module) = python::parse_for_visits(source) {
        search.visit_body(&module.body);
    }
    search.found
}

struct Search<'s> {
    source: &'s str,
    found: Vec<(String, usize)>,
}

impl<'a> Visitor<'a> for Search<'_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        let text = python::names::text(expression).filter(|text| is_url(text));
        if let Some(text) = text {
            self.found.push((text, line_of(self.source, expression.range().start())));
        }
        walk_expr(self, expression);
    }
}

fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let (name, driver) = scheme.split_once('+').unwrap_or((scheme, "x"));
    let is_driver = !driver.is_empty() && driver.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
    let has_placeholder = rest.contains(['{', '\n']) || rest.contains("%s") || rest.contains("%(");
    matches!(name, "postgres" | "postgresql") && is_driver && !rest.is_empty() && !has_placeholder
}

#[cfg(test)]
mod tests {
    use super::literal_url;

    #[track_caller]
    fn check(source: &str, expected: &[(&str, usize)]) {
        let found = literal_url(source);
        let found: Vec<(&str, usize)> = found.iter().map(|(text, line)| (text.as_str(), *line)).collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn urls_are_found_wherever_they_stand() {
        check("import os\nURL = os.getenv('X', 'postgresql://me@db/app')", &[("postgresql://me@db/app", 2)]);
        check("def f():\n  return g(u='postgres://h/d')", &[("postgres://h/d", 2)]);
        check("x = ('postgresql+asyncpg://'\n 'h/d%40')", &[("postgresql+asyncpg://h/d%40", 1)]);
        check("x = f'postgresql://h/d'", &[("postgresql://h/d", 1)]);
    }

    #[test]
    fn parts_and_templates_are_no_urls() {
        check("u.replace('postgres://', 'postgresql+psycopg://')", &[]);
        check("u = f'postgresql://{h}/d'\nv = 'postgresql://{}/d'\nw = 'postgresql://%s/d'", &[]);
        check("u = 'mysql://h/d'\nv = 'postgresql+://h'\nw = 'see postgresql://h/d'", &[]);
        check("u = 'postgres://h/d' =", &[]);
    }
}
