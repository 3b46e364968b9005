//! The steps of fixes. A file is copied aside before its first change, and only the bytes concerned change.
#![expect(clippy::disallowed_methods, reason = "backups are made here, with the time in their names")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::admin::Admin;
use super::commands::Runner;
use super::migrate::Lock;
use super::{Surroundings, Teller, chain, commands, elsewhere, server};
use crate::error::{Error, Result};
use crate::model::env::{EnvEntry, EnvFile};
use crate::model::event::Event;
use crate::model::local_server::UpPlan;
use crate::model::plan::{Borrowed, Step, Workplace};
use crate::model::secret::Secret;
use crate::model::target::Target;
use crate::parse::env_file;
use crate::wire::engine::{Command, execute, psql};
use crate::wire::files::{copy_private, exists, read_text, write_whole};
use crate::wire::postgres::{Session, message, quote_ident, quote_literal};

/// How many lines an entry of a Compose file has at most.
const ENTRY: usize = 6;

/// How long a server may take to accept logins.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the steps of one round of fixes need.
pub struct Fixer<'a> {
    pub surroundings: &'a Surroundings,
    pub target: Option<&'a Target>,
    /// The engine's address.
    pub engine: &'a str,
    /// The project's virtual environment.
    pub python_environment: Option<&'a Path>,
    /// Where and with what the project's commands run; nothing where no database is named.
    pub workplace: Option<Workplace>,
    /// The folder of the chain's configuration, relative to the root.
    pub chain_folder: &'a Path,
    /// How the project's server is started, when it can be.
    pub start: Option<&'a UpPlan>,
    /// Files backed up in this round already.
    pub backed_up: BTreeSet<PathBuf>,
}

