//! What `devdb doctor` said, through both of its voices, and the projects that it is asked about.

use crate::support::cluster::{Cluster, Database};
use crate::support::engine::{ComposeProject, Engine, PgContainer};
use crate::support::project::Project;
use crate::support::sandbox::{Output, Sandbox};
use crate::support::{bench, block_on, new_password};
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

/// How many checks there are.
pub(crate) const CHECKS: usize = 128;

/// One diagnosis as JSON and as text, which must agree.
pub(crate) struct Report {
    pub(crate) json: Value,
    pub(crate) text: Output,
}

/// One finding as JSON has it.
pub(crate) struct Finding(Value);

impl Report {
    /// Runs `devdb doctor` twice and holds the two against each other.
    #[track_caller]
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self::asking(sandbox, &[])
    }

    /// The same, with further options.
    #[track_caller]
    pub(crate) fn asking(sandbox: &Sandbox, options: &[&str]) -> Self {
        let file = sandbox.home().join("report.json");
        let written = file.to_str().unwrap();
        let json = sandbox.clone().scan_file(&file).args(["doctor", "--json", "--report", written]);
        let json = json.args(options.iter().copied()).run();
        let text = sandbox.clone().args(["doctor"]).args(options.iter().copied()).run();
        let report = Self { json: json.json(), text };
        assert_eq!(json.code, report.text.code, "JSON and text exit alike{json}{}", report.text);
        let failed = !report.ids("fail").is_empty();
        assert_eq!(json.code, i32::from(failed), "{json}");
        assert_eq!(report.json.pointer("/ok"), Some(&Value::Bool(!failed)), "{json}");
        assert_eq!(json.stderr, "", "{json}");
        // The picture alone, judged again, says the same.
        let again = sandbox.clone().args(["doctor", "--json", "--from", written]).run();
        let (first, second) = (json.json(), again.json());
        for part in ["/target", "/ok"] {
            assert_eq!(first.pointer(part), second.pointer(part), "{part} of the report{json}");
        }
        let checks = |json: &Value| json.pointer("/checks").and_then(Value::as_array).cloned().unwrap();
        for (here, there) in checks(&first).iter().zip(&checks(&second)) {
            assert_eq!(here, there, "judged here, and by the report{json}");
        }
        assert_eq!(again.code, json.code);
        for check in report.checks() {
            let mut shown = check.pointer("/findings").and_then(Value::as_array).map_or(0, Vec::len);
            if failed && text_of(check, "/status") == "info" {
                shown = 0;
            }
            let id = format!("[{}]", text_of(check, "/id"));
            assert_eq!(report.text.stdout.matches(&id).count(), shown, "{id} in text and in JSON{}", report.text);
        }
        report
    }

    fn checks(&self) -> &[Value] {
        self.json.pointer("/checks").and_then(Value::as_array).map(Vec::as_slice).unwrap()
    }

    /// The checks with this status, in order.
    pub(crate) fn ids(&self, status: &str) -> Vec<&str> {
        let with = |check: &&Value| text_of(check, "/status") == status;
        self.checks().iter().filter(with).map(|check| text_of(check, "/id")).collect()
    }

    /// Why a check is unknown or skipped.
    #[track_caller]
    pub(crate) fn reason(&self, id: &str) -> &str {
        let check = self.checks().iter().find(|check| text_of(check, "/id") == id).unwrap();
        check.pointer("/reason").and_then(Value::as_str).unwrap_or_else(|| panic!("{id} has no reason: {check}"))
    }

    /// Nothing is wrong, and nothing is doubtful.
    #[track_caller]
    pub(crate) fn is_healthy(&self) -> &Self {
        assert!(self.ids("fail").is_empty() && self.ids("warn").is_empty(), "findings where nothing is wrong{self}");
        assert_eq!(self.text.code, 0, "{self}");
        self
    }

    /// Exactly this error was found, with one finding, and no warning beside it.
    #[track_caller]
    pub(crate) fn only_error(&self, id: &str) -> Finding {
        self.only_error_beside(id, &[])
    }

    /// Exactly this error was found, and exactly these warnings.
    #[track_caller]
    pub(crate) fn only_error_beside(&self, id: &str, warnings: &[&str]) -> Finding {
        assert_eq!((self.ids("fail").as_slice(), self.ids("warn").as_slice()), ([id].as_slice(), warnings), "{self}");
        assert_eq!(self.text.code, 1, "{self}");
        self.the_finding(id)
    }

    /// Exactly this warning was found; warnings do not fail the run.
    #[track_caller]
    pub(crate) fn only_warning(&self, id: &str) -> Finding {
        let none: &[&str] = &[];
        assert_eq!((self.ids("fail").as_slice(), self.ids("warn").as_slice()), (none, [id].as_slice()), "{self}");
        assert_eq!(self.text.code, 0, "{self}");
        self.the_finding(id)
    }

    /// Nothing is wrong, and this alone is worth knowing.
    #[track_caller]
    pub(crate) fn only_note(&self, id: &str) -> Finding {
        self.is_healthy();
        assert_eq!(self.ids("info").as_slice(), [id].as_slice(), "{self}");
        self.the_finding(id)
    }

    /// The one finding of a check, whatever else was found.
    #[track_caller]
    pub(crate) fn the_finding(&self, id: &str) -> Finding {
        let check = self.checks().iter().find(|check| text_of(check, "/id") == id).unwrap();
        let findings = check.pointer("/findings").and_then(Value::as_array).unwrap();
        assert_eq!(findings.len(), 1, "one fault, one finding{self}");
        Finding(findings.first().unwrap().clone())
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}\n--- JSON\n{:#}", self.text, self.json)
    }
}

