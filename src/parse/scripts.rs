//! Lines of scripts, Makefiles and the like that call PostgreSQL's clients or Alembic.

use std::path::Path;

use crate::model::habits::Call;
use crate::model::place::Place;

const CLIENTS: [&str; 6] = ["psql", "pg_dump", "pg_dumpall", "pg_restore", "createdb", "dropdb"];
/// What runs the rest of the command in another place.
const ELSEWHERE: [&str; 8] = ["docker", "docker-compose", "podman", "kubectl", "ssh", "heroku", "fly", "flyctl"];
/// What runs the rest of the command here, and the words that it takes before that.
const HERE: [&str; 18] = [
    "sudo", "exec", "time", "nohup", "env", "poetry", "uv", "pipenv", "pdm", "rye", "hatch", "run", "python",
    "python3", "-m", "dotenv", "if", "!",
];
/// Alembic's options that take a value.
const VALUED: [&str; 6] = ["-x", "--tag", "-c", "--config", "-n", "--name"];

/// Returns the calls of a script, with 1-based lines.
pub fn calls(file: &Path, text: &str) -> Vec<Call> {
    let assigned = |name: &str| {
        let begins = |line: &str| line.trim_start().trim_start_matches("export ").starts_with(&format!("{name}="));
        text.lines().any(begins)
    };
    let mut found = Vec::new();
    for (number, line) in joined(text) {
        let rewrites = line.contains("sed ") || line.contains("+asyncpg") || line.contains("+psycopg");
        for command in commands(&line) {
            let Some(mut call) = call(&command, Place::new(file, number)) else { continue };
            // What the script gives another value is not the variable of the environment.
            call.variables.retain(|name| !rewrites && !assigned(name));
            found.push(call);
        }
    }
    found
}

/// Returns the lines without comments, those that a backslash continues made one, each with the number of its first.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (line, number) in text.lines().zip(1..) {
        let code =
            if line.trim_start().starts_with(['#', '/']) { "" } else { line.split(" #").next().unwrap_or_default() };
        let next = code.trim_end().ends_with('\\');
        let code = code.trim_end().trim_end_matches('\\');
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, last)) => {
                last.push(' ');
                last.push_str(code);
            }
            None => lines.push((number, code.to_owned())),
        }
        goes_on = next;
    }
    lines
}

/// Returns the commands of a line, at the shell's operators. A parenthesis behind `$` is a variable of make's, or a command of its
/// own whose output is a word.
fn commands(line: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let (mut before, mut depth) = (' ', 0_usize);
    for c in line.chars() {
        let of_variable = before == '$' && c == '(';
        depth = if of_variable { depth + 1 } else { depth };
        match c {
            ')' if depth > 0 => {
                depth -= 1;
                push(&mut found, c);
            }
            ';' | '&' | '|' | '>' | '<' | ')' => found.push(String::new()),
            '(' if !of_variable => found.push(String::new()),
            c => push(&mut found, c),
        }
        before = c;
    }
    found
}

fn push(commands: &mut [String], c: char) {
    if let Some(last) = commands.last_mut() {
        last.push(c);
    }
}

fn call(command: &str, at: Place) -> Option<Call> {
    let bare = |word: &str| word.trim_matches(|c: char| matches!(c, '"' | '\'' | ',' | '@')).to_owned();
    let words: Vec<String> = command.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    let plain = |word: &str| word.trim_start_matches('-').rsplit('/').next().unwrap_or_default().to_owned();
    let is_program = |word: &String| CLIENTS.contains(&plain(word).as_str()) || plain(word) == "alembic";
    let at_word = words.iter().position(is_program)?;
    let (before, rest) = (words.get(..at_word)?, words.get(at_word + 1..)?);
    // `KEY=value`, the key of a YAML or JSON file, a dash of a list, an option of what runs it.
    let passes = |word: &String| {
        let passed = word.contains('=') || word.ends_with(':') || word.starts_with('-');
        passed || HERE.contains(&word.as_str())
    };
    let variable = |word: &String| word.starts_with('$');
    let first = before.iter().find(|word| !passes(word));
    let elsewhere = match first {
        None => words.iter().any(|word| word.contains("heroku") || word.contains("ssh")),
        Some(word) if ELSEWHERE.contains(&plain(word).as_str()) || variable(word) => true,
        // A text, a package to install, a program that is looked for.
        Some(_) => return None,
    };
    let program = plain(words.get(at_word)?);
    let revision = if program == "alembic" { revision(rest) } else { None };
    Some(Call { at, program, variables: variables(command), revision, elsewhere })
}