impl Fixer<'_> {
    /// Carries out one step. On an error nothing of this step was done.
    pub async fn apply(&mut self, step: &Step, tell: &mut Teller<'_>) -> Result<()> {
        match step {
            Step::CopyFile { from, to } => self.copy(from, to),
            Step::SetEnvValue { file, line, key, value, .. } => {
                self.edit(file, tell, |text| set_value(file, text, (*line, key), value))
            }
            Step::AppendEnv { file, key, value, .. } => {
                self.edit(file, tell, |text| Ok(env_file::append(text, key, value.reveal())))
            }
            Step::RemoveEntry { file, line, key, value } => {
                self.edit(file, tell, |text| remove_entry(file, text, (*line, key), value))
            }
            Step::UnixLineEnds { file } => self.edit(file, tell, |text| Ok(text.replace("\r\n", "\n"))),
            Step::RemoveMark { file } => {
                self.edit(file, tell, |text| Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()))
            }
            Step::DoublePercent { file, line } => {
                self.edit(file, tell, |text| edit_line(file, text, *line, |old| Some(double_percent(old))))
            }
            Step::EditLine { file, line, from, to } => {
                let replace = |old: &str| (old.matches(from).count() == 1).then(|| old.replacen(from, to, 1));
                self.edit(file, tell, |text| {
                    // An entry of several lines begins with the line that is named.
                    let entry = text.lines().skip(line.saturating_sub(1)).take(ENTRY);
                    let below = entry.take_while(|it| !it.trim().is_empty()).position(|it| it.contains(from.as_str()));
                    edit_line(file, text, line + below.unwrap_or_default(), replace)
                })
            }
            Step::ComposeUp { .. } | Step::StartContainer { .. } => self.start(tell).await,
            Step::SetRolePassword { container, superuser, role, password } => {
                let verifier = postgres_protocol::password::scram_sha_256(password.reveal().as_bytes());
                let sql = format!("alter role {} password {};", quote_ident(role), quote_literal(&verifier));
                self.inside(container, superuser, sql, &format!("set the password of role `{role}`")).await
            }
            Step::AsSuperuser { container, superuser, statement, shown } => {
                self.inside(container, superuser, format!("{statement};"), shown).await
            }
            Step::Sql { statement, shown } => self.statement(statement, shown).await,
            Step::CreateDatabase { name } => {
                let statement = format!("create database {}", quote_ident(name));
                self.administer(&statement, &format!("create the database `{name}`")).await
            }
            Step::EndSessions { database } => {
                let admin = Admin::open(self.server()?, "doctor").await?;
                let ended = admin.terminate_own(database).await;
                admin.close().await;
                ended
            }
            Step::WaitForServer => server::wait::until_login(self.server()?, PATIENCE, tell).await.map(|_entered| ()),
            Step::DowngradeElsewhere(borrowed) => self.downgrade(borrowed, tell).await,
            Step::Upgrade => self.run(&self.ourselves("devdb migrate up"), tell).await,
            Step::Run { command } if command.starts_with("devdb ") => self.run(&self.ourselves(command), tell).await,
            Step::Run { command } => self.run(command, tell).await,
            Step::Tell(_) => Ok(()),
        }
    }

    fn server(&self) -> Result<&Target> {
        self.target.ok_or_else(|| Error::environment("nothing names a database").hint("devdb setup"))
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let root = &self.surroundings.root;
        copy_private(&root.join(from), &root.join(to)).map_err(|error| {
            Error::environment(format!("cannot copy `{}` to `{}`", from.display(), to.display())).because(error)
        })
    }

    /// Changes a file as `change` says, with a copy of what it was.
    fn edit(&mut self, file: &Path, tell: &mut Teller<'_>, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
        let path = self.surroundings.root.join(file);
        let text = read_text(&path)
            .map_err(|why| Error::environment(format!("cannot read `{}`", file.display())).detail("why", why))?;
        let changed = change(&text)?;
        if self.backed_up.insert(file.to_path_buf()) {
            let backup = self.back_up(file)?;
            tell(Event::Note {
                text: format!("what it was: cp '{}' '{}' brings it back", backup.display(), file.display()),
            });
        }
        write_whole(&path, &changed)
            .map_err(|error| Error::environment(format!("cannot write `{}`", file.display())).because(error))
    }

    /// Copies a file into `.devdb/backups`, which git ignores and only its owner reads.
    fn back_up(&self, file: &Path) -> Result<PathBuf> {
        let failed = |error: std::io::Error| {
            Error::environment(format!("cannot back up `{}`, so it is not changed", file.display())).because(error)
        };
        let root = &self.surroundings.root;
        private_folder(root).map_err(failed)?;
        std::fs::create_dir_all(root.join(".devdb/backups")).map_err(failed)?;
        let seconds =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
        let flat = file.display().to_string().replace(['/', '\\'], "__");
        let mut backup = PathBuf::from(format!(".devdb/backups/{flat}.{seconds}"));
        let mut number = 1;
        while exists(&root.join(&backup)) {
            backup = PathBuf::from(format!(".devdb/backups/{flat}.{seconds}-{number}"));
            number += 1;
        }
        copy_private(&root.join(file), &root.join(&backup)).map_err(failed)?;
        Ok(backup)
    }

    async fn start(&self, tell: &mut Teller<'_>) -> Result<()> {
        let plan =
            self.start.ok_or_else(|| Error::environment("the server cannot be started from here").hint("devdb up"))?;
        Box::pin(server::up(plan, PATIENCE, tell)).await.map(|_up| ())
    }

    async fn inside(&self, container: &str, superuser: &str, script: String, what: &str) -> Result<()> {
        let failed = |why: String| Error::environment(format!("cannot {what} inside `{container}`")).detail("why", why);
        let docker = crate::wire::engine::client(self.engine, PATIENCE).map_err(|error| failed(error.to_string()))?;
        let docker = docker.negotiate_version().await.map_err(|error| failed(error.to_string()))?;
        let command: Command = psql(superuser, "template1", script);
        let done = execute(&docker, container, command, &mut |_piece| {}).await.map_err(failed)?;
        if done.exit_code == 0 { Ok(()) } else { Err(failed(done.stderr.trim().to_owned())) }
    }

    async fn administer(&self, statement: &str, what: &str) -> Result<()> {
        let admin = Admin::open(self.server()?, "doctor").await?;
        let done = admin.run(statement, what).await;
        admin.close().await;
        done
    }

    async fn statement(&self, statement: &str, what: &str) -> Result<()> {
        let target = self.server()?;
        let failed = |why: String| Error::environment(format!("cannot {what}")).detail("server says", why);
        let opened = Session::open(target, target.database(), "devdb doctor", PATIENCE).await;
        let session = opened.map_err(|failure| failed(failure.message))?;
        let done = session.batch_execute(statement).await.map_err(|error| failed(message(&error)));
        session.close().await;
        done
    }

    /// Returns a command of devdb's own as one of this very program.
    fn ourselves(&self, command: &str) -> String {
        let arguments = command.strip_prefix("devdb ").unwrap_or(command);
        let quote = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
        let program = std::env::current_exe().map_or_else(|_unknown| "devdb".to_owned(), |path| quote(&path));
        format!("{program} -C {} {arguments}", quote(&self.surroundings.root))
    }

    /// Under the lock, and with the guard by which nothing runs in another database than the target.
    async fn downgrade(&self, borrowed: &Borrowed, tell: &mut Teller<'_>) -> Result<()> {
        let workplace = self.workplace.clone().ok_or_else(|| Error::environment("nothing names a database"))?;
        // The borrowed files lie on this machine.
        let workplace = Workplace { inside: None, ..workplace };
        let laid = elsewhere::lay(&self.surroundings.root, borrowed).await?;
        let lock = Lock::take(&workplace.target, "doctor", std::future::pending(), tell).await?;
        let runner = Runner {
            workplace: &workplace,
            surroundings: self.surroundings,
            database: workplace.target.database(),
            witness: Some(&lock.witness),
        };
        let done = chain::run_command(&runner, &laid.command, self.chain_folder, "downgrade", tell).await;
        lock.release().await;
        done.map(|_ran| ())
    }

    async fn run(&self, command: &str, tell: &mut Teller<'_>) -> Result<()> {
        let environment = commands::interpreter(self.surroundings, self.python_environment).await;
        let folder = self.surroundings.root.join(self.chain_folder);
        let mut line = |line: String| tell(Event::Output { line });
        let exit = crate::wire::process::run_shell(command, &folder, &environment, &mut line)
            .await
            .map_err(|error| Error::environment(format!("cannot run `{command}`")).because(error))?;
        if exit.success() {
            return Ok(());
        }
        let from = exit.tail.len().saturating_sub(8);
        let tail = exit.tail.get(from..).unwrap_or_default().join("\n");
        Err(Error::failed(format!("`{command}` failed")).detail("output", tail))
    }
}

