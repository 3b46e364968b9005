//! Revision files and `env.py`, and the graph that some revisions make.
#![no_main]

use std::path::Path;

use devdb::model::chain::Chain;
use devdb::parse::alembic::{env, revision};
use devdb::parse::python_commands;
use libfuzzer_sys::fuzz_target;

// The files of a chain, separated by a line of form feeds.
fuzz_target!(|bytes: &[u8]| {
    let files = split(bytes);
    let find = |module: &str| {
        let number = module.strip_prefix("db.m").and_then(|number| number.parse::<usize>().ok())?;
        files.get(number).map(|file| file.to_vec())
    };
    let mut chain = Chain::default();
    for (number, file) in files.iter().enumerate() {
        let lines = file.iter().filter(|&&byte| byte == b'\n').count() + 2;
        match revision::read(Path::new(&format!("{number}_x.py")), file, &find) {
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
        let source = String::from_utf8_lossy(file);
        drop(env::version_table(&source));
        drop(python_commands::literal_url(&source));
    }
    let known = chain.revisions.len();
    let rows: Vec<String> = chain.heads().iter().map(|head| head.id.clone()).collect();
    assert!(chain.pending(&rows).len() <= known);
    match chain.run_order() {
        Ok(order) => assert!(order.len() <= known),
        Err(_) => assert!(!chain.faults().is_empty()),
    }
});

fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\x0c\n") {
        let (file, after) = rest.split_at(at);
        files.push(file);
        rest = &after[2..];
    }
    files.push(rest);
    files.truncate(32);
    files
}
