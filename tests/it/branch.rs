//! `devdb branch`: real repositories, real checkouts, and the database that the app's one name means after them.

use crate::reset_common::{Shop, beside, own_server};
use crate::support::cluster::Cluster;
use crate::support::sandbox::{Output, Sandbox};
use std::time::{Duration, Instant};

const CONFIG: &str = "[branches]\nmode = \"database\"\n";

impl Shop<'_> {
    /// A repository on `main`, with the hook, whose database says `main`.
    #[track_caller]
    fn with_branches(self) -> Self {
        self.project.write("devdb.toml", CONFIG);
        self.project.git_init();
        self.database.sql("create table says (what text); insert into says values ('main')");
        self.devdb(["branch", "install"]).run().assert_code(0).assert_stdout_has("database of `main`");
        self
    }

    fn git_at(directory: &std::path::Path, words: &[&str]) -> Output {
        let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        let git = Sandbox::at(directory).program("git").args(name).args(words.iter().copied());
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").run()
    }

    fn git(&self, words: &[&str]) -> Output {
        Self::git_at(self.project.path(), words)
    }

    #[track_caller]
    fn checkout(&self, words: &[&str]) -> Output {
        let words: Vec<&str> = std::iter::once("checkout").chain(words.iter().copied()).collect();
        let output = self.git(&words);
        output.assert_code(0);
        output
    }

    fn says(&self) -> Vec<String> {
        let rows = self.database.query("select what from says order by 1");
        rows.into_iter().flatten().flatten().collect()
    }

    fn add(&self, what: &str) {
        self.database.sql(&format!("insert into says values ('{what}')"));
    }

    /// Branches with `*` before the live one and `!` behind those that are gone.
    #[track_caller]
    fn listed(&self) -> Vec<String> {
        let report = self.devdb(["branch", "list", "--json"]).run().assert_code(0).json();
        let all = report.get("branches").and_then(serde_json::Value::as_array).unwrap().iter();
        let one = |it: &serde_json::Value| {
            let flag = |key: &str| it.get(key).and_then(serde_json::Value::as_bool).unwrap();
            let name = it.get("branch").and_then(serde_json::Value::as_str).unwrap();
            format!("{}{name}{}", if flag("live") { "*" } else { "" }, if flag("gone") { "!" } else { "" })
        };
        all.map(one).collect()
    }

    fn comment(&self) -> Option<String> {
        let name = self.name();
        let query = format!("select shobj_description(oid, 'pg_database') from pg_database where datname = '{name}'");
        self.cluster.value("postgres", &query)
    }
}

#[test]
fn the_database_follows_every_checkout() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_branches();
    let env = shop.project.read(".env");
    let output = shop.checkout(&["-b", "feature/käse-🧀"]);
    output.assert_stderr_has("a copy of `main`'s");
    assert_eq!(shop.says(), ["main"], "a new branch begins with what its parent had");
    shop.add("feature");
    shop.checkout(&["main"]).assert_stderr_has("database of `main` again");
    assert_eq!(shop.says(), ["main"]);
    shop.add("later");
    shop.checkout(&["-"]);
    assert_eq!(shop.says(), ["feature", "main"]);
    shop.git(&["switch", "main"]).assert_code(0);
    assert_eq!(shop.says(), ["later", "main"]);
    assert_eq!(shop.listed(), ["*main", "feature/käse-🧀"]);
    assert_eq!(shop.project.read(".env"), env);
    // A file is checked out, not a branch.
    shop.checkout(&["--", ".env"]).assert_lacks("devdb:");
    shop.checkout(&["--detach"]).assert_stderr_has("stays as it is");
    assert_eq!(shop.says(), ["later", "main"]);
    shop.checkout(&["main"]);
    let list = shop.devdb(["branch", "list"]).run();
    list.assert_code(0).assert_stdout_has("*  main").assert_stdout_has("MB");
}

