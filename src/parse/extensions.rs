//! What of an extension a migration's text uses.

use crate::model::operation::ExtensionUse;

/// What extensions bring (PostgreSQL documentation, "Additional Supplied Modules"; those of pgvector and `PostGIS`), in small letters,
/// and how it has to stand there.
const BROUGHT: [(&str, &str, Stands); 17] = [
    ("uuid-ossp", "uuid_generate_v1", Stands::Called),
    ("uuid-ossp", "uuid_generate_v1mc", Stands::Called),
    ("uuid-ossp", "uuid_generate_v4", Stands::Called),
    ("pgcrypto", "gen_salt", Stands::Called),
    ("pgcrypto", "gen_random_bytes", Stands::Called),
    ("pgcrypto", "pgp_sym_encrypt", Stands::Called),
    ("unaccent", "unaccent", Stands::Called),
    ("postgis", "st_geomfromtext", Stands::Called),
    ("postgis", "st_makepoint", Stands::Called),
    ("postgis", "geometry", Stands::Called),
    ("postgis", "geography", Stands::Called),
    ("vector", "vector", Stands::WithNumber),
    ("pg_trgm", "gin_trgm_ops", Stands::Alone),
    ("pg_trgm", "gist_trgm_ops", Stands::Alone),
    ("citext", "citext", Stands::AsType),
    ("hstore", "hstore", Stands::AsType),
    ("ltree", "ltree", Stands::AsType),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Before a parenthesis.
    Called,
    /// Before a number in parentheses.
    WithNumber,
    Alone,
    /// Where a type stands, and not in a sentence or as a name.
    AsType,
}

/// Returns whether a revision may create extensions in a way that is not understood: by a computed name, by a helper, by a text from
/// elsewhere.
pub fn creates_unknown(source: &str) -> bool {
    const CREATE: &str = "create extension";
    let small = source.to_ascii_lowercase();
    let computed = small.match_indices(CREATE).any(|(at, _)| {
        let rest = small.get(at + CREATE.len()..).unwrap_or_default().trim_start();
        let rest = rest.strip_prefix("if not exists").unwrap_or(rest).trim_start();
        rest.trim_start_matches(['"', '\\']).starts_with(|c: char| !c.is_ascii_alphabetic())
    });
    let otherwise = small.matches("extension").count() > small.matches(CREATE).count();
    computed || otherwise || small.contains("read_text(") || small.contains("open(")
}

/// Returns what the `upgrade()` of a revision file uses, with 1-based lines of the file.
pub fn used_in_upgrade(source: &str) -> Vec<ExtensionUse> {
    const QUOTES: [&str; 2] = [r#"""""#, "'''"];
    let lines = source.lines().zip(1..);
    let upgrade = lines
        .skip_while(|(line, _)| !line.starts_with("def upgrade"))
        .take_while(|(line, _)| !line.starts_with("def downgrade"));
    let mut documents = false;
    let mut found = Vec::new();
    for (line, number) in upgrade {
        // A text that is a statement of its own is documentation.
        let begins = QUOTES.iter().any(|quote| line.trim_start().starts_with(quote));
        let marks: usize = QUOTES.iter().map(|quote| line.matches(quote).count()).sum();
        if documents || begins {
            documents = if documents { marks == 0 } else { marks == 1 };
            continue;
        }
        found.extend(used(before(line, "#"), number));
    }
    found
}

/// Returns what a text of SQL uses, with 1-based lines of the text.
pub fn used_in_sql(text: &str) -> Vec<ExtensionUse> {
    text.lines().zip(1..).flat_map(|(line, number)| used(before(line, "--"), number)).collect()
}

/// Returns the line without a comment that begins with `mark`.
fn before<'a>(line: &'a str, mark: &str) -> &'a str {
    line.split_once(mark).map_or(line, |(code, _)| code)
}

fn used(line: &str, number: usize) -> Vec<ExtensionUse> {
    let small = line.to_ascii_lowercase();
    let found = BROUGHT.iter().filter(|(_, word, stands)| {
        small.match_indices(word).any(|(at, _)| {
            let (head, rest) = (small.get(..at).unwrap_or_default(), small.get(at + word.len()..).unwrap_or_default());
            fits(head, rest, *stands)
        })
    });
    found
        .map(|(extension, word, _)| ExtensionUse {
            extension: (*extension).to_owned(),
            word: (*word).to_owned(),
            line: number,
        })
        .collect()
}

