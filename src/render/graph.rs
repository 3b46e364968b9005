//! The graph of a chain: drawn in the terminal, or as text for Mermaid and Graphviz.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use renderdag::{Ancestor, GraphRowRenderer, Renderer as _};
use textwrap::core::display_width;

use super::style;
use super::ui::Ui;
use crate::model::history::{Entry, History};
use crate::model::text::{shortened, visible};

/// The widest that ids are set before the message.
const ID: usize = 20;

/// Columns left to the lanes of the graph.
const LANES: usize = 10;

/// Writes the graph, newest first, as `git log --graph` does; at most `limit` entries.
pub fn show(ui: &Ui, history: &History, limit: Option<usize>) {
    let mut renderer = GraphRowRenderer::new().output().with_min_row_height(1).build_box_drawing();
    let newest_first = history.entries.iter().rev();
    let width = history.entries.iter().map(|entry| display_width(&shown_id(entry))).max().unwrap_or_default();
    let known: HashSet<&str> = history.entries.iter().map(|entry| entry.id.as_str()).collect();
    for entry in newest_first.take(limit.unwrap_or(usize::MAX)) {
        let parents = entry.down_revisions.iter().map(String::as_str).filter(|id| known.contains(id));
        let parents: Vec<Ancestor<&str>> = parents.map(Ancestor::Parent).collect();
        let message = line(ui, history, entry, width);
        let drawn = renderer.next_row(entry.id.as_str(), parents, glyph(entry).to_owned(), message);
        for row in drawn.trim_end_matches('\n').lines() {
            ui.answer(&coloured(row, entry));
        }
    }
    let left = history.entries.len().saturating_sub(limit.unwrap_or(usize::MAX));
    if left > 0 {
        ui.answer(&style::faint(format!("… {left} older")));
    }
}

/// What a revision is to the database, in one character; the words behind it say the same.
fn glyph(entry: &Entry) -> &'static str {
    match (entry.current, entry.applied) {
        (true, _) => "◉",
        (false, Some(true)) => "●",
        (false, Some(false) | None) => "○",
    }
}

fn shown_id(entry: &Entry) -> String {
    shortened(&visible(&entry.id), ID)
}

/// Returns id, message and marks of an entry as one line, or as several in a narrow terminal.
fn line(ui: &Ui, history: &History, entry: &Entry, width: usize) -> String {
    let id = shown_id(entry);
    let gap = " ".repeat(width.saturating_sub(display_width(&id)));
    let mut text = format!("{id}{gap}  {}", visible(&entry.message));
    let marks = marks(history, entry);
    if !marks.is_empty() {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "  ({})", marks.join(", "));
    }
    let narrow = Ui { width: ui.width.saturating_sub(LANES), ..ui.clone() };
    narrow.wrapped(text.trim_end(), width + 2)
}

/// Returns what is worth knowing of an entry: `current`, `pending`, `head`, its labels and dependencies.
pub fn marks(history: &History, entry: &Entry) -> Vec<String> {
    let mut marks = Vec::new();
    if entry.current {
        marks.push("current".to_owned());
    }
    if entry.applied == Some(false) {
        marks.push("pending".to_owned());
    }
    if history.heads.contains(&entry.id) {
        marks.push("head".to_owned());
    }
    marks.extend(entry.branch_labels.iter().map(|label| format!("label {}", visible(label))));
    marks.extend(entry.depends_on.iter().map(|id| format!("depends on {}", visible(id))));
    marks
}

/// Colours the glyph of a drawn row, whose position the graph alone knows.
fn coloured(row: &str, entry: &Entry) -> String {
    let glyph = glyph(entry);
    let Some((before, after)) = row.split_once(glyph) else { return style::faint(row) };
    let glyph = match (entry.current, entry.applied) {
        (true, _) => style::command(glyph),
        (false, Some(true)) => style::good(glyph),
        (false, Some(false)) => style::warn(glyph),
        (false, None) => glyph.to_owned(),
    };
    format!("{before}{glyph}{after}")
}

