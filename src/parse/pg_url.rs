//! PostgreSQL connection URLs as libpq, SQLAlchemy and their kin write them.
//!
//! Source: PostgreSQL documentation, "Connection URIs" (libpq, §34.1.1.2); SQLAlchemy, "Database URLs".

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::model::secret::Secret;
use crate::model::target::{DEFAULT_PORT, Host, Target, UrlProblem};

/// Everything but unreserved characters (RFC 3986 §2.3).
const USERINFO: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a text is no PostgreSQL URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("it is no `postgresql://` URL")]
    Scheme,
    #[error("its port `{0}` is no number from 1 to 65535")]
    Port(String),
    #[error("its host is not closed by `]`, or is no host")]
    Host,
    #[error("it leads elsewhere by `{0}`, which devdb does not follow")]
    Elsewhere(&'static str),
    #[error("it holds an unset variable: `{0}`")]
    Placeholder(String),
}

mod clients;

pub use clients::{CLIENTS, Client, for_client};

/// A URL, and what is wrong with its text.
#[derive(Debug, Clone)]
pub struct ParsedUrl {
    pub target: Target,
    pub problems: Vec<UrlProblem>,
}

/// Returns whether `text` starts like a PostgreSQL URL.
pub fn looks_like(text: &str) -> bool {
    split_scheme(text).is_some()
}

/// Returns the target that `text` names. Reserved characters that were left unescaped in the password are
/// read as they were meant, and reported.
pub fn parse(text: &str) -> Result<ParsedUrl, UrlError> {
    let (scheme, rest) = split_scheme(text.trim()).ok_or(UrlError::Scheme)?;
    let (dialect, driver) = match scheme.split_once('+') {
        Some((dialect, driver)) => (dialect, Some(driver.to_owned())),
        None => (scheme, None),
    };
    if let Some(start) = text.find("${") {
        return Err(UrlError::Placeholder(text.get(start..).unwrap_or_default().chars().take(24).collect()));
    }
    let (userinfo, location) = split_userinfo(rest);
    let (location, query) = location.split_once('?').unwrap_or((location, ""));
    let (authority, path) = location.split_once('/').unwrap_or((location, ""));
    let mut target = Target {
        scheme: dialect.to_owned(),
        driver,
        hosts: hosts(authority)?,
        user: None,
        password: None,
        database: Some(decode(path)).filter(|name| !name.is_empty()),
        parameters: Vec::new(),
    };
    let mut problems = Vec::new();
    if let Some(userinfo) = userinfo {
        problems.extend(unescaped(userinfo).map(|character| UrlProblem::Unescaped { character }));
        let (user, password) = userinfo.split_once(':').map_or((userinfo, None), |(user, word)| (user, Some(word)));
        target.user = Some(decode(user)).filter(|user| !user.is_empty());
        target.password = password.map(|word| Secret::from(decode(word)));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameter(&mut target, decode(key), decode(value))?;
    }
    if target.hosts.is_empty() {
        target.hosts.push((Host::Tcp("localhost".to_owned()), DEFAULT_PORT));
    }
    Ok(ParsedUrl { target, problems })
}

/// Returns `text` with the password's (and user's) reserved characters percent-encoded and all else as it was.
pub fn escape_userinfo(text: &str) -> Option<String> {
    let (scheme, rest) = split_scheme(text)?;
    let (userinfo, location) = split_userinfo(rest);
    let userinfo = userinfo?;
    let (user, password) = userinfo.split_once(':')?;
    Some(format!("{scheme}://{}:{}@{location}", encode(&decode(user)), encode(&decode(password))))
}

/// Returns where in `text` its password stands, as it is written there; nothing where it has none.
pub fn password_span(text: &str) -> Option<std::ops::Range<usize>> {
    let (scheme, rest) = split_scheme(text)?;
    let userinfo = split_userinfo(rest).0?;
    let (user, password) = userinfo.split_once(':')?;
    let start = scheme.len() + 3 + user.len() + 1;
    Some(start..start + password.len())
}

