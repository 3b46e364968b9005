//! A chain replaced by one revision.

use std::path::PathBuf;

use super::chain::Revision;
use super::plan::Inside;
use super::schema::{ObjectId, ObjectKind, Property, Schema};
use super::scratch::ScratchPlan;

const TEMPLATE: &str = include_str!("../../templates/squashed.py");

/// A squash, decided.
#[derive(Debug, Clone)]
pub struct SquashPlan {
    pub scratch: ScratchPlan,
    /// In run order; the new revision has the id of the last one, so that databases there are where they should be.
    pub squashed: Vec<Revision>,
    /// Those that stay as they are, in run order.
    pub kept: Vec<Revision>,
    pub message: String,
    /// Relative to the root, as all of these.
    pub file: PathBuf,
    /// Where the originals go, with their place below it.
    pub aside: PathBuf,
    pub moves: Vec<(PathBuf, PathBuf)>,
    pub labels: Vec<String>,
    pub with_data: bool,
    /// The container of the database, which has a `pg_dump` of its own.
    pub container: Option<Inside>,
    /// The server's major version.
    pub major: u32,
}

/// A squash, proven on scratch databases and not yet on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The new file.
    pub text: String,
    pub statements: usize,
    pub objects: usize,
    /// Tables with rows that the chain put in.
    pub rows: Vec<(String, u64)>,
    /// Why its `downgrade` raises; nothing when it drops what was made.
    pub no_way_back: Option<String>,
}

impl SquashPlan {
    /// Returns the id of the new revision.
    pub fn id(&self) -> &str {
        self.squashed.last().map_or("", |last| last.id.as_str())
    }

    /// Returns the new file. `date` is what stands in its docstring; with `Err`, its `downgrade` raises that sentence.
    pub fn revision_file(&self, date: &str, upgrade: &[String], downgrade: Result<&[String], &str>) -> String {
        let calls = |statements: &[String]| {
            let lines: Vec<String> =
                statements.iter().map(|statement| format!("    run({})", python_text(statement))).collect();
            lines.join("\n")
        };
        let back = match downgrade {
            Ok([]) => "    pass".to_owned(),
            Ok(statements) => calls(statements),
            Err(why) => format!("    raise NotImplementedError({})", python_text(why)),
        };
        let labels: Vec<String> = self.labels.iter().map(|label| python_text(label)).collect();
        let labels = match labels.as_slice() {
            [] => "None".to_owned(),
            [one] => format!("({one},)"),
            several => format!("({})", several.join(", ")),
        };
        let aside = format!("`{}`", self.aside.display());
        let words = [
            ("%message%", self.message.replace('\\', "\\\\").replace('"', "'")),
            ("%id%", self.id().to_owned()),
            ("%date%", date.to_owned()),
            ("%count%", self.squashed.len().to_string()),
            ("%aside%", aside),
            ("%labels%", labels),
        ];
        let text = words.iter().fold(TEMPLATE.to_owned(), |text, (word, value)| text.replace(word, value));
        // Last, because statements may hold any of these words.
        let (before, rest) = text.split_once("%upgrade%").unwrap_or((&text, ""));
        let (between, after) = rest.split_once("%downgrade%").unwrap_or((rest, ""));
        format!("{before}{}{between}{back}{after}", calls(upgrade))
    }
}

/// Returns a text as a Python literal that reads like the text.
pub fn python_text(text: &str) -> String {
    let mut escaped = text.replace('\\', "\\\\").replace('\r', "\\r").replace('\0', "");
    if !text.contains('\n') && !text.contains('"') {
        return format!("\"{escaped}\"");
    }
    escaped = escaped.replace("\"\"\"", "\\\"\\\"\\\"");
    // A quote right before the closing ones would end the literal too early.
    if let Some(rest) = escaped.strip_suffix('"')
        && rest.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 0
    {
        escaped = format!("{rest}\\\"");
    }
    format!("\"\"\"{escaped}\"\"\"")
}

