//! A file of a Django app's `migrations`: what it depends on (Django's documentation, "Migrations").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef};
use ruff_text_size::Ranged as _;

use super::python::names::text;
use super::python::{self, line_of};
use crate::model::habits::DjangoMigration;
use crate::model::place::Place;

/// Returns the migrations of the files of one app's folder, `…/app/migrations/*.py`; nothing where one of them cannot be understood,
/// or says its dependencies otherwise than in a list of names. A dependency that is computed by `swappable_dependency` is on another
/// app, and left out.
///
/// The app's label is what its `apps.py` says (`AppConfig.label`), else the folder's name, else the one by which most of its
/// migrations name each other.
pub fn migrations(files: &[(PathBuf, String)], apps_py: &str) -> Vec<DjangoMigration> {
    let read: Result<Vec<Option<DjangoMigration>>, Unclear> =
        files.iter().map(|(file, source)| migration(file, source)).collect();
    let Ok(read) = read else { return Vec::new() };
    let mut found: Vec<DjangoMigration> = read.into_iter().flatten().collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (app, name) in found.iter().flat_map(|it| &it.dependencies) {
        if found.iter().any(|it| it.name == *name) {
            *counts.entry(app.clone()).or_default() += 1;
        }
    }
    let folder = found.first().map(|it| it.app.clone()).unwrap_or_default();
    let by_folder = counts.is_empty() || counts.contains_key(&folder);
    let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(app, _)| app);
    let own = label(apps_py).or_else(|| most.filter(|_| !by_folder)).unwrap_or(folder);
    for migration in &mut found {
        migration.app.clone_from(&own);
    }
    found
}

/// Returns what `label = "…"` of an `apps.py` says.
fn label(apps_py: &str) -> Option<String> {
    let line = apps_py.lines().find_map(|line| line.trim_start().strip_prefix("label"))?;
    let bare = line.trim_start().strip_prefix('=')?.trim().trim_matches(['"', '\'']);
    (!bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || c == '_')).then(|| bare.to_owned())
}

/// A file that cannot be understood.
struct Unclear;

/// Nothing where the file has no class `Migration`.
fn migration(file: &Path, source: &str) -> Result<Option<DjangoMigration>, Unclear> {
    let module = python::parse_for_visits(source).map_err(|_error| Unclear)?;
    let mut classes = module.body.iter().filter_map(Stmt::as_class_def_stmt);
    let Some(class) = classes.find(|it| it.name.as_str() == "Migration") else { return Ok(None) };
    let text = |name: Option<&std::ffi::OsStr>| name.and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let (Some(dependencies), Some(replaces)) = (list(class, "dependencies"), list(class, "replaces")) else {
        return Err(Unclear);
    };
    Ok(Some(DjangoMigration {
        app: text(file.parent().and_then(Path::parent).and_then(Path::file_name)),
        name: text(file.file_stem()),
        at: Place::new(file, line_of(source, class.name.range().start())),
        dependencies,
        replaces,
    }))
}

/// Returns the pairs of an attribute's list; nothing where it is none.
fn list(class: &StmtClassDef, name: &str) -> Option<Vec<(String, String)>> {
    let value = class.body.iter().find_map(|statement| match statement {
        Stmt::Assign(it) if matches!(&*it.targets, [Expr::Name(target)] if target.id == name) => Some(&*it.value),
        Stmt::AnnAssign(it) if matches!(&*it.target, Expr::Name(target) if target.id == name) => it.value.as_deref(),
        _ => None,
    });
    let elements = match value {
        None => return Some(Vec::new()),
        Some(Expr::List(list)) => &list.elts,
        Some(Expr::Tuple(list)) => &list.elts,
        Some(_) => return None,
    };
    let mut found = Vec::new();
    for element in elements {
        match element {
            Expr::Call(call) if is_swappable(call) => {}
            other => found.push(pair(other)?),
        }
    }
    Some(found)
}

fn is_swappable(call: &ExprCall) -> bool {
    match &*call.func {
        Expr::Attribute(it) => it.attr.as_str() == "swappable_dependency",
        Expr::Name(it) => it.id == "swappable_dependency",
        _ => false,
    }
}

fn pair(entry: &Expr) -> Option<(String, String)> {
    let Expr::Tuple(tuple) = entry else { return None };
    let [app, name] = &*tuple.elts else { return None };
    Some((text(app)?, text(name)?))
}

#[cfg(test)]
mod tests {
    use super::migrations;
    use std::path::PathBuf;

    fn file(folder: &str, name: &str, dependencies: &str) -> (PathBuf, String) {
        let text = format!(
            "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    dependencies = {dependencies}\n"
        );
        (PathBuf::from(format!("{folder}/migrations/{name}.py")), text)
    }

    #[test]
    fn dependencies_are_read() {
        let second = file("src/shop", "0002_a", "[migrations.swappable_dependency(X), ('shop', '0001_initial')]");
        let found = migrations(&[file("src/shop", "0001_initial", "[]"), second], "");
        let second = found.last().unwrap();
        assert_eq!((second.app.as_str(), second.name.as_str(), second.at.line), ("shop", "0002_a", 3));
        assert_eq!(second.dependencies, [("shop".to_owned(), "0001_initial".to_owned())]);
        assert_eq!(migrations(&[(PathBuf::from("a/migrations/0001_b.py"), "x = 1".to_owned())], ""), []);
    }

    #[test]
    fn an_app_with_a_label_of_its_own_is_called_by_it() {
        let others = "[('sales', '0001_a'), ('sales', '0002_b'), ('users', '0001_a')]";
        let files = [
            file("orders", "0001_a", "[]"),
            file("orders", "0002_b", "[('sales', '0001_a')]"),
            file("orders", "0003_c", others),
        ];
        assert!(migrations(&files, "").iter().all(|it| it.app == "sales"));
        let apps = "class Orders(AppConfig):\n    name = 'shop.orders'\n    label = 'orders_core'\n";
        assert!(migrations(&files, apps).iter().all(|it| it.app == "orders_core"));
    }

    #[test]
    fn an_app_of_which_one_file_computes_is_left_out() {
        for computed in ["[('a', '0001_a')] + more", "[(APP, '0001_a')]", "get()"] {
            assert_eq!(migrations(&[file("a", "0001_a", "[]"), file("a", "0002_b", computed)], ""), [], "{computed}");
        }
    }
}