/// Returns the text with the value of one assignment replaced.
fn set_value(path: &Path, text: &str, (line, key): (usize, &str), value: &Secret) -> Result<String> {
    let parsed = env_file::parse(path, text);
    let index = nearest(&parsed, line, |entry| entry.key == key)?;
    env_file::replace_value(&parsed, index, value.reveal())
        .map_err(|error| Error::failed(format!("cannot edit `{}:{line}`", path.display())).because(error))
}

/// Doubles each `%` that begins nothing to `configparser`: not `%%`, and not `%(here)s`.
fn double_percent(line: &str) -> String {
    let mut doubled = String::with_capacity(line.len() + 4);
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        doubled.push(character);
        if character == '%' && rest.peek() != Some(&'(') {
            rest.next_if_eq(&'%');
            doubled.push('%');
        }
    }
    doubled
}

/// Returns the text with one line as `change` makes it.
fn edit_line(path: &Path, text: &str, line: usize, change: impl FnOnce(&str) -> Option<String>) -> Result<String> {
    let changed =
        || Error::environment(format!("`{}` changed since it was looked at", path.display())).hint("devdb doctor");
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let (before, rest) = text.split_at_checked(start).ok_or_else(changed)?;
    let end = rest.find('\n').unwrap_or(rest.len());
    let (old, after) = rest.split_at_checked(end).ok_or_else(changed)?;
    let new = change(old).ok_or_else(changed)?;
    Ok(format!("{before}{new}{after}"))
}

/// Writes a file that is not there yet and that only its owner may read.
pub fn create_private(path: &Path, text: &str) -> std::io::Result<()> {
    crate::wire::files::create_private(path, text)
}

/// Returns a password made up for this run and `kind`: the same for the same kind, so that two keys agree.
pub fn password_for(root: &Path, kind: &str) -> String {
    use std::hash::{BuildHasher as _, RandomState};
    use std::sync::OnceLock;
    static RANDOM: OnceLock<(RandomState, RandomState)> = OnceLock::new();
    let (first, second) = RANDOM.get_or_init(|| (RandomState::new(), RandomState::new()));
    format!("{:016x}{:016x}", first.hash_one((root, kind)), second.hash_one((root, kind)))
}

/// Returns the text without one assignment.
fn remove_entry(path: &Path, text: &str, (line, key): (usize, &str), value: &Secret) -> Result<String> {
    let parsed = env_file::parse(path, text);
    let index = nearest(&parsed, line, |entry| entry.key == key && entry.raw == *value)?;
    let entry = parsed.entries.get(index);
    let (line, length) = entry.map_or((1, 0), |entry| (entry.line, entry.statement.reveal().len()));
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let (before, after) = (text.get(..start).unwrap_or_default(), text.get(start + length..).unwrap_or_default());
    Ok(format!("{before}{after}"))
}

/// Returns the assignment that is meant: other steps may have moved it by some lines since it was looked at.
fn nearest(file: &EnvFile, line: usize, is_it: impl Fn(&EnvEntry) -> bool) -> Result<usize> {
    let fitting = file.entries.iter().enumerate().filter(|(_, entry)| is_it(entry));
    fitting.min_by_key(|(_, entry)| entry.line.abs_diff(line)).map(|(index, _)| index).ok_or_else(|| {
        Error::environment(format!("`{}` changed since it was looked at", file.path.display())).hint("devdb doctor")
    })
}

/// Makes `.devdb`, which git ignores.
fn private_folder(root: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(root.join(".devdb"))?;
    let ignore = root.join(".devdb/.gitignore");
    if exists(&ignore) { Ok(()) } else { crate::wire::files::create_private(&ignore, "*\n") }
}

#[cfg(test)]
mod tests {
    use super::double_percent;

    #[test]
    fn a_single_percent_is_doubled_and_nothing_else() {
        assert_eq!(double_percent("url = p%40s%%t@%(host)s/%"), "url = p%%40s%%t@%(host)s/%%");
    }
}