/// Returns the statements that drop what `made` has and `before` had not. A schema goes with all that is in it, unless
/// it holds the version table.
pub fn drops(before: &Schema, made: &Schema, version_schema: &str) -> Vec<String> {
    let new: Vec<&ObjectId> =
        made.objects.keys().filter(|id| !before.objects.contains_key(id) && id.parent.is_none()).collect();
    let gone = |id: &&&ObjectId| id.kind == ObjectKind::Schema && id.name != version_schema && id.name != "public";
    let schemas: Vec<&str> = new.iter().filter(gone).map(|id| id.name.as_str()).collect();
    let mut drops: Vec<(u8, String)> = Vec::new();
    for id in new.iter().filter(|id| !schemas.contains(&id.schema.as_str())) {
        let properties = made.objects.get(id);
        let foreign = properties.and_then(|it| it.get(&Property::Kind)).is_some_and(|kind| kind == "foreign table");
        // What the table brings or takes along is dropped with it.
        let owned = properties.is_some_and(|it| it.contains_key(&Property::OwnedBy));
        drops.extend(drop_of(id, foreign).filter(|_| !owned));
    }
    drops.extend(schemas.iter().map(|name| (9, format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(name)))));
    drops.sort();
    drops.into_iter().map(|(_, statement)| statement).collect()
}

/// The statement, and when its turn is: what depends on others goes first.
fn drop_of(id: &ObjectId, foreign: bool) -> Option<(u8, String)> {
    let (turn, word) = match id.kind {
        ObjectKind::EventTrigger => (0, "EVENT TRIGGER"),
        ObjectKind::View => (1, "VIEW"),
        ObjectKind::MaterializedView => (1, "MATERIALIZED VIEW"),
        ObjectKind::Table if foreign => (2, "FOREIGN TABLE"),
        ObjectKind::Table => (2, "TABLE"),
        ObjectKind::Aggregate => (3, "AGGREGATE"),
        ObjectKind::Function => (4, "FUNCTION"),
        ObjectKind::Procedure => (4, "PROCEDURE"),
        ObjectKind::Sequence => (5, "SEQUENCE"),
        ObjectKind::Enum | ObjectKind::CompositeType | ObjectKind::RangeType => (6, "TYPE"),
        ObjectKind::Domain => (6, "DOMAIN"),
        ObjectKind::Collation => (7, "COLLATION"),
        ObjectKind::Extension => (8, "EXTENSION"),
        _ => return None,
    };
    let name = match id.name.split_once('(') {
        Some((name, arguments)) if matches!(turn, 3 | 4) => format!("{}({arguments}", quoted(name)),
        _ => quoted(&id.name),
    };
    let name = if id.schema.is_empty() { name } else { format!("{}.{name}", quoted(&id.schema)) };
    Some((turn, format!("DROP {word} IF EXISTS {name} CASCADE")))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_reads_back_what_was_written() {
        assert_eq!(python_text("a"), "\"a\"");
        assert_eq!(python_text("a \"b\""), "\"\"\"a \"b\\\"\"\"\"");
        assert_eq!(python_text("a\n\\d\r"), "\"\"\"a\n\\\\d\\r\"\"\"");
        assert_eq!(python_text("\n\\\""), "\"\"\"\n\\\\\\\"\"\"\"");
        assert_eq!(python_text("\"\"\"\n"), "\"\"\"\\\"\\\"\\\"\n\"\"\"");
    }

    #[test]
    fn what_was_made_is_dropped_in_order() {
        let mut made = Schema::default();
        let mut add = |kind, schema: &str, name: &str| {
            let id = ObjectId { kind, schema: schema.into(), parent: None, name: name.into() };
            made.objects.insert(id, std::collections::BTreeMap::new());
        };
        add(ObjectKind::Schema, "", "billing");
        add(ObjectKind::Table, "billing", "invoices");
        add(ObjectKind::Table, "public", "my \"t\"");
        add(ObjectKind::View, "public", "v");
        add(ObjectKind::Function, "public", "f(integer, text)");
        add(ObjectKind::Enum, "public", "mood");
        assert_eq!(
            drops(&Schema::default(), &made, "public"),
            [
                "DROP VIEW IF EXISTS \"public\".\"v\" CASCADE",
                "DROP TABLE IF EXISTS \"public\".\"my \"\"t\"\"\" CASCADE",
                "DROP FUNCTION IF EXISTS \"public\".\"f\"(integer, text) CASCADE",
                "DROP TYPE IF EXISTS \"public\".\"mood\" CASCADE",
                "DROP SCHEMA IF EXISTS \"billing\" CASCADE",
            ]
        );
        assert!(drops(&made, &made, "public").is_empty());
    }
}
