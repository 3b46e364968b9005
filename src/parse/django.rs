//! A file of a Django app's `migrations`: what it depends on (Django's documentation, "Migrations").

use std::path::Path;

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::python::names::text;
use super::python::{self, line_of};
use crate::model::habits::DjangoMigration;
use crate::model::place::Place;

/// Returns the migration of a file `…/app/migrations/0001_name.py`; nothing where it has no class `Migration`, or its
/// dependencies are not understood. A dependency that is computed (`swappable_dependency`) is on another app, and left out.
pub fn migration(file: &Path, source: &str) -> Option<DjangoMigration> {
    let module = python::parse_for_visits(source).ok()?;
    let class = module.body.iter().filter_map(Stmt::as_class_def_stmt).find(|it| it.name.as_str() == "Migration")?;
    let list = |name: &str| -> Vec<(String, String)> {
        let assigned = class.body.iter().filter_map(Stmt::as_assign_stmt);
        let mut found = assigned.filter(|it| matches!(&*it.targets, [Expr::Name(target)] if target.id == name));
        match found.next().map(|it| &*it.value) {
            Some(Expr::List(list)) => list.elts.iter().filter_map(pair).collect(),
            Some(Expr::Tuple(list)) => list.elts.iter().filter_map(pair).collect(),
            _ => Vec::new(),
        }
    };
    let app = file.parent()?.parent()?.file_name()?.to_str()?.to_owned();
    let line = line_of(source, class.name.range().start());
    Some(DjangoMigration {
        app,
        name: file.file_stem()?.to_str()?.to_owned(),
        at: Place::new(file, line),
        dependencies: list("dependencies"),
        replaces: list("replaces"),
    })
}

fn pair(entry: &Expr) -> Option<(String, String)> {
    let Expr::Tuple(tuple) = entry else { return None };
    let [app, name] = &*tuple.elts else { return None };
    Some((text(app)?, text(name)?))
}

#[cfg(test)]
mod tests {
    use super::migration;
    use std::path::Path;

    #[test]
    fn dependencies_are_read() {
        let source = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    dependencies = [\n        \
             migrations.swappable_dependency('x'),\n        ('shop', '0001_initial'),\n    ]\n    operations = []\n";
        let found = migration(Path::new("src/shop/migrations/0002_a.py"), source).unwrap();
        assert_eq!((found.app.as_str(), found.name.as_str(), found.at.line), ("shop", "0002_a", 3));
        assert_eq!(found.dependencies, [("shop".to_owned(), "0001_initial".to_owned())]);
        assert_eq!(migration(Path::new("a/migrations/0001_b.py"), "x = 1"), None);
    }
}