#[test]
fn a_reset_an_undo_and_a_snapshot_are_the_branchs_own() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    cluster.sql("postgres", &format!("comment on database {} is 'It''s \"ours\"'", shop.name()));
    let shop = shop.with_branches();
    shop.checkout(&["-b", "feature"]);
    shop.reset().run().assert_code(0);
    assert_eq!(shop.listed(), ["*feature", "main"], "the new database is the branch's too");
    assert_eq!(shop.database.value("select count(*) from users").as_deref(), Some("2"));
    shop.checkout(&["main"]);
    assert_eq!(shop.says(), ["main"]);
    shop.devdb(["undo"]).run().assert_code(4).assert_stderr_has("no replaced");
    shop.reset().run().assert_code(0);
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(shop.says(), ["main"]);
    shop.checkout(&["feature"]);
    shop.devdb(["undo"]).run().assert_code(0);
    assert_eq!(shop.says(), ["main"], "what the reset on this branch had replaced");
    shop.add("on feature");
    shop.devdb(["snapshot", "save", "one"]).run().assert_code(0);
    shop.add("more");
    shop.devdb(["snapshot", "restore", "--yes"]).run().assert_code(0);
    assert_eq!(shop.says(), ["main", "on feature"]);
    assert_eq!(shop.listed(), ["*feature", "main"]);
    // Under the real name, for commands that cannot be pointed elsewhere.
    shop.project.write("devdb.toml", &format!("{CONFIG}[migrations]\nredirect = false\n"));
    shop.reset().run().assert_code(0);
    assert_eq!(shop.listed(), ["*feature", "main"]);
    shop.project.write("seeds/02.sql", "insert into nowhere values (1);");
    shop.reset().run().assert_code(5);
    assert_eq!(shop.listed(), ["*feature", "main"]);
    let comment = shop.comment().unwrap();
    assert!(comment.contains(r#"It's \"ours\""#) && comment.matches("devdb: ").count() == 1, "{comment}");
}

#[test]
fn a_new_branch_gets_what_its_parent_has() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_branches();
    shop.checkout(&["-b", "one"]);
    shop.add("one");
    shop.git(&["commit", "--quiet", "--allow-empty", "--message", "on one"]).assert_code(0);
    let output = shop.checkout(&["-b", "two", "main"]);
    output.assert_stderr_has("a copy of `main`'s");
    assert_eq!(shop.says(), ["main"]);
    shop.add("two");
    shop.checkout(&["-b", "of-one", "one"]).assert_stderr_has("a copy of `one`'s");
    assert_eq!(shop.says(), ["main", "one"]);
    assert_eq!(shop.listed().first().map(String::as_str), Some("*of-one"));
    for (branch, says) in [("two", vec!["main", "two"]), ("one", vec!["main", "one"]), ("main", vec!["main"])] {
        shop.checkout(&[branch]);
        assert_eq!(shop.says(), says, "{branch}");
    }
}

#[test]
fn another_working_tree_keeps_the_database_until_it_is_asked_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_branches();
    shop.project.git(&["add", "--all"]);
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join("second tree");
    let shown = path.display().to_string();
    let output = shop.git(&["worktree", "add", "--quiet", "-b", "other", &shown]);
    output.assert_code(0).assert_stderr_has("stays with `main`");
    assert_eq!(shop.listed(), ["*main"]);
    let there = || Sandbox::at(&path);
    let taken = there().args(["branch"]).run();
    taken.assert_code(0).assert_stdout_has("a copy of `main`'s").assert_stderr_has("has `main` checked out");
    shop.add("other");
    assert_eq!(shop.listed(), ["*other", "main"]);
    // Here, a checkout finds the database in use over there.
    shop.checkout(&["-b", "third"]).assert_stderr_has("stays with `other`");
    assert_eq!(shop.says(), ["main", "other"]);
    shop.devdb(["branch"]).run().assert_code(0);
    assert_eq!(shop.says(), ["main"], "third comes from main");
    there().args(["branch"]).run().assert_code(0);
    assert_eq!(shop.says(), ["main", "other"]);
    Shop::git_at(&path, &["checkout", "--quiet", "--detach"]).assert_code(0);
    shop.checkout(&["main"]);
    assert_eq!(shop.says(), ["main"]);
}