/// Returns the revision behind `upgrade`, `downgrade` or `stamp` (Alembic's documentation, "Tutorial"), where it is of the
/// project's own chain and stands there.
fn revision(words: &[String]) -> Option<String> {
    let other =
        |word: &&String| matches!(word.as_str(), "-c" | "--config" | "-n" | "--name") || word.starts_with("--config=");
    if words.iter().find(other).is_some() {
        return None;
    }
    let command = words.iter().position(|word| matches!(word.as_str(), "upgrade" | "downgrade" | "stamp"))?;
    let mut rest = words.get(command + 1..)?.iter();
    loop {
        let word = rest.next()?;
        if VALUED.contains(&word.as_str()) {
            let _value = rest.next();
        } else if !word.starts_with("--") {
            let written = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '+' | ':' | '-'));
            return written.then(|| word.clone());
        }
    }
}

/// Returns the names behind `$`, in braces or not, doubled as in Makefiles or not, that stand there as they are.
fn variables(command: &str) -> Vec<String> {
    let name = |rest: &str| -> Option<String> {
        let braced = rest.starts_with('{');
        let rest = rest.trim_start_matches(['{', '(']);
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let after = rest.get(name.len()..)?.chars().next();
        // `${URL/+asyncpg/}`, `${URL#…}` is another text.
        (!name.is_empty() && (!braced || after == Some('}'))).then_some(name)
    };
    let mut found: Vec<String> = command
        .split('$')
        .skip(1)
        .filter_map(name)
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::calls;
    use crate::model::habits::Call;
    use std::path::Path;

    fn one(text: &str) -> Option<Call> {
        calls(Path::new("Makefile"), text).into_iter().next()
    }

    #[test]
    fn calls_are_found_with_what_they_name() {
        let dump = one("\tpg_dump \"$$DATABASE_URL\" > dump.sql").unwrap();
        assert_eq!((dump.program.as_str(), dump.elsewhere), ("pg_dump", false));
        assert_eq!(dump.variables, ["DATABASE_URL"]);
        for elsewhere in [
            "docker compose exec -T db pg_dump -U app app",
            "$(DC) exec -T db pg_dump app",
            "docker compose exec \\\n  db pg_dump a",
        ] {
            assert!(one(elsewhere).unwrap().elsewhere, "{elsewhere}");
        }
        for here in
            ["PGPASSWORD=x pg_dump app", "  \"dump\": \"pg_dump app\",", "- pg_dump app", "if ! pg_dump a; then"]
        {
            assert!(!one(here).unwrap().elsewhere, "{here}");
        }
    }

    #[test]
    fn a_revision_is_what_alembic_would_take_for_one() {
        for (line, revision) in [
            ("poetry run alembic upgrade head", Some("head")),
            ("\t-alembic downgrade -1", Some("-1")),
            ("(cd x && alembic upgrade shop@head)", Some("shop@head")),
            ("alembic upgrade head; python x", Some("head")),
            ("alembic upgrade head>/dev/null", Some("head")),
            ("alembic -x tenant=a upgrade --tag v1 head", Some("head")),
            ("alembic upgrade \\\n  head", Some("head")),
            ("alembic upgrade $(REVISION)", None),
            ("alembic upgrade `cat REV`", None),
            ("alembic -c other/alembic.ini upgrade shop@head", None),
            ("alembic history", None),
        ] {
            assert_eq!(one(line).unwrap().revision.as_deref(), revision, "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_no_call() {
        for other in [
            "# psql",
            "apt-get install -y psql",
            "command -v pg_dump",
            "echo psql",
            "m: ## Run alembic upgrade to latest",
            "log \"alembic upgrade failed\"",
            "brew install x   # for pg_dump",
        ] {
            assert_eq!(one(other), None, "{other}");
        }
    }

    #[test]
    fn a_variable_that_the_script_changes_is_another_one() {
        for text in [
            "psql \"${DATABASE_URL/+asyncpg/}\"",
            "psql \"$(echo $DATABASE_URL | sed 's/+asyncpg//')\"",
            "export DATABASE_URL=$(fix)\npsql \"$DATABASE_URL\"",
            "psql app  # not $DATABASE_URL",
        ] {
            assert!(calls(Path::new("x.sh"), text).iter().all(|call| call.variables.is_empty()), "{text}");
        }
    }
}
