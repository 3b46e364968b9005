use super::*;

fn chain(tool: SqlTool, versions: &[&str]) -> SqlChain {
    let migration = |version: &&str| SqlMigration {
        version: (*version).to_owned(),
        file: PathBuf::from(format!("m/{version}_x.sql")),
        repeatable: version.starts_with("R__"),
        checksum: Some(format!("sum-{version}")),
        ..SqlMigration::default()
    };
    let migrations = versions.iter().map(migration).collect();
    SqlChain {
        tool,
        directory: PathBuf::from("m"),
        migrations,
        faults: Vec::new(),
        table: HistoryTable::of(tool),
        schema: None,
    }
}

fn row(version: &str) -> AppliedMigration {
    AppliedMigration { version: version.to_owned(), ..AppliedMigration::default() }
}

fn versions<'a>(migrations: &[&'a SqlMigration]) -> Vec<&'a str> {
    migrations.iter().map(|migration| migration.version.as_str()).collect()
}

#[test]
fn what_is_not_in_the_table_is_pending() {
    let chain = chain(SqlTool::Dbmate, &["1", "2", "3"]);
    assert_eq!(versions(&chain.pending(&[row("2")])), ["1", "3"]);
    assert_eq!(versions(&chain.applied(&[row("2")])), ["2"]);
    assert_eq!(chain.unknown(&[row("2"), row("9")]), ["9"]);
    assert!(chain.is_at_head(&[row("3"), row("1"), row("2")]));
    assert!(!chain.is_at_head(&[row("3"), row("1"), row("2"), row("9")]));
    assert_eq!(chain.current(&[row("2")]).map(|it| it.version.as_str()), Some("2"));
}

#[test]
fn one_row_stands_for_all_before_it() {
    let chain = chain(SqlTool::GolangMigrate, &["1", "2", "10"]);
    assert_eq!(versions(&chain.pending(&[row("2")])), ["10"]);
    assert_eq!(versions(&chain.pending(&[])), ["1", "2", "10"]);
    let dirty = AppliedMigration { state: State::Unfinished, ..row("2") };
    assert_eq!(versions(&chain.pending(std::slice::from_ref(&dirty))), ["2", "10"]);
    assert!(super::dirty(&[dirty]).is_some());
    let all: Vec<&SqlMigration> = chain.migrations.iter().collect();
    assert_eq!(chain.rows_after(&all), ["10"]);
}

#[test]
fn a_repeatable_one_is_pending_when_it_changed_and_another_is_edited() {
    let chain = chain(SqlTool::Flyway, &["1", "R__views"]);
    let with = |version: &str, checksum: &str| AppliedMigration { checksum: Some(checksum.to_owned()), ..row(version) };
    let same = [with("1", "sum-1"), with("R__views", "sum-R__views")];
    assert!(chain.is_at_head(&same) && chain.edited(&same).is_empty());
    let changed = [with("1", "other"), with("R__views", "other")];
    assert_eq!(versions(&chain.pending(&changed)), ["R__views"]);
    assert_eq!(
        chain.edited(&changed).iter().map(|(it, then)| (it.version.as_str(), *then)).collect::<Vec<_>>(),
        [("1", "other")]
    );
}

#[test]
fn what_stands_before_a_baseline_was_there_already() {
    let chain = chain(SqlTool::Flyway, &["1", "2", "2.1", "10"]);
    let baseline = AppliedMigration { state: State::Baseline, ..row("2.0") };
    assert_eq!(versions(&chain.pending(std::slice::from_ref(&baseline))), ["2.1", "10"]);
    assert_eq!(chain.unknown(&[baseline]), Vec::<&str>::new());
}

#[test]
fn a_migration_is_found_as_people_name_it() {
    #[track_caller]
    fn check(tool: SqlTool, versions: &[&str], name: &str, expected: Option<&str>) {
        assert_eq!(chain(tool, versions).find(name).map(|it| it.version.as_str()), expected, "{name}");
    }
    check(SqlTool::Sqlx, &["1", "10", "11"], "1", Some("1"));
    check(SqlTool::Sqlx, &["1", "10", "11"], "0010", Some("10"));
    check(SqlTool::Dbmate, &["20240101", "20250101"], "2024", Some("20240101"));
    check(SqlTool::Dbmate, &["20240101", "20250101"], "202", None);
    check(SqlTool::Diesel, &["20240102000000"], "2024-01-02-000000", Some("20240102000000"));
    check(SqlTool::Dbmate, &["1"], "", None);
}

#[test]
fn repeatable_ones_belong_to_every_version() {
    let chain = chain(SqlTool::Flyway, &["1", "2", "R__views"]);
    let upto = chain.upto(chain.find("1").unwrap());
    assert_eq!(versions(&upto.migrations.iter().collect::<Vec<_>>()), ["1", "R__views"]);
}