/// Returns `text` with another port, all else as it was. A URL without a port gains one.
pub fn replace_port(text: &str, port: u16) -> Option<String> {
    let (start, end) = authority_span(text)?;
    let authority = text.get(start..end)?;
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let host_end = authority.get(after_bracket..)?.find(':').map_or(authority.len(), |at| at + after_bracket);
    Some(format!("{}{}:{port}{}", text.get(..start)?, authority.get(..host_end)?, text.get(end..)?))
}

/// Returns `text` with another host, all else as it was.
pub fn replace_host(text: &str, host: &str) -> Option<String> {
    let (start, end) = authority_span(text)?;
    let authority = text.get(start..end)?;
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let host_end = authority.get(after_bracket..)?.find(':').map_or(authority.len(), |at| at + after_bracket);
    Some(format!("{}{host}{}{}", text.get(..start)?, authority.get(host_end..)?, text.get(end..)?))
}

/// Returns `text` with another value of a query parameter, all else as it was; nothing where it has no such parameter.
pub fn replace_parameter(text: &str, key: &str, value: &str) -> Option<String> {
    edit_parameter(text, key, |_old| format!("{key}={value}"))
}

/// Returns `text` with another name of a query parameter, all else as it was; nothing where it has no such parameter.
pub fn rename_parameter(text: &str, from: &str, to: &str) -> Option<String> {
    edit_parameter(text, from, |value| format!("{to}={value}"))
}

fn edit_parameter(text: &str, key: &str, change: impl Fn(&str) -> String) -> Option<String> {
    let (head, query) = text.split_once('?')?;
    let mut found = false;
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if name == key => {
                found = true;
                change(value)
            }
            _ => pair.to_owned(),
        })
        .collect();
    found.then(|| format!("{head}?{}", pairs.join("&")))
}

/// Returns `text` with the scheme `postgresql`, its driver suffix kept.
pub fn replace_scheme(text: &str) -> Option<String> {
    let (scheme, rest) = split_scheme(text)?;
    let driver = scheme.split_once('+').map(|(_, driver)| format!("+{driver}")).unwrap_or_default();
    Some(format!("postgresql{driver}://{rest}"))
}

/// Returns the URL of a target, password included, for a child's environment or the wire; never for output.
pub fn render(target: &Target) -> Secret {
    let driver = target.driver.as_ref().map(|driver| format!("+{driver}")).unwrap_or_default();
    let mut url = format!("{}{driver}://", target.scheme);
    if let Some(user) = &target.user {
        url.push_str(&encode(user));
        if let Some(password) = &target.password {
            url.push(':');
            url.push_str(&encode(password.reveal()));
        }
        url.push('@');
    }
    let mut parameters = target.parameters.clone();
    let mut authority = Vec::new();
    for (host, port) in &target.hosts {
        match host {
            Host::Tcp(_) => authority.push(format!("{host}:{port}")),
            Host::Socket(directory) => {
                parameters.push(("host".to_owned(), directory.display().to_string()));
                authority.push(if *port == DEFAULT_PORT { String::new() } else { format!(":{port}") });
            }
        }
    }
    url.push_str(&authority.join(","));
    url.push('/');
    url.push_str(&encode(target.database()));
    for (index, (key, value)) in parameters.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&encode(key));
        url.push('=');
        url.push_str(&encode(value));
    }
    Secret::from(url)
}

/// Returns a password as it stands in a URL.
pub fn encode_password(password: &str) -> String {
    encode(password)
}

