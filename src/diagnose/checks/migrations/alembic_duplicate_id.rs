//! `alembic-duplicate-id`

use sha2::Digest as _;

use super::super::prelude::*;
use crate::model::text::hex;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-duplicate-id",
    title: "Every revision has an id of its own",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: only a UserWarning, `Revision abc is present more than once`, then `Multiple head revisions`.\n\
        Cause: a revision file was copied as the start of another one. Alembic keeps one of the two: the other never runs.\n\
        Proof: both files.\n\
        Fix: a new id for one of them (and for what follows it). A merge would be wrong.\n\
        Keeps: the files; a database that ran one of the two may want `devdb migrate stamp`.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let mut copy = sample::chain(picture).revisions[1].clone();
        copy.at.file = "alembic/versions/copy.py".into();
        sample::chain(picture).revisions.push(copy);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let one = |fault| match fault {
        ChainFault::DuplicateId { id, files } => Some(duplicate(chain, &id, &files)),
        ChainFault::DuplicateLabel { label, files } => Some(label_taken(&label, &files)),
        ChainFault::MissingParent { .. } | ChainFault::Cycle { .. } => None,
    };
    Ok(chain.faults().into_iter().filter_map(one).collect())
}

fn label_taken(label: &str, files: &[Place]) -> Finding {
    let start = Finding::new(format!("{} claim the label `{label}`", counted(files.len(), "file")));
    let finding = files.iter().fold(start, |finding, at| finding.at(at, "here"));
    finding.manual("take the label out of the `branch_labels` of all but one", &[])
}

fn duplicate(chain: &Chain, id: &str, files: &[Place]) -> Finding {
    let start = Finding::new(format!("{} have the id `{id}`; only one of them runs", counted(files.len(), "file")));
    let finding = files.iter().fold(start, |finding, at| finding.at(at, "here"));
    let children = chain.revisions.iter().filter(|it| it.down_revisions.iter().any(|parent| parent == id));
    let finding = children.fold(finding, |finding, child| {
        let at = Place::new(&child.at.file, child.down_revision_line);
        finding.at(&at, format!("`{}` follows `{id}`: the one or the other", child.id))
    });
    let Some(copy) = copy(id, files) else { return finding.manual("give one of the files a new `revision`", &[]) };
    let declared = chain.revisions.iter().find(|it| it.at == *copy);
    let mut lines = vec![format!("{copy}: revision = \"{}\"", fresh(copy))];
    if let Some(revision) = declared {
        let at = Place::new(&revision.at.file, revision.down_revision_line);
        lines.push(format!("{at}: down_revision = the revision that it is to follow"));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    finding.manual("give the copy an id and a parent of its own; a merge would join the wrong ends", &lines)
}

/// Returns the file that is likelier the copy: one that is not named by the id, else the last.
fn copy<'p>(id: &str, files: &'p [Place]) -> Option<&'p Place> {
    let named = |place: &&Place| place.file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(id));
    files.iter().rev().find(|place| !named(place)).or_else(|| files.last())
}

/// Returns an id as Alembic makes them: twelve hexadecimal digits, the same for the same file.
fn fresh(place: &Place) -> String {
    let digest = sha2::Sha256::digest(place.file.display().to_string());
    hex(digest.get(..6).unwrap_or_default())
}
