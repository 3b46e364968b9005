//! What revisions do, read from their files where it is asked for.

use std::path::Path;

use crate::model::chain::{Chain, Revision};
use crate::model::observed::Observed;
use crate::model::operation::MigrationOperations;
use crate::parse::alembic::{operations, revision};
use crate::wire::files::read_bytes;

/// So many files are worth a thread of their own.
const FILES_PER_THREAD: usize = 100;
const MAX_THREADS: usize = 8;

/// A syntax tree is walked on this much stack.
const STACK: usize = 8 << 20;

/// Returns what the revisions of a chain do, in file order.
pub fn look(root: &Path, chain: &Observed<Chain>) -> Observed<Vec<MigrationOperations>> {
    match chain {
        Observed::Known(chain) => Observed::Known(read(root, &chain.revisions.iter().collect::<Vec<_>>())),
        Observed::Absent => Observed::Absent,
        Observed::Unknown(why) => Observed::Unknown(why.clone()),
    }
}

/// Returns what each revision does, in the given order. One whose file is gone or is no Python by now is left out.
pub fn read(root: &Path, revisions: &[&Revision]) -> Vec<MigrationOperations> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let wanted = revisions.len().div_ceil(FILES_PER_THREAD).clamp(1, threads);
    let share = revisions.len().div_ceil(wanted).max(1);
    std::thread::scope(|scope| {
        let start =
            |part| std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || read_part(root, part));
        let started: Vec<_> = revisions.chunks(share).map(|part| (part, start(part))).collect();
        let finish = |(part, thread): (_, std::io::Result<std::thread::ScopedJoinHandle<'_, _>>)| {
            // Without threads the work is done here.
            thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| read_part(root, part))
        };
        started.into_iter().flat_map(finish).collect()
    })
}

fn read_part(root: &Path, revisions: &[&Revision]) -> Vec<MigrationOperations> {
    let one = |revised: &&Revision| {
        let bytes = read_bytes(&root.join(&revised.at.file)).ok()?;
        operations::parse(&revised.id, &revised.at.file, &revision::text(&bytes)?)
    };
    revisions.iter().filter_map(one).collect()
}
