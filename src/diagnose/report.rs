//! The picture as a file that another machine can judge, without its secrets.
//!
//! A secret becomes a text of the same length in which letters and digits are others and all else stays, so that what a
//! loader would cut, what a URL would lack, and which two passwords are the same is found there as it is here. The salt that
//! chooses them is kept nowhere.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use serde_json::{Map, Value};

use super::facts::is_placeholder;
use crate::model::engine::EngineOutcome;
use crate::model::observed::Observed;
use crate::model::picture::Picture;
use crate::model::secret::{MARK, opened};
use crate::model::target::{PARTS, URL_KEYS};
use crate::parse::{env_file, pg_url};

/// Changes when an older devdb could not read the picture any more.
const VERSION: u64 = 1;

/// Returns the picture as JSON, masked; `salt` is random, and not the same for two reports.
///
/// # Errors
/// Why it has no JSON, in words: a path that is no text.
pub fn report(picture: &Picture, salt: u64) -> Result<Value, String> {
    let mut picture = picture.clone();
    let named: BTreeSet<String> = names(&picture);
    let of_database = |key: &str| PARTS.iter().flatten().any(|names| names.contains(&key)) || URL_KEYS.contains(&key);
    // Of the shell, what a check may ask for.
    picture.shell.retain(|key, _| named.contains(key) || of_database(key) || is_open(key));
    leave_out(&mut picture);
    let value = opened(|| serde_json::to_value(&picture)).map_err(|error| error.to_string())?;
    let mut mask = Mask { salt, named, passwords: passwords(&picture), examples: false };
    let mut masked = mask.value(value, "");
    // Of an example, `changeme` says that a value is wanted.
    mask.examples = true;
    let examples = opened(|| serde_json::to_value(&picture.env_examples)).map_err(|error| error.to_string())?;
    if let Some(slot) = masked.get_mut("env_examples") {
        *slot = mask.value(examples, "");
    }
    let mut report = Map::new();
    report.insert("version".to_owned(), VERSION.into());
    report.insert("devdb".to_owned(), env!("CARGO_PKG_VERSION").into());
    report.insert("picture".to_owned(), masked);
    Ok(Value::Object(report))
}

/// Returns the picture of a report.
///
/// # Errors
/// Why it is none, in words.
pub fn replay(text: &str) -> Result<Picture, String> {
    let mut report: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    match report.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(format!("it is of version {other}, and this devdb reads version {VERSION}")),
        None => return Err("it is no report of `devdb doctor --report`".to_owned()),
    }
    let picture = report.get_mut("picture").map(Value::take).unwrap_or_default();
    let mut picture: Picture = serde_json::from_value(picture).map_err(|error| error.to_string())?;
    for file in picture.env_files.iter_mut().chain(&mut picture.env_examples) {
        *file = env_file::parse(&file.path, file.text.reveal());
    }
    Ok(picture)
}

/// The variables that somebody could refer to.
fn names(picture: &Picture) -> BTreeSet<String> {
    let files = picture.env_files.iter().chain(&picture.env_examples);
    let keys = files.flat_map(|file| file.entries.iter().map(|entry| entry.key.clone()));
    let used = picture.compose.known().into_iter().flat_map(|compose| &compose.variables);
    keys.chain(used.map(|used| used.name.clone())).collect()
}

/// The passwords that may stand in logs and commands, unless they are a word that means something else, too.
fn passwords(picture: &Picture) -> Vec<String> {
    const LEAST: usize = 6;
    /// What servers and images say of themselves, and everybody takes for a password: a log means something by it.
    const WORDS: [&str; 8] =
        ["password", "postgres", "postgresql", "database", "secret", "default", "example", "changeme"];
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut plain: Vec<String> = Vec::new();
    for candidate in &picture.candidates {
        let target = &candidate.target;
        found.extend(target.password.iter().map(|password| password.reveal().to_owned()));
        plain.extend([target.user().to_owned(), target.database().to_owned(), target.host().to_string()]);
    }
    let containers = picture.engine().map(|engine| engine.containers.as_slice()).unwrap_or_default();
    for container in containers {
        let secret = container.environment.iter().filter(|(key, _)| is_secret(key));
        found.extend(secret.map(|(_, value)| value.reveal().to_owned()));
        plain.extend([container.name.clone(), container.image.clone()]);
    }
    let means_more = |password: &String| plain.iter().any(|it| it.contains(password.as_str()));
    found.into_iter().filter(|it| it.len() >= LEAST && !WORDS.contains(&it.as_str()) && !means_more(it)).collect()
}

