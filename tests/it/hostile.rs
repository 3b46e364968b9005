//! What a breaker tried: input that is wrong, hostile, or merely unlucky, and what must not come of it.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use crate::doctor_report::local_project;
use crate::reset_common::Shop;
use crate::support::cluster::Cluster;
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

#[test]
fn duplicates_lose_the_ignored_lines_and_no_others() {
    let Some((project, database)) = local_project() else { return };
    let url = database.url();
    project.write(".env", &format!("A=1\nB=9\nA=2\nC=3\nA=3\nD=x\nDATABASE_URL={url}\nD=y\n"));
    Sandbox::new(&project).args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    assert_eq!(project.read(".env"), format!("B=9\nC=3\nA=3\nDATABASE_URL={url}\nD=y\n"));
}

#[test]
fn a_database_that_its_owner_renamed_is_not_ours() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    shop.reset().run().assert_code(0);
    let kept = shop.beside().first().unwrap().clone();
    let golden = format!("{}_golden", shop.name());
    cluster.sql("postgres", &format!("alter database \"{kept}\" rename to \"{golden}\""));
    let stranger = format!("{}_other", shop.name());
    cluster.sql("postgres", &format!("create database \"{stranger}\""));
    let tag = format!("devdb: {{\"role\":\"building\",\"of\":\"{}\"}}", shop.name());
    cluster.sql("postgres", &format!("comment on database \"{stranger}\" is '{tag}'"));
    shop.reset().run().assert_code(0);
    shop.reset().run().assert_code(0);
    assert_eq!(cluster.value(&golden, "select note from old_things").as_deref(), Some("mine"));
    assert_eq!(cluster.value(&stranger, "select 1::text").as_deref(), Some("1"));
    for name in [golden, stranger] {
        cluster.sql("postgres", &format!("drop database \"{name}\""));
    }
}

#[test]
fn psql_in_a_seed_reaches_the_new_database() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    shop.project.write("more.sql", "insert into users (email) values ('by psql');\n");
    shop.project.write("devdb.toml", "[[seeds]]\nrun = \"psql -qf more.sql\"\n");
    let owner = &shop.database.owner;
    // As a developer's shell may have it: everything but the database's name.
    let sandbox = shop.reset().env("PGHOST", "127.0.0.1").env("PGPORT", &cluster.port().to_string());
    sandbox.env("PGUSER", &owner.name).env("PGPASSWORD", &owner.password).run().assert_code(0);
    assert_eq!(shop.database.value("select email from users").as_deref(), Some("by psql"));
}

#[test]
fn a_script_with_transactions_of_its_own_is_run_once_and_named_rightly() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    shop.project.write("seeds/02_own.sql", "begin;\ncreate table t (i int);\ncommit;\nselect 1/0;\n");
    let output = shop.reset().run();
    output.assert_code(5).assert_stderr_has("seeds/02_own.sql:4").assert_stderr_has("22012");
    shop.assert_untouched(&before);
    shop.project.write("seeds/02_own.sql", "begin;\ncreate table t (i int);\ncommit;\ninsert into t values (1);\n");
    shop.reset().run().assert_code(0);
    assert_eq!(shop.database.value("select count(*)::text from t").as_deref(), Some("1"));
}

#[test]
fn no_notation_of_a_password_is_repeated() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    let password = crate::support::new_password();
    for notation in [format!("$${password}$$"), format!("E'{password}'"), format!("'it''{password}'")] {
        let seed = format!("alter role nobody_like_this password {notation} bogus;\n");
        shop.project.write("seeds/02_role.sql", &seed);
        shop.reset().run().assert_code(5).assert_stderr_has("seeds/02_role.sql:1").assert_stderr_has("***");
    }
}

