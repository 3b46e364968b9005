//! Logins that a real server refuses, each for another reason, and what mends them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::doctor_report::{Report, Shop, local_project};
use crate::support::cluster::{Cluster, Options, Role};
use crate::support::engine::{Container, PgContainer, Volume};
use crate::support::ports::free_port;
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;
use crate::support::{bench, new_password};

fn project_of(url: &str) -> Project {
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={url}\n"));
    project
}

/// Runs statements by `psql`, as whoever the URL names.
#[track_caller]
fn psql(url: &str, statements: &[&str]) -> String {
    let mut psql = Command::new("psql");
    psql.args(["-w", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
    for statement in statements {
        psql.args(["-c", statement]);
    }
    let ran = psql.arg(url).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

/// Carries out what doctor offers.
#[track_caller]
fn mend(sandbox: &Sandbox) {
    sandbox.clone().args(["doctor", "--fix", "--yes"]).run().assert_code(0);
}

#[test]
fn hba_no_entry() {
    let hba = "local all postgres trust\nhost all postgres all scram-sha-256\nhost other all all scram-sha-256\n";
    let Some(cluster) = Cluster::start(&Options { hba: Some(hba.to_owned()), ..Options::default() }) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let project = project_of(&database.url());
    let sandbox = Sandbox::new(&project);
    let role = &database.owner.name;
    let line = format!("host  {}  {role}  all  scram-sha-256", database.name);
    let commented = format!("{line}   # in that file");
    Report::of(&sandbox)
        .only_error("hba-no-entry")
        .says(&format!("`pg_hba.conf` does not let role `{role}` into `{}`", database.name))
        .at(".env", 1, "leads to")
        .seen("no pg_hba.conf entry for host \"127.0.0.1\"")
        .seen("(28000)")
        .fix(
            "manual",
            &[
                &cluster.superuser_command("postgres", "'SHOW hba_file'"),
                &commented,
                &cluster.superuser_command("postgres", "'SELECT pg_reload_conf()'"),
            ],
        );
    let file = cluster.value("postgres", "SHOW hba_file").unwrap();
    std::fs::write(&file, format!("{hba}{line}\n")).unwrap();
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let started = Instant::now();
    while !cluster.accepts(&database.owner, &database.name) {
        assert!(started.elapsed() < Duration::from_secs(20), "the line was read");
        std::thread::sleep(Duration::from_millis(50));
    }
    Report::of(&sandbox).is_healthy();
}

#[test]
fn role_missing_where_no_password_is_asked() {
    let hba = "local all all trust\nhost all postgres all scram-sha-256\nhost all all all trust\n";
    let Some(cluster) = Cluster::start(&Options { hba: Some(hba.to_owned()), ..Options::default() }) else { return };
    let database = cluster.fresh_database(&cluster.superuser());
    let ghost = Role { name: "Ghost".to_owned(), password: new_password() };
    let project = project_of(&cluster.url(&ghost, &database.name));
    Report::of(&Sandbox::new(&project))
        .only_error("role-missing")
        .says("has no role `Ghost`")
        .seen("role \"Ghost\" does not exist (28000)")
        .fix("manual", &[&cluster.superuser_command("postgres", "'CREATE ROLE \"Ghost\" LOGIN CREATEDB'")]);
}

/// A container whose `.env` dials it as `web`, which is made so.
fn container_with(shop: &Shop, attributes: &str) -> (Container, String) {
    let port = free_port();
    shop.compose(&format!("ports: [\"{port}:5432\"]"));
    let container = shop.engine.postgres(&shop.wanted(Some(("127.0.0.1", port))));
    container.wait_ready();
    let made = format!("CREATE ROLE web CREATEDB PASSWORD '{}' {attributes}", shop.password);
    psql(&container.url(), &[&made, "ALTER DATABASE app OWNER TO web"]);
    let url = format!("postgresql://web:{}@127.0.0.1:{port}/app", shop.password);
    shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
    (container, url)
}

/// A container of today's `POSTGRES_USER`, `app`, on a volume that was made with another.
fn on_a_volume_of(shop: &Shop, user: &str, port: u16) -> (Volume, Container) {
    shop.compose(&format!("ports: [\"{port}:5432\"]")).env(&format!("127.0.0.1:{port}"));
    let volume = shop.engine.volume();
    let old = PgContainer {
        env: vec![("POSTGRES_USER", user), ("POSTGRES_PASSWORD", &shop.password), ("POSTGRES_DB", "app")],
        volume: Some(&volume),
        ..shop.wanted(Some(("127.0.0.1", port)))
    };
    let first = shop.engine.postgres(&old);
    first.wait_ready();
    psql(
        &first.url(),
        &["CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)", "GRANT SELECT ON kept TO public"],
    );
    first.stop();
    drop(first);
    let today = PgContainer { volume: Some(&volume), ..shop.wanted(Some(("127.0.0.1", port))) };
    let container = shop.engine.postgres(&today);
    shop.wait_refused(port);
    (volume, container)
}

#[test]
fn role_missing_in_a_volume_of_another_user() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    let (_volume, container) = on_a_volume_of(&shop, "postgres", port);
    let report = shop.doctor();
    let name = &container.name;
    report
        .only_error("role-missing")
        .says("has no role `app`")
        .at(".env", 2, "leads to")
        .seen("password authentication failed for user \"app\" (28P01)")
        .seen(&format!("container `{name}` (service `db`) has: postgres"))
        .fix(
            "confirm",
            &[
                &format!("make role `app` inside the container `{name}`"),
                &format!("set the password of role `app` inside the container `{name}`"),
            ],
        );
    assert_eq!(report.reason("auth-password"), "follows from role-missing");
    mend(&shop.sandbox());
    shop.wait_ready(port);
    assert_eq!(psql(&container.url(), &["SELECT id FROM kept"]), "7", "the data stayed");
    assert_eq!(shop.doctor().ids("fail"), [""; 0]);
}

#[test]
fn role_missing_in_a_volume_whose_superuser_nobody_knows() {
    let Some(shop) = Shop::new() else { return };
    let port = free_port();
    let (_volume, container) = on_a_volume_of(&shop, "old", port);
    shop.doctor()
        .only_error("role-missing")
        .says("has no role `app`")
        .seen(&format!("`psql` inside container `{}` (service `db`) says: ", container.name))
        .fix("manual", &["docker compose down --volumes   # all data of the volumes are lost", "devdb up"]);
}

#[test]
fn role_nologin() {
    let Some(shop) = Shop::new() else { return };
    let (container, url) = container_with(&shop, "NOLOGIN");
    shop.doctor()
        .only_error("role-nologin")
        .says("role `web` may not log in")
        .seen("role \"web\" is not permitted to log in (28000)")
        .fix("confirm", &[&format!("let role `web` log in inside the container `{}`", container.name)]);
    mend(&shop.sandbox());
    assert_eq!(psql(&url, &["SELECT current_user"]), "web");
    shop.doctor().is_healthy();
}

#[test]
fn role_nologin_on_a_server_of_the_system() {
    let Some((project, database)) = local_project() else { return };
    let Some(cluster) = Cluster::shared() else { return };
    cluster.sql("postgres", &format!("ALTER ROLE {} NOLOGIN", database.owner.name));
    let login = format!("ALTER ROLE {} LOGIN", database.owner.name);
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox)
        .only_error("role-nologin")
        .fix("manual", &[&cluster.superuser_command("postgres", &format!("'{login}'"))]);
    psql(&cluster.superuser_url("postgres"), &[&login]);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn password_expired() {
    let Some(shop) = Shop::new() else { return };
    let (container, url) = container_with(&shop, "LOGIN VALID UNTIL '2020-01-01'");
    let report = shop.doctor();
    report
        .only_error("password-expired")
        .says("the password of role `web` is not valid any more")
        .seen("it was valid until 2020-01-01")
        .fix(
            "confirm",
            &[&format!("make the password of role `web` valid for good inside the container `{}`", container.name)],
        );
    assert_eq!(report.reason("auth-password"), "follows from password-expired");
    mend(&shop.sandbox());
    assert_eq!(psql(&url, &["SELECT current_user"]), "web");
    shop.doctor().is_healthy();
}

#[test]
fn connection_limit_of_the_role() {
    let Some(shop) = Shop::new() else { return };
    let (container, _url) = container_with(&shop, "LOGIN CONNECTION LIMIT 0");
    shop.doctor()
        .only_error("connection-limit")
        .says("role `web` has no connection left, by a limit of its own")
        .seen("too many connections for role \"web\" (53300)")
        .fix("confirm", &[&format!("take the limit of role `web` away inside the container `{}`", container.name)]);
    mend(&shop.sandbox());
    shop.doctor().is_healthy();
}

#[test]
fn connection_limit_of_the_database() {
    let (Some((project, database)), Some(cluster)) = (local_project(), Cluster::shared()) else { return };
    cluster.sql("postgres", &format!("ALTER DATABASE {} CONNECTION LIMIT 0", database.name));
    let sandbox = Sandbox::new(&project);
    let unlimited = format!("ALTER DATABASE {} CONNECTION LIMIT -1", database.name);
    Report::of(&sandbox)
        .only_error("connection-limit")
        .says(&format!("the database `{}` has no connection left", database.name))
        .fix("manual", &[&cluster.superuser_command("postgres", &format!("'{unlimited}'"))]);
    psql(&cluster.superuser_url("postgres"), &[&unlimited]);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn tls_unsupported() {
    let Some((project, database)) = local_project() else { return };
    let line = |mode: &str| {
        format!("# mine\nDATABASE_URL='{}?sslmode={mode}&application_name=shop' # theirs\n", database.url())
    };
    project.write(".env", &line("require"));
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox).only_error("tls-unsupported").says("does not speak TLS").at(".env", 2, "leads to").seen("`N`");
    mend(&sandbox);
    assert_eq!(project.read(".env"), line("disable"));
    Report::of(&sandbox).is_healthy();
}

/// A running pooler; ended when dropped.
struct Pooler {
    child: std::process::Child,
    _folder: tempfile::TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `PgBouncer` before a server, which lends one session to many clients.
fn pooler(program: &std::path::Path, cluster: &Cluster, role: &Role, port: u16) -> Pooler {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let users = folder.path().join("users.txt");
    std::fs::write(&users, format!("\"{}\" \"{}\"\n", role.name, role.password)).unwrap();
    let settings = format!(
        "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n",
        cluster.port(),
        users.display()
    );
    let file = folder.path().join("pgbouncer.ini");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new(program);
    // As root it refuses to run.
    if nix::unistd::geteuid().is_root() {
        for path in [folder.path(), &users, &file] {
            std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
        }
        command.args(["-u", "nobody"]);
    }
    let child = command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "PgBouncer listens");
        std::thread::sleep(Duration::from_millis(50));
    }
    Pooler { child, _folder: folder }
}

#[test]
fn pooler_in_between() {
    let (Some(cluster), Some(program)) = (Cluster::shared(), bench::pgbouncer()) else { return };
    let database = cluster.fresh_database(&cluster.create_role("CREATEDB"));
    let port = free_port();
    let _pooler = pooler(&program, cluster, &database.owner, port);
    let through = database.url().replace(&format!(":{}/", cluster.port()), &format!(":{port}/"));
    let project = project_of(&through);
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox)
        .only_warning("pooler-in-between")
        .says(&format!("port {port} is answered by pgbouncer, not by the server"))
        .at(".env", 1, "leads to")
        .seen(&format!("127.0.0.1:{port} is held by `pgbouncer` (pid "));
    // What the pooler lends next keeps none of doctor's settings.
    let limits = ["SHOW lock_timeout", "SHOW statement_timeout", "SHOW transaction_read_only"];
    assert_eq!(psql(&through, &limits), "0\n0\noff");
    project.write(".env", &format!("DATABASE_URL={}\n", database.url()));
    Report::of(&sandbox).is_healthy();
}

