//! The text of a cluster's settings.

/// Rules for logins: passwords everywhere, but for a role whose URL has none.
pub(super) fn hba(trusted: Option<&str>) -> String {
    let mut text = "# Written by devdb at each start.\n".to_owned();
    let everyone = [("all".to_owned(), "scram-sha-256")];
    let trusted = trusted.map(|role| (format!("\"{}\"", role.replace('"', "\"\"")), "trust"));
    for (role, method) in trusted.into_iter().chain(everyone) {
        for place in ["local all ROLE", "host all ROLE 127.0.0.1/32", "host all ROLE ::1/128"] {
            text.push_str(&place.replace("ROLE", &role));
            text.push(' ');
            text.push_str(method);
            text.push('\n');
        }
    }
    text
}

/// A string of `postgresql.conf`.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::hba;

    #[test]
    fn a_role_without_password_is_trusted_and_no_other() {
        let rules = hba(Some("a\"b"));
        assert!(rules.contains("host all \"a\"\"b\" 127.0.0.1/32 trust\n"), "{rules}");
        assert_eq!(rules.matches("trust").count(), 3);
        assert!(!hba(None).contains("trust"));
    }
}
