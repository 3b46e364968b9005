use super::layout::{Look, Marks, Verdict, verdict};
use super::*;
use crate::model::sql_chain::Mode;

fn read(tool: SqlTool, files: &[(&str, &str)]) -> SqlChain {
    let source = |(path, text): &(&str, &str)| Source { path: PathBuf::from(path), text: Ok((*text).to_owned()) };
    chain(Layout::new(tool, "m"), files.iter().map(source).collect())
}

fn versions(chain: &SqlChain) -> Vec<&str> {
    chain.migrations.iter().map(|migration| migration.version.as_str()).collect()
}

#[track_caller]
fn order(tool: SqlTool, names: &[&str], text: &str, expected: &[&str]) {
    let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, text)).collect();
    let chain = read(tool, &files);
    assert_eq!(versions(&chain), expected);
    assert_eq!(chain.faults, []);
}

#[track_caller]
fn fault(tool: SqlTool, name: &str, text: &str, expected: &str) {
    let chain = read(tool, &[(name, text)]);
    let said: Vec<String> = chain.faults.iter().map(super::SqlChainFault::describe).collect();
    assert!(said.iter().any(|said| said.contains(expected)), "{said:?}");
}

#[test]
fn each_tool_has_its_order() {
    let up = "-- migrate:up\n-- migrate:down\n";
    order(SqlTool::Dbmate, &["10_b.sql", "9_a.sql", "x.sql", "011.sql"], up, &["011", "10", "9"]);
    order(SqlTool::Sqlx, &["10_b.sql", "9_a.sql", "README.sql", "0001_x.sql"], "", &["1", "9", "10"]);
    order(
        SqlTool::GolangMigrate,
        &["10_b.up.sql", "9_a.up.sql", "9_a.down.sql", "notes.sql", "011_c.down.sql"],
        "",
        &["9", "10", "11"],
    );
    order(
        SqlTool::Flyway,
        &["V10__c.sql", "V9__b.sql", "V1.10__e.sql", "V1_2__d.sql", "R__b.sql", "R__a.sql", "Views.sql", "x/V2__f.sql"],
        "",
        &["1.2", "1.10", "2", "9", "10", "R__a", "R__b"],
    );
    order(
        SqlTool::Diesel,
        &["2024-01-02-000000_b/up.sql", "20240101000000_a/up.sql", "00000000000000_setup/up.sql", ".x/up.sql"],
        "select 1",
        &["00000000000000", "20240101000000", "20240102000000"],
    );
    order(SqlTool::Goose, &["00010_b.sql", "00009_a.sql"], "-- +goose Up\n", &["9", "10"]);
    order(SqlTool::Prisma, &["2_b/migration.sql", "10_a/migration.sql", "x/other.sql"], "", &["10_a", "2_b"]);
    order(
        SqlTool::Supabase,
        &["20200101000000_init.sql", "20240101000000_b.sql", "x.sql", "20230101000000_a.sql"],
        "",
        &["20230101000000", "20240101000000"],
    );
}

#[test]
fn blocks_of_dbmate_are_cut_out() {
    let text = "-- about\n-- migrate:up\ncreate table a ();\n\n--   migrate:down transaction:false\ndrop table a;\n";
    let chain = read(SqlTool::Dbmate, &[("1_a.sql", text)]);
    let migration = &chain.migrations[0];
    let up = &migration.up[0];
    assert_eq!((up.line, up.mode, up.text.as_str()), (2, Mode::Transaction, "-- migrate:up\ncreate table a ();\n\n"));
    let down = &migration.down[0];
    assert_eq!((down.line, down.mode), (5, Mode::Whole));
    let two = "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:up transaction:false\nc;\n-- migrate:down\nd;\n";
    let chain = read(SqlTool::Dbmate, &[("1_a.sql", two)]);
    assert_eq!((chain.migrations[0].up.len(), chain.migrations[0].down.len()), (2, 2));
    fault(SqlTool::Dbmate, "1_a.sql", "create table a ();", "no `-- migrate:up` line");
    fault(SqlTool::Dbmate, "1_a.sql", "x;\n-- migrate:up\n", "`m/1_a.sql:1`: a statement stands before");
    fault(
        SqlTool::Dbmate,
        "1_a.sql",
        "-- migrate:up\n-- migrate:down\n-- migrate:down\n",
        "a second `-- migrate:down`",
    );
}

