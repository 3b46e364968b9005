//! Which database belongs to the branch that is checked out, and what has to change for that.

use super::reset::{may_end, refused};
use super::workplace::{no_server, target};
use crate::error::Error;
use crate::model::branch::{Listed, Live, Parked, Shelf, SwitchPlan, Turn};
use crate::model::config::{BranchMode, Config};
use crate::model::disposable::Disposable;
use crate::model::git::Worktree;
use crate::model::picture::Picture;

/// A copy of more than this is not made while a checkout waits for it.
const LARGE: u64 = 2_000_000_000;

/// What git says of the branches.
#[derive(Debug, Clone, Default)]
pub struct Refs {
    /// What is checked out.
    pub to: String,
    /// To whom a database belongs that says nothing: in a hook, the branch that was left.
    pub owner: String,
    /// The branches that have a database, the nearest first.
    pub nearest: Vec<String>,
    /// Every local branch; nothing where git did not say.
    pub branches: Option<Vec<String>>,
    /// The other working trees.
    pub worktrees: Vec<Worktree>,
    /// A checkout waits.
    pub hook: bool,
}

/// Fails where the project does not keep a database a branch, and says what to write.
pub fn wanted(config: &Config) -> Result<(), Error> {
    match config.branches.mode {
        Some(BranchMode::Database) => Ok(()),
        None => Err(Error::usage("all git branches share one database in this project")
            .detail("for one each", "write into devdb.toml:\n[branches]\nmode = \"database\"")
            .hint("devdb branch install   (after that: the database follows every checkout)")),
    }
}

/// Returns the proof that the target may be exchanged, where the role can.
pub fn proof(picture: &Picture) -> Result<Disposable, Error> {
    let candidate = target(picture)?;
    let proof = Disposable::prove(picture).map_err(refused)?;
    let server = picture.server.known().ok_or_else(|| no_server(picture, candidate))?;
    let role = &server.role.name;
    if !server.role.create_database {
        return Err(Error::environment(format!("role `{role}` may not create databases, so branches can have none"))
            .hint("devdb doctor --only no-createdb   (offers the grant)"));
    }
    if let Some(database) = server.database.known() {
        if !server.role.owns_database {
            let name = &database.name;
            return Err(Error::environment(format!("role `{role}` does not own the database `{name}`"))
                .detail("owner", database.owner.clone())
                .hint(format!("have its owner run: ALTER DATABASE \"{name}\" OWNER TO \"{role}\"")));
        }
        may_end(server, &database.sessions)?;
    }
    Ok(proof)
}

/// Returns the change that gives the branch its database.
pub fn switch(picture: &Picture, proof: Disposable, shelf: &Shelf, refs: &Refs) -> Result<SwitchPlan, Error> {
    let target = target(picture)?.target.clone();
    let turn = turn(shelf, refs);
    Ok(SwitchPlan { proof, target, to: refs.to.clone(), turn })
}

fn turn(shelf: &Shelf, refs: &Refs) -> Turn {
    let own = shelf.parked(&refs.to).cloned();
    let Some(live) = &shelf.live else {
        return own.map_or(Turn::Missing, |parked| Turn::Bring { from: None, parked });
    };
    let from = match &live.branch {
        Some(branch) if *branch == refs.to => return Turn::Already,
        None if refs.owner == refs.to => return Turn::Adopt { gone: None },
        Some(branch) => branch.clone(),
        None => refs.owner.clone(),
    };
    if let Some(other) = refs.worktrees.iter().find(|tree| refs.hook && tree.branch == from) {
        return Turn::InUse { by: other.path.clone(), from };
    }
    if let Some(parked) = own {
        return Turn::Bring { from: Some(from), parked };
    }
    let gone = refs.branches.as_ref().is_some_and(|branches| !branches.contains(&from));
    if gone {
        return Turn::Adopt { gone: Some(from) };
    }
    copied(shelf, live, from, refs)
}

/// The branch has none yet: it gets a copy of its parent's, or of the live one where the parent cannot be told.
fn copied(shelf: &Shelf, live: &Live, from: String, refs: &Refs) -> Turn {
    let nearest = refs.nearest.first().filter(|nearest| **nearest != from);
    let parent: Option<&Parked> = nearest.and_then(|nearest| shelf.parked(nearest));
    let bytes = parent.map_or(live.bytes, |parent| parent.bytes);
    if refs.hook && bytes > LARGE {
        return Turn::Large { from, bytes };
    }
    match parent {
        Some(parent) => Turn::Copy { from, parent: parent.clone() },
        None => Turn::Fork { from },
    }
}

