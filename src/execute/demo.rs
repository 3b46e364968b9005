//! The demo's stage: a project in a temporary folder, a private cluster, and a database from before the last migration.
#![expect(clippy::disallowed_methods, reason = "the demo's files are written here")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Teller;
use super::admin::failed;
use super::server::binaries;
use super::server::cluster::{Cluster, Listen};
use super::server::roles;
use crate::error::{Error, Result};
use crate::model::local_server::Installation;
use crate::model::secret::Secret;
use crate::model::target::Target;
use crate::parse::pg_url;
use crate::wire::postgres::{Session, message};

/// The beginnings of variables by which a developer's shell would speak of other databases.
pub const CONFUSING: [&str; 8] =
    ["DATABASE_", "PG", "POSTGRES", "DB_", "SQLALCHEMY_", "COMPOSE_", "DOCKER_", "APP_ENV"];

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

/// The project and its server.
pub struct Stage {
    pub root: PathBuf,
    cluster: Cluster,
    /// Where the server really is.
    target: Target,
}

/// Makes the project, starts its server, and breaks both as in the story.
pub async fn set_up(shell: &BTreeMap<String, Secret>, tell: &mut Teller<'_>) -> Result<Stage> {
    let found = binaries::find(shell);
    let installation = found.first().ok_or_else(|| {
        Error::environment("there are no PostgreSQL server programs on this machine").hint(binaries::install_hint())
    })?;
    match Box::pin(set_up_on(two_free_ports(5433, 5434)?, installation, tell)).await {
        // Somebody took the port in between: two demos at once, for example.
        Err(error) if error.message.contains("is taken by") => {
            Box::pin(set_up_on(two_free_ports(0, 0)?, installation, tell)).await
        }
        done => done,
    }
}

async fn set_up_on((wrong, right): (u16, u16), installation: &Installation, tell: &mut Teller<'_>) -> Result<Stage> {
    let root = folder()?;
    let password = format!("demo-{}", std::process::id());
    let url = format!("postgresql://shop:{password}@localhost:{right}/shop");
    let target = pg_url::parse(&url).map_err(|error| Error::environment("the demo's URL").because(error))?.target;
    let mut files: Vec<(&str, String)> = FILES.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
    let env = ENV.replace("@PASSWORD@", &password).replace("@WRONG_PORT@", &wrong.to_string());
    files.push((".env", env));
    for (path, text) in files {
        write(&root, path, &text)?;
    }
    let mut cluster = Box::pin(Cluster::create(&root.join(".devdb"), installation, tell)).await?;
    let started = Box::pin(start(&mut cluster, &target, tell)).await;
    let stage = Stage { root, cluster, target };
    match started {
        Ok(()) => Ok(stage),
        Err(error) => {
            let cleared = stage.clear_away().await;
            Err(cleared.err().unwrap_or(error))
        }
    }
}

async fn start(cluster: &mut Cluster, target: &Target, tell: &mut Teller<'_>) -> Result<()> {
    cluster.start(&Listen::for_target(target), tell).await?;
    roles::ensure(cluster, target, tell).await?;
    let session = enter(target).await?;
    session.batch_execute(STALE).await.map_err(|error| failed("make the demo's old database", &error))?;
    session.close().await;
    Ok(())
}

impl Stage {
    /// Returns what the app's query says now.
    pub async fn complaint(&self) -> Result<String> {
        let session = enter(&self.target).await?;
        let asked = session.query_typed("select users.username from users", &[]).await;
        session.close().await;
        Ok(asked.err().map(|error| message(&error)).unwrap_or_default())
    }

    /// Returns the users with their orders, from the database that the reset made.
    pub async fn proof(&self) -> Result<Vec<[String; 3]>> {
        const ROWS: &str = "select username, email, count(orders.id)::text from users
                            left join orders on orders.user_id = users.id group by users.id order by users.id";
        let session = enter(&self.target).await?;
        let rows = session.query_typed(ROWS, &[]).await.map_err(|error| failed("read the demo's users", &error))?;
        session.close().await;
        let column = |row: &tokio_postgres::Row, index: usize| row.try_get(index).unwrap_or_default();
        Ok(rows.iter().map(|row| [column(row, 0), column(row, 1), column(row, 2)]).collect())
    }

    /// Stops the server and removes the project.
    pub async fn clear_away(self) -> Result<()> {
        let removed = self.cluster.remove().await;
        std::fs::remove_dir_all(&self.root)
            .map_err(|error| Error::environment(format!("cannot remove `{}`", self.root.display())).because(error))?;
        removed
    }
}

async fn enter(target: &Target) -> Result<Session> {
    Session::open(target, target.database(), "devdb demo", LOGIN).await.map_err(|failure| {
        Error::environment("the demo's server does not let its app in").detail("server says", failure.message)
    })
}

fn folder() -> Result<PathBuf> {
    let failed = |error: std::io::Error| Error::environment("cannot make a temporary folder").because(error);
    let folder = tempfile::Builder::new().prefix("devdb-demo-").tempdir().map_err(failed)?.keep();
    std::fs::canonicalize(folder).map_err(failed)
}

fn write(root: &Path, path: &str, text: &str) -> Result<()> {
    let path = root.join(path);
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(&path, text))
        .map_err(|error| Error::environment(format!("cannot write `{}`", path.display())).because(error))
}

/// The port that the demo's `.env` names and the one that its server takes: those wished for, where they are free.
fn two_free_ports(wrong: u16, right: u16) -> Result<(u16, u16)> {
    let failed = |error: std::io::Error| Error::environment("no port is free").because(error);
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port));
    let wrong = free(wrong).or_else(|_taken| free(0)).map_err(failed)?;
    let right = free(right).or_else(|_taken| free(0)).map_err(failed)?;
    Ok((wrong.local_addr().map_err(failed)?.port(), right.local_addr().map_err(failed)?.port()))
}
