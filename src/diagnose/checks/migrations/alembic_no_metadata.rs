//! `alembic-no-metadata`

use super::super::prelude::*;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "alembic-no-metadata",
    title: "`env.py` knows the models",
    area: "migrations",
    severity: Severity::Info,
    needs: &[Need::Chain],
    follows: &[],
    explain: "Seen as: `Can't proceed with --autogenerate option; environment script … does not provide a MetaData object`, or\n\
        `autogenerate` that writes empty revisions.\n\
        Cause: `alembic init` writes `target_metadata = None`, and nobody gave it the models. Migrations run all the same.\n\
        Proof: the line in `env.py`.\n\
        Fix: by hand: import the models' `Base` and say `target_metadata = Base.metadata`.\n\
        Keeps: devdb changes nothing; what you edit by hand, git has.",
    detect,
    #[cfg(test)]
    breaks: |picture| sample::chain(picture).config.no_metadata = Some(Place::new("alembic/env.py", 21)),
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some(at) = picture.chain.known().and_then(|chain| chain.config.no_metadata.as_ref()) else {
        return Ok(Vec::new());
    };
    let finding =
        Finding::new(format!("`{}` has no models: neither autogenerate nor drift can use them", at.file.display()));
    Ok(vec![finding.at(at, "target_metadata = None").manual(
        "give it the models",
        &["from app.models import Base   # wherever yours are", "target_metadata = Base.metadata"],
    )])
}
