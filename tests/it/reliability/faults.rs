//! What goes wrong, and when.

use crate::support::cluster::Cluster;
use crate::support::sandbox::Running;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::time::{Duration, Instant};

/// `SplitMix64`: the same moments again from the same seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True in so many of a hundred.
    pub(super) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = u64::try_from(to.saturating_sub(from).as_micros()).unwrap().max(1);
        from + Duration::from_micros(self.below(span))
    }

    /// One of several, each as often as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, choices: &[(u64, T)]) -> T {
        let mut at = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if at < *weight {
                return *choice;
            }
            at -= weight;
        }
        panic!("below the sum of all weights")
    }

    /// A moment of a run that takes about `whole`: anywhere in it, or, for two in five, around its swap, which comes after
    /// it says `sign`.
    pub(super) fn moment(&mut self, whole: Duration, sign: Option<&'static str>) -> Moment {
        let around = self.percent(40);
        if let (true, Some(sign)) = (around, sign) {
            return Moment { sign: Some(sign), delay: self.between(Duration::ZERO, Duration::from_millis(40)) };
        }
        let from = if around { whole.mul_f64(0.6) } else { Duration::ZERO };
        Moment { sign: None, delay: self.between(from, whole) }
    }
}

/// When it goes wrong: so long after the start, or after a line of the run's output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    sign: Option<&'static str>,
    pub(super) delay: Duration,
}

impl Moment {
    fn wait(self, running: &mut Running) {
        if let Some(sign) = self.sign {
            while !running.stderr_so_far().contains(sign) && !running.has_ended() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        std::thread::sleep(self.delay);
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Devdb,
    Child,
    Server,
    Backend,
}

impl Fault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Devdb => "SIGKILL to devdb",
            Self::Child => "SIGKILL to the migration's or seed's process",
            Self::Server => "server stopped with `-m immediate`",
            Self::Backend => "SIGKILL to a server process",
        }
    }
}

/// Processes below another, and their command lines.
pub(super) fn descendants(pid: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut above = vec![pid];
    while let Some(parent) = above.pop() {
        let file = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(file).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
            found.push((child, command_line(child)));
            above.push(child);
        }
    }
    found
}

fn command_line(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")
}

/// The detached children of devdb that work for a project.
pub(super) fn spare_makers(project: &Path) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let line = command_line(*pid);
            line.contains("__spare") && line.contains(&project.display().to_string())
        })
        .collect()
}

pub(super) fn slay(pid: u32) -> bool {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).is_ok()
}

/// Makes it happen to a run; returns whether there was still something for it to happen to.
pub(super) fn strike(fault: Fault, cluster: &Cluster, running: &mut Running, moment: Moment) -> bool {
    if fault != Fault::Child {
        moment.wait(running);
        if running.has_ended() {
            return false;
        }
    }
    match fault {
        Fault::Devdb => {
            running.kill();
            true
        }
        Fault::Child => strike_child(running, moment.delay),
        Fault::Server => {
            cluster.crash();
            cluster.resume();
            true
        }
        Fault::Backend => {
            let busy = descendants(cluster.pid()).into_iter().find(|(_, title)| title.contains("devdb_it"));
            let checkpointer = checkpointer(cluster);
            let Some((pid, _)) = busy else { return false };
            // The others go with it, and are there again once the server has recovered.
            let struck = slay(pid);
            let started = Instant::now();
            while struck && checkpointer.is_some() && self::checkpointer(cluster) == checkpointer {
                assert!(started.elapsed() < Duration::from_mins(1), "the server does not notice");
                std::thread::sleep(Duration::from_millis(5));
            }
            cluster.wait_until_it_answers();
            struck
        }
    }
}

fn checkpointer(cluster: &Cluster) -> Option<u32> {
    descendants(cluster.pid()).into_iter().find(|(_, title)| title.contains("checkpointer")).map(|(pid, _)| pid)
}

/// A child lives only for a part of the run: waits for one, then for a part of the delay.
fn strike_child(running: &mut Running, delay: Duration) -> bool {
    let own = |(_, line): &(u32, String)| line.contains("alembic") || line.contains("slow-seed");
    let started = Instant::now();
    while !running.has_ended() && started.elapsed() < Duration::from_mins(1) {
        if let Some((pid, _)) = descendants(running.pid()).into_iter().rev().find(own) {
            std::thread::sleep(delay / 3);
            return slay(pid);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}