#[test]
fn variables_that_double_each_other_stay_small() {
    let project = Project::new();
    let bomb: Vec<String> = (1..60).map(|number| format!("X{number}=${{X{0}}}${{X{0}}}", number - 1)).collect();
    project.write(".env", &format!("X0=0123456789\n{}\n", bomb.join("\n")));
    let keys: Vec<String> = (0..12_000).map(|number| format!("KEY_{number}=value")).collect();
    project.write("backend/.env", &keys.join("\n"));
    let doctor = Sandbox::new(&project).limit(Duration::from_secs(20)).args(["doctor", "--json"]).run();
    assert!(doctor.took < Duration::from_secs(5), "took {:?}", doctor.took);
    project.write(".env", &"LONG=1\n".repeat(60_000));
    Sandbox::new(&project).args(["doctor"]).run().assert_stdout_has("larger than 256 kB");
}

#[test]
fn a_url_that_no_client_can_use_is_an_error_with_its_line() {
    let project = Project::new();
    for url in ["postgresql://a@localhost:99999/x", "postgresql://a@[::1/x", "postgresql://a@h/x?hostaddr=10.1.1.1"] {
        project.write(".env", &format!("X=1\nDATABASE_URL={url}\n"));
        let output = Sandbox::new(&project).args(["doctor"]).run();
        output.assert_code(1).assert_stdout_has("[env-syntax]").assert_stdout_has(".env:2");
    }
}

#[test]
fn a_configuration_that_names_what_is_not_there_is_refused() {
    let project = Project::new();
    project.write(".env", "DATABASE_URL=postgresql://a@localhost/x\n");
    let wrong = [
        "[database]\nenv_file = \"nope.env\"",
        "[compose]\nfile = \"nope.yaml\"",
        "[migrations]\nupgrade = \"\"",
        "[migrations]\nstamp = \"head\"",
        "[[seeds]]\nprofile = \"demo\"",
        "[[seeds]]\nfiles = \"nope/*.sql\"",
        "[[seeds]]\nfiles = \"[.sql\"",
    ];
    for text in wrong {
        project.write("devdb.toml", text);
        Sandbox::new(&project).args(["doctor"]).run().assert_code(2).assert_stderr_has("devdb.toml");
    }
}

#[test]
fn an_edit_by_root_leaves_the_file_its_owners() {
    let Some((project, _database)) = local_project() else { return };
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let env = project.file(".env");
    project.write(".env", &project.read(".env").replace('\n', "\r\n"));
    std::os::unix::fs::chown(&env, Some(1234), Some(4321)).unwrap();
    Sandbox::new(&project).args(["doctor", "--fix", "--yes"]).run().assert_code(0);
    let after = std::fs::metadata(&env).unwrap();
    assert_eq!((after.uid(), after.gid()), (1234, 4321));
}

#[test]
fn a_compose_file_that_compose_refuses_is_not_replaced_by_a_server_of_our_own() {
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL=postgresql://a@localhost:{}/x\n", free_port()));
    project.write("compose.yaml", "services:\n  db:\n\timage: postgres\n");
    Sandbox::new(&project).args(["up"]).run().assert_code(2).assert_stderr_has("compose.yaml");
}

#[test]
fn a_production_marker_behind_a_variable_counts() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let env = shop.project.read(".env").replace("APP_ENV=development", "APP_ENV=${STAGE:-production}");
    shop.project.write(".env", &env);
    shop.reset().run().assert_code(3).assert_stderr_has("APP_ENV").assert_stderr_has("production");
    shop.assert_untouched(&before);
}