#[test]
fn what_a_tool_would_stumble_over_is_said() {
    fault(SqlTool::Sqlx, "x_a.sql", "", "is no number");
    fault(SqlTool::Goose, "1_a.sql", "select 1;", "a statement stands before");
    fault(SqlTool::Goose, "1_a.sql", "-- +goose Up\nselect 1", "does not end with `;`");
    fault(SqlTool::Goose, "1_a.sql", "-- +goose Up\n-- +goose StatementBegin\nselect 1;", "without `StatementEnd`");
    fault(SqlTool::Goose, "1_a.sql", "-- +goose Up\n-- +goose ENVSUB ON\n", "ENVSUB");
    fault(SqlTool::Goose, "1_a.go", "", "Go migration");
    fault(SqlTool::Flyway, "V1__a.sql", "a;\nselect '${x}';", "m/V1__a.sql:2`: the placeholder `${x}`");
    fault(SqlTool::Flyway, "V1__a.sql", "vacuum; select 1;", "cannot run in a transaction");
    fault(SqlTool::Diesel, "1_a/up.sql", "", "is empty");
    fault(SqlTool::Diesel, "1_a/down.sql", "", "no `up.sql`");
    let twice = read(SqlTool::Sqlx, &[("1_a.sql", ""), ("01_b.sql", "")]);
    assert_eq!(twice.faults[0].describe(), "2 files carry the version `1`: `m/01_b.sql`, `m/1_a.sql`");
    let twice = read(SqlTool::GolangMigrate, &[("1_a.up.sql", ""), ("01_b.up.sql", "")]);
    assert_eq!(twice.faults.len(), 1);
    let twice = read(SqlTool::Flyway, &[("V1__a.sql", ""), ("V1.0__b.sql", "")]);
    assert!(twice.faults[0].describe().contains("is the same version as"));
    let unreadable = Source { path: "1_a.sql".into(), text: Err("it is no regular file".to_owned()) };
    let chain = chain(Layout::new(SqlTool::Sqlx, "m"), vec![unreadable]);
    assert_eq!(chain.faults[0].describe(), "`m/1_a.sql`: cannot be read: it is no regular file");
}

#[test]
fn directives_say_how_a_file_is_run() {
    #[track_caller]
    fn check(tool: SqlTool, files: &[(&str, &str)], expected: Mode) {
        assert_eq!(read(tool, files).migrations[0].up[0].mode, expected, "{files:?}");
    }
    check(SqlTool::Sqlx, &[("1_a.sql", "-- no-transaction\nx;")], Mode::Whole);
    check(SqlTool::Sqlx, &[("1_a.sql", "\n-- no-transaction\nx;")], Mode::Transaction);
    check(SqlTool::Diesel, &[("1_a/up.sql", "x"), ("1_a/metadata.toml", "run_in_transaction = false")], Mode::Whole);
    check(
        SqlTool::Diesel,
        &[("1_a/up.sql", "x"), ("1_a/metadata.toml", "run_in_transaction = true")],
        Mode::Transaction,
    );
    // The key's default is false once the file is there; a broken file is passed over.
    check(SqlTool::Diesel, &[("1_a/up.sql", "x"), ("1_a/metadata.toml", "")], Mode::Whole);
    check(SqlTool::Diesel, &[("1_a/up.sql", "x"), ("1_a/metadata.toml", "==")], Mode::Transaction);
    check(SqlTool::Goose, &[("1_a.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nx;")], Mode::Each);
    check(SqlTool::Flyway, &[("V1__a.sql", "create index concurrently i on t (a);")], Mode::Each);
    check(SqlTool::Flyway, &[("V1__a.sql", "x"), ("V1__a.sql.conf", "executeInTransaction=false")], Mode::Each);
    check(SqlTool::GolangMigrate, &[("1_a.up.sql", "x")], Mode::Whole);
    check(SqlTool::Prisma, &[("1_a/migration.sql", "x")], Mode::Whole);
}

