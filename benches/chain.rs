//! How long a chain takes to be found, read and checked; in the same run, what reading the same bytes costs, and what
//! Alembic needs for the same answer.
//!
//! `cargo bench --bench chain`. `DEVDB_BENCH` names the test bench, whose Alembic is the peer; wheels of the corpus that
//! the tests have unpacked below `target/corpus-wheels` are measured as well.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a benchmark reads the clock, writes files, talks to the terminal, and stops when something is wrong"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devdb::diagnose::diagnose;
use devdb::discover::{Depth, Scope, discover};
use devdb::model::config::Config;
use devdb::model::observed::Observed;
use devdb::model::picture::Picture;

/// The length of the chain that is made up.
const REVISIONS: usize = 5_000;
const RUNS: usize = 15;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_chain(folder.path(), REVISIONS);
    measure(&format!("{REVISIONS} revisions made up"), folder.path());
    let wheels = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpus-wheels");
    let pin = "langflow_base==1.13.0";
    let root = wheels.join(pin).join("unpacked/langflow");
    if root.is_dir() {
        measure(pin, &root);
    } else {
        println!("{pin}: not unpacked; `cargo test --lib -- --ignored every_wheel` does it");
    }
}

/// Writes a chain as a long-lived project has it: mostly a line, with a branch and its merge every hundred revisions.
fn write_chain(root: &Path, length: usize) {
    let versions = root.join("alembic/versions");
    fs::create_dir_all(&versions).expect("a folder");
    fs::write(root.join("alembic.ini"), "[alembic]\nscript_location = %(here)s/alembic\n").expect("a file");
    fs::write(root.join("alembic/env.py"), "from alembic import context\n").expect("a file");
    let id = |number: usize| format!("{:012x}", (number + 1) * 0x9e37_79b9);
    for number in 0..length {
        let parents = match (number, number % 100) {
            (0, _) => "None".to_owned(),
            (_, 51) => format!("'{}'", id(number - 2)),
            (_, 52) => format!("('{}', '{}')", id(number - 1), id(number - 2)),
            _ => format!("'{}'", id(number - 1)),
        };
        fs::write(versions.join(format!("{}_step_{number}.py", id(number))), revision(&id(number), &parents, number))
            .expect("a revision");
    }
}

/// Returns the text of a revision: as long as those of real chains are in the middle.
fn revision(id: &str, parents: &str, number: usize) -> String {
    let mut text = format!(
        "\"\"\"step {number}\n\nRevision ID: {id}\nRevises: {parents}\nCreate Date: 2024-01-01 10:00:00.000000\n\n\"\"\"\n\
         from typing import Sequence, Union\n\nfrom alembic import op\nimport sqlalchemy as sa\n\n\n\
         # revision identifiers, used by Alembic.\nrevision: str = '{id}'\n\
         down_revision: Union[str, Sequence[str], None] = {parents}\n\
         branch_labels: Union[str, Sequence[str], None] = None\n\
         depends_on: Union[str, Sequence[str], None] = None\n\n\ndef upgrade() -> None:\n    op.create_table(\n\
         \x20       'table_{number}',\n"
    );
    for column in 0..8 {
        writeln!(text, "        sa.Column('column_{column}', sa.String(length=255), nullable=True),").expect("a text");
    }
    write!(
        text,
        "        sa.PrimaryKeyConstraint('column_0'),\n    )\n\
         \x20   op.create_index(op.f('ix_{number}'), 'table_{number}', ['column_1'], unique=False)\n\n\n\
         def downgrade() -> None:\n    op.drop_index(op.f('ix_{number}'), table_name='table_{number}')\n\
         \x20   op.drop_table('table_{number}')\n"
    )
    .expect("a text");
    text
}

fn measure(name: &str, root: &Path) {
    let files = version_files(root);
    let floor = median(|| {
        for file in &version_files(root) {
            black_box(fs::read(file).expect("a file"));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let look = || runtime.block_on(discover(&scope(root), |_picture, _target| {}));
    let known = revisions(&look());
    let read = median(|| drop(black_box(look())));
    let checked = median(|| drop(black_box(diagnose(&look(), &[]))));
    println!("{name}: {known} revisions, {} files", files.len());
    println!("  floor: list and read the files   {}", shown(floor, floor));
    println!("  devdb: find and read the chain   {}", shown(read, floor));
    println!("  devdb: and check it              {}", shown(checked, floor));
    if let Some(peer) = alembic(root) {
        println!("  peer:  `alembic heads`           {}", shown(peer, floor));
    }
}

fn scope(root: &Path) -> Scope {
    Scope {
        root: root.to_path_buf(),
        shell: BTreeMap::new(),
        config: Config::default(),
        depth: Depth::Files,
        deadline: Duration::from_secs(1),
    }
}

fn revisions(picture: &Picture) -> usize {
    match &picture.chain {
        Observed::Known(chain) => chain.revisions.len(),
        Observed::Absent | Observed::Unknown(_) => 0,
    }
}

fn version_files(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join("alembic/versions")).expect("version files");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "py")).collect()
}

fn median(run: impl Fn()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| time(&run)).collect();
    times.sort_unstable();
    times.get(RUNS / 2).copied().unwrap_or_default()
}

fn time(run: impl Fn()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// Returns how long the bench's Alembic takes for the chain's heads: once, since that takes seconds.
fn alembic(root: &Path) -> Option<Duration> {
    let bench = fs::read_to_string(std::env::var_os("DEVDB_BENCH")?).ok()?;
    let bench: serde_json::Value = serde_json::from_str(&bench).ok()?;
    let program = Path::new(bench.pointer("/venv")?.as_str()?).join("bin/alembic");
    let mut command = Command::new(program);
    command.arg("heads").current_dir(root).env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().ok()?;
    // Real projects' revisions import the project, which is not installed here.
    status.success().then(|| start.elapsed())
}

fn shown(time: Duration, floor: Duration) -> String {
    let ratio = time.as_secs_f64() / floor.as_secs_f64().max(1e-9);
    format!("{:>9.2} ms  {ratio:>6.1} x floor", time.as_secs_f64() * 1e3)
}
