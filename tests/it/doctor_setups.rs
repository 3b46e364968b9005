//! Real projects in which nothing is wrong: the Compose files of the corpus, brought up with the bench's image and their
//! `.env` completed, and servers of every major. Doctor has nothing to say that is more than worth knowing.

use crate::doctor_report::{Report, Shop};
use crate::support::cluster::Cluster;
use crate::support::engine::Engine;
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, venv};

/// A project of the corpus, and what its developer does before the first start.
struct Setup<'a> {
    /// Below the corpus's Compose files.
    folder: &'a str,
    /// The service that runs PostgreSQL.
    service: &'a str,
    image: String,
    /// Files that are not in the repository; `PORT` is where the database is published.
    files: &'a [(&'a str, &'a str)],
    /// Whether the service is published on the host.
    published: bool,
}

/// What is below `backend` and `db` in the repository or on the developer's machine.
const BESIDE: [(&str, &str); 3] =
    [("db/password.txt", "db-57xsl9"), ("backend/Dockerfile", "FROM scratch\n"), ("proxy/nginx.conf", "")];

fn setup<'a>(folder: &'a str, service: &'a str) -> Option<Setup<'a>> {
    let image = Engine::get()?.image.clone();
    Some(Setup { folder, service, image, files: &[], published: true })
}

impl Setup<'_> {
    /// Brings it up as its README says, and asks the doctor.
    #[track_caller]
    fn is_healthy(&self) {
        let (Some(shop), Some(_), Some(corpus)) = (Shop::new(), bench::compose(), bench::corpus()) else { return };
        let port = free_port();
        shop.project.copy_tree(&corpus.join("compose").join(self.folder));
        self.adapt(&shop.project, port);
        for (file, text) in self.files {
            let file = shop.project.file(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text.replace("PORT", &port.to_string())).unwrap();
        }
        assert!(shop.run_compose(&["up", "-d", "--no-deps", self.service]), "{} does not start", self.folder);
        if self.published {
            wait_for(port);
        }
        let report = shop.doctor();
        report.is_healthy();
        assert_eq!(report.ids("unknown"), [""; 0], "{report}");
        assert_eq!(report.json.pointer("/target").is_some_and(|it| !it.is_null()), self.published, "{report}");
    }

    /// No image can be pulled, and 5432 belongs to another test; the bench's Compose is the old one that Debian has. Nothing
    /// else is changed.
    fn adapt(&self, project: &Project, port: u16) {
        let (image, mapped) = (format!("image: {}", self.image), format!("{port}:5432"));
        let names = ["compose.yaml", "compose.yml", "compose.override.yml", "docker-compose.yml", ".env"];
        for name in names.into_iter().filter(|name| project.exists(name)) {
            let line = |line: &str| match line.trim_start() {
                rest if rest.replace('"', "").starts_with("image: postgres") => {
                    format!("{}{image}", " ".repeat(line.len() - rest.len()))
                }
                _ => line.replace("5432:5432", &mapped).replace("localhost:5432", &format!("localhost:{port}")),
            };
            let changed: Vec<String> = known_to_v1(&project.read(name)).into_iter().map(line).collect();
            // What everybody can read there is no secret of the tests'.
            std::fs::write(project.file(name), changed.join("\n") + "\n").unwrap();
        }
    }
}

/// Leaves out the keys that Compose 1.29 refuses, with what is below them.
fn known_to_v1(text: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut below: Option<usize> = None;
    for line in text.lines() {
        let key = line.trim_start();
        let indent = line.len() - key.len();
        if below.is_some_and(|of| key.is_empty() || indent > of) {
            continue;
        }
        below = None;
        if key == "develop:" || key == "restart: true" || (indent == 0 && key.starts_with("name:")) {
            below = Some(indent);
        } else {
            kept.push(line);
        }
    }
    kept
}