#[test]
fn statements_of_goose_end_where_goose_ends_them() {
    let text = "-- +goose Up\n-- about\nselect 1; -- one\nselect\n  ';';\n-- +goose StatementBegin\na;\nb;\n\
                -- +goose StatementEnd\nselect 2;\n-- +goose Down\nselect 3;\n";
    let chain = read(SqlTool::Goose, &[("1_a.sql", text)]);
    assert_eq!(chain.faults, []);
    let found = pieces(SqlTool::Goose, &chain.migrations[0].up[0]);
    let found: Vec<(usize, &str)> = found.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    assert_eq!(found, [(3, "select 1; -- one"), (4, "select\n  ';';"), (7, "a;\nb;"), (10, "select 2;")]);
    let down = pieces(SqlTool::Goose, &chain.migrations[0].down[0]);
    assert_eq!((down[0].line, down[0].text.as_str()), (12, "select 3;"));
}

#[test]
fn supabase_keeps_statements_with_their_comments() {
    let text = "-- one\ncreate table a ();\n\n/* two; */ select 1 -- ;\n ;\n-- the end\n";
    let chain = read(SqlTool::Supabase, &[("1_a.sql", text)]);
    let kept = kept_by_supabase(&chain.migrations[0].up[0]);
    assert_eq!(kept, ["-- one\ncreate table a ()", "/* two; */ select 1 -- ;", "-- the end"]);
}

/// Each computed by another program: `sha384sum`, `sha256sum`, and Python's `zlib.crc32` over the joined lines.
#[test]
fn checksums_are_those_of_the_tools() {
    assert_eq!(
        checksum::sqlx("select 1;\n", &[]),
        "732dd6fa554ee7cf2b12caa7de486d35b60326cbb0fadccc7c537fb9750917e293550610ebffcbd185284ce99600a267"
    );
    assert_eq!(checksum::sqlx("a b\n", &[' ', '\n']), checksum::sqlx("ab", &[]));
    let (own, same) = checksum::prisma("select 1;\n");
    assert_eq!(own, "4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c");
    assert!(same.contains(&checksum::prisma("select 1;\r\n").0));
    assert_eq!(checksum::flyway("\u{feff}select 1;\r\nselect 2;\n"), "-593479011");
}

#[test]
fn a_folder_tells_whose_it_is() {
    #[track_caller]
    fn check(path: &str, files: &[&str], below: &[&str], sample: &str, expected: &Verdict) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let look = Look {
            path: path.to_owned(),
            files: owned(files),
            below: owned(below),
            sample: sample.to_owned(),
            marks: Marks::default(),
        };
        assert_eq!(verdict(&look), *expected, "{path} {files:?}");
    }
    let tool = Verdict::Tool;
    check("db/migrations", &["1_a.sql"], &[], "-- migrate:up\n", &tool(SqlTool::Dbmate));
    check("migrations", &["1_a.sql"], &[], "-- +goose Up\n", &tool(SqlTool::Goose));
    check("migrations", &["1_a.up.sql", "1_a.down.sql"], &[], "", &tool(SqlTool::GolangMigrate));
    check("migrations", &[], &["1_a/up.sql", "1_a/down.sql"], "", &tool(SqlTool::Diesel));
    check("prisma/migrations", &["migration_lock.toml"], &["1_a/migration.sql"], "", &tool(SqlTool::Prisma));
    check("supabase/migrations", &["20240101000000_a.sql"], &[], "", &tool(SqlTool::Supabase));
    check("src/main/resources/db/migration", &["V1__a.sql"], &[], "", &tool(SqlTool::Flyway));
    check("migrations", &["__init__.py", "0001_initial.py"], &[], "", &Verdict::No);
    check("app/migrations", &["README.md"], &[], "", &Verdict::No);
    let look = |marks, files: &[&str]| Look {
        path: "migrations".to_owned(),
        files: files.iter().map(|name| (*name).to_owned()).collect(),
        marks,
        ..Look::default()
    };
    let sqlx = Marks { sqlx: true, ..Marks::default() };
    assert_eq!(verdict(&look(sqlx, &["1_a.sql"])), tool(SqlTool::Sqlx));
    assert_eq!(verdict(&look(sqlx, &["1_a.up.sql", "1_a.down.sql"])), tool(SqlTool::Sqlx));
    let Verdict::Unclear(why) = verdict(&look(Marks::default(), &["1_a.sql"])) else { panic!("nothing says whose") };
    assert!(why.contains("[migrations] tool"));
    let Verdict::Unclear(why) = verdict(&look(Marks::default(), &["1_a.sql", "atlas.sum"])) else { panic!("Atlas'") };
    assert!(why.contains("atlas migrate apply"));
}

