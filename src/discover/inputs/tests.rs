#![expect(clippy::disallowed_methods, reason = "the tests make projects of files")]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::discover::{Depth, Scope, project};
use crate::model::engine::{Container, Engine, EngineOutcome};
use crate::model::secret::Secret;

mod open;
mod repositories;
mod steps;

/// A project in a folder of its own.
struct Project {
    folder: tempfile::TempDir,
    shell: Vec<(&'static str, String)>,
}

impl Project {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), shell: Vec::new() }
    }

    /// A chain of `a`, `b` and `c`, and helpers in several places.
    fn alembic() -> Self {
        let project = Self::empty();
        project.write("alembic.ini", "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n");
        project.write("migrations/env.py", "from alembic import context\nfrom app.models import Base\n");
        project.write("app/__init__.py", "");
        project.write("app/models.py", "x = 1\n");
        project.revision("a", None, "");
        project.revision("b", Some("a"), "");
        project.revision("c", Some("b"), "");
        project
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn append(&self, file: &str, text: &str) {
        let before = std::fs::read_to_string(self.root().join(file)).unwrap();
        self.write(file, before + text);
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.root().join(file)).unwrap();
    }

    fn revision(&self, id: &str, parent: Option<&str>, body: &str) {
        let parent = parent.map_or("None".to_owned(), |parent| format!("'{parent}'"));
        let head = "from alembic import op\nimport sqlalchemy as sa\n";
        let text = format!("{head}revision = '{id}'\ndown_revision = {parent}\ndef upgrade():\n    pass\n{body}");
        self.write(&format!("migrations/versions/{id}.py"), text);
    }

    fn picture(&self) -> Picture {
        let text = std::fs::read_to_string(self.root().join("devdb.toml")).unwrap_or_default();
        let scope = Scope {
            root: self.root().to_path_buf(),
            shell: self.shell.iter().map(|(key, value)| ((*key).to_owned(), Secret::from(value.as_str()))).collect(),
            config: toml_edit::de::from_str(&text).unwrap(),
            depth: Depth::Files,
            deadline: Duration::from_secs(10),
        };
        project::read(&scope)
    }

    fn inputs(&self) -> Inputs {
        read(self.root(), &self.picture())
    }

    /// Returns the names of the steps that `change` makes others: `tool`, the ids, `init 0`, `seed 0`.
    fn changed_by(&self, change: impl FnOnce(&Self)) -> Vec<String> {
        let before = named(&self.inputs());
        change(self);
        let after = named(&self.inputs());
        let names: BTreeSet<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
        let of = |steps: &[(String, Input)], name: &String| steps.iter().find(|(it, _)| it == name).cloned();
        names.into_iter().filter(|name| of(&before, name) != of(&after, name)).cloned().collect()
    }

    /// Returns why a step is open; nothing when it is not.
    #[track_caller]
    fn why(&self, step: &str) -> Option<String> {
        let steps = named(&self.inputs());
        match &steps.iter().find(|(name, _)| name == step).expect("a step").1 {
            Input::Open(why) => Some(why.clone()),
            Input::Known(_) => None,
        }
    }

    fn git(&self, words: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(words);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let done = command.current_dir(self.root()).output().unwrap();
        assert!(done.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

fn named(inputs: &Inputs) -> Vec<(String, Input)> {
    let numbered = |name: &'static str, all: &[Input]| {
        let all: Vec<_> = all.iter().enumerate().map(|(at, input)| (format!("{name} {at}"), input.clone())).collect();
        all
    };
    let mut steps = vec![("tool".to_owned(), inputs.tool.clone())];
    steps.extend(numbered("init", &inputs.init));
    steps.extend(inputs.bootstrap.iter().map(|input| ("bootstrap".to_owned(), input.clone())));
    steps.extend(inputs.revisions.iter().cloned());
    steps.extend(numbered("seed", &inputs.seeds));
    steps
}