impl Finding {
    /// Its message has this.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(text_of(&self.0, "/message").contains(text), "the message lacks {text:?}: {:#}", self.0);
        self
    }

    fn evidence(&self) -> &[Value] {
        self.0.pointer("/evidence").and_then(Value::as_array).map(Vec::as_slice).unwrap()
    }

    /// It shows this line of a file, with these words beside it.
    #[track_caller]
    pub(crate) fn at(&self, file: &str, line: usize, text: &str) -> &Self {
        let there = |evidence: &&Value| {
            evidence.pointer("/file").and_then(Value::as_str) == Some(file)
                && evidence.pointer("/line").and_then(Value::as_u64).unwrap_or(0) == u64::try_from(line).unwrap()
        };
        let shown: Vec<&Value> = self.evidence().iter().filter(there).collect();
        let said = shown.iter().any(|evidence| text_of(evidence, "/text").contains(text));
        assert!(said, "no evidence at {file}:{line} with {text:?}: {:#}", self.0);
        self
    }

    /// It shows this observation.
    #[track_caller]
    pub(crate) fn seen(&self, text: &str) -> &Self {
        let said = self.evidence().iter().any(|evidence| text_of(evidence, "/text").contains(text));
        assert!(said, "no evidence with {text:?}: {:#}", self.0);
        self
    }

    /// Its fix has this safety and exactly these steps.
    #[track_caller]
    pub(crate) fn fix(&self, safety: &str, steps: &[&str]) -> &Self {
        let found = self.0.pointer("/fix/steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let found: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
        let found = (text_of(&self.0, "/fix/safety"), found.as_slice());
        assert_eq!(found, (safety, steps), "{:#}", self.0);
        self
    }
}

fn text_of<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The line of a file that has this text, and no other line has.
#[track_caller]
pub(crate) fn line_of(project: &Project, file: &str, text: &str) -> usize {
    let content = project.read(file);
    let mut lines = content.lines().enumerate().filter(|(_, line)| line.contains(text));
    let found = lines.next().unwrap_or_else(|| panic!("{file} has no {text:?}:\n{content}"));
    assert!(lines.next().is_none(), "{file} has {text:?} twice:\n{content}");
    found.0 + 1
}

/// A project without Compose whose database is on the shared local server, with nothing wrong.
pub(crate) fn local_project() -> Option<(Project, Database<'static>)> {
    let cluster = Cluster::shared()?;
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = Project::new();
    project.write(".env", &format!("APP_NAME=shop\nDATABASE_URL={}\n", database.url()));
    Some((project, database))
}

