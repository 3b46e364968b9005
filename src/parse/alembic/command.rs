//! Commands that bring a database to the head and do nothing else, told by their words.

/// What a command of a known form names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlainUpgrade {
    /// Where it is run, below the folder in which the shell starts: `cd backend && …`.
    pub directory: Option<String>,
    /// `-c FILE`.
    pub config: Option<String>,
    /// `PYTHONPATH=…` before it.
    pub python_path: Vec<String>,
}

/// Returns what the command names when it runs Alembic's own upgrade, or Flask-Migrate's, to the head; nothing for any
/// other command, since what that does cannot be told.
pub fn plain_upgrade(command: &str) -> Option<PlainUpgrade> {
    let plain = |c: char| c.is_alphanumeric() || " ._-/@+:=&,".contains(c);
    if !command.chars().all(plain) {
        return None;
    }
    if command.split_whitespace().any(|word| word != "&&" && word.contains('&')) {
        return None;
    }
    let mut found = PlainUpgrade::default();
    let mut words: Words<'_> = command.split_whitespace().collect::<Vec<_>>().into_iter().peekable();
    if words.next_if_eq(&"cd").is_some() {
        found.directory = Some(words.next()?.to_owned());
        words.next_if_eq(&"&&")?;
    }
    while let Some(word) = words.next_if(|word| assigned(word).is_some()) {
        let (name, value) = assigned(word)?;
        if name == "PYTHONPATH" {
            found.python_path = value.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        }
    }
    runner(&mut words)?;
    match words.next()? {
        "alembic" => options(&mut words, &["-c", "--config"], &["-n", "--name", "-x"], &mut found)?,
        "flask" => {
            options(&mut words, &[], &["--app", "-A", "--env-file", "-e"], &mut found)?;
            words.next_if_eq(&"db")?;
        }
        _ => return None,
    }
    words.next_if_eq(&"upgrade")?;
    options(&mut words, &[], &["-d", "--directory", "-x", "--x-arg"], &mut found)?;
    let head = words.next().is_none_or(|word| word == "head" || word == "heads");
    (head && words.next().is_none()).then_some(found)
}

type Words<'w> = std::iter::Peekable<std::vec::IntoIter<&'w str>>;

/// `NAME=value` before a command.
fn assigned(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    fits.then_some((name, value))
}

/// Reads what only chooses the interpreter: `uv run`, `python -m`.
fn runner(words: &mut Words<'_>) -> Option<()> {
    const MANAGERS: [&str; 5] = ["uv", "poetry", "pdm", "pipenv", "hatch"];
    const SWITCHES: [&str; 6] = ["--frozen", "--locked", "--no-sync", "--no-dev", "--active", "--quiet"];
    if words.next_if(|word| MANAGERS.contains(word)).is_some() {
        words.next_if_eq(&"run")?;
        while words.next_if(|word| SWITCHES.contains(word)).is_some() {}
    }
    if words.next_if(|word| is_python(word)).is_some() {
        words.next_if_eq(&"-m")?;
    }
    Some(())
}

fn is_python(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    name.strip_prefix("python").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// Reads options that take a value: `files` name a configuration, `others` anything.
fn options(words: &mut Words<'_>, files: &[&str], others: &[&str], found: &mut PlainUpgrade) -> Option<()> {
    while let Some(word) = words.next_if(|word| word.starts_with('-')) {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let is_file = files.contains(&name);
        if !is_file && !others.contains(&name) {
            return None;
        }
        let value = match value {
            Some(value) => value,
            None => words.next()?,
        };
        if is_file {
            found.config = Some(value.to_owned());
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::plain_upgrade;

    #[track_caller]
    fn check(command: &str, expected: Option<(&str, &str, &[&str])>) {
        let found = plain_upgrade(command);
        let found = found.as_ref().map(|it| {
            let path: Vec<&str> = it.python_path.iter().map(String::as_str).collect();
            (it.directory.as_deref().unwrap_or_default(), it.config.as_deref().unwrap_or_default(), path)
        });
        assert_eq!(found, expected.map(|(directory, config, path)| (directory, config, path.to_vec())), "{command}");
    }

    #[test]
    fn known_commands_are_plain() {
        let plain = Some(("", "", &[][..]));
        for command in [
            "alembic upgrade head",
            "alembic upgrade heads",
            "uv run alembic upgrade head",
            "uv run --frozen alembic upgrade head",
            "poetry run python -m alembic -n other upgrade heads",
            ".venv/bin/python3.12 -m alembic upgrade head",
            "pdm run alembic -x tenant=a upgrade head",
            "pipenv run flask db upgrade",
            "flask --app app db upgrade -d migrations head",
            "DEBUG=1 alembic upgrade head",
        ] {
            check(command, plain);
        }
        check("alembic -c db/alembic.ini upgrade head", Some(("", "db/alembic.ini", &[])));
        check("alembic --config=a.ini upgrade head", Some(("", "a.ini", &[])));
        check("cd backend && PYTHONPATH=.:src alembic upgrade head", Some(("backend", "", &[".", "src"])));
    }

    #[test]
    fn others_are_not() {
        for command in [
            "",
            "make migrate",
            "alembic upgrade head && python seed.py",
            "alembic upgrade head; ls",
            "alembic upgrade $REV",
            "alembic -x a&b upgrade head",
            "alembic upgrade +1",
            "alembic upgrade abc123",
            "alembic downgrade base",
            "alembic upgrade head | tee log",
            "python manage.py db upgrade",
            "docker compose exec app alembic upgrade head",
            "poetry install && alembic upgrade head",
            "alembic --raiseerr upgrade head",
            "flask db upgrade --sql",
            "prefect server database upgrade -y",
        ] {
            check(command, None);
        }
    }
}