/// A certificate that signed itself, for `localhost`, and its key, in the server's folder.
fn certify(cluster: &Cluster) -> std::path::PathBuf {
    let (cert, key) = (cluster.data().join("server.crt"), cluster.data().join("server.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out"])
        .arg(&cert)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(cluster.data()).unwrap());
    for file in [&cert, &key] {
        std::os::unix::fs::chown(file, Some(owner), None).unwrap();
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    cert
}

#[test]
fn a_server_with_tls_is_reached_as_libpq_reaches_it() {
    let hba = "local all postgres trust\nhost all postgres all scram-sha-256\nhostnossl plain all all scram-sha-256\nhostssl all all all scram-sha-256\n";
    let Some(cluster) = Cluster::start(&Options { hba: Some(hba.to_owned()), ..Options::default() }) else { return };
    let cert = certify(&cluster);
    cluster.sql("postgres", "ALTER SYSTEM SET ssl = on");
    cluster.stop();
    cluster.resume();
    let role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    cluster.sql("postgres", &format!("CREATE DATABASE plain OWNER {}", role.name));
    // `prefer` goes on without TLS where the rules take no client with it.
    let plain = cluster.url(&role, "plain");
    assert_eq!(psql(&plain, &["SELECT current_database()"]), "plain");
    Report::of(&Sandbox::new(&project_of(&plain))).is_healthy();
    // A certificate that signed itself is its own root.
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!("{}?sslmode={mode}&sslrootcert={}", database.url(), cert.display());
        assert_eq!(psql(&url, &["SELECT 1"]), "1", "{mode}");
        Report::of(&Sandbox::new(&project_of(&url))).is_healthy();
    }
    // Without its root it is not trusted, which `disable` would not mend.
    let url = format!("{}?sslmode=verify-full", database.url());
    let report = Report::of(&Sandbox::new(&project_of(&url)));
    report.only_error("auth-password").seen("invalid peer certificate");
    assert!(report.text.stdout.contains("name its root in `sslrootcert`"), "{report}");
}
