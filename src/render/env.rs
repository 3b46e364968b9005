//! What loaders make of the keys that name a database, for people and for programs.

use schemars::JsonSchema;
use serde::Serialize;

use super::json::{TargetReport, target};
use super::style;
use super::ui::Ui;
use crate::model::env::{Dialect, FileReadings, KeyReadings, Reading, Winner};
use crate::model::picture::Picture;
use crate::model::text::visible;

/// What `devdb env --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnvReport {
    pub version: u32,
    /// The database that the app uses; null when nothing names one.
    pub target: Option<TargetReport>,
    /// The project's own loader.
    pub loader: &'static str,
    /// No key is read in two ways.
    pub agree: bool,
    pub keys: Vec<KeyReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyReport {
    pub key: String,
    /// The value of the shell, without its password; null where it has none.
    pub shell: Option<String>,
    /// In the order in which they are looked at.
    pub files: Vec<FileReport>,
    /// `shell`, or the file that counts; null where no loader takes a value.
    pub winner: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct FileReport {
    pub file: String,
    /// More than one where loaders disagree; the project's own is in the first.
    pub readings: Vec<ReadingReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadingReport {
    pub loaders: Vec<&'static str>,
    /// 1-based; null where they do not set the key.
    pub line: Option<usize>,
    /// Without its password; null where they do not set the key, or only running the file would tell.
    pub value: Option<String>,
}

/// Returns the report.
pub fn report(picture: &Picture, keys: &[KeyReadings]) -> EnvReport {
    let reading = |(dialects, reading): &(Vec<Dialect>, Reading)| {
        let (line, value) = match reading {
            Reading::Value { line, shown } => (Some(*line), Some(shown.clone())),
            Reading::Computed { line } => (Some(*line), None),
            Reading::Unset => (None, None),
        };
        ReadingReport { loaders: dialects.iter().map(|it| it.name()).collect(), line, value }
    };
    let file = |file: &FileReadings| FileReport {
        file: file.path.display().to_string(),
        readings: file.readings.iter().map(reading).collect(),
    };
    let key = |key: &KeyReadings| KeyReport {
        key: key.key.clone(),
        shell: key.shell.clone(),
        files: key.files.iter().map(file).collect(),
        winner: key.winner.map(|winner| match winner {
            Winner::Shell => "shell".to_owned(),
            Winner::File(index) => key.files.get(index).map_or_else(String::new, |it| it.path.display().to_string()),
        }),
    };
    EnvReport {
        version: 1,
        target: picture.target().map(target),
        loader: picture.dialect.name(),
        agree: keys.iter().all(|key| key.files.iter().all(|file| !file.disagree())),
        keys: keys.iter().map(key).collect(),
    }
}

/// Writes the keys, each with the places that name it, the one that counts marked.
pub fn show(ui: &Ui, picture: &Picture, keys: &[KeyReadings]) {
    let Some(candidate) = picture.target() else {
        ui.answer(&format!("{}  nothing names a database", style::strong("target")));
        ui.answer(&format!("{}    {}", style::strong("next"), style::command("devdb setup")));
        return;
    };
    ui.answer(&format!("{}  {}", style::strong("target"), visible(&candidate.target.to_string())));
    ui.answer(&format!("        {}", style::faint(format!("named by {}", visible(&candidate.origin.to_string())))));
    ui.answer(&format!("        {}", style::faint(format!("read as {} does", picture.dialect.name()))));
    let places =
        keys.iter().flat_map(|key| key.files.iter().map(|file| place(file).chars().count()).chain([SHELL.len()]));
    let width = places.max().unwrap_or(0);
    let mut differ = 0_usize;
    for key in keys {
        ui.answer("");
        ui.answer(&style::strong(visible(&key.key)));
        let mark = |winner: Winner| if key.winner == Some(winner) { style::good("✓") } else { " ".to_owned() };
        if let Some(value) = &key.shell {
            ui.answer(&format!("{} {SHELL:width$}  {}", mark(Winner::Shell), said(value)));
        }
        for (index, file) in key.files.iter().enumerate() {
            differ += usize::from(file.disagree());
            let mark = mark(Winner::File(index));
            for (number, (dialects, reading)) in file.readings.iter().enumerate() {
                let (mark, place) = if number == 0 { (mark.as_str(), place(file)) } else { (" ", line_of(reading)) };
                let value = match reading {
                    Reading::Value { shown, .. } => said(shown),
                    Reading::Computed { .. } => style::warn("what a command prints"),
                    Reading::Unset => style::warn("not set"),
                };
                ui.answer(&format!("{mark} {place:width$}  {value}"));
                if file.disagree() {
                    let who: Vec<&str> = dialects.iter().map(|it| it.name()).collect();
                    let indent = width + 4;
                    let text = format!("{:indent$}{}", "", who.join(" · "));
                    ui.answer(&style::faint(ui.wrapped(&text, indent)));
                }
            }
        }
    }
    if differ > 0 {
        ui.answer("");
        ui.warning(&ui.wrapped("loaders disagree above: quote the value, write the key once, and none will", 9));
    }
}

const SHELL: &str = "the shell";

fn said(value: &str) -> String {
    if value.is_empty() { style::faint("(empty)") } else { visible(value) }
}

fn place(file: &FileReadings) -> String {
    let line = file.readings.first().map(|(_, reading)| line_of(reading)).unwrap_or_default();
    format!("{}{line}", visible(&file.path.display().to_string()))
}

/// `:3`.
fn line_of(reading: &Reading) -> String {
    match reading {
        Reading::Value { line, .. } | Reading::Computed { line } => format!(":{line}"),
        Reading::Unset => String::new(),
    }
}