#[track_caller]
fn wait_for(port: u16) {
    let started = std::time::Instant::now();
    let answers = || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        // PostgreSQL documentation, "SSLRequest".
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).ok()?;
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()
    };
    while answers().is_none() {
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "nobody answers on {port}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn gitea() {
    let Some(setup) = setup("awesome-compose/gitea-postgres", "db") else { return };
    Setup { published: false, ..setup }.is_healthy();
}

#[test]
fn nextcloud() {
    let Some(setup) = setup("awesome-compose/nextcloud-postgres", "db") else { return };
    Setup { published: false, ..setup }.is_healthy();
}

#[test]
fn react_rust() {
    let Some(setup) = setup("awesome-compose/react-rust-postgres", "db") else { return };
    let env = ("backend/.env", "DATABASE_URL=postgres://postgres:mysecretpassword@localhost:PORT/postgres\n");
    let cargo = ("backend/Cargo.toml", "[package]\nname = \"react-backend\"\nversion = \"0.1.0\"\n");
    let frontend = ("frontend/package.json", "{\"name\": \"react-frontend\"}\n");
    Setup { files: &[env, cargo, frontend], ..setup }.is_healthy();
}

#[test]
fn pgadmin() {
    let Some(setup) = setup("awesome-compose/postgresql-pgadmin", "postgres") else { return };
    setup.is_healthy();
}

#[test]
fn full_stack_fastapi() {
    let (Some(setup), Some(image)) = (setup("full-stack-fastapi-template", "db"), bench::image_18()) else { return };
    Setup { image, ..setup }.is_healthy();
}

#[test]
fn diesel() {
    let (Some(setup), Some(corpus)) = (setup("compose-misc/diesel", "postgres"), bench::corpus()) else { return };
    let sample = std::fs::read_to_string(corpus.join("compose/compose-misc/diesel/.env.sample")).unwrap();
    let sample = sample.replace("localhost:5432/diesel_test", "localhost:PORT/postgres");
    let env = format!("{sample}DATABASE_URL=postgresql://postgres:postgres@localhost:PORT/postgres\n");
    Setup { files: &[(".env", &env)], ..setup }.is_healthy();
}

#[test]
fn sqlx_todos() {
    let Some(setup) = setup("sqlx-examples/examples/postgres/mockable-todos", "database") else { return };
    let env = (".env", "DATABASE_URL=\"postgres://postgres:password@localhost:PORT/todos\"\n");
    Setup { files: &[env], ..setup }.is_healthy();
}

#[test]
fn dbmate() {
    let Some(setup) = setup("dbmate-testdata", "postgres") else { return };
    Setup { published: false, ..setup }.is_healthy();
}

#[test]
fn spring() {
    let Some(setup) = setup("awesome-compose/spring-postgres", "db") else { return };
    Setup { published: false, files: &BESIDE, ..setup }.is_healthy();
}

#[test]
fn nginx_golang() {
    let Some(setup) = setup("awesome-compose/nginx-golang-postgres", "db") else { return };
    Setup { published: false, files: &BESIDE, ..setup }.is_healthy();
}

/// A book's project, which starts its server by a script, on a server of every major; migrated by Alembic.
#[test]
fn servers_of_every_major() {
    let Some(python) = bench::venv() else { return };
    for major in [14, 15, 16, 17, 18] {
        let Some(cluster) = Cluster::of_major(major) else { return };
        let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
        let project = Project::from_fixture("alembic-sync");
        project.write(".env", &format!("DATABASE_URL={}\nAPP_ENV=development\n", database.url()));
        let upgraded = venv::run(&python, &project, "alembic", &["upgrade", "head"]);
        assert!(upgraded.status.success(), "{}", String::from_utf8_lossy(&upgraded.stderr));
        let report = Report::of(&Sandbox::new(&project));
        report.is_healthy();
        assert_eq!(report.ids("unknown"), [""; 0], "PostgreSQL {major}{report}");
    }
}
