//! Passwords that must never be shown: whatever devdb prints is searched for all of them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;
use std::sync::Mutex;

static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Adds a password. Words too short to be told from ordinary text are not searched for.
pub(crate) fn register(secret: &str) {
    if secret.len() >= 6 && secret != "postgres" && secret != "password" {
        SECRETS.lock().unwrap().insert(secret.to_owned());
    }
}

/// Adds what a file of settings holds: passwords in URLs, and values of keys that say they are secret.
pub(crate) fn register_from(text: &str) {
    for line in text.lines() {
        if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = key.to_uppercase();
            if ["PASSWORD", "PASSWD", "SECRET", "TOKEN"].iter().any(|word| key.contains(word)) {
                register(value.trim().trim_matches(['"', '\'']));
            }
        }
        if let Some((user_info, _host)) = line.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'))
            && let Some((_user, password)) = user_info.split_once(':')
            && !password.contains('$')
        {
            register(password);
            register(&percent_encoding::percent_decode_str(password).decode_utf8_lossy());
        }
    }
}

/// Returns a registered secret that `text` shows, as it is or as a URL would write it.
pub(crate) fn find_in(text: &str) -> Option<String> {
    let secrets = SECRETS.lock().unwrap().clone();
    secrets.into_iter().find(|secret| {
        text.contains(secret.as_str()) || text.contains(&utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string())
    })
}

/// Panics when `text` shows a registered secret.
#[track_caller]
pub(crate) fn assert_none_in(place: &str, text: &str) {
    if let Some(secret) = find_in(text) {
        panic!("password leaked in {place}: {secret:?} is in\n{text}");
    }
}
