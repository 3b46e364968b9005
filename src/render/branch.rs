//! Branches' databases for people and for programs.

use schemars::JsonSchema;
use serde::Serialize;

use super::style;
use super::table::{Column, lines};
use super::ui::{Ui, age};
use crate::model::branch::Listed;
use crate::model::text::{size, visible};

/// What `devdb branch list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BranchListReport {
    pub version: u32,
    pub ok: bool,
    /// The name that the live one has.
    pub database: String,
    /// What git has checked out; null without a branch.
    pub branch: Option<String>,
    pub branches: Vec<BranchReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct BranchReport {
    pub branch: String,
    /// Its name on the server.
    pub database: String,
    /// It is the one that the app uses.
    pub live: bool,
    /// Since it was left; null for the live one.
    pub age_seconds: Option<i64>,
    pub size_bytes: u64,
    /// git has no such branch any more.
    pub gone: bool,
}

/// Returns the report of a list.
pub fn report(database: &str, branch: Option<&str>, all: &[Listed]) -> BranchListReport {
    let one = |listed: &Listed| BranchReport {
        branch: listed.branch.clone(),
        database: listed.database.clone(),
        live: listed.live,
        age_seconds: listed.age_seconds,
        size_bytes: listed.bytes,
        gone: listed.gone,
    };
    BranchListReport {
        version: 1,
        ok: true,
        database: database.to_owned(),
        branch: branch.map(str::to_owned),
        branches: all.iter().map(one).collect(),
    }
}

/// Writes the branches that have a database, and what to run where something is left to do.
pub fn list(ui: &Ui, database: &str, branch: Option<&str>, all: &[Listed]) {
    let database = visible(database);
    if all.is_empty() {
        ui.answer(&format!("`{database}` belongs to no branch yet"));
        ui.hint(&format!("{} gives it to the one that is checked out", style::command("devdb branch")));
        return;
    }
    let titles = ["", "BRANCH", "LEFT", "SIZE", ""];
    let titles = titles.map(|title| if title.is_empty() { String::new() } else { style::faint(title) });
    let mut rows = vec![titles.to_vec()];
    rows.extend(all.iter().map(row));
    let columns = [Column::Left, Column::Elastic, Column::Right, Column::Right, Column::Left];
    for line in lines(ui, &columns, &rows) {
        ui.answer(&line);
    }
    let live = all.iter().find(|it| it.live);
    if let Some(branch) = branch.filter(|branch| live.is_none_or(|live| live.branch != **branch)) {
        let whose = live.map_or_else(|| "nobody's".to_owned(), |live| format!("`{}`'s", visible(&live.branch)));
        ui.warning(&format!("`{}` is checked out, and `{database}` is {whose}", visible(branch)));
        ui.hint(&style::command("devdb branch"));
    }
    if all.iter().any(|it| it.gone && !it.live) {
        ui.hint(&format!("{} removes those of branches that are gone", style::command("devdb branch remove --prune")));
    }
}

fn row(listed: &Listed) -> Vec<String> {
    let mark = if listed.live { style::good("*") } else { " ".to_owned() };
    let name = visible(&listed.branch);
    let name = if listed.live { style::strong(name) } else { name };
    let left = listed.age_seconds.map_or_else(|| style::faint("now"), age);
    let gone = if listed.gone { style::warn("gone") } else { String::new() };
    vec![mark, name, left, size(listed.bytes), gone]
}