/// Leaves out where other secrets stand than devdb knows of, and no check looks: commands of other services, parameters that
/// are passwords, statements with one in a log.
fn leave_out(picture: &mut Picture) {
    for (key, value) in picture.candidates.iter_mut().flat_map(|candidate| &mut candidate.target.parameters) {
        if is_secret(key) {
            "***".clone_into(value);
        }
    }
    let databases: Vec<String> = picture.database_services().iter().map(|service| service.name.clone()).collect();
    if let Observed::Known(compose) = &mut picture.compose {
        for service in compose.services.iter_mut().filter(|service| !databases.contains(&service.name)) {
            service.healthcheck = None;
            // What it runs says that it is no server; with what arguments is nobody's business.
            for words in [&mut service.command, &mut service.entrypoint].into_iter().flatten() {
                words.value.truncate(1);
                for word in &mut words.value {
                    *word = word.split_whitespace().next().unwrap_or_default().to_owned();
                }
            }
        }
    }
    let EngineOutcome::Answered(engine) = &mut picture.engine.outcome else { return };
    for container in &mut engine.containers {
        if !container.is_postgres() {
            container.command.clear();
        }
        if let Observed::Known(lines) = &mut container.log_tail {
            let told = |line: &String| line.contains('\'') && line.to_ascii_lowercase().contains("password");
            lines
                .iter_mut()
                .filter(|line| told(line))
                .for_each(|line| "(a statement with a password)".clone_into(line));
        }
    }
}

/// Whether a key names something that is no secret.
fn is_open(key: &str) -> bool {
    const PREFIXES: [&str; 5] = ["POSTGRES_", "PG", "COMPOSE_", "DOCKER_", "CONDA_"];
    const OTHERS: [&str; 12] = [
        "VIRTUAL_ENV",
        "APP_ENV",
        "ENVIRONMENT",
        "ENV",
        "NODE_ENV",
        "RAILS_ENV",
        "FLASK_ENV",
        "DJANGO_ENV",
        "LANG",
        "TZ",
        "CODESPACES",
        "WSL_DISTRO_NAME",
    ];
    let part = || PARTS.iter().flatten().any(|names| names.contains(&key));
    !is_secret(key) && (part() || PREFIXES.iter().any(|it| key.starts_with(it)) || OTHERS.contains(&key))
}

