//! A healthy picture, and handles to break it with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::chain::{AlembicConfig, Chain, Revision};
use crate::model::compose::{Compose, Service};
use crate::model::engine::{
    Container, ContainerState, Engine, EngineOutcome, EngineProbe, InsideLook, InsideRole, PortBinding,
};
use crate::model::env::Dialect;
use crate::model::habits::{DjangoMigration, Habits};
use crate::model::health::Health;
use crate::model::observed::Observed;
use crate::model::operation::{MigrationOperations, WayBack};
use crate::model::picture::Picture;
use crate::model::place::Place;
use crate::model::secret::Secret;
use crate::model::server::{
    Database, Endpoint, Listener, LoginFailure, LoginFailureKind, Process, Reach, Reply, Role, Server,
};
use crate::model::sql_chain::{AppliedMigration, HistoryTable, SqlChain, SqlMigration, SqlTool};
use crate::model::target::{Candidate, Origin};
use crate::parse::compose::{ComposeInput, load};
use crate::parse::{env_file, pg_url, sql_ddl};

const ENV: &str = "DATABASE_URL=postgresql://app:pw@localhost:5432/app\n";
const COMPOSE: &str = "\
services:
  db:
    image: postgres:15
    environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: pw, POSTGRES_DB: app}
    ports: [\"5432:5432\"]
    volumes: [\"data:/var/lib/postgresql/data\"]
volumes: {data: {}}
";
const IDENTIFIER: u64 = 42;

/// A project with a running container, a database at the chain's head, and nothing wrong.
pub(super) fn healthy() -> Picture {
    let env = env_file::parse(Path::new(".env"), ENV);
    let origin = Origin::EnvFile { at: Place::new(".env", 1), key: "DATABASE_URL".to_owned() };
    let target = pg_url::parse("postgresql://app:pw@localhost:5432/app").unwrap().target;
    let four = "127.0.0.1:5432".parse().unwrap();
    Picture {
        root: PathBuf::from("/home/dev/shop"),
        shell: BTreeMap::new(),
        config: crate::model::config::Config::default(),
        env_files: vec![env],
        env_in_git: Vec::new(),
        env_examples: Vec::new(),
        habits: habits(),
        data_folders: Vec::new(),
        init_scripts: Vec::new(),
        dialect: Dialect::PythonDotenv,
        compose: Observed::Known(compose_project()),
        profiles: Vec::new(),
        candidates: vec![Candidate {
            target,
            origin,
            port_origin: None,
            host_origin: None,
            password_origin: None,
            database_origin: None,
            problems: Vec::new(),
        }],
        engine: EngineProbe {
            address: "unix:///var/run/docker.sock".to_owned(),
            named_by: "the default socket".to_owned(),
            outcome: EngineOutcome::Answered(Engine { containers: vec![database_container()], ..Engine::default() }),
        },
        listeners: Observed::Known(vec![Listener {
            address: "0.0.0.0:5432".parse().unwrap(),
            process: Some(Process { pid: 7, name: "docker-proxy".to_owned() }),
        }]),
        reach: Reach {
            unresolved: None,
            sockets: Vec::new(),
            endpoints: vec![Endpoint {
                shown: "127.0.0.1:5432".to_owned(),
                address: Some(four),
                reply: Reply::Postgres { tls: false },
            }],
        },
        nearby: Vec::new(),
        neighbours: Vec::new(),
        server: Observed::Known(live_server()),
        login_failure: None,
        chain: Observed::Known(two_revisions()),
        operations: Observed::Known(two_migrations()),
        origins: Observed::Absent,
        deep: Observed::Known(crate::model::deep::Deep::default()),
        inside_container: false,
        unread: Vec::new(),
        recipe: crate::model::picture::Recipe::default(),
        took: Vec::new(),
        cluster: None,
    }
}

/// One migration of Django's, and seeds with nothing wrong.
fn habits() -> Habits {
    Habits { django: vec![django("0001_initial", &[])], seeds: Observed::Known(Vec::new()), ..Habits::default() }
}

/// A migration of the Django app `shop` that follows these.
pub(super) fn django(name: &str, after: &[&str]) -> DjangoMigration {
    DjangoMigration {
        app: "shop".to_owned(),
        name: name.to_owned(),
        at: Place::new(format!("shop/migrations/{name}.py"), 4),
        dependencies: after.iter().map(|it| ("shop".to_owned(), (*it).to_owned())).collect(),
        replaces: Vec::new(),
    }
}

fn compose_project() -> Compose {
    load(&ComposeInput {
        directory: Path::new(""),
        absolute_directory_name: "shop",
        files: vec![PathBuf::from("compose.yaml")],
        environment: &|_name| None,
        read: &|_path| Ok(COMPOSE.to_owned()),
    })
}

fn database_container() -> Container {
    let pair = |key: &str, value: &str| (key.to_owned(), Secret::from(value));
    let binding = PortBinding { container_port: 5432, host_ip: "0.0.0.0".to_owned(), host_port: 5432 };
    Container {
        id: "c0ffee".to_owned(),
        name: "shop-db-1".to_owned(),
        image: "postgres:15".to_owned(),
        state: ContainerState { status: "running".to_owned(), ..ContainerState::default() },
        environment: [pair("POSTGRES_USER", "app"), pair("POSTGRES_PASSWORD", "pw"), pair("POSTGRES_DB", "app")].into(),
        wanted_ports: vec![binding.clone()],
        published_ports: vec![binding],
        compose_project: Some("shop".to_owned()),
        compose_service: Some("db".to_owned()),
        compose_directory: Some("/home/dev/shop".to_owned()),
        system_identifier: Observed::Known(IDENTIFIER),
        ..Container::default()
    }
}

fn live_server() -> Server {
    Server {
        version: "15.18".to_owned(),
        version_number: 150_018,
        system_identifier: Some(IDENTIFIER),
        role: Role {
            name: "app".to_owned(),
            superuser: true,
            create_database: true,
            signal_backend: true,
            owns_database: true,
        },
        max_connections: 100,
        connections: 3,
        entered: "app".to_owned(),
        database: Observed::Known(Database {
            name: "app".to_owned(),
            owner: "app".to_owned(),
            allows_connections: true,
            tables: Observed::Known(4),
            versions: Observed::Known(vec!["b2".to_owned()]),
            ..Database::default()
        }),
        health: Observed::Known(Health::default()),
        ..Server::default()
    }
}

fn two_revisions() -> Chain {
    let revision = |id: &str, parent: Option<&str>| Revision {
        id: id.to_owned(),
        down_revisions: parent.into_iter().map(str::to_owned).collect(),
        depends_on: Vec::new(),
        branch_labels: Vec::new(),
        message: format!("revision {id}"),
        at: Place::new(format!("alembic/versions/{id}.py"), 8),
        down_revision_line: 9,
    };
    let config = AlembicConfig { version_table: "alembic_version".to_owned(), ..AlembicConfig::default() };
    Chain { config, revisions: vec![revision("a1", None), revision("b2", Some("a1"))], ..Chain::default() }
}

/// The first makes a table, the second adds a column; both can be taken back.
fn two_migrations() -> Vec<MigrationOperations> {
    let migration = |id: &str, up: &str, down: &str| MigrationOperations {
        revision: id.to_owned(),
        file: format!("alembic/versions/{id}.py").into(),
        up: sql_ddl::of_sql(up, 12),
        down: sql_ddl::of_sql(down, 16),
        way_back: WayBack::Written,
        autocommits: false,
        extensions: Vec::new(),
        creates_unknown_extensions: false,
        new_values: Vec::new(),
    };
    vec![
        migration("a1", "create table users (id int)", "drop table users"),
        migration("b2", "alter table users add name text", "alter table users drop name"),
    ]
}

pub(super) fn operations(picture: &mut Picture) -> &mut Vec<MigrationOperations> {
    match &mut picture.operations {
        Observed::Known(operations) => operations,
        other => panic!("no operations: {other:?}"),
    }
}

pub(super) fn engine(picture: &mut Picture) -> &mut Engine {
    match &mut picture.engine.outcome {
        EngineOutcome::Answered(engine) => engine,
        other => panic!("no engine: {other:?}"),
    }
}

pub(super) fn container(picture: &mut Picture) -> &mut Container {
    &mut engine(picture).containers[0]
}

pub(super) fn service(picture: &mut Picture) -> &mut Service {
    match &mut picture.compose {
        Observed::Known(compose) => &mut compose.services[0],
        other => panic!("no Compose project: {other:?}"),
    }
}

pub(super) fn server(picture: &mut Picture) -> &mut Server {
    match &mut picture.server {
        Observed::Known(server) => server,
        other => panic!("no server: {other:?}"),
    }
}

/// What `psql` inside the container sees when nothing is wrong with the role.
pub(super) fn inside() -> InsideLook {
    let role = |name: &str| InsideRole { name: name.to_owned(), can_login: true, expired: None };
    InsideLook {
        superuser: "app".to_owned(),
        roles: vec![role("app")],
        databases: vec!["app".to_owned()],
        hba_file: "/var/lib/postgresql/data/pg_hba.conf".to_owned(),
    }
}

/// Gives the database's service a variable.
pub(super) fn set_variable(picture: &mut Picture, key: &str, value: &str) {
    let service = service(picture);
    let entry = crate::model::place::Located::new(Some(Secret::from(value)), service.at.clone());
    service.environment.insert(key.to_owned(), entry);
}

/// Adds a service that waits for the database's container alone.
pub(super) fn add_dependent(picture: &mut Picture) {
    add_app(picture, "postgresql://app:pw@db:5432/app");
    if let Observed::Known(compose) = &mut picture.compose {
        let app = compose.services.last_mut().unwrap();
        let started = crate::model::place::Located::new("service_started".to_owned(), app.at.clone());
        app.ports.clear();
        app.depends_on.insert("db".to_owned(), started);
    }
}

/// Adds a service of the app's own, with this `DATABASE_URL`.
pub(super) fn add_app(picture: &mut Picture, url: &str) {
    let mut app = service(picture).clone();
    app.name = "web".to_owned();
    app.image = None;
    let url = crate::model::place::Located::new(Some(Secret::from(url)), app.at.clone());
    app.environment = [("DATABASE_URL".to_owned(), url)].into();
    if let Observed::Known(compose) = &mut picture.compose {
        compose.services.push(app);
    }
}

pub(super) fn health(picture: &mut Picture) -> &mut Health {
    match &mut server(picture).health {
        Observed::Known(health) => health,
        other => panic!("not looked at: {other:?}"),
    }
}

pub(super) fn database(picture: &mut Picture) -> &mut Database {
    match &mut server(picture).database {
        Observed::Known(database) => database,
        other => panic!("no database: {other:?}"),
    }
}

pub(super) fn chain(picture: &mut Picture) -> &mut Chain {
    match &mut picture.chain {
        Observed::Known(chain) => chain,
        other => panic!("no chain: {other:?}"),
    }
}

/// Gives the project a chain of SQL files instead of Alembic's, all of it applied.
pub(super) fn sql(picture: &mut Picture) {
    let migration = |version: &str| SqlMigration {
        version: version.to_owned(),
        message: format!("migration {version}"),
        file: PathBuf::from(format!("migrations/{version}_a.sql")),
        checksum: Some(format!("sum-{version}")),
        ..SqlMigration::default()
    };
    let migrations = vec![migration("1"), migration("2")];
    let row = |migration: &SqlMigration| AppliedMigration {
        version: migration.version.clone(),
        checksum: migration.checksum.clone(),
        ..AppliedMigration::default()
    };
    database(picture).history = Observed::Known(migrations.iter().map(row).collect());
    picture.chain = Observed::Absent;
    picture.recipe.sql_chain = Observed::Known(SqlChain {
        tool: SqlTool::Sqlx,
        directory: PathBuf::from("migrations"),
        migrations,
        faults: Vec::new(),
        table: HistoryTable::of(SqlTool::Sqlx),
        schema: None,
    });
}

pub(super) fn applied(picture: &mut Picture) -> &mut Vec<AppliedMigration> {
    match &mut database(picture).history {
        Observed::Known(rows) => rows,
        other => panic!("no rows: {other:?}"),
    }
}

pub(super) fn fail_login(picture: &mut Picture, kind: LoginFailureKind, sqlstate: &str) {
    picture.server = Observed::Unknown("the login failed".to_owned());
    let message = "refused".to_owned();
    picture.login_failure = Some(LoginFailure { sqlstate: Some(sqlstate.to_owned()), message, kind, routine: None });
}

/// The server refuses the role before or after its password, in this function.
pub(super) fn refuse_by(picture: &mut Picture, kind: LoginFailureKind, sqlstate: &str, routine: &str) {
    fail_login(picture, kind, sqlstate);
    if let Some(failure) = &mut picture.login_failure {
        failure.routine = Some(routine.to_owned());
    }
}

pub(super) fn refuse_password(picture: &mut Picture) {
    fail_login(picture, LoginFailureKind::Password, "28P01");
}
