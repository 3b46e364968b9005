use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &[(&str, &str, &str, usize)]) {
    let ini = parse(text);
    let shown = |entry: &Entry| (entry.section.clone(), entry.key.clone(), entry.value.clone(), entry.line);
    let found: Vec<_> = ini.entries.iter().map(shown).collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|&(section, key, value, line)| (section.to_owned(), key.to_owned(), value.to_owned(), line))
        .collect();
    assert_eq!(found, expected, "{text}");
}

fn value(text: &str, key: &str) -> Option<Result<(String, usize), IniError>> {
    parse(text).interpolated("a", key, &[("here", "/home/me")])
}

#[test]
fn entries_are_those_of_configparser() {
    check("[a]\nk = v\nK2:v2\n", &[("a", "k", "v", 2), ("a", "k2", "v2", 3)]);
    check(
        "[a]\nk = v # no comment\n# comment\n ; comment\nl = a=b",
        &[("a", "k", "v # no comment", 2), ("a", "l", "a=b", 5)],
    );
    check("[a]\nk =\n  one\n  # comment\n\n  two\n\n[b]\nk=1", &[("a", "k", "\none\n\ntwo", 2), ("b", "k", "1", 9)]);
    check("[a]\n  k = v\n  l = w\n    x", &[("a", "k", "v", 2), ("a", "l", "w\nx", 3)]);
    check("[a]\r\nk = v\r\n", &[("a", "k", "v", 2)]);
    check("[x[y] z]\nk: =v", &[("x[y] z", "k", "=v", 2)]);
    check("[a]\n[b] trailing\nk = [c]", &[("b", "k", "[c]", 3)]);
}

#[test]
fn problems_have_lines() {
    let problems = |text: &str| parse(text).problems.iter().map(|problem| problem.line).collect::<Vec<_>>();
    assert_eq!(problems("k = v\n[a]\n"), [1]);

    assert_eq!(problems("[a]\nnothing\n= v\n"), [2, 3]);
    assert_eq!(problems("[a]\nk=1\nK=2\n[a]\n"), [3, 4]);
    assert_eq!(problems("\u{feff}[a]\nk=1"), [1]);
    assert_eq!(parse("[a]\nk=1\nK=2").get("a", "k").unwrap().value, "2");
}

#[test]
fn interpolation_is_that_of_configparser() {
    let ok = |text: &str, line| Some(Ok((text.to_owned(), line)));
    assert_eq!(value("[a]\nk = %(here)s/x%%y", "k"), ok("/home/me/x%y", 2));
    assert_eq!(value("[DEFAULT]\nu = me\n[a]\nk = %(U)s@%(l)s\nl = %(u)s!", "K"), ok("me@me!", 4));
    assert_eq!(value("[DEFAULT]\nk = x\n[a]", "k"), ok("x", 2));
    assert_eq!(value("[a]\nhere = there\nk = %(here)s", "k"), ok("there", 3));
    assert_eq!(value("[b]\nk = x", "k"), None);
    assert_eq!(value("[a]\nk = p%40ss", "k"), Some(Err(IniError::BadPercent)));
    assert_eq!(value("[a]\nk = 100%", "k"), Some(Err(IniError::BadPercent)));
    assert_eq!(value("[a]\nk = %(here", "k"), Some(Err(IniError::BadReference)));
    assert_eq!(value("[a]\nk = %(here)d", "k"), Some(Err(IniError::BadReference)));
    assert_eq!(value("[a]\nk = %(gone)s", "k"), Some(Err(IniError::UnknownOption { name: "gone".to_owned() })));
    assert_eq!(value("[a]\nk = %(k)s", "k"), Some(Err(IniError::TooDeep)));
}

#[test]
fn references_without_end_stop() {
    let mut text = "[a]\nk0 =\n".to_owned();
    for level in 1..10 {
        writeln!(text, "k{level} = {}", format!("%(k{})s", level - 1).repeat(50)).unwrap();
    }
    assert_eq!(value(&text, "k9"), Some(Err(IniError::TooDeep)));
}

proptest! {
    #[test]
    fn nothing_panics(text in "([\\[\\]a=:%()s#;\n\r \t]|\\PC){0,120}") {
        let ini = parse(&text);
        for entry in &ini.entries {
            prop_assert!(ini.interpolated(&entry.section, &entry.key, &[("a", "%(s)s")]).is_some());
            prop_assert!(entry.line >= 1);
        }
    }
}