#[test]
fn a_new_file_goes_on_as_the_chain_has_begun() {
    #[track_caller]
    fn check(tool: SqlTool, files: &[(&str, &str)], expected: &[&str]) {
        let new = new_file(&read(tool, files), "Add users, now!", "20260102030405");
        let paths: Vec<String> = new.iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(paths, expected);
        // What is made is read again, and comes last.
        let mut all: Vec<(&str, &str)> = files.to_vec();
        all.extend(new.iter().map(|(path, text)| (path.strip_prefix("m").unwrap().to_str().unwrap(), text.as_str())));
        let again = read(tool, &all);
        assert!(again.faults.iter().all(|fault| fault.describe().contains("is empty")), "{:?}", again.faults);
        assert!(again.head().unwrap().file.to_str().unwrap().contains("users"), "{:?}", again.head());
    }
    let up = "-- migrate:up\n";
    check(SqlTool::Dbmate, &[("20240101000000_a.sql", up)], &["m/20260102030405_add_users_now.sql"]);
    check(SqlTool::Dbmate, &[("001_a.sql", up)], &["m/002_add_users_now.sql"]);
    check(SqlTool::Sqlx, &[("1_a.sql", "")], &["m/2_add_users_now.sql"]);
    check(
        SqlTool::Sqlx,
        &[("20240101000000_a.up.sql", "")],
        &["m/20260102030405_add_users_now.up.sql", "m/20260102030405_add_users_now.down.sql"],
    );
    check(
        SqlTool::GolangMigrate,
        &[("000009_a.up.sql", "")],
        &["m/000010_add_users_now.up.sql", "m/000010_add_users_now.down.sql"],
    );
    check(SqlTool::Flyway, &[("V1_9__a.sql", ""), ("R__x.sql", "")], &["m/V1_10__Add_users_now.sql"]);
    check(
        SqlTool::Diesel,
        &[("2024-01-01-000000_a/up.sql", "x")],
        &["m/2026-01-02-030405_add_users_now/up.sql", "m/2026-01-02-030405_add_users_now/down.sql"],
    );
    check(SqlTool::Goose, &[("00001_a.sql", "-- +goose Up\n")], &["m/00002_add_users_now.sql"]);
    check(
        SqlTool::Prisma,
        &[("20240101000000_a/migration.sql", "")],
        &["m/20260102030405_add_users_now/migration.sql"],
    );
    check(SqlTool::Supabase, &[("20240101000000_a.sql", "")], &["m/20260102030405_add_users_now.sql"]);
}

proptest::proptest! {
    #[test]
    fn nothing_that_stands_in_a_file_makes_a_reader_panic(
        text in "(-- \\+goose (Up|Down|StatementBegin|StatementEnd|NO TRANSACTION)\n|-- ?migrate:(up|down)[ a-z:]{0,8}\n|[ -~é\n;'$\\{}/*]{0,12}){0,8}",
        name in "([0-9VRU_-]{0,4}(__|_)?[a-zé.]{0,6})",
    ) {
        for tool in SqlTool::ALL {
            let names = [format!("{name}.sql"), format!("1_{name}.up.sql"), format!("V1__{name}.sql"), format!("1_{name}/up.sql")];
            let names = names.into_iter().chain([format!("1{name}/migration.sql"), format!("1_{name}/metadata.toml")]);
            let source = |name: String| Source { path: PathBuf::from(name), text: Ok(text.clone()) };
            let chain = chain(Layout::new(tool, "m"), names.map(source).collect());
            for section in chain.migrations.iter().flat_map(|migration| migration.up.iter().chain(&migration.down)) {
                proptest::prop_assert!(pieces(tool, section).iter().all(|piece| piece.line >= 1));
                // Nothing but semicolons and white space is lost.
                let kept: String = kept_by_supabase(section).concat();
                let bare = |text: &str| text.replace(|c: char| c == ';' || c.is_whitespace(), "");
                proptest::prop_assert_eq!(bare(&kept), bare(&section.text));
            }
            for migration in new_file(&chain, &name, "20260102030405") {
                proptest::prop_assert!(migration.0.starts_with("m"));
            }
        }
    }
}
