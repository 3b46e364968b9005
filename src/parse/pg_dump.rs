//! What `pg_dump` writes, as statements that any session can run.

use super::sql::{StatementKind, split};

/// Settings of the session that restores, at the values that `pg_dump` gives them: they make nothing.
const SETTINGS: [&str; 11] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "client_encoding",
    "standard_conforming_strings",
    "check_function_bodies",
    "xmloption",
    "client_min_messages",
    "row_security",
    "default_table_access_method = heap",
];

/// Returns the statements that make something, in order, without their `;`.
///
/// Left out: settings of the session, commands of `psql`, sequences that nobody used, and comments on extensions, which
/// come with them and only their owner may change. Schemas are made where they are not there yet.
pub fn statements(dump: &str) -> Vec<String> {
    let sql = |kind: &StatementKind| *kind == StatementKind::Sql;
    let all = split(dump).into_iter().filter(|statement| sql(&statement.kind));
    all.map(|statement| statement.text(dump).to_owned()).filter(|text| makes_something(text)).map(mild).collect()
}

fn makes_something(statement: &str) -> bool {
    if let Some(setting) = statement.strip_prefix("SET ") {
        let ours = SETTINGS.iter().any(|name| setting.starts_with(name));
        return !ours && setting != "default_tablespace = ''";
    }
    let unused = statement.starts_with("SELECT pg_catalog.setval(") && statement.ends_with(", false)");
    let path = statement.starts_with("SELECT pg_catalog.set_config('search_path'");
    !unused && !path && !statement.starts_with("COMMENT ON EXTENSION ")
}

fn mild(statement: String) -> String {
    match statement.strip_prefix("CREATE SCHEMA ") {
        Some(name) if !name.starts_with("IF NOT EXISTS") => format!("CREATE SCHEMA IF NOT EXISTS {name}"),
        _ => statement,
    }
}

#[cfg(test)]
mod tests {
    use super::statements;

    #[test]
    fn what_makes_something_stays() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\\restrict abc\n\nSET statement_timeout = 0;\n\
            SELECT pg_catalog.set_config('search_path', '', false);\nSET default_tablespace = '';\n\
            SET default_table_access_method = heap;\n\n--\n-- Name: billing\n--\n\nCREATE SCHEMA billing;\n\n\
            COMMENT ON EXTENSION hstore IS 'x; y';\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ select 1; $$;\n\
            SET default_tablespace = fast;\nINSERT INTO public.t (a) VALUES ('x;''y');\n\
            SELECT pg_catalog.setval('public.a', 1, false);\nSELECT pg_catalog.setval('public.b', 7, true);\n\\unrestrict abc\n";
        assert_eq!(
            statements(dump),
            [
                "CREATE SCHEMA IF NOT EXISTS billing",
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ select 1; $$",
                "SET default_tablespace = fast",
                "INSERT INTO public.t (a) VALUES ('x;''y')",
                "SELECT pg_catalog.setval('public.b', 7, true)",
            ]
        );
    }
}
