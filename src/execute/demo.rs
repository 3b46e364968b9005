//! The demo's stage: a project in a temporary folder, and a database from before the last migration.
#![expect(clippy::disallowed_methods, reason = "the demo's files are written here")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::admin::failed;
use crate::error::{Error, Result};
use crate::model::target::Target;
use crate::parse::pg_url;
use crate::wire::postgres::{Session, message};

/// The beginnings of variables by which a developer's shell would speak of other databases.
pub const CONFUSING: [&str; 7] = ["DATABASE_", "PG", "POSTGRES", "DB_", "SQLALCHEMY_", "COMPOSE_", "APP_ENV"];

const ENV: &str = include_str!("../../templates/demo/env");
const STALE: &str = include_str!("../../templates/demo/stale.sql");
const FILES: [(&str, &str); 5] = [
    (
        "db/migrations/20260105090000_create_users.sql",
        include_str!("../../templates/demo/migrations/20260105090000_create_users.sql"),
    ),
    (
        "db/migrations/20260211090000_create_orders.sql",
        include_str!("../../templates/demo/migrations/20260211090000_create_orders.sql"),
    ),
    (
        "db/migrations/20260402090000_add_users_username.sql",
        include_str!("../../templates/demo/migrations/20260402090000_add_users_username.sql"),
    ),
    ("seeds/01_users.sql", include_str!("../../seeds/01_users.sql")),
    ("seeds/02_orders.sql", include_str!("../../seeds/02_orders.sql")),
];
const LOGIN: Duration = Duration::from_secs(10);

/// The project and where its server listens.
#[derive(Debug)]
pub struct Stage {
    pub root: PathBuf,
    target: Target,
    password: String,
    /// The port that the broken `.env` names.
    wrong: u16,
}

impl Stage {
    /// Writes the project, still whole, for a server on the second port (or one that is free).
    pub fn prepare(ports: (u16, u16)) -> Result<Self> {
        let (wrong, right) = two_free_ports(ports)?;
        let password = format!("demo-{}", std::process::id());
        let url = format!("postgresql://shop:{password}@localhost:{right}/shop");
        let target = pg_url::parse(&url).map_err(|error| Error::environment("the demo's URL").because(error))?.target;
        let stage = Self { root: folder()?, target, password, wrong };
        for (path, text) in FILES {
            stage.write(path, text)?;
        }
        stage.write_env(right)?;
        Ok(stage)
    }

    /// Makes the morning: the wrong port in `.env`, and a database from before the last migration.
    pub async fn break_it(&self) -> Result<()> {
        let session = self.enter().await?;
        session.batch_execute(STALE).await.map_err(|error| failed("make the demo's old database", &error))?;
        session.close().await;
        self.write_env(self.wrong)
    }

    /// Returns what the app's query says now.
    pub async fn complaint(&self) -> Result<String> {
        let session = self.enter().await?;
        let asked = session.query_typed("select users.username from users", &[]).await;
        session.close().await;
        Ok(asked.err().map(|error| message(&error)).unwrap_or_default())
    }

    /// Returns the users with their orders, from the database that the reset made.
    pub async fn proof(&self) -> Result<Vec<[String; 3]>> {
        const ROWS: &str = "select username, email, count(orders.id)::text from users
                            left join orders on orders.user_id = users.id group by users.id order by users.id";
        let session = self.enter().await?;
        let rows = session.query_typed(ROWS, &[]).await.map_err(|error| failed("read the demo's users", &error))?;
        session.close().await;
        let column = |row: &tokio_postgres::Row, index: usize| row.try_get(index).unwrap_or_default();
        Ok(rows.iter().map(|row| [column(row, 0), column(row, 1), column(row, 2)]).collect())
    }

    /// Removes the project's folder.
    pub fn clear_away(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.root)
            .map_err(|error| Error::environment(format!("cannot remove `{}`", self.root.display())).because(error))
    }

    async fn enter(&self) -> Result<Session> {
        let opened = Session::open(&self.target, self.target.database(), "devdb demo", LOGIN).await;
        opened.map_err(|failure| {
            Error::environment("the demo's server does not let its app in").detail("server says", failure.message)
        })
    }

    fn write_env(&self, port: u16) -> Result<()> {
        self.write(".env", &ENV.replace("@PASSWORD@", &self.password).replace("@PORT@", &port.to_string()))
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root.join(path);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, text)).map_err(|error| unwritable(&path, error))
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::environment(format!("cannot write `{}`", path.display())).because(error)
}

fn folder() -> Result<PathBuf> {
    let failed = |error: std::io::Error| Error::environment("cannot make a temporary folder").because(error);
    let folder = tempfile::Builder::new().prefix("devdb-demo-").tempdir().map_err(failed)?.keep();
    std::fs::canonicalize(folder).map_err(failed)
}

/// The port that the demo's `.env` will name and the one that its server takes: those wished for, where they are free.
fn two_free_ports((wrong, right): (u16, u16)) -> Result<(u16, u16)> {
    let failed = |error: std::io::Error| Error::environment("no port is free").because(error);
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port));
    let wrong = free(wrong).or_else(|_taken| free(0)).map_err(failed)?;
    let right = free(right).or_else(|_taken| free(0)).map_err(failed)?;
    Ok((wrong.local_addr().map_err(failed)?.port(), right.local_addr().map_err(failed)?.port()))
}
