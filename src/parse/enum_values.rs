//! Values that a migration adds to an enumeration, and uses in the same transaction.

use crate::model::operation::NewValue;

/// Returns the values that the `upgrade()` of a revision file adds, each with the lines after it that may use it.
pub fn in_upgrade(source: &str) -> Vec<NewValue> {
    let lines: Vec<(usize, &str)> = source
        .lines()
        .zip(1..)
        .skip_while(|(line, _)| !line.starts_with("def upgrade"))
        .take_while(|(line, _)| !line.starts_with("def downgrade"))
        .map(|(line, number)| (number, line))
        .collect();
    found(&lines)
}

/// The same of a text of SQL, with 1-based lines of the text.
pub fn in_sql(text: &str) -> Vec<NewValue> {
    let lines: Vec<(usize, &str)> = text.lines().zip(1..).map(|(line, number)| (number, line)).collect();
    found(&lines)
}

fn found(lines: &[(usize, &str)]) -> Vec<NewValue> {
    let additions = lines.iter().filter_map(|(number, line)| added(line).map(|(of, value)| (*number, of, value)));
    let uses = |after: usize, value: &str| {
        let later = lines.iter().filter(|(number, line)| *number > after && added(line).is_none());
        later.filter(|(_, line)| uses(line, value)).map(|(number, line)| (*number, line.trim().to_owned())).collect()
    };
    additions.map(|(line, of, value)| NewValue { uses: uses(line, &value), of, value, line }).collect()
}

/// Returns type and value of `ALTER TYPE … ADD VALUE …` (PostgreSQL documentation, "ALTER TYPE").
fn added(line: &str) -> Option<(String, String)> {
    let small = line.to_ascii_lowercase();
    let start = small.find("alter type")?;
    let add = start + small.get(start..)?.find("add value")?;
    let of = line.get(start + "alter type".len()..add)?.trim().replace('"', "");
    let rest = line.get(add + "add value".len()..)?;
    let value = rest.split('\'').nth(1)?;
    let name = of.rsplit('.').next()?.trim_matches('\\').to_owned();
    Some((name, value.to_owned()))
}

/// Whether a line gives the value to the server, as a literal.
fn uses(line: &str, value: &str) -> bool {
    const WORDS: [&str; 8] =
        ["execute", "insert", "update", "server_default", "where", "values", "set default", "check"];
    // What the column had before, the text of a function, and a comparison with text give the server no value of the type.
    const NOT: [&str; 4] = ["existing_", "$$", "::text", "comment"];
    let code = line.split("--").next().unwrap_or_default();
    let small = code.to_ascii_lowercase();
    if NOT.iter().any(|word| small.contains(word)) {
        return false;
    }
    let quoted = ['\'', '"'].iter().any(|quote| code.contains(&format!("{quote}{value}{quote}")));
    quoted && !code.trim_start().starts_with('#') && WORDS.iter().any(|word| small.contains(word))
}

#[cfg(test)]
mod tests {
    use super::{in_sql, in_upgrade};

    #[test]
    fn a_value_that_is_used_later_says_where() {
        let source = "def upgrade():\n    op.execute(\"ALTER TYPE public.status ADD VALUE IF NOT EXISTS 'gone'\")\n    x = 1\n    \
                      op.execute(\"UPDATE t SET status = 'gone'\")\n\ndef downgrade():\n    op.execute(\"DELETE FROM t WHERE status = 'gone'\")\n";
        let found = in_upgrade(source);
        let only = found.first().unwrap();
        assert_eq!((only.of.as_str(), only.value.as_str(), only.line), ("status", "gone", 2));
        assert_eq!(only.uses.first().map(|(line, _)| *line), Some(4));
        let unused = in_upgrade(&source.replace("SET status = 'gone'", "SET status = 'new'"));
        assert!(unused.first().unwrap().uses.is_empty());
    }

    #[test]
    fn files_of_sql_are_read_alike() {
        let text = "alter type mood add value 'ok' after 'sad';\nalter table t alter mood set default 'ok';\n";
        assert_eq!(in_sql(text).first().unwrap().uses.first().map(|(line, _)| *line), Some(2));
        assert_eq!(in_sql("-- nothing\nselect 1;"), []);
    }
}
