use proptest::prelude::*;

use super::names::{Names, Value, Why};
use super::*;

/// Returns what `x` holds at the end of a module, or why that cannot be told.
fn x(source: &str) -> Option<Result<Value, (Why, String)>> {
    let module = parse(source).unwrap();
    let value = Names::of(&module.body).value("x");
    value.map(|value| value.map_err(|untold| (untold.why, excerpt(source, untold.range))))
}

#[track_caller]
fn check_text(source: &str, expected: &str) {
    assert_eq!(x(source), Some(Ok(Value::Text(expected.to_owned()))), "{source}");
}

#[track_caller]
fn check_untold(source: &str, why: Why, piece: &str) {
    assert_eq!(x(source), Some(Err((why, piece.to_owned()))), "{source}");
}

#[test]
fn literals_have_values() {
    check_text("x = 'a'", "a");
    check_text("x: str = u\"a\"", "a");
    check_text("x = ('a'\n  'b' r'\\c')", "ab\\c");
    check_text("x = f'a' 'b' f'{{c'", "abc".replace('c', "{c").as_str());
    check_text("x = 'a' + 'b' + \"c\"", "abc");
    check_text("y = 'a'; x = y + 'b'; y = 'c'", "ab");
    check_text("x = 'a'\nx = 'b'", "b");
    check_text("y = x = 'a'", "a");
    check_text("x, y = 'a', 'b'", "a");
    check_text("(y, [x, z]) = 'a', ['b', 'c']", "b");
    check_text("x = '\\x41\\u0042'", "AB");
    let many = |texts: &[&str]| Value::Many(texts.iter().map(|&text| Value::Text(text.to_owned())).collect());
    assert_eq!(x("x = 'a', 'b'"), Some(Ok(many(&["a", "b"]))));
    assert_eq!(x("x = ['a'] + ['b']"), Some(Ok(many(&["a", "b"]))));
    assert_eq!(x("x = ()"), Some(Ok(many(&[]))));
    assert_eq!(x("x = None"), Some(Ok(Value::None)));
    assert_eq!(x("x: str"), None);
    assert_eq!(x("x = 'a'\ndel x"), None);
    assert_eq!(x("def f():\n  x = 'a'\nclass C:\n  x = 'a'"), None);
}

#[test]
fn what_runs_counts_and_what_may_run_cannot_be_told() {
    check_text("if TYPE_CHECKING:\n  x = 'a'\nelse:\n  x = 'b'", "b");
    check_text("if not typing.TYPE_CHECKING:\n  x = 'a'", "a");
    check_text("x = 'a'\nif __name__ == '__main__':\n  x = 'b'", "a");
    check_text("if False:\n  x = 'a'\nelif 1:\n  x = 'b'\nelse:\n  x = 'c'", "b");
    check_text("try:\n  x = 'a'\nexcept E:\n  y = 'b'\nfinally:\n  pass", "a");
    check_text("with y:\n  x = 'a'", "a");
    check_untold("try:\n  x = 'a'\nexcept E:\n  x = 'b'", Why::Conditional, "x");
    check_untold("if y:\n  x = 'a'\nelse:\n  x = 'b'", Why::Conditional, "x");
    check_untold("for x in y:\n  pass", Why::Conditional, "x");
    check_untold("while y:\n  x = 'a'", Why::Conditional, "x");
    check_untold("match y:\n  case 1:\n    x = 'a'", Why::Conditional, "x");
}

#[test]
fn what_is_not_literal_cannot_be_told() {
    check_untold("x = f()", Why::Computed, "f()");
    check_untold("x = f'a{y}'", Why::Computed, "f'a{y}'");
    check_untold("x = y", Why::Computed, "y");
    check_untold("x = 'a' if y else 'b'", Why::Computed, "'a' if y else 'b'");
    check_untold("x = 'a' + f(\n  1)", Why::Computed, "f(…");
    check_untold("x = ['a']\nx.append('b')", Why::Computed, "x.append('b')");
    check_untold("x = ['a']\nx[0] = 'b'", Why::Computed, "x[0]");
    check_untold("x = 'a'\nx += 'b'", Why::Computed, "x");
    check_untold("x, *y = 'a', 'b'", Why::Computed, "x");
    check_untold("from a import b as x", Why::Imported, "b as x");
    check_untold("import x.y", Why::Imported, "x.y");
    check_untold("x = 1", Why::NotText, "1");
    check_untold("x = b'a'", Why::NotText, "b'a'");
    check_untold("def x(): pass", Why::NotText, "x");
}

