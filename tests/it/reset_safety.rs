//! What a reset refuses: exit 3, the rule, what stands in the way, and what would make it pass.

use crate::reset_common::{Shop, own_server};
use crate::support::cluster::{Cluster, Options};
use crate::support::ports::free_port;
use crate::support::sandbox::Output;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

#[track_caller]
fn assert_refused<'a>(output: &'a Output, rule: &str) -> &'a Output {
    output.assert_code(3).assert_stderr_has("refused").assert_stderr_has(rule).assert_stderr_has("try:")
}

#[test]
fn databases_of_the_server_and_protected_names_are_refused() {
    let Some(cluster) = own_server("") else { return };
    let shop = Shop::new(&cluster).with_old_content();
    let before = shop.before();
    for name in ["postgres", "template1", "template0"] {
        let url = cluster.superuser_url(name);
        let output = shop.reset().env("DATABASE_URL", &url).run();
        assert_refused(&output, "name").assert_stderr_has(name);
    }
    for pattern in [shop.name().to_owned(), "devdb_it_*".to_owned(), "*".to_owned()] {
        shop.project.write("devdb.toml", &format!("[database]\nprotected = [\"nothing\", \"{pattern}\"]\n"));
        let output = shop.reset().run();
        assert_refused(&output, "protected").assert_stderr_has(&pattern).assert_stderr_has("devdb.toml");
    }
    shop.assert_untouched(&before);
    shop.project.write("devdb.toml", "[database]\nprotected = [\"*_prod\"]\n");
    shop.reset().run().assert_code(0);
}

#[test]
fn production_markers_of_the_environment_are_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let (before, env) = (shop.before(), shop.project.read(".env"));
    for (key, value) in
        [("APP_ENV", "production"), ("RAILS_ENV", "PROD"), ("ENVIRONMENT", " live "), ("NODE_ENV", "staging")]
    {
        let output = shop.reset().env(key, value).run();
        assert_refused(&output, "production").assert_stderr_has(key).assert_stderr_has("of the shell");
        shop.project.write(".env", &env.replace("APP_ENV=development", &format!("{key}=\"{}\"", value.trim())));
        let output = shop.reset().run();
        assert_refused(&output, "production").assert_stderr_has(&format!(".env:2 {key}"));
        let output = shop.devdb(["undo"]).run();
        assert_refused(&output, "production");
        shop.project.write(".env", &env);
    }
    shop.assert_untouched(&before);
    shop.reset().env("APP_ENV", "development").run().assert_code(0);
}

#[test]
fn the_marker_in_the_database_is_refused_until_it_says_development() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let mark = |value: &str| {
        cluster.sql("postgres", &format!("alter database {} set devdb.environment = '{value}'", shop.name()));
    };
    for value in ["production", "staging", "shared"] {
        mark(value);
        let output = shop.reset().run();
        assert_refused(&output, "marker").assert_stderr_has(value).assert_stderr_has("ALTER DATABASE");
    }
    shop.assert_untouched(&before);
    mark("development");
    shop.reset().run().assert_code(0);
}

/// Set while the run waits for another: what the picture saw has aged.
#[test]
fn a_marker_that_appears_while_it_waits_is_seen() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let mut running = shop.devdb(["reset"]).in_terminal(100, 40).spawn();
    running.wait_for("Replace `");
    cluster.sql("postgres", &format!("alter database {} set devdb.environment = 'production'", shop.name()));
    let before = shop.before();
    running.type_text("y");
    let output = running.wait();
    output.assert_code(3).assert_stdout_has("marker");
    shop.assert_untouched(&before);
}

/// The machine's own address, as another machine would dial it.
fn own_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}

#[test]
fn another_machine_needs_its_place_in_the_file_and_its_name_typed() {
    let Some(cluster) = own_server("listen_addresses = '*'") else { return };
    let Some(address) = own_address() else {
        return eprintln!("SKIPPED: this machine has no address but its loopback");
    };
    let shop = Shop::new(&cluster).with_old_content();
    let before = shop.before();
    let url = shop.database.url().replace("127.0.0.1", &address);
    shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
    let output = shop.reset().run();
    assert_refused(&output, "remote").assert_stderr_has(&address).assert_stderr_has("[database] remote");
    for allowed in ["[\"db.example.org\"]".to_owned(), format!("[\"{address}/another\"]")] {
        shop.project.write("devdb.toml", &format!("[database]\nremote = {allowed}\n"));
        assert_refused(&shop.reset().run(), "remote");
    }
    shop.project.write("devdb.toml", &format!("[database]\nremote = [\"{address}/{}\"]\n", shop.name()));
    assert_refused(&shop.reset().run(), "remote").assert_stderr_has("typed");
    for (typed, code) in [("yes\r".to_owned(), 130), (format!("{}\r", shop.name()), 0)] {
        shop.assert_untouched(&before);
        let mut running = shop.reset().in_terminal(120, 40).spawn();
        running.wait_for("Type the database's name");
        running.type_text(&typed);
        running.wait().assert_code(code);
    }
    assert_ne!(shop.before(), before);
}

