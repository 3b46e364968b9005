//! `kill -9` at any moment: the database that `.env` names is there, wholly old or wholly new, and the next run cleans up.

use crate::reset_common::{Shop, fingerprint, oid, own_server};
use crate::support::cluster::Cluster;
use crate::support::{bench, venv};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What the kills found.
#[derive(Debug, Default)]
struct Tally {
    outcomes: BTreeMap<&'static str, usize>,
    left_over: usize,
    closed: usize,
}

impl Shop<'_> {
    fn generation(&self, number: usize) {
        let seed = format!(
            "insert into users (email) select {number} || '-' || n from generate_series(1, 500) n;\n\
             insert into orders (user_id, total) select id, {number} from users;\n"
        );
        self.project.write("seeds/01_users.sql", &seed);
    }

    /// `old` or `new`; anything else is the failure that these tests look for.
    #[track_caller]
    fn wholeness(&self, before: &(Option<String>, String), generation: usize) -> &'static str {
        if self.oid() == before.0 {
            assert_eq!(self.fingerprint(), before.1, "half of the old one");
            return "old";
        }
        let counts = format!(
            "select (select count(*) from users where email like '{generation}-%') || ' ' ||
             (select count(*) from orders where total = {generation}) || ' ' || (select count(*) from users)"
        );
        assert_eq!(self.database.value(&counts).as_deref(), Some("500 500 500"), "half of a new one");
        "new"
    }

    fn is_closed(&self) -> bool {
        let query = format!("select datallowconn from pg_database where datname = '{}'", self.name());
        self.cluster.value("postgres", &query).as_deref() == Some("f")
    }

    /// Kills a run after `delay`, looks, lets the next run finish, and looks again.
    fn kill_after(&self, command: &[&str], delay: Duration, generation: usize, tally: &mut Tally) {
        self.generation(generation);
        let before = self.before();
        let mut running = self.devdb(command.iter().copied()).spawn();
        std::thread::sleep(delay);
        running.kill();
        drop(running);
        let left = self.beside();
        let outcome = if self.is_closed() {
            tally.closed += 1;
            assert_eq!(self.oid(), before.0);
            "old"
        } else {
            self.wholeness(&before, generation)
        };
        *tally.outcomes.entry(outcome).or_default() += 1;
        tally.left_over += usize::from(left.len() > 1);
        let standing = self.oid();
        self.reset().run().assert_code(0);
        assert_eq!(self.wholeness(&before, generation), "new");
        let kept = self.beside();
        assert_eq!(kept.len(), 1, "after {delay:?}: {kept:?}");
        assert_eq!(oid(self.cluster, kept.first().unwrap()), standing, "what stood there is what is kept");
        if outcome == "old" {
            assert_eq!(fingerprint(self.cluster, kept.first().unwrap()), before.1);
        }
    }
}

/// A spread of moments over `whole`, without a pattern that the run could have too.
fn moments(count: u32, whole: Duration) -> impl Iterator<Item = Duration> {
    (0..count).map(move |index| {
        let jitter = f64::from(index * 7919 % 1000) / 1000.0;
        whole.mul_f64((f64::from(index) + jitter) / f64::from(count))
    })
}

#[test]
fn a_killed_reset_leaves_the_old_or_the_new_one() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster);
    shop.generation(0);
    shop.reset().run().assert_code(0);
    // How long it takes differs on a busy machine: some kills are meant for the middle, some for the end.
    let times: Vec<Duration> = (0..4).map(|_run| shop.reset().run().assert_code(0).took).collect();
    let (shortest, longest) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
    let whole = longest.mul_f64(1.4);
    let mut tally = Tally::default();
    for (index, moment) in moments(40, shortest.mul_f64(1.1)).chain(moments(20, whole)).enumerate() {
        shop.kill_after(&["reset", "--yes"], moment, index + 1, &mut tally);
    }
    eprintln!("60 kills over {whole:?}: {tally:?}");
    assert!(tally.outcomes.contains_key("old") && tally.left_over > 0, "{tally:?}");
}

/// The moments at which the least is sure: a sentence of devdb's has just appeared.
#[test]
fn a_reset_killed_around_its_swap_leaves_the_old_or_the_new_one() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster);
    shop.generation(0);
    shop.reset().run().assert_code(0);
    let mut tally = Tally::default();
    for index in 0..24_u64 {
        let generation = 1000 + usize::try_from(index).unwrap();
        shop.generation(generation);
        let before = shop.before();
        let mut running = shop.reset().spawn();
        running.wait_for("verify  ");
        std::thread::sleep(Duration::from_millis(index % 12));
        running.kill();
        drop(running);
        if shop.is_closed() {
            tally.closed += 1;
        } else {
            *tally.outcomes.entry(shop.wholeness(&before, generation)).or_default() += 1;
        }
        shop.reset().run().assert_code(0);
        assert_eq!(shop.beside().len(), 1);
    }
    eprintln!("24 kills around the swap: {tally:?}");
}

#[test]
fn a_killed_undo_loses_neither_of_the_two() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    shop.reset().run().assert_code(0);
    let both = |shop: &Shop<'_>| {
        let kept = shop.beside();
        assert_eq!(kept.len(), 1, "{kept:?}");
        let mut both = [oid(shop.cluster, shop.name()), oid(shop.cluster, kept.first().unwrap())];
        both.sort();
        both
    };
    let expected = both(&shop);
    let started = Instant::now();
    shop.devdb(["undo"]).run().assert_code(0);
    let whole = started.elapsed();
    let mut closed = 0;
    for moment in moments(40, whole.mul_f64(1.1)) {
        let mut running = shop.devdb(["undo"]).spawn();
        std::thread::sleep(moment);
        running.kill();
        drop(running);
        closed += usize::from(shop.is_closed());
        assert_eq!(both(&shop), expected);
        shop.devdb(["undo"]).run().assert_code(0);
        assert_eq!(both(&shop), expected, "one of the two was lost");
        assert!(!shop.is_closed());
    }
    eprintln!("40 killed undos over {whole:?}, {closed} of them left it closed");
}