#[test]
fn endless_values_are_computed() {
    let mut doubling = "x = 'a'\n".to_owned();
    for _ in 0..100 {
        doubling.push_str("x = x + x\n");
    }
    assert!(matches!(x(&doubling), Some(Err((Why::Computed, _)))));
    let long = format!("x = 'a'{}", " + 'a'".repeat(2_500));
    assert!(matches!(x(&long), Some(Err((Why::Computed, _)))));
}

/// Returns sources that nest as deeply as `bytes` allow, in every way that Python has.
fn nested(bytes: usize) -> Vec<String> {
    let unit = |start: &str, repeated: &str, end: &str| {
        let times = bytes / repeated.len();
        format!("{start}{}{end}", repeated.repeat(times))
    };
    let pair = |open: &str, middle: &str, close: &str| {
        let times = bytes / (open.len() + close.len());
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    let mut blocks = String::new();
    for level in 0_usize.. {
        if blocks.len() + 2 * level > bytes {
            break;
        }
        blocks.push_str(&" ".repeat(level));
        blocks.push_str("if a:\n");
    }
    vec![
        unit("", "-", "1"),
        unit("a", ".a", ""),
        unit("a", "()", ""),
        unit("a", "[0]", ""),
        unit("1", "+1", ""),
        unit("1", "**1", ""),
        unit("", "not ", "1"),
        unit("", "lambda:", "1"),
        unit("", "lambda a,b:", "1"),
        unit("", "1 if 1 else ", "1"),
        unit("", "await ", "1"),
        unit("", "(", ""),
        unit("", "[", ""),
        unit("", "{", ""),
        unit("x=", "f'{", ""),
        pair("(", "1", ")"),
        pair("[", "1", "]"),
        pair("{", "1", "}"),
        pair("f'{", "1", "}'"),
        pair("f\"{f'{", "1", "}'}\""),
        format!("match a:\n  case {}: pass", pair("[", "b", "]")),
        format!("match a:\n  case {}b: pass", "b|".repeat(bytes / 2)),
        blocks,
    ]
}

#[test]
fn no_depth_exhausts_the_stack() {
    for source in nested(SHALLOW_BYTES - 100).iter().chain(&nested(400_000)) {
        let Ok(module) = parse(source) else { continue };
        drop(Names::of(&module.body).value("x"));
    }
    for repeats in [200, 499, 600, 3000] {
        for source in nested(repeats * 3) {
            drop(crate::parse::python_commands::literal_url(&source));
        }
    }
}

#[test]
fn long_flat_sources_are_not_deep() {
    let rows = format!("x = [{}]", "(1 + 2, -a.b('c', d=[e])),\n".repeat(20_000));
    assert!(parse(&rows).is_ok());
    assert!(parse(&"op.execute('a' + b)\n".repeat(20_000)).is_ok());
    assert!(parse(&format!("x = ({})", "'abc'\n".repeat(20_000))).is_ok());
}

#[test]
fn refusals_say_where() {
    let refused = |source: &str| parse(source).map(|_| ()).unwrap_err();
    assert_eq!(refused("a = 1\n\nb = = 2\n").line, 3);
    assert!(refused("a = 1\n\nb = = 2\n").reason.starts_with("invalid Python: "));
    assert_eq!(refused(&"(".repeat(10_000)).reason, "invalid Python: nested too deeply");
    assert_eq!(refused("a\0b").line, 1);
}

proptest! {
    #[test]
    fn nothing_panics(source in "\\PC{0,200}") {
        drop(parse(&source));
    }

    #[test]
    fn nothing_like_python_panics(words in proptest::collection::vec(
        prop::sample::select(vec!["x", " = ", "'a'", "f'{", "}'", "(", ")", "[", "]", ",", "\n", "\n  ", "if ", ":",
            "try", "except", "else", "def ", "import ", "+", "x", ";", "'''", "\\", "é", "\u{feff}", "\r"]), 0..60)) {
        let source = words.concat();
        if let Ok(module) = parse(&source) {
            drop(Names::of(&module.body).value("x"));
        }
    }
}
