//! The state of the project in four lines, like `git status`.

use super::style;
use super::ui::Ui;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::server::Database;
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
    match picture.server.known() {
        Some(server) => {
            ui.answer(&format!(
                "{}    PostgreSQL {} at {}",
                style::strong("server"),
                server.version,
                candidate.target.address()
            ));
            match &server.database {
                Observed::Known(database) => {
                    ui.answer(&format!("{}  {}", style::strong("database"), describe(database)))
                }
                _ => {
                    ui.answer(&format!("{}  {}", style::strong("database"), style::bad("does not exist")));
                    next = Some("devdb reset");
                }
            }
        }
        None => {
            let why = picture.login_failure.as_ref().map(|failure| visible(&failure.message)).unwrap_or_default();
            ui.answer(&format!("{}    {} {why}", style::strong("server"), style::bad("no login:")));
            next = Some("devdb doctor");
        }
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
    let chain = match &picture.chain {
        Observed::Known(chain) => chain,
        Observed::Absent => return ("no Alembic chain".to_owned(), None),
        Observed::Unknown(why) => return (format!("{} {}", style::warn("?"), visible(why)), None),
    };
    let heads: Vec<&str> = chain.heads().iter().map(|head| head.id.as_str()).collect();
    let head = if heads.is_empty() { "no revision".to_owned() } else { format!("head {}", heads.join(", ")) };
    let database = picture.server.known().and_then(|server| server.database.known());
    let Some(rows) = database.and_then(|database| database.versions.known()) else {
        let stamped = database.is_some_and(|database| database.versions == Observed::Absent);
        let text = if stamped { format!("{} ({head})", style::warn("never migrated")) } else { head };
        return (text, stamped.then_some("devdb reset"));
    };
    let at = if rows.is_empty() { "nothing".to_owned() } else { rows.join(", ") };
    let unknown = chain.unknown(rows);
    if !unknown.is_empty() {
        let text = format!("{at} {} ({head})", style::bad("is in no revision file"));
        return (text, Some("devdb doctor"));
    }
    match chain.pending(rows).len() {
        0 => (format!("{at} {}", style::good("(head)")), None),
        pending => (
            format!("{at}, {} ({head})", style::warn(format!("{} pending", counted(pending, "revision")))),
            Some("devdb doctor --fix"),
        ),
    }
}
