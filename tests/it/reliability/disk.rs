//! A server whose disk is full: said in these words, and nothing is lost.

use super::world::{Bystanders, Kind, World};
use crate::support::cluster::{Cluster, Options};

/// Megabytes of the server's disk.
const DISK: u32 = 700;

/// A server on a small disk of its own; its log is elsewhere, so that it survives.
fn small_server() -> Option<Cluster> {
    Cluster::start(&Options { disk: Some(DISK), ..Options::default() })
}

/// Takes space away, until so many megabytes are left; what is returned gives it back.
fn fill(cluster: &Cluster, leave: u64) -> Ballast {
    let ballast = Ballast(cluster.data().join("ballast"));
    let free = nix::sys::statvfs::statvfs(&cluster.data()).unwrap();
    let free = free.blocks_available() * free.fragment_size();
    let bytes = usize::try_from(free.saturating_sub(leave << 20)).unwrap();
    std::fs::write(&ballast.0, vec![1_u8; bytes]).unwrap();
    ballast
}

struct Ballast(std::path::PathBuf);

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// Runs a reset on a full disk, and again when there is space.
#[track_caller]
fn full(world: &World<'_>, bystanders: &Bystanders<'_>, leave: u64) {
    let before = world.state(world.name());
    let kept = world.kept();
    let ballast = fill(world.cluster, leave);
    let output = world.devdb(["reset", "--yes"]).run();
    assert!(matches!(output.code, 4 | 5), "{output}");
    output.assert_stderr_has("disk is full").assert_stderr_has("in use").assert_lacks("panicked");
    assert!(world.database.value("select count(*) from by_hand").is_some(), "it does not answer");
    assert_eq!(world.kept(), kept);
    drop(ballast);
    assert_eq!(world.state(world.name()), before, "the old one changed{output}");
    world.wait_for_spare_maker();
    world.devdb(["reset", "--yes"]).run().assert_code(0);
    world.wait_for_spare_maker();
    world.assert_new(world.name(), "once there was space");
    world.assert_tidy(0, "once there was space");
    assert_eq!(world.state(&world.kept().unwrap()), before, "what was replaced is kept");
    bystanders.assert_untouched("by a full disk");
}

#[test]
fn a_full_disk_is_named_and_the_old_database_stays() {
    let Some(cluster) = small_server() else { return };
    let owner = cluster.create_role("CREATEDB");
    let world = World::new(&cluster, Kind::Sql, &owner);
    let bystanders = Bystanders::few(&cluster, &owner);
    world.write_by_hand(1);
    // While the new database is created. Before 15 that begins with a checkpoint, without room for which a server dies.
    let nearly = if cluster.major() < 15 { 4 } else { 0 };
    full(&world, &bystanders, nearly);
    // While the chain runs: the server makes a new database of holes, which are filled later.
    world.write_by_hand(2);
    world.edit_revision();
    world.grow_revision(12);
    full(&world, &bystanders, 4);
    // While a layer is cloned: from fifty megabytes on the server copies files.
    world.project.write("devdb.toml", "[reset]\nspare = false\n");
    world.edit_revision();
    world.grow_revision(64);
    world.devdb(["reset", "--yes"]).run().assert_code(0);
    world.wait_for_spare_maker();
    world.write_by_hand(3);
    full(&world, &bystanders, 20);
}
