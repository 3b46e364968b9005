//! The check whose manual page quotes an error.

use regex_lite::{Regex, escape};

use super::check::Check;
use super::checks::CHECKS;

/// Shorter quotations say too little.
const WORDS: usize = 3;

/// Returns the check that knows a text as its symptom: the longest quotation of "Seen as" that stands in it, names and numbers
/// being any.
pub fn by_symptom(text: &str) -> Option<&'static Check> {
    let text = text.to_lowercase();
    let quoted = CHECKS.iter().flat_map(|check| quotations(check).into_iter().map(move |it| (it, check)));
    let found = quoted.filter(|(quotation, _)| pattern(quotation).is_some_and(|pattern| pattern.is_match(&text)));
    found.max_by_key(|(quotation, _)| quotation.len()).map(|(_, check)| check)
}

/// Returns what stands between backticks in "Seen as".
fn quotations(check: &Check) -> Vec<String> {
    let seen = check.explain.split_once("Cause:").map_or(check.explain, |(seen, _)| seen);
    let seen: String = seen.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let whole = seen.split('`').skip(1).step_by(2);
    // `ValidationError: Extra inputs are not permitted`: a program may print more between the two.
    let parts = whole.flat_map(|it| std::iter::once(it).chain(it.split(": ")));
    parts.filter(|part| part.split_whitespace().count() >= WORDS).map(str::to_lowercase).collect()
}

fn pattern(quotation: &str) -> Option<Regex> {
    let mut pattern = String::new();
    let mut rest = quotation;
    while let Some(first) = rest.chars().next() {
        let quoted = matches!(first, '"' | '\'').then(|| rest.get(1..)?.find(first)).flatten();
        let (piece, length) = match (first, quoted) {
            // A name.
            (quote, Some(end)) => (format!("{quote}[^{quote}]*{quote}"), end + 2),
            ('…', _) => (".*".to_owned(), first.len_utf8()),
            (digit, _) if digit.is_ascii_digit() => {
                ("[0-9]+".to_owned(), rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))
            }
            (other, _) => (escape(other.encode_utf8(&mut [0; 4])), other.len_utf8()),
        };
        pattern.push_str(&piece);
        rest = rest.get(length..)?;
    }
    Regex::new(&pattern).ok()
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
            ("could not open file \"/x/y.csv\" for reading: No such file or directory", "seed-server-file"),
            ("unsafe use of new value \"gone\" of enum type mood", "enum-new-value"),
            ("initdb: error: invalid locale name \"xx\"", "locale-missing"),
        ] {
            assert_eq!(by_symptom(text).map(|check| check.id), Some(id), "{text}");
        }
        for text in ["", "Segmentation fault", "all is well with the database"] {
            assert_eq!(by_symptom(text).map(|check| check.id), None, "{text}");
        }
    }
}
