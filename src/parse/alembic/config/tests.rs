use proptest::prelude::*;

use super::*;

const HERE: &str = "/home/me/app/backend";

fn read(text: &str, section: &str) -> Result<AlembicConfig, ConfigError> {
    let packages = |name: &str| (name == "app.db").then(|| PathBuf::from("backend/src/app/db"));
    from_ini(&input("backend/alembic.ini", text, HERE, &packages), section)
}

fn read_toml(text: &str) -> Result<Option<AlembicConfig>, ConfigError> {
    from_pyproject(&input("pyproject.toml", text, "/home/100%", &|_| None))
}

fn input<'f>(file: &'f str, text: &'f str, here: &'f str, package_directory: PackageDirectory<'f>) -> ConfigFile<'f> {
    let file = Path::new(file);
    let directory = file.parent().unwrap();
    ConfigFile { file, text, here: Path::new(here), directory, package_directory, script_directory: None }
}

#[track_caller]
fn check(options: &str, script_directory: &str, version_directories: &[&str]) {
    let config = read(&format!("[alembic]\n{options}\n"), "alembic").unwrap();
    assert_eq!(config.script_directory, Path::new(script_directory));
    let expected: Vec<PathBuf> = version_directories.iter().map(PathBuf::from).collect();
    assert_eq!(config.version_directories, expected);
}

#[track_caller]
fn check_refused(text: &str, line: usize, message: &str) {
    let error = read(text, "alembic").unwrap_err();
    assert_eq!((error.at.line, error.to_string().as_str()), (line, message));
}

#[test]
fn locations_are_taken_from_the_file() {
    check("script_location = alembic", "backend/alembic", &["backend/alembic/versions"]);
    check("script_location = %(here)s/alembic", "backend/alembic", &["backend/alembic/versions"]);
    check("script_location: ./a/../b/", "backend/b", &["backend/b/versions"]);
    check("script_location = ../../x", "../x", &["../x/versions"]);
    check("script_location = /srv/a", "/srv/a", &["/srv/a/versions"]);
    check(
        "script_location = app.db:migrations:sub",
        "backend/src/app/db/migrations/sub",
        &["backend/src/app/db/migrations/sub/versions"],
    );
}

#[test]
fn version_locations_split_as_told() {
    let two = &["backend/x", "backend/y"];
    check("script_location = a\nversion_locations = x y", "backend/a", two);
    check("script_location = a\nversion_locations = x, y", "backend/a", two);
    check(
        "script_location = a\nversion_locations = %(here)s/x:%(here)s/y\nversion_path_separator = :",
        "backend/a",
        two,
    );
    check("script_location = a\nversion_locations =\n  x\n  y\npath_separator = newline", "backend/a", two);
    check(
        "script_location = a\nversion_locations = x ; y\npath_separator = ;\nversion_path_separator = :",
        "backend/a",
        two,
    );
    check("script_location = a\nversion_locations = x y\npath_separator = space", "backend/a", two);
    check("script_location = a\nversion_locations = x y:\nversion_path_separator = :", "backend/a", &["backend/x y"]);
    if cfg!(unix) {
        check("script_location = a\nversion_locations = x:y\npath_separator = os", "backend/a", two);
    }
}

#[test]
fn the_rest_of_a_section_is_read() {
    let config = read(
        "[DEFAULT]\nuser = me\n[alembic]\nscript_location = a\nrecursive_version_locations = true\n\
         sqlalchemy.url = postgresql://%(user)s:p%%40ss@localhost/app\n",
        "alembic",
    )
    .unwrap();
    assert!(config.recursive);
    let url = config.url.unwrap();
    assert_eq!(url.value.reveal(), "postgresql://me:p%40ss@localhost/app");
    assert_eq!(url.at.to_string(), "backend/alembic.ini:6");
    assert_eq!(config.script_location.unwrap().to_string(), "backend/alembic.ini:4");
    assert_eq!(config.version_table, "alembic_version");
}

#[test]
fn several_chains_stand_in_one_file() {
    let text = "[alembic]\n[one]\nscript_location = a\n[two]\nscript_location = b\n[loggers]\nkeys = root\n";
    assert_eq!(sections(text), ["one", "two"]);
    assert_eq!(sections("[DEFAULT]\nscript_location = a\n[alembic]\n[loggers]"), ["alembic"]);
    assert_eq!(read(text, "two").unwrap().script_directory, Path::new("backend/b"));
}

#[test]
fn refusals_say_why_and_where() {
    check_refused("[a]\n", 0, "no section `[alembic]`");
    check_refused("[alembic]\n", 0, "no `script_location`");
    check_refused(
        "[alembic]\nscript_location = 1%",
        2,
        "`script_location` cannot be interpolated: '%' must be followed by '%' or '('",
    );
    check_refused("[alembic]\nscript_location = gone:x", 2, "`gone:x` names a package that was not found");
    check_refused(
        "[alembic]\nscript_location = x\nversion_locations = a\npath_separator = tab",
        4,
        "`path_separator = tab` is none of `space`, `newline`, `os`, `:`, `;`",
    );
}

