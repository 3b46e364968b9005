//! The check whose manual page quotes an error.

use regex_lite::{Regex, escape};

use super::check::Check;
use super::checks::CHECKS;

/// Shorter quotations say too little.
const WORDS: usize = 4;
/// Of a longer text, the end is looked at.
const LONGEST: usize = 64 << 10;
/// Quotations that begin so are commands that somebody typed.
const COMMANDS: [&str; 12] =
    ["docker", "docker-compose", "git", "alembic", "devdb", "pip", "python", "brew", "apt", "sudo", "source", "npm"];

/// Returns the check that knows a text as its symptom: the longest quotation of "Seen as" that stands in it, names and numbers
/// being any.
pub fn by_symptom(text: &str) -> Option<&'static Check> {
    let mut start = text.len().saturating_sub(LONGEST);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let text = text.get(start..).unwrap_or_default().to_lowercase();
    let quoted = CHECKS.iter().flat_map(|check| quotations(check).into_iter().map(move |it| (it, check)));
    // What stands in every text that fits is sought first: it is quick.
    let may = |quotation: &str| text.contains(fixed(quotation));
    let fits = |quotation: &str| pattern(quotation).is_some_and(|pattern| pattern.is_match(&text));
    let found = quoted.filter(|(quotation, _)| may(quotation) && fits(quotation));
    found.max_by_key(|(quotation, _)| quotation.len()).map(|(_, check)| check)
}

/// Returns what stands between backticks in "Seen as", without the name of an exception in front of it.
fn quotations(check: &Check) -> Vec<String> {
    let seen = check.explain.split_once("Cause:").map_or(check.explain, |(seen, _)| seen);
    let seen: String = seen.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let whole = seen.split('`').skip(1).step_by(2);
    let bare = |it: &str| match it.split_once(": ") {
        Some((name, rest)) if name.ends_with("Error") || matches!(name, "FATAL" | "ERROR" | "error") => rest.to_owned(),
        _ => it.to_owned(),
    };
    let says = |it: &String| {
        let mut words = it.split_whitespace();
        let command = words.clone().next().is_some_and(|first| COMMANDS.contains(&first));
        let general = it.starts_with("no module named") || it.ends_with("no such file or directory");
        !command && !general && words.by_ref().count() >= WORDS
    };
    whole.map(|it| bare(it).to_lowercase()).filter(says).collect()
}

/// A part of a quotation.
enum Piece<'q> {
    Text(&'q str),
    /// In these quotes.
    Name(char),
    Number,
    /// `…`
    Gap,
}

fn pieces(quotation: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = quotation;
    while let Some(first) = rest.chars().next() {
        let closed = matches!(first, '"' | '\'').then(|| rest.get(1..)?.find(first)).flatten();
        let (piece, length) = match (first, closed) {
            (quote, Some(end)) => (Piece::Name(quote), end + 2),
            ('…', _) => (Piece::Gap, first.len_utf8()),
            (digit, _) if digit.is_ascii_digit() => {
                (Piece::Number, rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))
            }
            _ => {
                let special = |c: char| matches!(c, '"' | '\'' | '…') || c.is_ascii_digit();
                let behind = first.len_utf8();
                let end = rest.get(behind..).and_then(|text| text.find(special)).map_or(rest.len(), |at| at + behind);
                (Piece::Text(rest.get(..end).unwrap_or_default()), end)
            }
        };
        found.push(piece);
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// Returns the longest piece that stands in every text which fits.
fn fixed(quotation: &str) -> &str {
    let texts = pieces(quotation).into_iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text),
        _ => None,
    });
    texts.max_by_key(|text| text.len()).unwrap_or_default()
}

fn pattern(quotation: &str) -> Option<Regex> {
    let of = |piece: Piece<'_>| match piece {
        Piece::Text(text) => escape(text),
        Piece::Name(quote) => format!("{quote}[^{quote}]*{quote}"),
        Piece::Number => "[0-9]+".to_owned(),
        Piece::Gap => ".*".to_owned(),
    };
    Regex::new(&pieces(quotation).into_iter().map(of).collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::by_symptom;

    #[test]
    fn a_symptom_leads_to_its_check() {
        for (text, id) in [
            ("E  pydantic: Extra inputs are not permitted [type=extra_forbidden]", "env-extra-forbidden"),
            ("pg_dump: error: aborting because of server version mismatch", "client-older"),
            ("FATAL:  lock file \"postmaster.pid\" already exists", "stale-pidfile"),
            (
                "CommandError: Conflicting migrations detected; multiple leaf nodes in the migration graph: (a)",
                "django-leaf-nodes",
            ),
            (
                "must be superuser or have privileges of the pg_read_server_files role to COPY from a file",
                "seed-server-file",
            ),
            ("unsafe use of new value \"gone\" of enum type mood", "enum-new-value"),
            ("initdb: error: invalid locale name \"xx\"", "locale-missing"),
        ] {
            assert_eq!(by_symptom(text).map(|check| check.id), Some(id), "{text}");
        }
        for text in [
            "",
            "Segmentation fault",
            "all is well with the database",
            "bash: ./run.sh: No such file or directory",
            "rm: x: Operation not permitted",
            "zsh: command not found: foo",
            "ModuleNotFoundError: No module named 'numpy'",
            "I ran docker compose up and it hangs",
            "I ran alembic upgrade head, it hangs",
        ] {
            assert_eq!(by_symptom(text).map(|check| check.id), None, "{text}");
        }
    }
}
