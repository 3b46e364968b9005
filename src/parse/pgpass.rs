//! The password file (PostgreSQL documentation, §34.16 "The Password File").

use crate::model::secret::Secret;

/// Returns the password of the first line that fits; `localhost` also stands for unix sockets.
pub fn find(text: &str, host: &str, port: u16, database: &str, user: &str) -> Option<Secret> {
    let port = port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let [known_host, known_port, known_database, known_user, password] = fields.as_slice() else { return None };
        let fits = |known: &String, wanted: &str| known == "*" || known == wanted;
        let all = fits(known_host, host)
            && fits(known_port, &port)
            && fits(known_database, database)
            && fits(known_user, user);
        all.then(|| Secret::from(password.as_str()))
    })
}

/// Splits at colons; a backslash takes the next character as it is.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.trim_end_matches('\r').chars();
    while let Some(character) = characters.next() {
        let last = fields.len() - 1;
        match character {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => {
                if let (Some(field), Some(next)) = (fields.get_mut(last), characters.next()) {
                    field.push(next);
                }
            }
            other => {
                if let Some(field) = fields.get_mut(last) {
                    field.push(other);
                }
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# mine\nother:5432:*:app:no\nlocalhost:*:shop:app:p\\:w\\\\d\n*:*:*:*:last\n";
        let found = |database: &str| find(text, "localhost", 5433, database, "app").unwrap().reveal().to_owned();
        assert_eq!((found("shop").as_str(), found("x").as_str()), ("p:w\\d", "last"));
        assert!(find("broken line\n", "localhost", 5432, "a", "b").is_none());
    }
}
