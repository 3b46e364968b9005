//! `alembic-rev-too-long`

use super::super::prelude::*;

/// `alembic_version.version_num` is `VARCHAR(32)`.
const LONGEST: usize = 32;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-rev-too-long",
    title: "Every revision's id fits the version table",
    area: "migrations",
    severity: Severity::Error,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `value too long for type character varying(32)` (22001) at the end of a revision that itself succeeded.\n\
        Cause: an id written by hand, or `--rev-id` with a sentence; the version table holds 32 characters.\n\
        Proof: the id's line, where no revision widens the column and no database holds such an id.\n\
        Fix: a shorter id, in that file and in those that follow it.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let long = "a_revision_whose_id_is_a_whole_sentence".to_owned();
        let chain = sample::chain(picture);
        chain.revisions[0].id.clone_from(&long);
        chain.revisions[1].down_revisions = vec![long];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(chain) = picture.chain.known() else { return Ok(Vec::new()) };
    let long = |id: &str| id.chars().count() > LONGEST;
    let database = picture.server.known().and_then(|server| server.database.known());
    let applied = database.and_then(|database| database.versions.known()).map_or(&[][..], Vec::as_slice);
    let fits = applied.iter().any(|id| long(id)) || widened(picture, chain);
    if fits {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for revision in chain.revisions.iter().filter(|revision| long(&revision.id)) {
        let id = &revision.id;
        let length = id.chars().count();
        let finding = Finding::new(format!("the id `{id}` has {length} characters; the version table holds {LONGEST}"))
            .at(&revision.at, "here");
        let children = chain.revisions.iter().filter(|it| it.down_revisions.contains(id));
        let finding = children.fold(finding, |finding, child| {
            finding.at(&Place::new(&child.at.file, child.down_revision_line), format!("`{}` follows it", child.id))
        });
        findings.push(finding.manual("give it a shorter `revision`, and name that where it is a parent", &[]));
    }
    Ok(findings)
}

/// Returns whether a revision, or `env.py`, changes the column.
fn widened(picture: &Picture, chain: &Chain) -> bool {
    let table = &chain.config.version_table;
    let operations = picture.operations.known().map_or(&[][..], Vec::as_slice);
    operations.iter().flat_map(|it| &it.up).any(|operation| match &operation.action {
        Action::CreateTable { table: changed, .. } | Action::SetType { table: changed, .. } => changed.name == *table,
        _ => false,
    })
}