/// Returns the graph as a Mermaid flowchart, base on top.
pub fn mermaid(history: &History) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (index, entry) in history.entries.iter().enumerate() {
        let label = format!("{}<br>{}", escaped(&entry.id), escaped(&entry.message));
        let class = if entry.current {
            ":::current"
        } else if entry.applied == Some(false) {
            ":::pending"
        } else {
            ""
        };
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "    n{index}[\"{label}\"]{class}");
    }
    let places = places(history);
    for (index, entry) in history.entries.iter().enumerate() {
        for (parents, arrow) in [(&entry.down_revisions, "-->"), (&entry.depends_on, "-.->")] {
            for parent in parents.iter().filter_map(|id| places.get(id.as_str())) {
                let _infallible = writeln!(text, "    n{parent} {arrow} n{index}");
            }
        }
    }
    text.push_str("    classDef current stroke-width:3px\n    classDef pending stroke-dasharray:4 3\n");
    text
}

/// Returns the graph in Graphviz's language, base on top.
pub fn dot(history: &History) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = "digraph migrations {\n    node [shape=box, fontname=\"monospace\"];\n".to_owned();
    for entry in &history.entries {
        let style = match (entry.current, entry.applied) {
            (true, _) => ", style=bold",
            (false, Some(false)) => ", style=dashed",
            _ => "",
        };
        let label = quoted(&format!("{}\n{}", visible(&entry.id), visible(&entry.message))).replace('\n', "\\n");
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "    {} [label={label}{style}];", quoted(&entry.id));
    }
    for entry in &history.entries {
        for parent in &entry.down_revisions {
            let _infallible = writeln!(text, "    {} -> {};", quoted(parent), quoted(&entry.id));
        }
        for parent in &entry.depends_on {
            let _infallible = writeln!(text, "    {} -> {} [style=dashed];", quoted(parent), quoted(&entry.id));
        }
    }
    text.push_str("}\n");
    text
}

/// The places of revisions by id, and by the labels that a `depends_on` may name.
fn places(history: &History) -> HashMap<&str, usize> {
    let numbered = || history.entries.iter().enumerate();
    let labels = numbered().flat_map(|(index, entry)| entry.branch_labels.iter().map(move |it| (it.as_str(), index)));
    labels.chain(numbered().map(|(index, entry)| (entry.id.as_str(), index))).collect()
}

/// Mermaid's own escapes inside a quoted label.
fn escaped(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::place::Place;

    fn entry(id: &str, down: &[&str], message: &str) -> Entry {
        Entry {
            id: id.to_owned(),
            down_revisions: down.iter().map(|id| (*id).to_owned()).collect(),
            depends_on: Vec::new(),
            branch_labels: Vec::new(),
            message: message.to_owned(),
            at: Place::new("versions/a.py", 1),
            applied: Some(id != "c"),
            current: id == "b",
        }
    }

    fn history() -> History {
        let entries = vec![entry("a", &[], "say \"hi\""), entry("b", &["a"], "two"), entry("c", &["b"], "<three>")];
        History { heads: vec!["c".to_owned()], entries, ..History::default() }
    }

    #[test]
    fn labels_are_escaped() {
        let mermaid = mermaid(&history());
        assert!(mermaid.contains("n0[\"a<br>say &quot;hi&quot;\"]\n"), "{mermaid}");
        assert!(mermaid.contains("n2[\"c<br>&lt;three&gt;\"]:::pending"), "{mermaid}");
        assert!(mermaid.contains("n0 --> n1\n    n1 --> n2"), "{mermaid}");
        let dot = dot(&history());
        assert!(dot.contains("\"a\" [label=\"a\\nsay \\\"hi\\\"\"];"), "{dot}");
        assert!(dot.contains("\"a\" -> \"b\";"), "{dot}");
    }

    #[test]
    fn marks_say_what_the_glyph_shows() {
        let history = history();
        let marks: Vec<String> = history.entries.iter().map(|entry| marks(&history, entry).join(", ")).collect();
        assert_eq!(marks, ["", "current", "pending, head"]);
    }
}
