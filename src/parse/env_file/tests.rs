use proptest::prelude::*;

use super::*;
use crate::model::env::{EnvProblemKind, Quote};

const NO_SHELL: &Lookup<'static> = &|_| None;

fn file(text: &str) -> EnvFile {
    parse(Path::new(".env"), text)
}

/// What a dialect makes of the key `A`; `-` when the loader does not set it.
#[track_caller]
fn reading_of_a(text: &str, dialect: Dialect) -> String {
    let shell = |name: &str| (name == "X").then(|| "shell".to_owned());
    let reading = effective(&file(text), dialect, &shell);
    match reading.keys.get("A") {
        None => "-".to_owned(),
        Some(EffectiveEntry { value: None, .. }) => "?".to_owned(),
        Some(EffectiveEntry { value: Some(value), .. }) => value.reveal().to_owned(),
    }
}

/// One row of the table: compose-go, dotenvy, python-dotenv, npm's dotenv, `node --env-file`, bash.
#[track_caller]
fn row(text: &str, expected: [&str; 6]) {
    let got = Dialect::ALL.map(|dialect| reading_of_a(text, dialect));
    assert_eq!(got, expected, "{text:?}");
}

#[test]
fn table_of_dialects() {
    row("A=1\nA=2\n", ["2", "1", "2", "2", "2", "2"]);
    row("A = b\n", ["b", "b", "b", "b", "b", "-"]);
    row("A=b #c\n", ["b", "b", "b", "b", "b", "b"]);
    row("A=b#c\n", ["b#c", "b#c", "b#c", "b", "b", "b#c"]);
    row("A=#c\n", ["#c", "", "#c", "", "", "#c"]);
    row("A=b\t#c\n", ["b\t#c", "b", "b", "b", "b\t", "b"]);
    row("A=b c\n", ["b c", "-", "b c", "b c", "b c", "-"]);
    row("A=it's\n", ["it's", "-", "it's", "it's", "it's", "-"]);
    row("A=a\\b\n", ["a\\b", "-", "a\\b", "a\\b", "a\\b", "ab"]);
    row("A=pa$word\n", ["pa", "pa", "pa$word", "pa$word", "pa$word", "pa"]);
    row("A=\"pa$word\"\n", ["pa", "-", "pa$word", "pa$word", "pa$word", "pa"]);
    row("A='pa$word'\n", ["pa$word", "pa$word", "pa$word", "pa$word", "pa$word", "pa$word"]);
    // In bash `$$` is the number of the process.
    row("A=pa$$word\n", ["pa$word", "pa", "pa$$word", "pa$$word", "pa$$word", "?"]);
    row("A=${X}\n", ["shell", "shell", "shell", "${X}", "${X}", "shell"]);
    row("A=$X\n", ["shell", "shell", "$X", "$X", "$X", "shell"]);
    row("A=${N:-d}\n", ["d", "", "d", "${N:-d}", "${N:-d}", "d"]);
    row("A=${N-d}\n", ["d", "", "", "${N-d}", "${N-d}", "d"]);
    row("A=\"a\\\"b\"\n", ["a\"b", "a\"b", "a\"b", "a\\\"b", "a\\", "a\"b"]);
    row("A=\"b\"c\n", ["b", "bc", "-", "\"b\"c", "b", "bc"]);
    row("A=\"b\n", ["-", "-", "-", "\"b", "\"b", "-"]);
    row("A\nC=d\n", ["-", "-", "-", "-", "-", "-"]);
    row("A: b\n", ["b", "-", "-", "b", "-", "-"]);
    row("A=b\r\nC=d\r\n", ["b", "b", "b", "b", "b", "b\r"]);
    row("\u{feff}A=b\n", ["b", "b", "b", "b", "-", "-"]);
}

#[test]
fn a_bare_key_is_inherited_by_compose_and_joined_to_the_next_by_node() {
    let shell = |name: &str| (name == "A").then(|| "shell".to_owned());
    let read = |dialect| dialect::read("A\nC=d\n", dialect, &shell).assignments;
    let keys = |dialect| -> Vec<String> { read(dialect).into_iter().map(|found| found.key).collect() };
    assert_eq!(keys(Dialect::Compose), ["A", "C"]);
    assert_eq!(keys(Dialect::Dotenvy), Vec::<String>::new());
    assert_eq!(keys(Dialect::PythonDotenv), ["C"]);
    assert_eq!(keys(Dialect::NodeDotenv), ["C"]);
    assert_eq!(keys(Dialect::NodeEnvFile), ["A\nC"]);
    assert_eq!(keys(Dialect::Bash), ["C"]);
}

#[test]
fn the_file_beats_the_shell_only_in_bash() {
    let winners: Vec<Dialect> = Dialect::ALL.into_iter().filter(|dialect| !dialect.environment_wins()).collect();
    assert_eq!(winners, [Dialect::Bash]);
}

