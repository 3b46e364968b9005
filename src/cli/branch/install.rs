//! `devdb branch install` and `uninstall`: the hook that makes the database follow every checkout.

use std::path::PathBuf;

use super::{Context, GIT, switch};
use crate::discover::git::refs::{self, Hooks};
use crate::error::{Error, Result};
use crate::execute::hook::{self, Installed};
use crate::parse::git_hook::{Block, HOOK};
use crate::plan;
use crate::render::style;

/// A hook that is there already is kept, and runs as before
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {}

pub(super) async fn install(context: &Context) -> Result<u8> {
    plan::branch::wanted(&context.config)?;
    let (hooks, block) = place(context).await?;
    let installed = hook::install(&hooks.folder, &block)?;
    let file = shown(context, hooks.folder.join(HOOK));
    let ui = &context.ui;
    ui.answer(&match installed {
        Installed::New => format!("{} {file} is written", style::good("✓")),
        Installed::Inserted => format!("{} {file} has devdb's lines before its own", style::good("✓")),
        Installed::Already => format!("{} {file} had devdb's lines already", style::good("✓")),
        Installed::Before(kept) => {
            format!("{} {file} is written; what was there is called by it: {}", style::good("✓"), shown(context, kept))
        }
    });
    if !hooks.folder.starts_with(&hooks.top) && !hooks.folder.starts_with(&hooks.common) {
        ui.warning(&ui.wrapped(
            "`core.hooksPath` leads out of this repository: every repository that uses the folder runs the hook; it does \
             nothing where devdb.toml does not ask for it",
            9,
        ));
    }
    if hooks.folder.ends_with(".husky/_") {
        ui.warning(&ui.wrapped("husky writes this folder anew: run it again after `npm install`", 9));
    }
    if let Err(error) = Box::pin(switch::run(context, &switch::Args::default())).await {
        ui.warning(&ui.wrapped(&format!("{}; the first checkout tries again", error.message), 9));
    }
    Ok(0)
}

pub(super) async fn uninstall(context: &Context) -> Result<u8> {
    let (hooks, block) = place(context).await?;
    let file = shown(context, hooks.folder.join(HOOK));
    let text = if hook::uninstall(&hooks.folder, &block)? {
        format!("{} devdb's lines are taken out of {file}", style::good("✓"))
    } else {
        format!("{file} has no lines of devdb's")
    };
    context.ui.answer(&text);
    Ok(0)
}

/// Returns whether a checkout runs devdb; also where that cannot be told.
pub(super) async fn is_installed(context: &Context) -> bool {
    match place(context).await {
        Ok((hooks, block)) => hook::is_installed(&hooks.folder, &block),
        Err(_none) => true,
    }
}

async fn place(context: &Context) -> Result<(Hooks, Block)> {
    let hooks = refs::hooks(&context.root, GIT)
        .await
        .ok_or_else(|| Error::environment("there is no git repository here, or no `git`").hint("git init"))?;
    let program = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let block = Block { prefix: hooks.prefix.clone(), program };
    Ok((hooks, block))
}

/// A path as it is shown: from the project's root, where it lies below.
fn shown(context: &Context, path: PathBuf) -> String {
    let below = path.strip_prefix(&context.root).map(std::path::Path::to_path_buf);
    crate::model::text::visible(&below.unwrap_or(path).display().to_string())
}
