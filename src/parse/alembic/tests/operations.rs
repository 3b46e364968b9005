//! What real chains do: read without a panic, and chains that run from empty are in order.

use std::time::Instant;

use super::{load, sources, truth};
use crate::model::operation::{Action, MigrationOperations, lineage};
use crate::parse::alembic::operations;

/// The operations of a chain in the order in which it runs, how long it took to read them, and how many there are.
fn read(project: &str, chain: usize) -> Option<Vec<MigrationOperations>> {
    let truth = truth(project)?;
    let root = sources(truth["commit"].as_str().unwrap()).unwrap();
    let (chain, _) = load(&root, &truth["chains"][chain]);
    let order = chain.run_order().unwrap();
    let start = Instant::now();
    let read = |revision: &&crate::model::chain::Revision| {
        let source = std::fs::read_to_string(root.join(&revision.at.file)).unwrap();
        operations::parse(&revision.id, &revision.at.file, &source).unwrap()
    };
    let read: Vec<MigrationOperations> = order.iter().map(read).collect();
    let all = || read.iter().flat_map(|it| it.up.iter().chain(&it.down));
    let opaque = all().filter(|it| matches!(it.action, Action::Opaque { .. })).count();
    println!(
        "{project}: {} revisions, {} operations, {opaque} opaque, {:?}",
        read.len(),
        all().count(),
        start.elapsed()
    );
    Some(read)
}

fn misplaced(project: &str, chain: usize) -> Option<Vec<lineage::Misplaced>> {
    let read = read(project, chain)?;
    let found = lineage::misplaced(&read.iter().collect::<Vec<_>>());
    for it in &found {
        println!("  {} {:?}: {} {} {:?}", it.table, it.column, it.user.at, it.user.source, it.maker);
    }
    Some(found)
}

#[test]
fn a_chain_that_runs_is_in_order() {
    let Some(found) = misplaced("optuna", 0) else { return };
    assert_eq!(found, []);
}

#[test]
#[ignore = "downloads 60 MB"]
fn chains_that_run_are_in_order() {
    for (project, chain) in [
        ("airflow", 0),
        ("argilla", 0),
        ("prefect", 0),
        ("prefect", 1),
        ("langflow", 0),
        ("keystone", 0),
        ("zenml", 0),
        ("mlflow", 1),
    ] {
        let Some(found) = misplaced(project, chain) else { return };
        assert_eq!(found, [], "{project}");
    }
    for (project, chain) in [("indico", 0), ("mlflow", 0)] {
        let Some(found) = misplaced(project, chain) else { return };
        assert!(!found.is_empty(), "{project}");
    }
}
