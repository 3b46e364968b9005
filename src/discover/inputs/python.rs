//! Alembic's revisions, read side by side.

use std::collections::HashSet;
use std::path::Path;
use std::thread;

use super::Project;
use super::modules::{Modules, Source, unknown};
use crate::model::chain::{Chain, Revision};
use crate::model::layer::{Digest, Input};
use crate::parse::python_imports::Reads;

/// Fewer files are read sooner than a thread is started.
const FILES_PER_THREAD: usize = 64;
const MAX_THREADS: usize = 8;

/// Returns what each revision depends on, in run order; nothing where there is no order.
pub(super) fn revisions(project: &Project<'_>, chain: &Chain, modules: &mut Modules<'_>) -> Vec<(String, Input)> {
    let Ok(order) = chain.run_order() else { return Vec::new() };
    let sources = read(project.root, &order, modules.tops());
    let declared = project.is_declared();
    let input = |(revision, source): (&Revision, Result<Source, String>)| {
        let file = &revision.at.file;
        let input = match source {
            Err(why) => Input::Open(format!("`{}` cannot be read: {why}", file.display())),
            Ok(Source { reads: Reads { reach: Some(reach), .. }, .. }) if !declared => {
                Input::Open(unknown(file, &reach))
            }
            Ok(source) => {
                let own = Digest::of([revision.id.as_bytes(), source.content.as_ref()]);
                Input::Known(own).and(modules.imported(file, &source.reads.imports, declared))
            }
        };
        (revision.id.clone(), input)
    };
    order.into_iter().zip(sources).map(input).collect()
}

fn read(root: &Path, order: &[&Revision], tops: &HashSet<String>) -> Vec<Result<Source, String>> {
    let one = |revision: &&Revision| Source::read(&root.join(&revision.at.file), tops);
    let part = |revisions: &[&Revision]| revisions.iter().map(one).collect::<Vec<_>>();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let wanted = (order.len() / FILES_PER_THREAD).clamp(1, threads);
    let share = order.len().div_ceil(wanted).max(1);
    thread::scope(|scope| {
        let mut shares = order.chunks(share);
        // The first share is this thread's own.
        let own = shares.next().unwrap_or_default();
        let start = |share| (share, thread::Builder::new().spawn_scoped(scope, move || part(share)));
        let started: Vec<_> = shares.map(start).collect();
        let finish = |(share, thread): (_, std::io::Result<thread::ScopedJoinHandle<'_, Vec<_>>>)| {
            // Where no thread can be had, the work is done here.
            thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| part(share))
        };
        let mut sources = part(own);
        sources.extend(started.into_iter().flat_map(finish));
        sources
    })
}
