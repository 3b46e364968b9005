//! Faults that only the server knows of, each made on a real one, and mended by what the finding says.

use crate::doctor_report::{Report, local_project};
use crate::migrate::sync;
use crate::support::cluster::{Cluster, Role};
use crate::support::project::Project;
use crate::support::sandbox::Sandbox;

fn project_of(url: &str) -> Project {
    let project = Project::new();
    project.write(".env", &format!("DATABASE_URL={url}\n"));
    project
}

/// Runs a command that a finding says, as `psql -U postgres` of the superuser.
fn as_superuser(cluster: &Cluster, statement: &str, database: &str) {
    let url = cluster.superuser_url(database);
    let ran = std::process::Command::new("psql").args(["-w", "-v", "ON_ERROR_STOP=1", "-c", statement, &url]).output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn server_read_only() {
    let Some((project, database)) = local_project() else { return };
    let name = &database.name;
    database.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let reset = format!(
        "devdb psql -c 'SET default_transaction_read_only = off' -c 'ALTER DATABASE {name} RESET default_transaction_read_only'"
    );
    let role = format!(
        "devdb psql -c 'SET default_transaction_read_only = off' -c 'ALTER ROLE {} RESET default_transaction_read_only'",
        database.owner.name
    );
    let sandbox = Sandbox::new(&project);
    Report::of(&sandbox)
        .only_error("server-read-only")
        .says(&format!("every session on `{name}` is read-only"))
        .fix("manual", &[&reset, &role]);
    let take_back = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    let off = "SET default_transaction_read_only = off";
    sandbox.clone().args(["psql", "-w", "-c", off, "-c", &take_back]).run().assert_code(0);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn schema_no_create() {
    let Some(cluster) = Cluster::shared() else { return };
    let (owner, role) = (cluster.create_role(""), cluster.create_role("CREATEDB"));
    let database = cluster.fresh_database(&owner);
    // As it is from PostgreSQL 15 on.
    cluster.sql(&database.name, "REVOKE CREATE ON SCHEMA public FROM public");
    let project = project_of(&cluster.url(&role, &database.name));
    let sandbox = Sandbox::new(&project);
    let grant = format!("GRANT CREATE ON SCHEMA public TO {}", role.name);
    Report::of(&sandbox)
        .only_warning("schema-no-create")
        .says(&format!("role `{}` may not create tables in schema `public`", role.name))
        .seen(&format!("`{}` belongs to `{}`", database.name, owner.name))
        .fix(
            "manual",
            &[
                &format!("psql -U postgres -c 'ALTER DATABASE {} OWNER TO {}'", database.name, role.name),
                &format!("psql -U postgres -d {} -c '{grant}'", database.name),
            ],
        );
    as_superuser(cluster, &grant, &database.name);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn not_owner() {
    let Some(cluster) = Cluster::shared() else { return };
    let role: Role = cluster.create_role("CREATEDB");
    let database = cluster.fresh_database(&role);
    cluster.sql(&database.name, "CREATE TABLE \"Users\" (id int)");
    let project = project_of(&database.url());
    let sandbox = Sandbox::new(&project);
    let superuser = cluster.superuser().name;
    let give = format!("ALTER TABLE \"Users\" OWNER TO {}", role.name);
    Report::of(&sandbox)
        .only_warning("not-owner")
        .says(&format!("role `{}` does not own what is in `{}`", role.name, database.name))
        .seen(&format!("\"Users\" belong to `{superuser}`"))
        .fix("manual", &[&format!("psql -U postgres -d {} -c '{give}'   (of {superuser})", database.name)]);
    as_superuser(cluster, &give, &database.name);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn index_invalid() {
    let Some((project, database)) = local_project() else { return };
    database.sql("CREATE TABLE users (email text)");
    database.sql("INSERT INTO users VALUES ('a'), ('a')");
    let sandbox = Sandbox::new(&project);
    let build = "CREATE UNIQUE INDEX CONCURRENTLY ix_users_email ON users (email)";
    sandbox.clone().args(["psql", "-w", "-v", "ON_ERROR_STOP=1", "-c", build]).run().assert_code(1);
    Report::of(&sandbox)
        .only_warning("index-invalid")
        .says("index `ix_users_email` is invalid: its build did not finish")
        .fix(
            "manual",
            &["devdb psql -c 'REINDEX INDEX CONCURRENTLY ix_users_email'", "devdb psql -c 'DROP INDEX ix_users_email'"],
        );
    database.sql("DELETE FROM users");
    let again = "REINDEX INDEX CONCURRENTLY ix_users_email";
    sandbox.clone().args(["psql", "-w", "-v", "ON_ERROR_STOP=1", "-c", again]).run().assert_code(0);
    Report::of(&sandbox).is_healthy();
}

#[test]
fn alembic_stamped_empty() {
    let Some(shop) = sync() else { return };
    shop.devdb(["migrate", "stamp", "head"]).run().assert_code(0);
    Report::of(&Sandbox::new(&shop.project))
        .only_error("alembic-stamped-empty")
        .says("is at `e07d58a2c3b6` and has no table")
        .fix("manual", &["devdb reset"]);
    shop.devdb(["reset", "--yes"]).run().assert_code(0);
    Report::of(&Sandbox::new(&shop.project)).is_healthy();
}