fn parameter(target: &mut Target, key: String, value: String) -> Result<(), UrlError> {
    match key.as_str() {
        "host" => {
            let ports: Vec<u16> = target.hosts.iter().map(|(_, port)| *port).collect();
            target.hosts = value
                .split(',')
                .enumerate()
                .map(|(index, host)| {
                    let (name, inline) = split_port(host);
                    let port = inline.and_then(|port| port.parse().ok()).or_else(|| ports.get(index).copied());
                    (host_of(name), port.unwrap_or(DEFAULT_PORT))
                })
                .collect();
        }
        "port" => {
            let port = value.parse().map_err(|_source| UrlError::Port(shown_port(&value)))?;
            if target.hosts.is_empty() {
                target.hosts.push((Host::Tcp("localhost".to_owned()), port));
            }
            for host in &mut target.hosts {
                host.1 = port;
            }
        }
        // What these say wins over the host that is written, for libpq's clients.
        "hostaddr" => return Err(UrlError::Elsewhere("hostaddr")),
        "service" => return Err(UrlError::Elsewhere("service")),
        "user" => target.user = Some(value),
        "password" => target.password = Some(Secret::from(value)),
        "dbname" => target.database = Some(value),
        _ => target.parameters.push((key, value)),
    }
    Ok(())
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let dialect = scheme.split_once('+').map_or(scheme, |(dialect, _)| dialect);
    matches!(dialect.to_ascii_lowercase().as_str(), "postgres" | "postgresql").then_some((scheme, rest))
}

/// Splits at the last `@` behind which a host stands, so that a raw `@` or `/` in a password is seen as part of it.
fn split_userinfo(rest: &str) -> (Option<&str>, &str) {
    let mut unlikely = None;
    for (at, _) in rest.rmatch_indices('@') {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        let host_end = after.find(['/', '?']).unwrap_or(after.len());
        let host = after.get(..host_end).unwrap_or_default();
        let in_query = before.contains('?')
            && before.split('?').next().is_some_and(|head| !head.contains(':') || head.contains('@'));
        if in_query {
            continue;
        }
        if host.chars().all(|c| c.is_alphanumeric() || "._-:,[]%".contains(c)) {
            return (Some(before), after);
        }
        unlikely.get_or_insert((Some(before), after));
    }
    // `$HOST`, `<host>`: no host, and still what stands before it is a password.
    unlikely.unwrap_or((None, rest))
}

fn authority_span(text: &str) -> Option<(usize, usize)> {
    let (scheme, rest) = split_scheme(text)?;
    let (_, location) = split_userinfo(rest);
    let start = scheme.len() + 3 + (rest.len() - location.len());
    let length = location.find(['/', '?']).unwrap_or(location.len());
    Some((start, start + length))
}

/// Returns what is no port as it may be shown: what is longer than one, or holds other characters, may be a password.
fn shown_port(text: &str) -> String {
    let like_a_port = text.len() <= 6 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if like_a_port { text.to_owned() } else { "…".to_owned() }
}

fn hosts(authority: &str) -> Result<Vec<(Host, u16)>, UrlError> {
    if authority.is_empty() {
        return Ok(Vec::new());
    }
    authority
        .split(',')
        .map(|entry| {
            if entry.starts_with('[') != entry.contains(']') {
                return Err(UrlError::Host);
            }
            let (name, port) = split_port(entry);
            let port = match port {
                None | Some("") => DEFAULT_PORT,
                Some(port) => {
                    port.parse().ok().filter(|port| *port > 0).ok_or_else(|| UrlError::Port(shown_port(port)))?
                }
            };
            Ok((host_of(name), port))
        })
        .collect()
}

fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some((name, rest)) = entry.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (name, rest.strip_prefix(':'));
    }
    match entry.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (entry, None),
    }
}

fn host_of(name: &str) -> Host {
    let name = decode(name);
    if name.starts_with('/') || name.starts_with('@') {
        Host::Socket(PathBuf::from(name))
    } else if name.is_empty() {
        Host::Tcp("localhost".to_owned())
    } else {
        Host::Tcp(name)
    }
}

