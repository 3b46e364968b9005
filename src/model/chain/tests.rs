use super::*;

/// A chain in one line, in file order: `b<a`, `c<a!b` (depends on `b`), `d<a,b:label`.
fn chain(text: &str) -> Chain {
    let revisions = text.split_whitespace().enumerate().map(|(index, word)| {
        let (word, labels) = word.split_once(':').unwrap_or((word, ""));
        let (word, dependencies) = word.split_once('!').unwrap_or((word, ""));
        let (id, parents) = word.split_once('<').unwrap_or((word, ""));
        let list = |text: &str| text.split_terminator(',').map(str::to_owned).collect();
        Revision {
            id: id.to_owned(),
            down_revisions: list(parents),
            depends_on: list(dependencies),
            branch_labels: list(labels),
            message: String::new(),
            at: Place::new(format!("{index}.py"), 3),
            down_revision_line: 4,
        }
    });
    Chain { revisions: revisions.collect(), ..Chain::default() }
}

fn ids<'a>(revisions: impl IntoIterator<Item = &'a Revision>) -> String {
    let ids: Vec<&str> = revisions.into_iter().map(|revision| &*revision.id).collect();
    ids.join(" ")
}

fn rows(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Random chains with what Alembic 1.20.1 says of them: chain; heads; heads with a row; `upgrade heads` from empty;
/// rows of a half-applied database; `upgrade heads` from there.
#[test]
fn orders_are_those_of_alembic() {
    let cases = include_str!("orders.txt");
    for case in cases.lines() {
        let [text, heads, at_head, order, applied, pending] =
            <[&str; 6]>::try_from(case.split("; ").collect::<Vec<_>>()).unwrap();
        let chain = chain(text);
        let sorted = |revisions: Vec<&Revision>| {
            let mut words: Vec<&str> = revisions.iter().map(|revision| &*revision.id).collect();
            words.sort_unstable();
            words.join(" ")
        };
        assert_eq!(sorted(chain.heads()), heads, "{case}");
        assert_eq!(sorted(chain.version_rows_at_head()), at_head, "{case}");
        assert_eq!(ids(chain.run_order().unwrap()), order, "{case}");
        assert_eq!(ids(chain.pending(&rows(applied))), pending, "{case}");
        assert_eq!(chain.is_at_head(&rows(applied)), pending.is_empty(), "{case}");
        assert!(chain.is_at_head(&rows(at_head)), "{case}");
    }
}

#[test]
fn an_empty_chain_is_fine() {
    let chain = Chain::default();
    assert_eq!(chain.heads(), Vec::<&Revision>::new());
    assert_eq!(chain.run_order(), Ok(Vec::new()));
    assert!(chain.is_at_head(&[]));
    assert!(!chain.is_at_head(&rows("gone")));
}

#[test]
fn merges_and_branch_points_count_parents_only() {
    let chain = chain("a b<a c<a d<b,c e<a!d x!a y!a");
    assert_eq!(ids(chain.merges()), "d");
    assert_eq!(ids(chain.branch_points()), "a");
    assert_eq!(ids(chain.bases()), "a x y");
    assert_eq!(ids(chain.heads()), "d e x y");
    assert_eq!(ids(chain.version_rows_at_head()), "e x y");
    assert_eq!(ids(chain.ancestors("e")), "a b c d");
}

#[test]
fn a_dependency_may_be_a_label_but_no_abbreviation() {
    let good = chain("aaaa1:core bbbb2 cccc3<bbbb2!core");
    assert_eq!(good.faults(), []);
    assert_eq!(ids(good.ancestors("cccc3")), "aaaa1 bbbb2");
    let missing = |revision: &str, parent: &str, file: &str, line| ChainFault::MissingParent {
        revision: revision.to_owned(),
        parent: parent.to_owned(),
        at: Place::new(file, line),
    };
    assert_eq!(
        chain("aaaa1:core bbbb2<core cccc3<bbbb c!aaaa").faults(),
        [missing("bbbb2", "core", "1.py", 4), missing("cccc3", "bbbb", "2.py", 4), missing("c", "aaaa", "3.py", 3),]
    );
}

#[test]
fn faults_name_duplicates_and_cycles() {
    let places = |files: &[&str]| files.iter().map(|file| Place::new(file, 3)).collect();
    let cycle = |text: &str| ChainFault::Cycle { revisions: rows(text) };
    assert_eq!(chain("a<a").faults(), [cycle("a")]);
    assert_eq!(chain("r a<c b<a c<b d<c e!f f<e").faults(), [cycle("a c b"), cycle("e f")]);
    assert_eq!(chain("a<b b<a,c c<b").faults(), [cycle("a b")]);
    assert_eq!(
        chain("a b<a b<a c<b").faults(),
        [ChainFault::DuplicateId { id: "b".to_owned(), files: places(&["1.py", "2.py"]) }]
    );
    assert_eq!(
        chain("a:x b<a:x c<b:a").faults(),
        [
            ChainFault::DuplicateLabel { label: "x".to_owned(), files: places(&["0.py", "1.py"]) },
            ChainFault::DuplicateLabel { label: "a".to_owned(), files: places(&["0.py", "2.py"]) },
        ]
    );
}

#[test]
fn a_broken_graph_has_no_order_but_still_something_pending() {
    let circle = chain("r a<b b<a");
    assert_eq!(circle.run_order(), Err(ChainFault::Cycle { revisions: rows("a b") }));
    assert_eq!(ids(circle.pending(&rows("r"))), "a b");
    let hole = chain("a b<gone c<b");
    assert!(matches!(hole.run_order(), Err(ChainFault::MissingParent { .. })));
    assert_eq!(ids(hole.pending(&[])), "b c a");
    assert_eq!(ids(chain("a a b<a").run_order().unwrap()), "a b");
}

#[test]
fn find_follows_the_command_line() {
    let chain = chain("abcd1 abce2<abcd1 xyz<abce2:label");
    let find = |name| chain.find(name).map(|revision| &*revision.id);
    assert_eq!(find("abcd1"), Some("abcd1"));
    assert_eq!(find("abcd"), Some("abcd1"));
    assert_eq!(find("abc"), None);
    assert_eq!(find("xyz"), Some("xyz"));
    assert_eq!(find("xy"), None);
    assert_eq!(find("lab"), Some("xyz"));
    assert_eq!(find(""), None);
    assert_eq!(chain.unknown(&rows("abcd1 gone abcd")), ["gone", "abcd"]);
}

#[test]
fn a_long_chain_needs_no_stack() {
    use std::fmt::Write as _;
    let mut text = "r0".to_owned();
    for number in 1..5_000 {
        write!(text, " r{number}<r{}", number - 1).unwrap();
        if number % 7 == 0 {
            write!(text, "!r{}", number / 2).unwrap();
        }
    }
    let chain = chain(&text);
    assert_eq!(chain.faults(), []);
    assert_eq!(chain.run_order().unwrap().len(), 5_000);
    assert_eq!(chain.pending(&rows("r4990")).len(), 9);
    assert_eq!(chain.ancestors("r4999").len(), 4_999);
}