#[test]
fn dotenvy_keeps_the_keys_before_its_first_error_and_compose_none() {
    let text = "A=1\nB=x y\nC=3\n";
    let dotenvy = effective(&file(text), Dialect::Dotenvy, NO_SHELL);
    assert_eq!(dotenvy.keys.keys().collect::<Vec<_>>(), ["A"]);
    assert_eq!(dotenvy.stopped_at, Some(2));
    let compose = effective(&file("A=1\nB='x\n"), Dialect::Compose, NO_SHELL);
    assert!(compose.keys.is_empty());
    assert_eq!(compose.stopped_at, Some(2));
}

#[test]
fn oddities_that_the_loaders_themselves_showed() {
    // python-dotenv: a bare key takes an earlier value back.
    assert_eq!(reading_of_a("A=1\nA\n", Dialect::PythonDotenv), "-");
    // Node: an open quote loses its key at the very end of the file, and keeps it elsewhere.
    assert_eq!(reading_of_a("A=\"b", Dialect::NodeEnvFile), "-");
    assert_eq!(reading_of_a("A=\"b\n", Dialect::NodeEnvFile), "\"b");
    assert_eq!(reading_of_a("  export A=b", Dialect::NodeEnvFile), "b");
    // bash: a line is parsed whole before it runs; `&` runs its assignment elsewhere.
    assert_eq!(reading_of_a("A=1; B='x\n", Dialect::Bash), "-");
    assert_eq!(reading_of_a("A=postgres://h/db?a=1&b=2\n", Dialect::Bash), "-");
    assert_eq!(reading_of_a("A=$(date)\n", Dialect::Bash), "?");
    // Compose: escapes in double quotes only, and YAML-style pairs.
    assert_eq!(reading_of_a("A=\"a\\tb\\$X\"\n", Dialect::Compose), "a\tb$X");
    assert_eq!(reading_of_a("A='a\\tb'\n", Dialect::Compose), "a\\tb");
    assert_eq!(reading_of_a("A=$2y$10$abc\n", Dialect::Compose), "$2y$10");
    assert_eq!(reading_of_a("A=${X\n", Dialect::Compose), "-");
}

#[test]
fn earlier_keys_are_expanded() {
    let text = "HOST=db\nA=postgres://${HOST}:5432/app\n";
    for dialect in [Dialect::Compose, Dialect::Dotenvy, Dialect::PythonDotenv, Dialect::Bash] {
        assert_eq!(reading_of_a(text, dialect), "postgres://db:5432/app", "{dialect:?}");
    }
}

#[test]
fn entries_have_exact_spans() {
    let text = "\u{feff}# top\r\nexport A = \"one\" # note\r\nB='two'\nC=three # note\nD=\nE= # note\n";
    let file = file(text);
    let found: Vec<_> = file
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.raw.reveal(), entry.quote, entry.line, entry.export))
        .collect();
    assert_eq!(
        found,
        [
            ("A", "one", Quote::Double, 2, true),
            ("B", "two", Quote::Single, 3, false),
            ("C", "three", Quote::None, 4, false),
            ("D", "", Quote::None, 5, false),
            ("E", "", Quote::None, 6, false),
        ]
    );
    let exact = |entry: &EnvEntry| text.get(entry.span.clone()) == Some(entry.raw.reveal());
    assert!(file.entries.iter().all(exact));
    assert!(file.bom);
    assert_eq!(file.crlf_lines, [1, 2]);
    assert!(file.problems.is_empty());
}

#[test]
fn quoted_values_may_span_lines() {
    let file = file("A=\"one\ntwo\"\nB=3\n");
    let keys: Vec<_> = file.entries.iter().map(|entry| (entry.key.as_str(), entry.line)).collect();
    assert_eq!(keys, [("A", 1), ("B", 3)]);
    for dialect in Dialect::ALL {
        let read = value(&file.entries[0], dialect, NO_SHELL);
        assert_eq!(read.as_deref(), Some("one\ntwo"), "{dialect:?}");
    }
}

#[track_caller]
fn check_problems(text: &str, expected: &[(usize, EnvProblemKind, Option<&str>)]) {
    let file = file(text);
    let got: Vec<_> =
        file.problems.iter().map(|problem| (problem.line, problem.kind, problem.key.as_deref())).collect();
    assert_eq!(got, expected, "{text:?}");
}

#[test]
fn problems() {
    check_problems("A=\"b\nC=\"d\"\n", &[(1, EnvProblemKind::UnterminatedQuote, Some("A"))]);
    check_problems("A\n", &[(1, EnvProblemKind::NotAnAssignment, Some("A"))]);
    check_problems("two words\n", &[(1, EnvProblemKind::NotAnAssignment, None)]);
    check_problems("A: b\n", &[(1, EnvProblemKind::NotAnAssignment, Some("A"))]);
    check_problems("A.B=c\n", &[(1, EnvProblemKind::InvalidKey, Some("A.B"))]);
    check_problems("A=\"b\"c\n", &[(1, EnvProblemKind::TextAfterQuote, Some("A"))]);
    check_problems("\nA=b c\n", &[(2, EnvProblemKind::UnquotedSpace, Some("A"))]);
    check_problems("# A=b c\n\nA=b # c d\n", &[]);
}

