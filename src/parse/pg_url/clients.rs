//! A target as the clients write it: the same database, in the words of each.

use super::{encode, render};
use crate::model::secret::Secret;
use crate::model::target::{Host, Target};

/// Who is given a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// `psql`, `pg_dump` and whatever else is built on libpq (PostgreSQL documentation, §34.1.1.2).
    Libpq,
    /// SQLAlchemy with the driver that the project names, or its default.
    Sqlalchemy,
    /// SQLAlchemy's `postgresql+asyncpg://`, which has a word of its own for TLS.
    Asyncpg,
    /// The JDBC driver, which has neither users in front of the host nor sockets.
    Jdbc,
    /// Go's pgx.
    Pgx,
    /// Prisma, which names the schema in the URL.
    Prisma,
    /// Rust's sqlx.
    Sqlx,
}

/// The clients by their names.
pub const CLIENTS: [(&str, Client); 7] = [
    ("libpq", Client::Libpq),
    ("sqlalchemy", Client::Sqlalchemy),
    ("asyncpg", Client::Asyncpg),
    ("jdbc", Client::Jdbc),
    ("pgx", Client::Pgx),
    ("prisma", Client::Prisma),
    ("sqlx", Client::Sqlx),
];

impl Client {
    /// Returns the client of that name.
    pub fn parse(name: &str) -> Option<Self> {
        CLIENTS.iter().find(|(known, _)| *known == name).map(|(_, client)| *client)
    }
}

/// Returns the URL of a target for a client; why it cannot be written where the client has no word for it.
pub fn for_client(target: &Target, client: Client) -> Result<Secret, &'static str> {
    let socket = target.hosts.iter().any(|(host, _)| matches!(host, Host::Socket(_)));
    let plain = |scheme: &str| Target { scheme: scheme.to_owned(), driver: None, ..target.clone() };
    // What only other clients know.
    let without = |target: Target, unknown: &[&str]| {
        let parameters = target.parameters.iter().filter(|(key, _)| !unknown.contains(&key.as_str())).cloned();
        Target { parameters: parameters.collect(), ..target.clone() }
    };
    match client {
        Client::Libpq => Ok(render(&libpq(&without(plain("postgresql"), NOT_OF_LIBPQ)))),
        Client::Pgx | Client::Sqlx => Ok(render(&libpq(&without(plain("postgres"), NOT_OF_LIBPQ)))),
        Client::Sqlalchemy => {
            let given = Target { scheme: "postgresql".to_owned(), ..target.clone() };
            Ok(render(&if target.driver.as_deref() == Some("asyncpg") { asyncpg(&given) } else { libpq(&given) }))
        }
        Client::Asyncpg => {
            let given = Target { driver: Some("asyncpg".to_owned()), ..plain("postgresql") };
            Ok(render(&asyncpg(&without(given, &["schema", "pgbouncer", "connection_limit", "pool_timeout"]))))
        }
        Client::Prisma => {
            let mut given = libpq(&plain("postgresql"));
            if given.parameter("schema").is_none() {
                given.parameters.push(("schema".to_owned(), "public".to_owned()));
            }
            if socket {
                // It dials the socket of its `host`, and wants another one in front of the path.
                return Ok(Secret::from(render(&given).reveal().replacen("@/", "@localhost/", 1)));
            }
            Ok(render(&given))
        }
        Client::Jdbc if socket => Err("the JDBC driver knows no unix sockets"),
        Client::Jdbc => Ok(jdbc(&libpq(&without(target.clone(), NOT_OF_LIBPQ)))),
    }
}

/// Parameters of Prisma and of asyncpg.
const NOT_OF_LIBPQ: &[&str] =
    &["schema", "pgbouncer", "connection_limit", "pool_timeout", "prepared_statement_cache_size"];

/// `ssl=require` is asyncpg's word; libpq's is `sslmode`.
fn libpq(target: &Target) -> Target {
    renamed(target, "ssl", "sslmode")
}

fn asyncpg(target: &Target) -> Target {
    renamed(target, "sslmode", "ssl")
}

fn renamed(target: &Target, from: &str, to: &str) -> Target {
    let mut target = target.clone();
    let both = target.parameter(to).is_some();
    target.parameters.retain(|(key, _)| !both || key != from);
    for (key, value) in &mut target.parameters {
        if key == from {
            to.clone_into(key);
            // As JDBC and node have it.
            if to == "sslmode" && value == "true" {
                "require".clone_into(value);
            } else if to == "sslmode" && value == "false" {
                "disable".clone_into(value);
            }
        }
    }
    target
}

fn jdbc(target: &Target) -> Secret {
    let hosts: Vec<String> = target.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    parameters.extend(target.user.as_deref().map(|user| ("user", user)));
    parameters.extend(target.password.as_ref().map(|password| ("password", password.reveal())));
    parameters.extend(target.parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let pairs: Vec<String> =
        parameters.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    Secret::from(format!("jdbc:postgresql://{}/{}{query}", hosts.join(","), encode(target.database())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::pg_url::parse;

    #[track_caller]
    fn check(url: &str, client: Client, expect: &str) {
        let target = parse(url).unwrap().target;
        assert_eq!(for_client(&target, client).map(|it| it.reveal().to_owned()), Ok(expect.to_owned()));
    }

    #[test]
    fn each_client_has_its_own_words() {
        let url = "postgresql+psycopg2://me:p%40ss@db.local:5433/my%20app?sslmode=require";
        check(url, Client::Libpq, "postgresql://me:p%40ss@db.local:5433/my%20app?sslmode=require");
        check(url, Client::Sqlalchemy, "postgresql+psycopg2://me:p%40ss@db.local:5433/my%20app?sslmode=require");
        check(url, Client::Asyncpg, "postgresql+asyncpg://me:p%40ss@db.local:5433/my%20app?ssl=require");
        check(url, Client::Jdbc, "jdbc:postgresql://db.local:5433/my%20app?user=me&password=p%40ss&sslmode=require");
        check(url, Client::Pgx, "postgres://me:p%40ss@db.local:5433/my%20app?sslmode=require");
        check(url, Client::Prisma, "postgresql://me:p%40ss@db.local:5433/my%20app?sslmode=require&schema=public");
        check(url, Client::Sqlx, "postgres://me:p%40ss@db.local:5433/my%20app?sslmode=require");
        let url = "postgresql+asyncpg://me@localhost/app?ssl=require&prepared_statement_cache_size=0";
        check(url, Client::Libpq, "postgresql://me@localhost:5432/app?sslmode=require");
        check(
            url,
            Client::Sqlalchemy,
            "postgresql+asyncpg://me@localhost:5432/app?ssl=require&prepared_statement_cache_size=0",
        );
        let url = "postgresql://me@localhost/app?schema=shop&pgbouncer=true";
        check(url, Client::Prisma, "postgresql://me@localhost:5432/app?schema=shop&pgbouncer=true");
        check(url, Client::Libpq, "postgresql://me@localhost:5432/app");
        let url = "postgresql://me@/app?host=/var/run/postgresql";
        check(url, Client::Libpq, "postgresql://me@/app?host=%2Fvar%2Frun%2Fpostgresql");
        check(url, Client::Prisma, "postgresql://me@localhost/app?schema=public&host=%2Fvar%2Frun%2Fpostgresql");
        assert!(for_client(&parse(url).unwrap().target, Client::Jdbc).is_err());
    }
}