/// A project with a Compose file, user `app`, database `app`; its containers go when it is dropped.
pub(crate) struct Shop {
    pub(crate) project: Project,
    pub(crate) engine: &'static Engine,
    pub(crate) password: String,
    pub(crate) name: ComposeProject,
}

impl Shop {
    pub(crate) fn new() -> Option<Self> {
        let engine = Engine::get()?;
        let (project, password, name) = (Project::new(), new_password(), ComposeProject::new());
        Some(Self { project, engine, password, name })
    }

    /// Writes `compose.yaml` with one service `db` that has this after its environment: `ports: ["5433:5432"]`.
    pub(crate) fn compose(&self, rest: &str) -> &Self {
        let Self { engine, password, .. } = self;
        let text = format!(
            "services:\n  db:\n    image: {}\n    environment:\n      POSTGRES_USER: app\n      \
             POSTGRES_PASSWORD: {password}\n      POSTGRES_DB: app\n    {rest}\n",
            engine.image
        );
        self.project.write("docker-compose.yml", &text);
        self
    }

    /// Writes `.env` with a URL that dials `address`.
    pub(crate) fn env(&self, address: &str) -> &Self {
        self.project.write(".env", &format!("APP_NAME=shop\n{}\n", self.url_line(address)));
        self
    }

    pub(crate) fn url_line(&self, address: &str) -> String {
        format!("DATABASE_URL=postgresql://app:{}@{address}/app", self.password)
    }

    /// Runs Docker Compose; returns whether it succeeded.
    pub(crate) fn run_compose(&self, arguments: &[&str]) -> bool {
        let compose = bench::compose().expect("asked for before");
        let (program, rest) = compose.split_first().unwrap();
        let output = Command::new(program)
            .args(rest)
            .args(["-p", &self.name.name])
            .args(arguments)
            .current_dir(self.project.path())
            .env("DOCKER_HOST", &self.engine.host)
            .output()
            .unwrap();
        output.status.success()
    }

    /// What a container of this project's service `db` starts from, for tests that make it without Compose.
    pub(crate) fn wanted<'a>(&'a self, published: Option<(&'a str, u16)>) -> PgContainer<'a> {
        PgContainer {
            env: vec![("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", &self.password), ("POSTGRES_DB", "app")],
            published,
            labels: self.labels(),
            ..PgContainer::default()
        }
    }

    /// What Compose writes on a container of the service `db`.
    pub(crate) fn labels(&self) -> Vec<(&str, &str)> {
        vec![
            ("com.docker.compose.project", &self.name.name),
            ("com.docker.compose.service", "db"),
            ("com.docker.compose.project.working_dir", self.project.path().to_str().unwrap()),
        ]
    }

    /// Waits until the app's own login succeeds on this port.
    #[track_caller]
    pub(crate) fn wait_ready(&self, port: u16) {
        self.wait_for_login(port, Result::is_ok);
    }

    /// Waits until the server is up and refuses the app's password.
    #[track_caller]
    pub(crate) fn wait_refused(&self, port: u16) {
        let refused = tokio_postgres::error::SqlState::INVALID_PASSWORD;
        self.wait_for_login(port, |login| login.as_ref().is_err_and(|error| error.code() == Some(&refused)));
    }

    #[track_caller]
    fn wait_for_login(&self, port: u16, is_it: impl Fn(&Result<(), tokio_postgres::Error>) -> bool) {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(port).user("app").password(&self.password).dbname("app");
        config.connect_timeout(Duration::from_secs(2));
        let started = Instant::now();
        loop {
            let login = block_on(config.connect(tokio_postgres::NoTls)).map(drop);
            if is_it(&login) {
                return;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "login on port {port}: {login:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn sandbox(&self) -> Sandbox {
        Sandbox::new(&self.project).with_docker()
    }

    #[track_caller]
    pub(crate) fn doctor(&self) -> Report {
        Report::of(&self.sandbox())
    }
}