/// Builds under the real name; the next run brings the old one back before it begins.
#[test]
fn a_killed_run_that_renames_first_gives_the_old_one_its_name_back() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster);
    shop.generation(0);
    shop.project.write("devdb.toml", "[migrations]\nredirect = false\n");
    shop.reset().run().assert_code(0);
    let started = Instant::now();
    shop.reset().run().assert_code(0);
    let whole = started.elapsed();
    for (index, moment) in moments(25, whole.mul_f64(1.1)).enumerate() {
        let (generation, before) = (index + 1, shop.before());
        shop.generation(generation);
        let mut running = shop.reset().spawn();
        std::thread::sleep(moment);
        running.kill();
        drop(running);
        // A run that fails by itself mends first what the killed one left.
        shop.project.write("seeds/01_users.sql", "insert into nowhere values (1);");
        let output = shop.reset().run();
        output.assert_code(5);
        shop.generation(generation);
        let found = shop.wholeness(&before, generation);
        // One that was killed behind its swap had not yet dropped the one before; the next that ends well does.
        let most = if found == "new" { 2 } else { 1 };
        assert!(shop.beside().len() <= most, "{:?}", shop.beside());
        eprintln!("{moment:?}: {found}");
        shop.reset().run().assert_code(0);
        assert_eq!(shop.beside().len(), 1);
    }
}

/// The child lives on when devdb is killed: what it builds is cleared away under it.
#[test]
fn a_reset_killed_while_alembic_runs_leaves_the_old_one() {
    let (Some(cluster), Some(environment)) = (own_server(""), bench::venv()) else { return };
    let shop = Shop::new(&cluster).with_old_content();
    std::fs::remove_dir_all(shop.project.file("db")).unwrap();
    std::fs::remove_dir_all(shop.project.file("seeds")).unwrap();
    shop.project.copy_fixture("alembic-sync");
    venv::link_into(&environment, &shop.project, ".venv");
    let started = Instant::now();
    shop.reset().run().assert_code(0);
    let whole = started.elapsed();
    let mut old = 0;
    for moment in moments(14, whole.mul_f64(1.05)) {
        let before = shop.before();
        let mut running = shop.reset().spawn();
        std::thread::sleep(moment);
        running.kill();
        drop(running);
        if shop.oid() == before.0 {
            old += 1;
            assert_eq!(shop.fingerprint(), before.1);
        }
        shop.reset().run().assert_code(0);
        assert_eq!(shop.beside().len(), 1);
        assert_eq!(shop.database.value("select count(*) from projects").as_deref(), Some("2"));
    }
    assert!(old > 0);
    eprintln!("14 kills over {whole:?} through Alembic: {old} left the old one");
    // Nothing of theirs comes back later.
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(shop.beside().len(), 1);
}

/// A server that stops dead, as a laptop does: what was committed is whole.
#[test]
fn a_server_that_stops_during_a_reset_leaves_the_old_one() {
    let Some(cluster) = own_server("fsync = on\nsynchronous_commit = on") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    shop.project.write("seeds/02_slow.sql", "select pg_sleep(20);");
    let before = shop.before();
    let running = shop.reset().spawn();
    // In the middle of the seed, not a moment before it.
    let sleeping = "select count(*)::text from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'";
    let started = std::time::Instant::now();
    while cluster.value("postgres", sleeping).as_deref() != Some("1") {
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "the seed did not start");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    cluster.stop();
    running.wait().assert_code(5).assert_stderr_has("seeds/02_slow.sql");
    cluster.resume();
    assert_eq!(shop.before(), before);
    shop.project.write("seeds/02_slow.sql", "select 1;");
    shop.reset().run().assert_code(0).assert_stderr_has("cleaned up");
    assert_eq!(shop.beside().len(), 1);
}

#[test]
fn a_database_whose_name_alone_says_that_it_is_unfinished_is_cleared_away() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    let owner = &shop.database.owner.name;
    let (left, near) =
        (format!("{}__devdb_building_00c0ffee", shop.name()), format!("{}__devdb_building_mine", shop.name()));
    for name in [&left, &near] {
        cluster.sql("postgres", &format!("create database {name} owner {owner}"));
    }
    shop.reset().run().assert_code(0).assert_stderr_has("of a run that was killed");
    assert_eq!(oid(cluster, &left), None);
    assert!(oid(cluster, &near).is_some(), "that one is somebody's own");
    let devdb_only = format!("drop database {near}");
    cluster.sql("postgres", &devdb_only);
}

/// A command that outlived devdb could still write, under a name that means something else by then.
#[test]
fn a_killed_run_takes_its_command_with_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster);
    shop.project.write("devdb.toml", "[[seeds]]\nrun = \"echo $$ > started; sleep 300 & sleep 300; wait\"\n");
    let mut running = shop.reset().spawn();
    let started = std::time::Instant::now();
    while !shop.project.exists("started") {
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "the command did not start");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let shell: i32 = loop {
        if let Ok(pid) = shop.project.read("started").trim().parse() {
            break pid;
        }
    };
    let alive = || nix::sys::signal::killpg(nix::unistd::Pid::from_raw(shell), None).is_ok();
    assert!(alive());
    running.kill();
    let killed = std::time::Instant::now();
    while alive() {
        assert!(killed.elapsed() < std::time::Duration::from_secs(10), "the command lives on");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