/// Yields the reserved characters that stand unescaped in the user information, each once.
fn unescaped(userinfo: &str) -> impl Iterator<Item = char> {
    let password = userinfo.split_once(':').map_or("", |(_, password)| password);
    let mut found: Vec<char> = Vec::new();
    let mut rest = password.chars().peekable();
    while let Some(character) = rest.next() {
        let hex: String = rest.clone().take(2).filter(char::is_ascii_hexdigit).collect();
        let bare_percent = character == '%' && hex.len() < 2;
        if (bare_percent || "@/?#[] ".contains(character)) && !found.contains(&character) {
            found.push(character);
        }
    }
    found.into_iter()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns `text` percent-encoded, as it stands in the user part of a URL.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, USERINFO).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expect: &str) {
        let parsed = parse(url).unwrap();
        let target = parsed.target;
        let password = target.password.as_ref().map_or("-", Secret::reveal);
        assert_eq!(
            format!("{} {} {} {}", target.user(), password, target.address(), target.database()),
            expect,
            "{url}"
        );
    }

    #[test]
    fn urls_are_read_as_their_clients_read_them() {
        check("postgresql://app:pw@localhost:5433/shop", "app pw localhost:5433 shop");
        check("postgres://app@db/shop", "app - db:5432 shop");
        check("postgresql+asyncpg://a:b@127.0.0.1/x", "a b 127.0.0.1:5432 x");
        check("postgresql://a:p%40ss@h/d", "a p@ss h:5432 d");
        check("postgresql://a:p@ss@h:1/d", "a p@ss h:1 d");
        check("postgresql://a:p/ss@h:1/d", "a p/ss h:1 d");
        check("postgresql://a:p#s?s@h:1/d", "a p#s?s h:1 d");
        check("postgresql://a:b@[::1]:5433/d", "a b [::1]:5433 d");
        check("postgresql:///d?host=/var/run/postgresql", "postgres - /var/run/postgresql/.s.PGSQL.5432 d");
        check("postgresql://a@%2Ftmp:5433/d", "a - /tmp/.s.PGSQL.5433 d");
        check("postgresql://a:b@h1:1,h2:2/d", "a b h1:1 d");
        check("postgresql://app:pw@localhost", "app pw localhost:5432 app");
        check("postgresql://u:p@h/d?application_name=me@x", "u p h:5432 d");
        check("postgresql://h/d?port=6000", "postgres - h:6000 d");
    }

    #[test]
    fn edits_change_only_what_they_name() {
        assert_eq!(replace_port("postgres://a:p@h/d?x=1", 5433).unwrap(), "postgres://a:p@h:5433/d?x=1");
        assert_eq!(
            replace_port("postgresql+asyncpg://a:p@ss@[::1]:1/d", 2).unwrap(),
            "postgresql+asyncpg://a:p@ss@[::1]:2/d"
        );
        assert_eq!(
            replace_host("postgresql://a:p@db:5432/d", "localhost").unwrap(),
            "postgresql://a:p@localhost:5432/d"
        );
        assert_eq!(replace_parameter("postgres://h/d?a=1&ssl=x&b", "ssl", "y").unwrap(), "postgres://h/d?a=1&ssl=y&b");
        assert_eq!(replace_parameter("postgres://h/d?a=1", "ssl", "y"), None);
        assert_eq!(replace_scheme("postgres://h/d").unwrap(), "postgresql://h/d");
        assert_eq!(escape_userinfo("postgresql://a:p@s#s@h/d").unwrap(), "postgresql://a:p%40s%23s@h/d");
    }

    #[test]
    fn unescaped_characters_are_named_once() {
        let parsed = parse("postgresql://a:p@s@s#x@h/d").unwrap();
        assert_eq!(
            parsed.problems,
            [UrlProblem::Unescaped { character: '@' }, UrlProblem::Unescaped { character: '#' }]
        );
        assert!(parse("postgresql://a:p%40@h/d").unwrap().problems.is_empty());
    }

    #[test]
    fn what_is_rendered_is_read_back() {
        for url in [
            "postgresql://a:p%40%2F%20s@h:1/d%20b?sslmode=require",
            "postgresql:///d?host=/tmp",
            "postgresql://a:b@x:1,y:2/d",
        ] {
            let target = parse(url).unwrap().target;
            assert_eq!(parse(render(&target).reveal()).unwrap().target, target, "{url}");
            assert!(!target.to_string().contains("p@"), "{target}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(postgres(ql)?://)?\\PC{0,60}") {
            if let Ok(parsed) = parse(&text) {
                let _shown = parsed.target.to_string();
            }
            let _edits = (replace_port(&text, 1), replace_host(&text, "h"), escape_userinfo(&text));
        }
    }
}