/// Runs `devdb doctor` with 100 MB for all its data, and returns what it printed.
#[track_caller]
fn in_little_memory(project: &Project) -> crate::support::sandbox::Output {
    let sandbox = Sandbox::new(project).program("prlimit").limit(Duration::from_secs(20));
    let output = sandbox.args(["--data=104857600", env!("CARGO_BIN_EXE_devdb"), "doctor"]).run();
    assert!([0, 1].contains(&output.code), "{output}");
    assert!(!output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'), "nothing drives the terminal");
    assert!(output.stdout.len() < 40_000, "{} bytes", output.stdout.len());
    output
}

#[test]
fn files_that_would_fill_the_memory_are_named() {
    let project = Project::new();
    project.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    let env = project.file(".env");
    std::fs::File::create(&env).unwrap().set_len(1 << 30).unwrap();
    in_little_memory(&project).assert_stdout_has("`.env` cannot be read: it is larger than");
    std::fs::remove_file(&env).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &env).unwrap();
    in_little_memory(&project).assert_stdout_has("`.env` cannot be read: it is no regular file");
    std::fs::remove_file(&env).unwrap();
    nix::unistd::mkfifo(&env, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    in_little_memory(&project).assert_stdout_has("`.env` cannot be read: it is no regular file");
}

#[test]
fn aliases_that_double_each_other_stay_small() {
    let Some((project, _database)) = local_project() else { return };
    let mut text = format!("a: &a [{}]\n", ["lol"; 10].join(","));
    for (before, name) in ('a'..='j').zip('b'..='k') {
        let line = format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(","));
        text.push_str(&line);
    }
    text.push_str("services: {db: {image: postgres, environment: *k}}\n");
    project.write("compose.yaml", &text);
    in_little_memory(&project);
}

#[test]
fn a_servers_flood_is_cut_and_cannot_draw() {
    let flood = crate::support::ports::OtherPort::flooding(10 << 20);
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL=postgresql://app:pw-of-mine@127.0.0.1:{}/app\n", flood.port()));
    in_little_memory(&project).assert_stdout_has("\\u{1b}[2J\\u{1b}]0;pwned\\u{7}AAAA").assert_stdout_has("28000");
}

#[test]
fn scripts_settings_migrations_and_seeds_that_are_traps() {
    let Some((project, _database)) = local_project() else { return };
    project.write("manage.py", "");
    project.write("shop/migrations/0001_a.py", "class Migration: pass\n");
    project.write("seeds/a.sql", "select 1;\n");
    project.write("bin/run", "alembic upgrade \u{1b}[31mevil@head\npsql \u{1b}]0;evil\u{7}\n");
    let endless = |path: &str| std::os::unix::fs::symlink("/dev/zero", project.file(path)).unwrap();
    for path in ["config.py", "database.py", "shop/migrations/0002_b.py", "seeds/b.sql", "bin/endless"] {
        endless(path);
    }
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
    for path in ["settings.py", "shop/migrations/0003_c.py", "seeds/c.sql", "bin/pipe.sh"] {
        nix::unistd::mkfifo(&project.file(path), mode).unwrap();
    }
    for path in ["Makefile", "conf.py", "shop/migrations/0004_d.py", "seeds/d.sql"] {
        std::fs::File::create(project.file(path)).unwrap().set_len(1 << 32).unwrap();
    }
    for data in ["/dev/zero", "/dev/stdin", "\u{1b}[31m"] {
        let output = Sandbox::new(&project).env("PGDATA", data).args(["doctor", "-v"]).run();
        output.assert_code(0).assert_lacks("\u{1b}");
        assert!(output.took < Duration::from_secs(3), "{output}");
    }
}

#[test]
fn a_password_before_a_host_that_is_none_is_not_shown() {
    let project = Project::new();
    let password = crate::support::new_password();
    let shown = |url: &str| {
        project.write(".env", &format!("DATABASE_URL={url}\n"));
        let sandbox = Sandbox::new(&project);
        let report = sandbox.home().join("report.json");
        let written = report.to_str().unwrap();
        // Each output is searched for every password that a test has made.
        for arguments in [vec!["doctor"], vec!["doctor", "--json"], vec!["env"], vec!["reset", "--dry-run"]] {
            sandbox.clone().args(arguments).run();
        }
        sandbox.clone().scan_file(&report).args(["doctor", "--report", written]).run();
    };
    for host in ["$HOST", "<host>", "{host}", "%(host)s", "db*", "host!", "ho\"st", "[::1", "${HOST}", ""] {
        shown(&format!("postgresql://app:{password}@{host}:5432/db"));
    }
    shown(&format!("postgresql://app@localhost/db?password={password}"));
    shown(&format!("postgresql://app@localhost:{password}/db"));
}
