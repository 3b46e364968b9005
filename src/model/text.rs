//! Text from elsewhere, made safe to show.

/// Returns `text` with every control character but the line feed written as an escape, so that no server banner
/// and no file can drive the terminal.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push('\n'),
            '\t' => shown.push(' '),
            other if other.is_control() || is_bidi_control(other) => shown.extend(other.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}

/// Returns `text` cut to `limit` characters, with an ellipsis when it was longer.
pub fn shortened(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() { format!("{head}…") } else { head }
}

/// Returns a text with the passwords of URLs (`://user:password@`) and of `password=…` hidden: texts of errors carry them.
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at_checked(at + 3).unwrap_or((rest, ""));
        shown.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/\"'<>`".contains(c)).unwrap_or(after.len());
        let authority = after.get(..end).unwrap_or_default();
        let token = after.split(|c: char| c.is_whitespace() || "\"'<>`".contains(c)).next().unwrap_or_default();
        // A slash in a password ends no host: what stands behind the colon is no port.
        let cut =
            authority.split_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_err()) && !authority.contains('@');
        let secret = if cut { token } else { authority }.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
        if let Some((user, secret)) = secret {
            shown.push_str(user);
            shown.push_str(":***");
            rest = after.get(user.len() + 1 + secret.len()..).unwrap_or_default();
        } else {
            rest = after;
        }
    }
    shown.push_str(rest);
    without_named_secrets(&shown)
}

/// Hides what follows the word `password`: `password=…`, `"password": "…"`, `PASSWORD '…'`.
fn without_named_secrets(shown: &str) -> String {
    const WORDS: [&str; 3] = ["password", "passwd", "pwd"];
    let lower = shown.to_ascii_lowercase();
    let (mut text, mut at) = (String::with_capacity(shown.len()), 0);
    while let Some((start, word)) = WORDS
        .iter()
        .filter_map(|word| Some((lower.get(at..)?.find(word)? + at, *word)))
        .min_by_key(|(start, word)| (*start, std::cmp::Reverse(word.len())))
    {
        let behind = start + word.len();
        let (from, to) = value_behind(shown.get(behind..).unwrap_or_default()).unwrap_or_default();
        text.push_str(shown.get(at..behind + from).unwrap_or_default());
        if to > from {
            text.push_str("***");
        }
        at = behind + to;
    }
    text.push_str(shown.get(at..).unwrap_or_default());
    text
}

/// Returns where a value stands behind its name; nothing where none does.
fn value_behind(text: &str) -> Option<(usize, usize)> {
    let mut rest = text.trim_start_matches(['"', '\'', '`']);
    rest = rest.trim_start_matches([' ', '\t']);
    let named = rest.starts_with(['=', ':']);
    rest = rest.trim_start_matches(['=', ':', '>']).trim_start_matches([' ', '\t']);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let from = text.len() - rest.len();
    if let Some(quote) = quote.filter(|quote| named || *quote == '\'') {
        let inside = rest.get(1..)?;
        let mut escaped = false;
        let end = inside.char_indices().find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        return Some((from + 1, from + 1 + end.map_or(inside.len(), |(at, _)| at)));
    }
    let end = rest.find(|c: char| c.is_whitespace() || "&;,)\"'".contains(c)).unwrap_or(rest.len());
    named.then_some((from, from + end))
}

/// Returns the text as one word of a POSIX shell, in quotes where it needs them.
pub fn shell_argument(text: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-./:@%+=,".contains(it);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { shell_word(text) }
}

/// Returns the text as one word of a POSIX shell, in single quotes.
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Returns bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Returns `count` with its noun, in the plural where needed.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Returns a size as people read it: `10.7 MB` (powers of 1,000).
#[expect(clippy::cast_precision_loss, reason = "a size that is shown with one decimal")]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Reads a size as people write it, `5 GB` or `800MB` (powers of 1,000); nothing when it is none.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Characters that reorder what stands around them.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_texts_are_hidden() {
        let text = "at postgresql://dev:hun@ter2@h:1/x and DSN: host=h password=hunter2 user=x, http://a/b:c@d";
        let shown = super::without_secrets(text);
        assert_eq!(shown, "at postgresql://dev:***@h:1/x and DSN: host=h password=*** user=x, http://a/b:c@d");
        for (text, expect) in [
            (
                "failed for user \"u\" password='my hunter2 pass' dbname=x",
                "failed for user \"u\" password='***' dbname=x",
            ),
            ("{\"password\": \"hunter2\", \"x\": 1}", "{\"password\": \"***\", \"x\": 1}"),
            ("ALTER ROLE u PASSWORD 'hunter2'", "ALTER ROLE u PASSWORD '***'"),
            ("Password: hunter2; pwd=hunter2; x", "Password: ***; pwd=***; x"),
            ("postgres://u:hunter/2@h/db", "postgres://u:***@h/db"),
            ("postgres://h:5432/db?x=a@b", "postgres://h:5432/db?x=a@b"),
            ("password authentication failed for user \"u\"", "password authentication failed for user \"u\""),
            ("no password supplied", "no password supplied"),
        ] {
            assert_eq!(super::without_secrets(text), expect);
        }
    }

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(visible("appdb\r"), "appdb\\r");
        assert_eq!(visible("\u{1b}[2Jx\ny"), "\\u{1b}[2Jx\ny");
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(hex(&[0, 0x1f, 0xa0]), "001fa0");
        assert_eq!(size(10_700_000), "10.7 MB");
        assert_eq!(
            [bytes("5 GB"), bytes("800mb"), bytes("0"), bytes("x"), bytes("5 apples")].map(Option::unwrap_or_default),
            [5_000_000_000, 800_000_000, 0, 0, 0]
        );
    }
}
