//! The migration tool: its command, its configuration, and the packages that it runs with.

use std::path::Path;

use super::modules::Modules;
use super::{Project, known};
use crate::model::chain::Chain;
use crate::model::layer::{Digest, Input};
use crate::model::observed::Observed;
use crate::model::sql_chain::SqlChain;
use crate::parse::alembic::command::plain_upgrade;
use crate::parse::alembic::sys_path::own_table;
use crate::parse::python_imports::uses;
use crate::wire::files::read_text;

/// Returns what every revision depends on.
pub(super) fn read(project: &Project<'_>, modules: &mut Modules<'_>) -> Input {
    let upgrade = project.picture.config.migrations.upgrade.as_deref();
    let tool = match (&project.picture.chain, upgrade, &project.picture.recipe.sql_chain) {
        (Observed::Known(chain), ..) => alembic(project, chain, modules),
        (_, Some(command), _) => project.command(command, project.declared.clone(), "[cache] inputs"),
        (_, None, Observed::Known(chain)) => sql(chain),
        (Observed::Unknown(why), ..) | (.., Observed::Unknown(why)) => Input::Open(why.clone()),
        _ => known(["no chain"]),
    };
    match &project.declared {
        Some(declared) => tool.and(declared.clone()),
        None => tool,
    }
}

fn sql(chain: &SqlChain) -> Input {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let (table, schema) = (part(&chain.table.schema), part(&chain.schema));
    known([chain.tool.name(), &table, &chain.table.name, &schema])
}

fn alembic(project: &Project<'_>, chain: &Chain, modules: &mut Modules<'_>) -> Input {
    // What such a file does, and when, Alembic may know; its place in the order is not known here.
    if let Some(file) = chain.unreadable.first() {
        return Input::Open(format!("`{}`: {}", file.at, file.reason));
    }
    let (config, root) = (&chain.config, project.root);
    let env_py = config.script_directory.join("env.py");
    let tool = known(["alembic", &config.section, &config.file.to_string_lossy()])
        .and(command(project, chain))
        .and(configuration(root, &config.file))
        .and(content(root, &env_py))
        .and(project.surroundings());
    // `env.py` imports the models, for autogenerate alone: were they counted, every edited model would make each reset a
    // cold one. Where it makes tables from them, they count.
    let text = read_text(&root.join(&env_py)).unwrap_or_default();
    if uses(&text, &["create_all"]) { tool.and(modules.imported_by_file(&env_py, true)) } else { tool }
}

fn command(project: &Project<'_>, chain: &Chain) -> Input {
    let flask = chain.config.of_flask.then_some("flask db upgrade");
    let Some(command) = project.picture.config.migrations.upgrade.as_deref().or(flask) else {
        return known(["upgrade heads"]);
    };
    let Some(plain) = plain_upgrade(command) else {
        return project.command(command, project.declared.clone(), "[cache] inputs");
    };
    let folder = plain.directory.unwrap_or_default();
    let named = plain.config.map(|file| Path::new(&folder).join(file)).filter(|file| *file != chain.config.file);
    let other = named.map_or_else(|| known(["same"]), |file| content(project.root, &file));
    known(["upgrade", command]).and(other)
}

fn configuration(root: &Path, file: &Path) -> Input {
    let is_toml = file.extension().is_some_and(|ending| ending == "toml");
    if !is_toml {
        return content(root, file);
    }
    // The rest of the file is about anything; its packages are told by their versions.
    let table = match read_text(&root.join(file)) {
        Ok(text) => known(["pyproject", &own_table(&text)]),
        Err(why) => return Input::Open(format!("`{}` cannot be read: {why}", file.display())),
    };
    // The URL stays in the ini file, where Alembic looks for it.
    let ini = file.with_file_name("alembic.ini");
    if root.join(&ini).is_file() { table.and(content(root, &ini)) } else { table }
}

fn content(root: &Path, file: &Path) -> Input {
    match read_text(&root.join(file)) {
        Ok(text) => Input::Known(Digest::of([text.replace("\r\n", "\n")])),
        Err(why) => Input::Open(format!("`{}` cannot be read: {why}", file.display())),
    }
}