#[track_caller]
fn check_edit(text: &str, index: usize, new: &str, expected: &str) {
    assert_eq!(replace_value(&file(text), index, new).as_deref(), Ok(expected), "{text:?} <- {new:?}");
}

#[test]
fn edits_change_one_value() {
    check_edit("A=1\r\nB=2 # two\r\nC=3", 1, "5", "A=1\r\nB=5 # two\r\nC=3");
    check_edit("\u{feff}A=\"1\"\n", 0, "5", "\u{feff}A=\"5\"\n");
    check_edit("A=1\n", 0, "two words", "A='two words'\n");
    check_edit("A=1\n", 0, "pa$$", "A='pa$$'\n");
    check_edit("A=1\n", 0, "pa#ss", "A='pa#ss'\n");
    check_edit("A=1\n", 0, "it's", "A=\"it's\"\n");
    check_edit("A=\"1\"\n", 0, "pa$word", "A='pa$word'\n");
    check_edit("A='1'\n", 0, "plain", "A='plain'\n");
    check_edit("A= # note\n", 0, "x", "A=x # note\n");
    check_edit("A=\"open\nB=2\n", 0, "x", "A=\"x\"\nB=2\n");
    check_edit("A: b\n", 0, "c", "A: c\n");
    assert_eq!(replace_value(&file("A=1\n"), 7, "x"), Err(EditError::NoSuchEntry(7)));
}

#[test]
fn appended_lines_keep_the_line_ending() {
    assert_eq!(append("", "A", "b"), "A=b\n");
    assert_eq!(append("X=1", "A", "b c"), "X=1\nA='b c'\n");
    assert_eq!(append("X=1\r\n", "A", "b"), "X=1\r\nA=b\r\n");
}

/// Texts rich in what the grammars care about.
fn env_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[A-Ca-c_]{1,3}",
        4 => Just("=".to_owned()),
        3 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        2 => r#"[ \t'"`$#\\{}:.-]"#,
        1 => Just("${A:-".to_owned()),
        1 => Just("export ".to_owned()),
        1 => "[éß\u{feff}\u{85}]",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_panics(text in prop_oneof![env_text(), ".*"], new in ".{0,12}") {
        let file = file(&text);
        for (index, entry) in file.entries.iter().enumerate() {
            prop_assert_eq!(text.get(entry.span.clone()), Some(entry.raw.reveal()));
            drop(replace_value(&file, index, &new));
        }
        for dialect in Dialect::ALL {
            effective(&file, dialect, NO_SHELL);
        }
        append(&text, "A", &new);
    }

    /// The port reads what the crate reads; `ZZ` keeps the test's own environment out.
    #[test]
    fn dotenvy_agrees_with_its_port(text in env_text()) {
        let text = text.replace('\u{feff}', "").replace(['A', 'B', 'C'], "ZZ");
        let mut expected = Vec::new();
        let mut failed = false;
        for item in dotenvy::from_read_iter(text.as_bytes()) {
            let Ok(pair) = item else {
                failed = true;
                break;
            };
            expected.push(pair);
        }
        let outcome = dialect::read(&text, Dialect::Dotenvy, NO_SHELL);
        let stopped = outcome.stopped_at.is_some();
        let got: Vec<_> = outcome.assignments.into_iter().map(|it| (it.key, it.value.unwrap_or_default())).collect();
        prop_assert_eq!((got, stopped), (expected, failed));
    }

    /// An edit is read back as the new value by at least one loader, and changes nothing else.
    #[test]
    fn edits_are_read_back(before in "(X=1\n|# note\r\n){0,2}", new in r#"[ab #$'"\\:/@`!é]{0,8}"#, quote in "['\"]?", after in "( # note)?(\r\nY=2)?") {
        let text = format!("{before}A={quote}old{quote}{after}");
        let parsed = file(&text);
        let index = parsed.entries.iter().position(|entry| entry.key == "A").unwrap();
        if let Ok(edited) = replace_value(&parsed, index, &new) {
            let head = format!("{before}A=");
            prop_assert!(edited.starts_with(&head) && edited.ends_with(&after));
            let again = file(&edited);
            prop_assert_eq!(again.entries.len(), parsed.entries.len());
            let readers = Dialect::ALL
                .into_iter()
                .filter(|dialect| value(&again.entries[index], *dialect, NO_SHELL).as_deref() == Some(new.as_str()));
            let simple = !new.contains(['\'', '\\']);
            // To bash the `\r` before a line's end is part of any value.
            let all = if after.contains('\r') { 5 } else { 6 };
            let least = if simple { all } else { 1 };
            prop_assert!(readers.count() >= least, "{:?}", edited);
        }
    }
}

/// Found by fuzzing: the edit of a broken file paired its quotes anew, and the variable was gone.
#[test]
fn an_edit_that_would_lose_a_variable_is_refused() {
    let file = parse(Path::new(".env"), "E=\"\nA=O\"}\n\"");
    let edited = replace_value(&file, 1, "5433");
    assert_eq!(edited, Err(EditError::NotRepresentable { key: "A".to_owned() }));
}