#[test]
fn a_hook_that_is_there_goes_on_and_is_given_back() {
    let Some(cluster) = Cluster::shared() else { return };
    let python = "#!/usr/bin/env python3\nimport sys\nopen('ran', 'a').write('py %s\\n' % sys.argv[3])\n";
    let shell = "#!/bin/sh -e\necho \"sh $3\" >> ran\nexit 3\n";
    for (text, line, code) in [(python, "py 1", 0), (shell, "sh 1", 1)] {
        let shop = Shop::new(cluster);
        shop.project.write("devdb.toml", CONFIG);
        shop.project.git_init();
        shop.project.git(&["config", "core.hooksPath", ".githooks/own ones"]);
        let hook = shop.project.write(".githooks/own ones/post-checkout", text);
        let refused = shop.devdb(["branch", "install"]).run();
        refused.assert_code(2).assert_stderr_has("not executable");
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        for _twice in 0..2 {
            shop.devdb(["branch", "install"]).run().assert_code(0).assert_stdout_has(".githooks/own ones");
        }
        let output = shop.git(&["checkout", "-b", "feature"]);
        // git gives the hook's own code on.
        assert_eq!(output.code, code, "{output}");
        output.assert_stderr_has("devdb: ");
        assert_eq!(shop.project.read("ran"), format!("{line}\n"));
        assert_eq!(shop.listed(), ["*feature", "main"]);
        shop.devdb(["branch", "uninstall"]).run().assert_code(0);
        assert_eq!(shop.project.read(".githooks/own ones/post-checkout"), text);
        assert_eq!(std::fs::read_dir(hook.parent().unwrap()).unwrap().count(), 1);
        shop.devdb(["branch", "uninstall"]).run().assert_code(0).assert_stdout_has("no lines");
    }
    let shop = Shop::new(cluster).with_branches();
    shop.devdb(["branch", "uninstall"]).run().assert_code(0);
    assert!(!shop.project.exists(".git/hooks/post-checkout"));
    shop.checkout(&["-b", "feature"]).assert_lacks("devdb:");
    shop.devdb(["branch"]).run().assert_code(0).assert_stderr_has("devdb branch install");
}

#[test]
fn a_project_in_a_folder_of_the_repository_has_its_hook() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    for name in [".env", "devdb.toml"] {
        let text = if name == ".env" { shop.project.read(".env") } else { CONFIG.to_owned() };
        shop.project.write(&format!("back end/{name}"), &text);
    }
    shop.project.remove(".env");
    shop.project.git_init();
    shop.devdb(["-C", "back end", "branch", "install"]).run().assert_code(0).assert_stdout_has("of `main`");
    shop.checkout(&["-b", "feature"]).assert_stderr_has("a copy of `main`'s");
    // From another folder, and where the project is not there.
    Shop::git_at(&shop.project.file("db"), &["checkout", "main"]).assert_code(0).assert_stderr_has("of `main` again");
    shop.git(&["checkout", "--quiet", "--orphan", "empty"]).assert_code(0);
}

#[test]
fn a_checkout_never_fails_because_of_the_database() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_branches();
    let lock = format!("select pg_advisory_lock(hashtextextended('devdb {}', 0)), pg_sleep(40)", shop.name());
    let held = Sandbox::at(shop.project.path())
        .program("psql")
        .args([cluster.superuser_url("postgres").as_str(), "-c", &lock])
        .may_show_secrets()
        .spawn();
    let holds = "select count(*)::text from pg_locks where locktype = 'advisory' and granted";
    let started = Instant::now();
    while cluster.value("postgres", holds).as_deref() != Some("1") {
        assert!(started.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = shop.checkout(&["-b", "feature"]);
    output.assert_stderr_has("for 10 s").assert_stderr_has("stays as it is");
    drop(held);
    cluster.sql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where query like '%pg_sleep(40)%' and pid <> pg_backend_pid()",
    );
    cluster.stop();
    let output = shop.checkout(&["main"]);
    output.assert_stderr_has("devdb: ");
    assert_eq!(output.stderr.lines().filter(|line| line.contains("devdb")).count(), 1, "{output}");
    cluster.resume();
    shop.checkout(&["feature"]);
    assert_eq!(shop.listed(), ["*feature", "main"]);
    shop.project.write("devdb.toml", "[branches\n");
    shop.git(&["checkout", "main"]).assert_code(0);
}

