//! Lines of scripts, Makefiles and the like that call PostgreSQL's clients or Alembic.

use crate::model::habits::Call;
use crate::model::place::Place;
use std::path::Path;

const CLIENTS: [&str; 6] = ["psql", "pg_dump", "pg_dumpall", "pg_restore", "createdb", "dropdb"];
/// What runs the rest of the line in another place.
const ELSEWHERE: [&str; 6] = ["docker", "docker-compose", "podman", "kubectl", "ssh", "heroku"];

/// Returns the calls of a script, with 1-based lines; at most one a line.
pub fn calls(file: &Path, text: &str) -> Vec<Call> {
    let code = text.lines().zip(1..).filter(|(line, _)| !line.trim_start().starts_with(['#', '/']));
    code.filter_map(|(line, number)| call(line, Place::new(file, number))).collect()
}

fn call(line: &str, at: Place) -> Option<Call> {
    let bare = |word: &str| {
        word.trim_matches(|c: char| matches!(c, '"' | '\'' | '`' | ',' | ';' | '@' | '|' | '&')).to_owned()
    };
    let words: Vec<String> = line.split_whitespace().map(bare).collect();
    // The last part of a path, and what follows the begin of a string: `"migrate": "alembic upgrade head"`.
    let is = |word: &str, name: &str| word.trim_start_matches(['-', '(', '$']).rsplit('/').next() == Some(name);
    let at_word = words.iter().position(|word| CLIENTS.iter().any(|name| is(word, name)) || is(word, "alembic"))?;
    let (before, rest) = (words.get(..at_word)?, words.get(at_word + 1..)?);
    // A package to install, a program that is looked for, a text.
    let only_named =
        ["install", "add", "command", "which", "echo", "require", "import", "require_cmd", "printf", "=", ":", "cd"];
    let options = |word: &&&String| !word.is_empty() && !word.starts_with('-');
    if before.iter().rev().find(|word| options(&word)).is_some_and(|word| only_named.contains(&word.as_str()))
        || before.iter().any(|it| it == "install")
    {
        return None;
    }
    let program = words.get(at_word)?.trim_start_matches(['-', '(', '$']).rsplit('/').next()?.to_owned();
    let revision = if program == "alembic" { Some(revision(rest)?) } else { None };
    let elsewhere = before.iter().any(|word| ELSEWHERE.contains(&word.as_str()));
    Some(Call { at, program, variables: variables(line), revision, elsewhere })
}

/// Returns the revision behind `upgrade`, `downgrade` or `stamp` (Alembic's documentation, "Tutorial").
fn revision(words: &[String]) -> Option<String> {
    let command = words.iter().position(|word| matches!(word.as_str(), "upgrade" | "downgrade" | "stamp"))?;
    let target = words.get(command + 1..)?.iter().find(|word| !word.is_empty() && !word.starts_with("--"))?;
    Some(target.clone())
}

/// Returns the names behind `$`, in braces, parentheses or not, doubled as in Makefiles or not.
fn variables(line: &str) -> Vec<String> {
    let name = |rest: &str| -> String {
        let rest = rest.trim_start_matches(['$', '{', '(']);
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut found: Vec<String> =
        line.split('$').skip(1).map(name).filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase())).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::calls;
    use std::path::Path;

    #[test]
    fn calls_are_found_with_what_they_name() {
        let one = |line: &str| calls(Path::new("Makefile"), line).into_iter().next();
        let dump = one("\tpg_dump \"$$DATABASE_URL\" > dump.sql").unwrap();
        assert_eq!((dump.program.as_str(), dump.elsewhere), ("pg_dump", false));
        assert_eq!(dump.variables, ["DATABASE_URL"]);
        assert!(one("docker compose exec -T db pg_dump -U app app").unwrap().elsewhere);
        let upgrade = one("  \"migrate\": \"alembic -c db/alembic.ini upgrade shop@head\",").unwrap();
        assert_eq!(upgrade.revision.as_deref(), Some("shop@head"));
        assert_eq!(one("poetry run alembic upgrade head").unwrap().revision.as_deref(), Some("head"));
        assert_eq!(one("alembic upgrade $(REVISION)").unwrap().revision.as_deref(), Some("$(REVISION)"));
        assert_eq!(one("X=$(pg_dump -s)").map(|it| it.program), None);
        assert_eq!(one("X= $(pg_dump -s)").unwrap().program, "pg_dump");
        assert_eq!(one("\t-alembic downgrade -1").unwrap().revision.as_deref(), Some("-1"));
        for other in [
            "# psql",
            "apt-get install -y psql",
            "command -v pg_dump",
            "alembic history",
            "echo psql",
            "cd alembic upgrade",
        ] {
            assert_eq!(one(other), None, "{other}");
        }
    }
}