fn is_secret(key: &str) -> bool {
    const WORDS: [&str; 6] = ["PASS", "PWD", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE"];
    let upper = key.to_ascii_uppercase();
    WORDS.iter().any(|word| upper.contains(word))
}

struct Mask {
    salt: u64,
    named: BTreeSet<String>,
    passwords: Vec<String>,
    /// Placeholders become another one, as it is an example that has them.
    examples: bool,
}

impl Mask {
    /// Masks a tree; `key` is that of the nearest object which names what it holds.
    fn value(&self, value: Value, key: &str) -> Value {
        match value {
            Value::Object(map) => {
                if let (1, Some(Value::String(text))) = (map.len(), map.get(MARK)) {
                    return Value::String(if key == "text" { self.env_text(text) } else { self.secret(key, text) });
                }
                let inner = |name: &str| if name == "value" { key.to_owned() } else { name.to_owned() };
                let masked = map.into_iter().map(|(name, value)| {
                    let value = self.value(value, &inner(&name));
                    (name, value)
                });
                Value::Object(masked.collect())
            }
            Value::Array(values) => Value::Array(values.into_iter().map(|value| self.value(value, key)).collect()),
            Value::String(text) => Value::String(self.plain(key, text)),
            other => other,
        }
    }

    /// Takes passwords that are known out of what is no secret itself; what stands in quotes in SQL, too.
    fn plain(&self, key: &str, text: String) -> String {
        let mut text = text;
        for password in &self.passwords {
            if text.contains(password.as_str()) {
                text = text.replace(password.as_str(), &self.text(password));
            }
        }
        if key != "text" {
            return text;
        }
        let pieces: Vec<String> = text
            .split('\'')
            .enumerate()
            .map(|(index, piece)| if index % 2 == 1 { self.text(piece) } else { piece.to_owned() })
            .collect();
        pieces.join("'")
    }

    fn secret(&self, key: &str, text: &str) -> String {
        let masked = self.parameters(text);
        let text = masked.as_str();
        let written = text.trim();
        // `driver://user:pass@localhost/dbname` is what Alembic's template has.
        let of_alembic = matches!(key, "url" | "env_urls").then(|| any_password_span(written)).flatten();
        if let Some(span) = pg_url::password_span(written).or(of_alembic) {
            let offset = text.find(written).unwrap_or_default();
            let (start, end) = (offset + span.start, offset + span.end);
            let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
            return format!("{}{}{}", part(0..start), self.encoded(part(start..end)), part(end..text.len()));
        }
        if self.examples && is_placeholder(written) {
            return "changeme".to_owned();
        }
        let of_alembic = matches!(key, "url" | "env_urls");
        if pg_url::parse(written).is_ok() || of_alembic || is_open(key) || is_plain(written) {
            return text.to_owned();
        }
        self.text(text)
    }

    /// Masks the passwords among a URL's parameters.
    fn parameters(&self, text: &str) -> String {
        let Some((before, query)) = text.split_once('?').filter(|_| pg_url::looks_like(text.trim())) else {
            return text.to_owned();
        };
        let pair = |pair: &str| match pair.split_once('=') {
            Some((key, value)) if is_secret(key) => format!("{key}={}", self.text(value)),
            _ => pair.to_owned(),
        };
        format!("{before}?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&"))
    }

    /// Masks a `.env` file: each value by its key, and comments whole.
    fn env_text(&self, text: &str) -> String {
        let file = env_file::parse(Path::new(""), text);
        let mut masked = String::with_capacity(text.len());
        let mut at = 0;
        for entry in &file.entries {
            let between = text.get(at..entry.span.start).unwrap_or_default();
            masked.push_str(&self.comments(between));
            let value = text.get(entry.span.clone()).unwrap_or_default();
            masked.push_str(&self.secret(&entry.key, value));
            at = entry.span.end.max(at);
        }
        masked.push_str(&self.comments(text.get(at..).unwrap_or_default()));
        masked
    }

    fn comments(&self, text: &str) -> String {
        let line = |line: &str| match line.split_once('#') {
            Some((before, after)) => format!("{before}#{}", self.text(after)),
            None => line.to_owned(),
        };
        text.split_inclusive('\n').map(line).collect()
    }

    /// Masks a password as a URL has it: what is percent-encoded is masked as what it stands for, and encoded again.
    fn encoded(&self, raw: &str) -> String {
        let decoded = percent_encoding::percent_decode_str(raw).decode_utf8_lossy().into_owned();
        let mut masked = self.text(&decoded).into_bytes().into_iter();
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw.as_bytes();
        while let [first, after @ ..] = rest {
            let hex = after.get(..2).filter(|hex| *first == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
            let byte = masked.next().unwrap_or(b'x');
            let length = if hex.is_some() { 2 } else { 0 };
            rest = after.get(length..).unwrap_or_default();
            let piece = if hex.is_some() { format!("%{byte:02X}") } else { char::from(byte).to_string() };
            out.push_str(&piece);
        }
        out
    }

    /// Returns a text of the same length, with other letters and digits; a variable that somebody has keeps its name.
    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut index = 0_usize;
        while let Some(first) = rest.chars().next() {
            if let Some(reference) = self.reference(rest) {
                out.push_str(reference);
                rest = rest.get(reference.len()..).unwrap_or_default();
                continue;
            }
            let other = self.other(text, index, first);
            // What takes several bytes is as many letters, so that places stay where they are.
            (0..if other.is_ascii() { first.len_utf8() } else { 1 }).for_each(|_| out.push(other));
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            index += 1;
        }
        out
    }

    /// Returns the `$NAME` or `${NAME` at the begin of a text, of a variable that somebody has.
    fn reference<'t>(&self, text: &'t str) -> Option<&'t str> {
        let after = text.strip_prefix('$')?;
        let name = after.strip_prefix('{').unwrap_or(after);
        let length = name.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(name.len());
        let known = name.get(..length).is_some_and(|name| self.named.contains(name));
        let end = text.len() - name.len() + length;
        known.then(|| text.get(..end)).flatten()
    }

    fn other(&self, whole: &str, index: usize, character: char) -> char {
        const KEPT: &str = " \t\r\n$#%@/:?[]'\"\\`=&,{}()_";
        let mut hasher = DefaultHasher::new();
        (self.salt, whole, index).hash(&mut hasher);
        let drawn = hasher.finish();
        let pick = |from: u8, count: u64| char::from(from + u8::try_from(drawn % count).unwrap_or_default());
        match character {
            'a'..='z' => pick(b'a', 26),
            'A'..='Z' => pick(b'A', 26),
            '0'..='9' => pick(b'0', 10),
            kept if KEPT.contains(kept) => kept,
            other if other.is_ascii() => '-',
            _ => 'x',
        }
    }
}

/// Returns where the password of a URL of any scheme stands.
fn any_password_span(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find("://")? + 3;
    let (userinfo, _) = text.get(start..)?.rsplit_once('@')?;
    let (user, password) = userinfo.split_once(':')?;
    let from = start + user.len() + 1;
    Some(from..from + password.len())
}

/// Whether a value can be nobody's secret: nothing, a number of few digits, a word of configuration.
fn is_plain(value: &str) -> bool {
    const WORDS: [&str; 10] =
        ["true", "false", "yes", "no", "on", "off", "development", "production", "test", "localhost"];
    value.is_empty()
        || WORDS.contains(&value.to_ascii_lowercase().as_str())
        || value.len() <= 5 && value.chars().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::sample;
    use crate::model::secret::Secret;

    /// A default that everybody knows is no secret, and the server's own words are judged again.
    #[test]
    fn what_a_log_says_stays_beside_a_password_that_is_a_word() {
        let said = "Error: Database is uninitialized and superuser password is not specified. mine-4711 is.";
        for (password, kept) in [("password", true), ("mine-4711", false)] {
            let mut picture = sample::healthy();
            let container = sample::container(&mut picture);
            container.environment.insert("POSTGRES_PASSWORD".to_owned(), Secret::from(password));
            container.log_tail = Observed::Known(vec![said.to_owned()]);
            let text = report(&picture, 7).unwrap().to_string();
            assert!(text.contains("superuser password is not specified"), "{text}");
            assert_eq!(text.contains("mine-4711"), kept);
        }
    }
}
