//! The state of the project in four lines, like `git status`.

use super::style;
use super::ui::Ui;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::server::Database;
use crate::model::sql_chain::{AppliedMigration, SqlChain, dirty};
use crate::model::text::{counted, size, visible};

/// Writes target, server, database and revision, and the next command when one is due.
pub fn show_status(ui: &Ui, picture: &Picture) {
    let Some(candidate) = picture.target() else {
        ui.answer(&format!("{}    nothing names a database", style::strong("target")));
        ui.answer(&format!("{}      {}", style::strong("next"), style::command("devdb setup")));
        return;
    };
    let origin = style::faint(format!("({})", candidate.origin));
    ui.answer(&format!("{}    {}  {origin}", style::strong("target"), visible(&candidate.target.to_string())));
    let mut next = None;
    if let Some(server) = picture.server.known() {
        let address = candidate.target.address();
        ui.answer(&format!("{}    PostgreSQL {} at {address}", style::strong("server"), server.version));
        if let Observed::Known(database) = &server.database {
            ui.answer(&format!("{}  {}", style::strong("database"), describe(database)));
        } else {
            ui.answer(&format!("{}  {}", style::strong("database"), style::bad("does not exist")));
            next = Some("devdb reset");
        }
    } else {
        let why = picture.login_failure.as_ref().map(|failure| visible(&failure.message)).unwrap_or_default();
        ui.answer(&format!("{}    {} {why}", style::strong("server"), style::bad("no login:")));
        next = Some("devdb doctor");
    }
    let (revision, due) = revision(picture);
    ui.answer(&format!("{}  {revision}", style::strong("revision")));
    if let Some(command) = next.or(due) {
        ui.answer(&format!("{}      {}", style::strong("next"), style::command(command)));
    }
}

fn describe(database: &Database) -> String {
    let tables = database.tables.known().map_or(String::new(), |count| counted(*count as usize, "table"));
    let sessions = counted(database.sessions.len(), "other session");
    format!("{}, {tables}, {}, {sessions}", visible(&database.name), size(database.size_bytes))
}

fn revision(picture: &Picture) -> (String, Option<&'static str>) {
    let database = picture.server.known().and_then(|server| server.database.known());
    let rows = database.and_then(|database| database.versions.known());
    let chain = match (&picture.chain, &picture.recipe.sql_chain) {
        (Observed::Known(chain), _) => chain,
        (Observed::Unknown(why), _) | (Observed::Absent, Observed::Unknown(why)) => {
            return (format!("{} {}", style::warn("?"), visible(why)), None);
        }
        (Observed::Absent, Observed::Known(chain)) => {
            let Some(database) = database else {
                let of = counted(chain.migrations.len(), "migration");
                return (format!("{} ({of})", style::faint("unknown")), None);
            };
            return sql_revision(chain, database.history.known());
        }
        (Observed::Absent, _) => return (style::faint("no migrations"), None),
    };
    let heads: Vec<&str> = chain.heads().iter().map(|head| head.id.as_str()).collect();
    let head = if heads.is_empty() { "no revision".to_owned() } else { format!("head {}", heads.join(", ")) };
    let forked = heads.len() > 1 && chain.bases().len() == 1;
    if forked || !chain.unreadable.is_empty() || !chain.faults().is_empty() {
        return (format!("{} ({head})", style::bad("the chain has a fault")), Some("devdb doctor"));
    }
    let Some(rows) = rows else {
        let unstamped = database.is_some_and(|database| database.versions == Observed::Absent);
        let unknown = || format!("{} ({head})", style::faint("unknown"));
        let text = if unstamped { format!("{} ({head})", style::warn("never migrated")) } else { unknown() };
        return (text, unstamped.then_some("devdb reset"));
    };
    let at = if rows.is_empty() { "nothing".to_owned() } else { rows.join(", ") };
    if !chain.unknown(rows).is_empty() {
        let text = format!("{at} {} ({head})", style::bad("is in no revision file"));
        return (text, Some("devdb doctor"));
    }
    match chain.pending(rows).len() {
        0 => (format!("{at} {}", style::good("(head)")), None),
        pending => {
            let pending = style::warn(format!("{} pending", counted(pending, "revision")));
            (format!("{at}, {pending} ({head})"), Some("devdb migrate up"))
        }
    }
}

/// Where a chain of SQL files stands.
fn sql_revision(chain: &SqlChain, rows: Option<&Vec<AppliedMigration>>) -> (String, Option<&'static str>) {
    let of = counted(chain.migrations.len(), "migration");
    if !chain.faults.is_empty() {
        return (format!("{} ({of})", style::bad("the chain has a fault")), Some("devdb doctor"));
    }
    let Some(rows) = rows else {
        return (format!("{} ({of})", style::warn("never migrated")), Some("devdb migrate up"));
    };
    let at = chain.current(rows).map_or("nothing", |migration| migration.version.as_str());
    if let Some(row) = dirty(rows) {
        let text = format!("{} {} ({of})", visible(&row.version), style::bad("was begun and not finished"));
        return (text, Some("devdb migrate up"));
    }
    let unknown = chain.unknown(rows);
    if let Some(version) = unknown.first() {
        return (format!("{} {} ({of})", visible(version), style::bad("is in no file")), Some("devdb doctor"));
    }
    match chain.pending(rows).len() {
        0 => (format!("{at} {}", style::good(format!("(all of {of})"))), None),
        pending => (format!("{at}, {} ({of})", style::warn(format!("{pending} pending"))), Some("devdb migrate up")),
    }
}
