//! The steps of fixes.

use std::path::PathBuf;

use crate::model::git::FoundRevision;
use crate::model::secret::Secret;

/// One step of a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Copies a file that is not there yet.
    CopyFile { from: PathBuf, to: PathBuf },
    /// Replaces the value of one assignment; `shown` is what may be printed of it.
    SetEnvValue { file: PathBuf, line: usize, key: String, value: Secret, shown: String },
    /// Adds an assignment at the end.
    AppendEnv { file: PathBuf, key: String, value: Secret, shown: String },
    /// Deletes one assignment.
    RemoveEntry { file: PathBuf, line: usize, key: String, value: Secret },
    /// Writes `\n` for `\r\n`.
    UnixLineEnds { file: PathBuf },
    /// Takes the byte order mark away.
    RemoveMark { file: PathBuf },
    /// Writes `%%` for each `%` in a line of an ini file.
    DoublePercent { file: PathBuf, line: usize },
    /// Replaces a text that stands once in a line of another file; all else stays as it is.
    EditLine { file: PathBuf, line: usize, from: String, to: String },
    /// Starts (or recreates) a service of the Compose project.
    ComposeUp { service: String, recreate: bool },
    /// Starts a container that exists.
    StartContainer { name: String },
    /// Sets a role's password through the local socket inside the container, as its superuser.
    SetRolePassword { container: String, superuser: String, role: String, password: Secret },
    /// Runs a statement through the local socket inside the container, as its superuser; `shown` says what it does.
    AsSuperuser { container: String, superuser: String, statement: String, shown: String },
    /// Runs a statement in the target database as the role that logs in; `shown` says what it does.
    Sql { statement: String, shown: String },
    /// Creates the target database, owned by the role that logs in.
    CreateDatabase { name: String },
    /// Ends the other sessions of the target database.
    EndSessions { database: String },
    /// Waits until a login succeeds.
    WaitForServer,
    /// Brings the target database to the chain's head.
    Upgrade,
    /// Takes revisions back, the first one first, whose files are not in the working tree; ends at `to`.
    DowngradeElsewhere(Borrowed),
    /// Runs a command of the project, shown as it is.
    Run { command: String },
    /// Something for a person to do.
    Tell(String),
}

/// A downgrade with revision files that are not in the working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Borrowed {
    /// In the order in which they are taken back.
    pub revisions: Vec<FoundRevision>,
    /// The revision to end at.
    pub to: String,
    /// The chain's configuration, its section, and its version folders.
    pub config: PathBuf,
    pub section: String,
    pub folders: Vec<PathBuf>,
}

impl Step {
    /// Returns what the step does, without secrets, as one line.
    pub fn describe(&self) -> String {
        match self {
            Self::CopyFile { from, to } => format!("copy `{}` to `{}`", from.display(), to.display()),
            Self::SetEnvValue { file, line, key, shown, .. } => {
                format!("set `{key}` in `{}:{line}` to {shown}", file.display())
            }
            Self::AppendEnv { file, key, shown, .. } => format!("add `{key}={shown}` to `{}`", file.display()),
            Self::RemoveEntry { file, line, key, .. } => {
                format!("delete `{}:{line}` (`{key}`, which is ignored)", file.display())
            }
            Self::UnixLineEnds { file } => format!("write `{}` with Unix line ends", file.display()),
            Self::RemoveMark { file } => format!("take the byte order mark of `{}` away", file.display()),
            Self::DoublePercent { file, line } => format!("write `%%` for `%` in `{}:{line}`", file.display()),
            Self::EditLine { file, line, from, to } => {
                format!("write `{to}` for `{from}` in `{}:{line}`", file.display())
            }
            Self::ComposeUp { service, recreate: false } => format!("start the Compose service `{service}`"),
            Self::ComposeUp { service, recreate: true } => format!("recreate the Compose service `{service}`"),
            Self::StartContainer { name } => format!("start the container `{name}`"),
            Self::SetRolePassword { container, role, .. } => {
                format!("set the password of role `{role}` inside the container `{container}`")
            }
            Self::AsSuperuser { container, shown, .. } => format!("{shown} inside the container `{container}`"),
            Self::Sql { shown, .. } => shown.clone(),
            Self::CreateDatabase { name } => format!("create the database `{name}`"),
            Self::EndSessions { database } => format!("end the other sessions on `{database}`"),
            Self::WaitForServer => "wait until the server accepts logins".to_owned(),
            Self::Upgrade => "run `devdb migrate up`".to_owned(),
            Self::Run { command } => format!("run `{command}`"),
            Self::DowngradeElsewhere(Borrowed { revisions, to, .. }) => {
                let ids: Vec<&str> = revisions.iter().map(|it| it.revision.id.as_str()).collect();
                let place = revisions.first().map(|it| it.place.describe()).unwrap_or_default();
                format!("downgrade `{}` to `{to}` with the files of {place}", ids.join("`, `"))
            }
            Self::Tell(text) => text.clone(),
        }
    }

    /// Returns whether data are lost by it: nobody agrees to that with `--yes` alone.
    pub fn loses_data(&self) -> bool {
        matches!(self, Self::DowngradeElsewhere(_))
    }

    /// Returns whether the step changes files of the project only.
    pub fn is_edit(&self) -> bool {
        matches!(
            self,
            Self::CopyFile { .. }
                | Self::SetEnvValue { .. }
                | Self::AppendEnv { .. }
                | Self::RemoveEntry { .. }
                | Self::UnixLineEnds { .. }
                | Self::RemoveMark { .. }
                | Self::DoublePercent { .. }
                | Self::EditLine { .. }
        )
    }
}