/// Returns the databases of branches as they are listed; `branches` are those that git has.
pub fn listed(shelf: &Shelf, database: &str, branches: Option<&[String]>) -> Vec<Listed> {
    let gone = |branch: &String| branches.is_some_and(|branches| !branches.contains(branch));
    let live = shelf.live.iter().filter_map(|live| {
        let branch = live.branch.clone()?;
        let gone = gone(&branch);
        Some(Listed { branch, database: database.to_owned(), live: true, bytes: live.bytes, age_seconds: None, gone })
    });
    let parked = shelf.parked.iter().map(|parked| Listed {
        branch: parked.branch.clone(),
        database: parked.database.clone(),
        live: false,
        bytes: parked.bytes,
        age_seconds: Some(parked.age_seconds),
        gone: gone(&parked.branch),
    });
    live.chain(parked).collect()
}

/// Returns those that are to be removed: by name, or those whose branch is gone. The live one stays.
pub fn chosen(all: &[Listed], names: &[String], prune: bool) -> Result<Vec<Listed>, Error> {
    for name in names {
        let found: Vec<&Listed> = all.iter().filter(|it| it.branch == *name).collect();
        if found.is_empty() {
            return Err(Error::usage(format!("no database belongs to the branch `{name}`")).hint("devdb branch list"));
        }
        if found.iter().all(|it| it.live) {
            return Err(Error::usage(format!("the database of `{name}` is the one in use"))
                .hint("git checkout another branch first, then: devdb branch"));
        }
    }
    let wanted = |it: &&Listed| !it.live && (names.contains(&it.branch) || (prune && it.gone));
    Ok(all.iter().filter(wanted).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(live: Option<&str>, parked: &[&str]) -> Shelf {
        let one = |branch: &&str| Parked {
            branch: (*branch).to_owned(),
            database: format!("db of {branch}"),
            bytes: 7,
            age_seconds: 1,
        };
        Shelf {
            live: Some(Live { branch: live.map(str::to_owned), bytes: 7 }),
            parked: parked.iter().map(one).collect(),
        }
    }

    fn refs(to: &str, nearest: &[&str]) -> Refs {
        let branches = ["main", "a", "b"].map(str::to_owned).to_vec();
        Refs {
            to: to.to_owned(),
            owner: to.to_owned(),
            nearest: nearest.iter().map(|it| (*it).to_owned()).collect(),
            branches: Some(branches),
            ..Refs::default()
        }
    }

    #[test]
    fn every_branch_comes_to_its_own() {
        let check = |shelf: &Shelf, refs: &Refs, word: &str| {
            let turn = format!("{:?}", turn(shelf, refs));
            assert!(turn.starts_with(word), "{turn}");
        };
        check(&shelf(Some("a"), &[]), &refs("a", &[]), "Already");
        check(&shelf(None, &[]), &refs("a", &[]), "Adopt { gone: None }");
        check(&shelf(None, &[]), &Refs { owner: "main".into(), ..refs("a", &[]) }, "Fork { from: \"main\"");
        check(&shelf(Some("main"), &[]), &refs("a", &["main"]), "Fork");
        check(&shelf(Some("a"), &["main"]), &refs("b", &["main", "a"]), "Copy { from: \"a\"");
        check(&shelf(Some("a"), &["main"]), &refs("b", &["a", "main"]), "Fork");
        check(&shelf(Some("a"), &["main"]), &refs("main", &["a"]), "Bring { from: Some(\"a\")");
        check(&shelf(Some("old"), &[]), &refs("a", &[]), "Adopt { gone: Some(\"old\")");
        check(&Shelf { live: None, ..shelf(None, &["a"]) }, &refs("a", &[]), "Bring { from: None");
        check(&Shelf::default(), &refs("a", &[]), "Missing");
    }

    #[test]
    fn a_hook_leaves_what_others_use_and_what_takes_long() {
        let tree = Worktree { path: "/other".into(), branch: "main".into() };
        let hooked = Refs { worktrees: vec![tree], hook: true, ..refs("a", &[]) };
        assert!(matches!(turn(&shelf(Some("main"), &["a"]), &hooked), Turn::InUse { .. }));
        assert!(matches!(turn(&shelf(Some("main"), &["a"]), &Refs { hook: false, ..hooked }), Turn::Bring { .. }));
        let mut large = shelf(Some("main"), &[]);
        large.live = large.live.map(|live| Live { bytes: LARGE + 1, ..live });
        assert!(matches!(turn(&large, &Refs { hook: true, ..refs("a", &[]) }), Turn::Large { .. }));
        assert!(matches!(turn(&large, &refs("a", &[])), Turn::Fork { .. }));
    }

    #[test]
    fn the_live_one_is_never_removed() {
        let shelf = shelf(Some("a"), &["main", "lost", "a"]);
        let all = listed(&shelf, "app", Some(&["main".to_owned(), "a".to_owned()]));
        let names = |chosen: Vec<Listed>| chosen.into_iter().map(|it| it.database).collect::<Vec<_>>();
        assert_eq!(names(chosen(&all, &[], true).unwrap()), ["db of lost"]);
        assert_eq!(names(chosen(&all, &["a".to_owned()], false).unwrap()), ["db of a"]);
        assert!(chosen(&all, &["nope".to_owned()], false).is_err());
    }
}
