//! How much of a chain the default branch has.

use super::*;

fn count(project: &Project, root: &Path) -> Option<usize> {
    let scoped = project.picture();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(shared(root, &scoped, Duration::from_secs(20)))
}

#[track_caller]
fn check(project: &Project, expected: Option<usize>) {
    assert_eq!(count(project, project.root()), expected);
}

/// A chain, committed on `main`, with a branch `work` checked out.
fn repository() -> Project {
    let project = Project::alembic();
    commit(&project);
    project
}

fn commit(project: &Project) {
    project.git(&["init", "-q", "-b", "main"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-q", "-m", "a"]);
    project.git(&["checkout", "-q", "-b", "work"]);
}

#[test]
fn without_a_repository_nothing_is_known() {
    check(&Project::alembic(), None);
    let unborn = Project::alembic();
    unborn.git(&["init", "-q"]);
    check(&unborn, None);
    let other = Project::alembic();
    other.git(&["init", "-q", "-b", "trunk"]);
    other.git(&["add", "."]);
    other.git(&["commit", "-q", "-m", "a"]);
    check(&other, None);
}

#[test]
fn what_was_changed_ends_what_is_shared() {
    let project = repository();
    check(&project, Some(3));
    project.append("migrations/versions/c.py", "# edited\n");
    check(&project, Some(2));
    project.git(&["commit", "-q", "-a", "-m", "b"]);
    check(&project, Some(2));
    project.append("migrations/versions/a.py", "# edited\n");
    project.git(&["add", "."]);
    check(&project, Some(0));
}

#[test]
fn what_is_new_ends_it() {
    let project = repository();
    project.revision("d", Some("c"), "");
    check(&project, Some(3));
    assert_eq!(project.inputs().revisions.len(), 4);
    project.git(&["add", "."]);
    check(&project, Some(3));
    project.git(&["commit", "-q", "-m", "b"]);
    check(&project, Some(3));
}

#[test]
fn a_new_name_ends_it() {
    let project = repository();
    project.git(&["mv", "migrations/versions/b.py", "migrations/versions/b_new.py"]);
    check(&project, Some(1));
    project.git(&["commit", "-q", "-m", "b"]);
    check(&project, Some(1));
}

#[test]
fn what_the_default_branch_got_since_does_not_count() {
    let project = repository();
    project.git(&["checkout", "-q", "main"]);
    project.append("migrations/versions/a.py", "# edited\n");
    project.git(&["commit", "-q", "-a", "-m", "b"]);
    project.git(&["checkout", "-q", "work"]);
    project.append("migrations/versions/c.py", "# edited\n");
    check(&project, Some(2));
}

#[test]
fn the_remote_default_branch_goes_first() {
    let project = repository();
    project.append("migrations/versions/b.py", "# edited\n");
    project.git(&["commit", "-q", "-a", "-m", "b"]);
    check(&project, Some(1));
    project.git(&["update-ref", "refs/remotes/origin/main", "work"]);
    check(&project, Some(3));
    project.git(&["update-ref", "refs/remotes/origin/develop", "main"]);
    project.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"]);
    check(&project, Some(1));
}

#[test]
fn a_project_below_the_top_is_found() {
    let project = Project::alembic();
    let below = project.root().join("back end/süd");
    for name in ["alembic.ini", "migrations", "app"] {
        std::fs::create_dir_all(&below).unwrap();
        std::fs::rename(project.root().join(name), below.join(name)).unwrap();
    }
    commit(&project);
    let scope = Scope {
        root: below.clone(),
        shell: std::collections::BTreeMap::new(),
        config: crate::model::config::Config::default(),
        depth: Depth::Files,
        deadline: Duration::from_secs(10),
    };
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(shared(&below, &project::read(&scope), Duration::from_secs(20)))
    };
    assert_eq!(ask(), Some(3));
    project.append("back end/süd/migrations/versions/b.py", "# edited\n");
    assert_eq!(ask(), Some(1));
    project.git(&["config", "diff.relative", "true"]);
    project.git(&["commit", "-q", "-a", "-m", "b"]);
    assert_eq!(ask(), Some(1));
}

#[test]
fn worktrees_and_shallow_clones_are_repositories() {
    let project = repository();
    project.append("migrations/versions/c.py", "# edited\n");
    project.git(&["commit", "-q", "-a", "-m", "b"]);
    let place = tempfile::tempdir().unwrap();
    let tree = place.path().join("tree");
    project.git(&["worktree", "add", "-q", "--detach", &tree.display().to_string(), "work"]);
    assert_eq!(count(&project, &tree), Some(2));
    let clone = place.path().join("clone");
    let from = format!("file://{}", project.root().display());
    project.git(&["clone", "-q", "--depth", "1", "--branch", "work", &from, &clone.display().to_string()]);
    // Only `work` was cloned, and with nothing that came before.
    assert_eq!(count(&project, &clone), Some(3));
}

#[test]
fn names_are_taken_as_they_are() {
    let project = Project::empty();
    project.write("db/migrations/1_a.sql", "-- migrate:up\nselect 1;\n-- migrate:down\n");
    project.write("db/migrations/2_b é [x].sql", "-- migrate:up\nselect 1;\n-- migrate:down\n");
    commit(&project);
    check(&project, Some(2));
    project.append("db/migrations/2_b é [x].sql", "-- edited\n");
    check(&project, Some(1));
    project.write("db/migrations/0_ \"new\".sql", "-- migrate:up\nselect 1;\n-- migrate:down\n");
    check(&project, Some(0));
}