fn fits(head: &str, rest: &str, stands: Stands) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    let (before, after) = (head.chars().next_back(), rest.chars().next());
    if before.is_some_and(of_a_name) || after.is_some_and(of_a_name) {
        return false;
    }
    match stands {
        Stands::Called => after == Some('('),
        Stands::WithNumber => {
            let inner = rest.strip_prefix('(').unwrap_or_default().trim_start_matches("dim=");
            inner.starts_with(|c: char| c.is_ascii_digit())
        }
        Stands::Alone => true,
        Stands::AsType => is_type(before, rest),
    }
}

/// Whether what stands between the two is a column's type: behind a blank, a dot or a cast, before what may follow a type.
fn is_type(before: Option<char>, rest: &str) -> bool {
    const NEXT: [&str; 10] =
        ["not", "null", "default", "using", "primary", "unique", "references", "collate", "generated", "check"];
    let behind = matches!(before, None | Some(' ' | '\t' | '.' | ':' | '('));
    let next = rest.trim_start();
    let word: String = next.chars().take_while(char::is_ascii_alphabetic).collect();
    let ends = next.is_empty() || next.starts_with(['(', ')', ',', ';', '[', '"', '\'']);
    behind && (ends || (rest.starts_with(' ') && NEXT.contains(&word.as_str())))
}

#[cfg(test)]
mod tests {
    use super::{creates_unknown, used_in_sql, used_in_upgrade};

    #[test]
    fn what_extensions_bring_is_found_where_it_is_used() {
        let of_sql = |text: &str| -> Vec<(String, usize)> {
            used_in_sql(text).into_iter().map(|it| (it.extension, it.line)).collect()
        };
        for (text, extension) in [
            ("id uuid DEFAULT uuid_generate_v4()", "uuid-ossp"),
            ("embedding VECTOR(1536)", "vector"),
            ("email citext NOT NULL,", "citext"),
            ("USING gin (name gin_trgm_ops)", "pg_trgm"),
            ("place geography(Point, 4326)", "postgis"),
        ] {
            assert_eq!(of_sql(&format!("create table a (\n{text}\n)")), [(extension.to_owned(), 2)], "{text}");
        }
        for text in [
            "-- citext",
            "comment='uses hstore later'",
            "'ltree'",
            "immutable_unaccent(name)",
            "vector(a)",
            "tsvector(1)",
            "\"ltree\" text",
            "gen_random_uuid()",
        ] {
            assert_eq!(of_sql(text), [], "{text}");
        }
    }

    #[test]
    fn what_may_create_any_extension_is_told() {
        for text in [
            "op.execute(f'CREATE EXTENSION IF NOT EXISTS \"{name}\"')",
            "op.create_entity(PGExtension('citext'))",
            "op.execute(Path('x.sql').read_text())",
        ] {
            assert!(creates_unknown(text), "{text}");
        }
        for text in [
            "op.execute('CREATE EXTENSION citext')",
            "op.execute('create extension if not exists \\\"uuid-ossp\\\"')",
            "pass",
        ] {
            assert!(!creates_unknown(text), "{text}");
        }
    }

    #[test]
    fn of_a_revision_only_its_upgrade_counts() {
        let source = "\"\"\"use citext\"\"\"\nfrom x import CITEXT\n\ndef upgrade():\n    # citext\n    op.add_column('a', sa.Column('b', postgresql.CITEXT()))\n\n\
             def downgrade():\n    op.execute('select hstore(a)')\n";
        let lines: Vec<usize> = used_in_upgrade(source).into_iter().map(|it| it.line).collect();
        assert_eq!(lines, [6]);
        assert!(used_in_upgrade("def upgrade():\n    \"\"\"Enable citext,\n    later.\"\"\"\n    pass\n").is_empty());
        let import = "from sqlalchemy.dialects.postgresql import CITEXT\ndef upgrade():\n    import citext.x\n";
        assert!(used_in_upgrade(import).is_empty());
    }
}