#[test]
fn a_bare_percent_in_the_url_is_a_problem_that_hides_the_password() {
    let text = "[alembic]\nscript_location = a\nsqlalchemy.url = postgresql://me:p%40@h/d\n";
    assert_eq!(read(text, "alembic").unwrap().url, None);
    let found = problems(text, Path::new(HERE), "alembic");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].line, 3);
    assert_eq!(found[0].reason, "`sqlalchemy.url` cannot be interpolated: '%' must be followed by '%' or '('");
    assert!(url_from_ini(Path::new("a.ini"), text, Path::new(HERE), "alembic").is_none());
}

#[test]
fn pyproject_is_read_with_lines() {
    let config = read_toml(
        "[project]\nname = 'x'\n\n[tool.alembic]\nscript_location = \"%(here)s/migrations\"\nversion_locations = [\n  'a',\n  '%(here)s/b',\n]\nrecursive_version_locations = true\n",
    );
    let config = config.unwrap().unwrap();
    assert_eq!(config.script_directory, Path::new("migrations"));
    assert_eq!(config.version_directories, [Path::new("a"), Path::new("b")]);
    assert!(config.recursive);
    assert_eq!(config.script_location.unwrap().to_string(), "pyproject.toml:5");
    assert!(read_toml("[tool.poetry]\n").unwrap().is_none());
    let refused = |text: &str| {
        let error = read_toml(text).unwrap_err();
        (error.at.line, error.to_string())
    };
    assert_eq!(refused("[tool.alembic]\nscript_location = 1"), (2, "`script_location` is not a string".to_owned()));
    assert_eq!(refused("[tool.alembic]\nscript_location = 'a'\nversion_locations = 'b'").0, 3);
    assert_eq!(refused("a = 1\n\n[tool.alembic").0, 3);
    assert_eq!(refused("[tool.alembic]\nx = 1"), (1, "no `script_location`".to_owned()));
}

#[test]
fn names_of_new_files_are_configured() {
    let config = read(
        "[alembic]\nscript_location = a\nfile_template = %%(year)d_%%(rev)s\ntimezone = UTC\n\
         truncate_slug_length = 20\nrevision_environment = true\nrecursive_version_locations = True\n",
        "alembic",
    );
    let config = config.unwrap();
    assert_eq!(config.file_template.as_deref(), Some("%(year)d_%(rev)s"));
    assert_eq!((config.timezone.as_deref(), config.truncate_slug_length), (Some("UTC"), Some(20)));
    assert_eq!((config.revision_environment, config.recursive), (true, false));
    let config = read_toml(
        "[tool.alembic]\nscript_location = 'a'\nfile_template = '%%(rev)s'\ntruncate_slug_length = '7'\n\
         revision_environment = true\n",
    );
    let config = config.unwrap().unwrap();
    assert_eq!(config.file_template.as_deref(), Some("%(rev)s"));
    assert_eq!((config.truncate_slug_length, config.revision_environment), (Some(7), true));
    check_refused(
        "[alembic]\nscript_location = a\ntruncate_slug_length = x",
        3,
        "`truncate_slug_length` is not a number",
    );
}

#[test]
fn locations_start_where_alembic_runs() {
    let text = "[alembic]\nscript_location = db/migrations\nversion_locations = %(here)s/one two\n";
    let mut file = input("db/alembic.ini", text, "/app/db", &|_| None);
    file.directory = Path::new("");
    let config = from_ini(&file, "alembic").unwrap();
    assert_eq!(config.script_directory, Path::new("db/migrations"));
    assert_eq!(config.version_directories, [Path::new("db/one"), Path::new("two")]);
    assert_eq!(config.working_directory, Path::new(""));
    file.text = "[alembic]\n";
    file.script_directory = Some(Path::new("db"));
    let config = from_ini(&file, "alembic").unwrap();
    assert_eq!(config.version_directories, [Path::new("db/versions")]);
    assert_eq!(config.script_location, None);
}

proptest! {
    #[test]
    fn nothing_panics(lines in proptest::collection::vec(
        prop::sample::select(vec!["[alembic]", "[tool.alembic]", "script_location = a", "script_location = \"%(here)s/a\"",
            "version_locations = a:b", "version_locations = [\"a\", 1]", "  x", "path_separator = os", "path_separator = ;",
            "truncate_slug_length = 9999999999999999999999", "file_template = %%(rev)s", "%(", "[DEFAULT]",
            "timezone = \u{e9}", "script_location = :::", "recursive_version_locations = true", "= 1", "\u{feff}"]), 0..12)) {
        let text = lines.join("\n");
        drop(read(&text, "alembic"));
        drop(read_toml(&text));
        drop((sections(&text), problems(&text, Path::new(HERE), "alembic")));
    }
}
