//! Clients that come back as fast as they can, while resets exchange the database under them.

use super::report;
use super::world::{Kind, World};
use crate::support::bench;
use crate::support::cluster::{Cluster, Options};
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::{Config, NoTls};

#[derive(Debug, Serialize)]
struct Counts {
    major: u32,
    resets: usize,
    clients: usize,
    logins: u64,
    refused: u64,
    /// Milliseconds without a login that led to an answer, around each reset: median and longest.
    gap_median: f64,
    gap_longest: f64,
    gaps: Vec<f64>,
    reset_median: f64,
    reset_longest: f64,
}

/// Runs so many resets under so many clients; none may fail.
pub(super) fn run(resets: u64, clients: usize) {
    if bench::server().is_none() {
        return;
    }
    // Without passwords: it is the exchange that is measured, and not a hash that takes thousands of rounds.
    let hba = "local all all trust\nhost all all 127.0.0.1/32 trust\n".to_owned();
    let options = Options { hba: Some(hba), ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let owner = cluster.create_role("CREATEDB");
    let world = World::new(&cluster, Kind::Sql, &owner);
    world.devdb(["reset", "--yes"]).run().assert_code(0);
    world.wait_for_spare_maker();
    let ended = AtomicBool::new(false);
    let refused = AtomicU64::new(0);
    // Moments at which somebody had logged in and had an answer.
    let answered: Mutex<Vec<Instant>> = Mutex::new(Vec::new());
    let mut config = Config::new();
    config.host("127.0.0.1").port(cluster.port()).user(&owner.name).dbname(world.name()).application_name("storm");
    let took = std::thread::scope(|scope| {
        for _client in 0..clients {
            scope.spawn(|| come_back(&config, &ended, &answered, &refused));
        }
        let all = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..resets).map(|number| one_reset(&world, number)).collect::<Vec<_>>()
        }));
        ended.store(true, Ordering::Relaxed);
        all
    });
    let took = took.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let mut answered = answered.into_inner().unwrap();
    answered.sort();
    let mut gaps: Vec<f64> = took.iter().map(|(from, to)| longest_gap(&answered, *from, *to)).collect();
    let mut durations: Vec<f64> = took.iter().map(|(from, to)| milliseconds(*to - *from)).collect();
    let counts = Counts {
        major: cluster.major(),
        resets: took.len(),
        clients,
        logins: u64::try_from(answered.len()).unwrap(),
        refused: refused.into_inner(),
        gaps: gaps.clone(),
        gap_median: median(&mut gaps),
        gap_longest: gaps.iter().copied().fold(0.0, f64::max),
        reset_median: median(&mut durations),
        reset_longest: durations.iter().copied().fold(0.0, f64::max),
    };
    eprintln!("storm: {}", serde_json::to_string(&counts).unwrap());
    report(&format!("storm-{}", counts.major), &counts);
}

fn one_reset(world: &World<'_>, number: u64) -> (Instant, Instant) {
    // One in four has something to build.
    if number % 4 == 3 {
        world.edit_seeds();
    }
    let from = Instant::now();
    let output = world.devdb(["reset", "--yes"]).run();
    let to = from + output.took;
    output.assert_code(0);
    world.wait_for_spare_maker();
    (from, to)
}

/// One client: logs in, asks, leaves, and comes back at once.
fn come_back(config: &Config, ended: &AtomicBool, answered: &Mutex<Vec<Instant>>, refused: &AtomicU64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    while !ended.load(Ordering::Relaxed) {
        let asked = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await?;
            let driver = tokio::spawn(connection);
            let answer = client.simple_query("select count(*) from chapter_1").await;
            drop(client);
            drop(driver.await);
            answer
        });
        match asked {
            Ok(_rows) => answered.lock().unwrap().push(Instant::now()),
            Err(_refused) => {
                refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The longest time between two answers, of those that touch the run.
fn longest_gap(answered: &[Instant], from: Instant, to: Instant) -> f64 {
    let first = answered.partition_point(|moment| *moment < from).saturating_sub(1);
    let around = answered.get(first..).unwrap_or_default();
    let pairs = around.windows(2).take_while(|pair| pair.first().is_some_and(|moment| *moment <= to));
    pairs.filter_map(|pair| Some(milliseconds(*pair.get(1)? - *pair.first()?))).fold(0.0, f64::max)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
