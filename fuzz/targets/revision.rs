//! Revision files and `env.py`, and the graph that some revisions make.
#![no_main]

use std::path::Path;

use devdb::model::chain::Chain;
use devdb::parse::alembic::{env, revision};
use devdb::parse::python_commands;
use libfuzzer_sys::fuzz_target;

// The files of a chain, separated by a line of form feeds.
fuzz_target!(|text: &str| {
    let mut chain = Chain::default();
    for (number, source) in text.split("\u{c}\n").enumerate().take(32) {
        let lines = source.split('\n').count() + 1;
        match revision::parse(Path::new(&format!("{number}_x.py")), source) {
            Ok(Some(read)) => {
                assert!((1..=lines).contains(&read.at.line) && (1..=lines).contains(&read.down_revision_line));
                chain.revisions.push(read);
            }
            Ok(None) => {}
            Err(unreadable) => {
                assert!(unreadable.at.line <= lines && !unreadable.reason.is_empty());
                chain.unreadable.push(unreadable);
            }
        }
        drop(env::version_table(source));
        drop(python_commands::literal_url(source));
    }
    let known = chain.revisions.len();
    let rows: Vec<String> = chain.heads().iter().map(|head| head.id.clone()).collect();
    assert!(chain.pending(&rows).len() <= known);
    match chain.run_order() {
        Ok(order) => assert!(order.len() <= known),
        Err(_) => assert!(!chain.faults().is_empty()),
    }
});