#[test]
fn branches_that_are_gone_are_known_and_removed() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_branches();
    for name in ["one", "two", "it's \"three\""] {
        shop.checkout(&["-b", &name.replace('"', "").replace(' ', "-"), "main"]);
    }
    shop.reset().run().assert_code(0);
    shop.checkout(&["main"]);
    shop.git(&["branch", "-D", "one", "two"]).assert_code(0);
    assert_eq!(shop.listed(), ["*main", "it's-three", "two!", "one!"]);
    shop.devdb(["branch", "list"]).run().assert_stdout_has("gone").assert_stderr_has("--prune");
    let remove = |words: &[&str]| shop.devdb(["branch", "remove"]).args(words.iter().copied()).run();
    remove(&["one"]).assert_code(3).assert_stderr_has("consent");
    remove(&["main", "--yes"]).assert_code(2).assert_stderr_has("in use");
    remove(&["four", "--yes"]).assert_code(2).assert_stderr_has("`four`");
    remove(&[]).assert_code(2);
    remove(&["--prune", "--dry-run"]).assert_code(0).assert_stderr_has("two");
    assert_eq!(shop.listed().len(), 4);
    remove(&["--prune", "--yes"]).assert_code(0).assert_stdout_has("2 databases removed");
    assert_eq!(shop.listed(), ["*main", "it's-three"]);
    remove(&["it's-three", "--yes"]).assert_code(0);
    assert_eq!(shop.beside(), Vec::<String>::new(), "with what a reset there had replaced");
    // One that was renamed takes its database along.
    shop.git(&["branch", "-m", "main", "trunk"]).assert_code(0);
    shop.devdb(["branch"]).run().assert_code(0).assert_stdout_has("which is gone");
    assert_eq!((shop.listed(), shop.says()), (vec!["*trunk".to_owned()], vec!["main".to_owned()]));
}

#[test]
fn a_killed_switch_loses_no_branch() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_branches();
    shop.devdb(["branch", "uninstall"]).run().assert_code(0);
    shop.database.sql("create table big as select n, repeat('x', 100) from generate_series(1, 60000) n");
    shop.checkout(&["--quiet", "-b", "timed"]);
    let whole = shop.devdb(["branch"]).run().assert_code(0).took;
    shop.checkout(&["--quiet", "main"]);
    shop.devdb(["branch"]).run().assert_code(0);
    let mut closed = 0;
    for index in 0..20_u32 {
        let name = format!("b{index}");
        shop.checkout(&["--quiet", "-b", &name, "main"]);
        let mut running = shop.devdb(["branch"]).spawn();
        std::thread::sleep(whole.mul_f64(f64::from(index) / 19.0));
        running.kill();
        drop(running);
        closed += usize::from(!cluster.accepts(&shop.database.owner, shop.name()));
        shop.devdb(["branch"]).run().assert_code(0);
        assert_eq!(shop.says(), ["main"]);
        shop.add(&name);
        shop.checkout(&["--quiet", "main"]);
        let mut running = shop.devdb(["branch"]).spawn();
        std::thread::sleep(whole.mul_f64(f64::from(index) / 30.0));
        running.kill();
        drop(running);
        closed += usize::from(!cluster.accepts(&shop.database.owner, shop.name()));
        shop.devdb(["branch"]).run().assert_code(0);
        assert_eq!(shop.says(), ["main"], "after {name}");
        assert_eq!(shop.database.value("select count(*) from big").as_deref(), Some("60000"));
    }
    assert_eq!(shop.listed().len(), 22);
    assert_eq!(beside(&cluster, shop.name()).len(), 21, "every branch has one database, and nothing else is left");
    for index in [0, 7, 19] {
        let name = format!("b{index}");
        shop.checkout(&["--quiet", &name]);
        shop.devdb(["branch"]).run().assert_code(0);
        assert_eq!(shop.says(), [name.as_str(), "main"]);
    }
    eprintln!("40 kills over {whole:?}, {closed} of them left it closed until the next run");
}

#[test]
fn a_project_that_does_not_ask_for_it_is_told_what_to_write() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.project.git_init();
    for words in [&["branch"][..], &["branch", "list"], &["branch", "install"], &["branch", "remove", "x"]] {
        let output = shop.devdb(words.iter().copied()).run();
        output.assert_code(2).assert_stderr_has("[branches]").assert_stderr_has("mode = \"database\"");
    }
    let hook = shop.devdb(["branch", "switch", "--hook"]).run();
    assert_eq!((hook.code, hook.stdout.as_str(), hook.stderr.as_str()), (0, "", ""));
    assert_eq!(shop.comment(), None);
}