#[test]
fn one_remote_host_among_several_is_remote() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let port = cluster.port();
    let several =
        shop.database.url().replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{port},db.example.org:5432"));
    shop.project.write(".env", &format!("DATABASE_URL={several}\n"));
    assert_refused(&shop.reset().run(), "remote");
    shop.assert_untouched(&before);
}

/// A forwarder whose process is called `ssh`.
struct Tunnel(Child);

impl Tunnel {
    fn open(directory: &std::path::Path, name: &str, from: u16, to: u16) -> Self {
        const FORWARD: &str = "import socket,sys,threading\n\
            def pump(a,b):\n    while d := a.recv(65536): b.sendall(d)\n    b.close()\n\
            s=socket.create_server(('127.0.0.1',int(sys.argv[1]))); print('.',flush=True)\n\
            while True:\n    c,_=s.accept(); t=socket.create_connection(('127.0.0.1',int(sys.argv[2])))\n    \
            threading.Thread(target=pump,args=(c,t),daemon=True).start(); threading.Thread(target=pump,args=(t,c),daemon=True).start()\n";
        let python =
            ["/usr/bin/python3", "/usr/local/bin/python3"].iter().find(|path| std::path::Path::new(path).exists());
        let program = directory.join(name);
        std::fs::copy(python.expect("a Python"), &program).unwrap();
        let mut child = Command::new(&program)
            .args(["-c", FORWARD, &from.to_string(), &to.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Self(child)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_tunnel_on_a_local_port_is_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let home = tempfile::tempdir().unwrap();
    for name in ["ssh", "kubectl", "cloud-sql-proxy", "socat"] {
        let port = free_port();
        let _tunnel = Tunnel::open(home.path(), name, port, cluster.port());
        let url = shop.database.url().replace(&format!(":{}/", cluster.port()), &format!(":{port}/"));
        shop.project.write(".env", &format!("DATABASE_URL={url}\n"));
        let output = shop.reset().run();
        assert_refused(&output, "tunnel").assert_stderr_has(name).assert_stderr_has(&port.to_string());
        assert_refused(&shop.devdb(["undo"]).run(), "tunnel");
    }
    shop.assert_untouched(&before);
}

#[test]
fn an_agent_needs_a_token_which_holds_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    for variable in ["CLAUDECODE", "CURSOR_AGENT", "GEMINI_CLI"] {
        let output = shop.reset().env(variable, "1").run();
        assert_refused(&output, "agent").assert_stderr_has("--dry-run");
    }
    let dry = shop.devdb(["reset", "--dry-run"]).env("CLAUDECODE", "1").run();
    dry.assert_code(0).assert_lacks("--token");
    let said = shop.devdb(["reset", "--dry-run"]).run();
    let token = said.stderr.split("--token ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a token");
    let with = |token: &str, more: &[&str]| {
        shop.reset().args(["--token", token]).args(more.iter().copied()).env("CLAUDECODE", "1").run()
    };
    assert_refused(&with("0123456789ab", &[]), "agent");
    assert_refused(&with(token, &["--no-seed"]), "agent").assert_stderr_has("another plan");
    shop.assert_untouched(&before);
    with(token, &[]).assert_code(0);
    let after = shop.before();
    assert_refused(&with(token, &[]), "agent").assert_stderr_has("used already");
    assert_eq!(shop.before(), after);
}

#[test]
fn a_role_that_does_not_own_the_database_is_told_who_does() {
    let Some(cluster) = Cluster::shared() else { return };
    let shop = Shop::new(cluster).with_old_content();
    let before = shop.before();
    let other = cluster.create_role("CREATEDB");
    let output = shop.reset().env("DATABASE_URL", &cluster.url(&other, shop.name())).run();
    output.assert_code(4).assert_stderr_has("does not own").assert_stderr_has(&shop.database.owner.name);
    shop.assert_untouched(&before);
}

#[test]
fn a_read_only_server_changes_nothing_and_says_so() {
    let Some(cluster) =
        Cluster::start(&Options { conf: "default_transaction_read_only = on".to_owned(), ..Options::default() })
    else {
        return;
    };
    let output = {
        let role = cluster.superuser();
        let project = crate::support::project::Project::new();
        project.write(".env", &format!("DATABASE_URL={}\n", cluster.url(&role, "nothing_yet")));
        crate::support::sandbox::Sandbox::new(&project).args(["reset", "--yes"]).run()
    };
    output.assert_code(4).assert_stderr_has("25006");
}
