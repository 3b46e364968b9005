//! Classes of pydantic-settings', as far as their text tells (pydantic's documentation, "Settings Management").

use std::path::Path;

use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef};
use ruff_text_size::Ranged as _;

use super::python::names::text;
use super::python::{self, line_of};
use crate::model::habits::StrictSettings;
use crate::model::place::Place;

/// What a configuration may say without changing which keys of a file are taken.
const HARMLESS: [&str; 16] = [
    "env_file",
    "env_file_encoding",
    "extra",
    "env_prefix",
    "case_sensitive",
    "env_nested_delimiter",
    "env_nested_max_split",
    "env_ignore_empty",
    "env_parse_none_str",
    "env_parse_enums",
    "validate_default",
    "frozen",
    "arbitrary_types_allowed",
    "str_strip_whitespace",
    "use_enum_values",
    "title",
];

/// Returns the classes of a module that read an env file and forbid what they have no field for. What inherits from another
/// class than pydantic-settings' own, or computes its configuration or its input, is left out. `root` is where the app is run.
pub fn strict(file: &Path, root: &Path, source: &str) -> Vec<StrictSettings> {
    if !source.contains("pydantic_settings") || !source.contains("env_file") || source.contains("_env_file=") {
        return Vec::new();
    }
    let Ok(module) = python::parse_for_visits(source) else { return Vec::new() };
    let imports = |statement: &Stmt| {
        let Stmt::ImportFrom(import) = statement else { return false };
        let own = import.module.as_ref().is_some_and(|module| module.as_str() == "pydantic_settings");
        own && import.names.iter().any(|name| name.name.as_str() == "BaseSettings" && name.asname.is_none())
    };
    if !module.body.iter().any(imports) {
        return Vec::new();
    }
    let classes = module.body.iter().filter_map(Stmt::as_class_def_stmt);
    classes.filter_map(|class| strict_class((file, root), source, class)).collect()
}

fn strict_class((file, root): (&Path, &Path), source: &str, class: &StmtClassDef) -> Option<StrictSettings> {
    let arguments = class.arguments.as_ref()?;
    let [Expr::Name(base)] = &*arguments.args else { return None };
    if base.id != "BaseSettings" || !arguments.keywords.is_empty() || !class.body.iter().all(is_told) {
        return None;
    }
    let configured = class.body.iter().find_map(configuration)?;
    if configured.iter().any(|(key, _)| !HARMLESS.contains(&key.as_str())) {
        return None;
    }
    let given = |name: &str| configured.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    // Forbidding is the default of pydantic-settings.
    if given("extra").is_some_and(|extra| text(extra).as_deref() != Some("forbid")) {
        return None;
    }
    let env_files = match given("env_file")? {
        Expr::Tuple(many) => many.elts.iter().map(text).collect::<Option<Vec<_>>>()?,
        Expr::List(many) => many.elts.iter().map(text).collect::<Option<Vec<_>>>()?,
        one => vec![text(one)?],
    };
    let prefix = match given("env_prefix") {
        Some(prefix) => text(prefix)?.to_lowercase(),
        None => String::new(),
    };
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    for field in class.body.iter().filter_map(Stmt::as_ann_assign_stmt) {
        let Expr::Name(name) = &*field.target else { continue };
        let (annotation, of_annotation) = annotated(&field.annotation);
        let calls = field.value.as_deref().and_then(Expr::as_call_expr).into_iter().chain(of_annotation);
        let mut own = Vec::new();
        for call in calls {
            own.extend(aliases(call)?);
        }
        let plain = name.id.to_lowercase();
        own.extend([format!("{prefix}{plain}"), plain]);
        if !is_plain(annotation) {
            prefixes.extend(own.iter().cloned());
        }
        keys.extend(own);
    }
    let at = Place::new(file, line_of(source, class.name.range().start()));
    Some(StrictSettings { at, name: class.name.to_string(), root: root.to_path_buf(), env_files, keys, prefixes })
}

/// Whether what a statement of the class does to its input can be told.
fn is_told(statement: &Stmt) -> bool {
    match statement {
        Stmt::FunctionDef(function) => {
            let name = |decorator: &'_ ruff_python_ast::Decorator| match &decorator.expression {
                Expr::Name(name) => name.id.to_string(),
                Expr::Call(call) => match &*call.func {
                    Expr::Name(name) => name.id.to_string(),
                    _ => String::new(),
                },
                _ => String::new(),
            };
            let changes = |name: &str| matches!(name, "model_validator" | "root_validator");
            let decorated = function.decorator_list.iter().any(|it| changes(&name(it)));
            !decorated && function.name.as_str() != "settings_customise_sources"
        }
        Stmt::Assign(assigned) => assigned.targets.iter().all(Expr::is_name_expr),
        Stmt::AnnAssign(_) | Stmt::Pass(_) | Stmt::Expr(_) | Stmt::ClassDef(_) => true,
        _ => false,
    }
}

/// Returns the type of `Annotated[type, Field(…)]`, and the calls beside it.
fn annotated(annotation: &Expr) -> (&Expr, Vec<&ExprCall>) {
    if let Expr::Subscript(of) = annotation
        && matches!(&*of.value, Expr::Name(name) if name.id == "Annotated")
        && let Expr::Tuple(parts) = &*of.slice
        && let Some((first, rest)) = parts.elts.split_first()
    {
        return (first, rest.iter().filter_map(Expr::as_call_expr).collect());
    }
    (annotation, Vec::new())
}

/// Returns the arguments of `model_config = SettingsConfigDict(…)`, of a literal dictionary, or the assignments of `class Config`.
fn configuration(statement: &Stmt) -> Option<Vec<(String, &Expr)>> {
    match statement {
        Stmt::Assign(assigned) => {
            let [Expr::Name(name)] = &*assigned.targets else { return None };
            if name.id != "model_config" {
                return None;
            }
            options(&assigned.value)
        }
        Stmt::AnnAssign(assigned) => match (&*assigned.target, assigned.value.as_deref()) {
            (Expr::Name(name), Some(value)) if name.id == "model_config" => options(value),
            _ => None,
        },
        Stmt::ClassDef(class) if class.name.as_str() == "Config" => {
            let assigned = class.body.iter().filter_map(Stmt::as_assign_stmt);
            let pair = |it: &'_ ruff_python_ast::StmtAssign| match &*it.targets {
                [Expr::Name(name)] => Some(name.id.to_string()),
                _ => None,
            };
            Some(assigned.filter_map(|it| Some((pair(it)?, &*it.value))).collect())
        }
        _ => None,
    }
}

/// Returns what `SettingsConfigDict(…)` or a literal dictionary says.
fn options(value: &Expr) -> Option<Vec<(String, &Expr)>> {
    match value {
        Expr::Call(call) if call.arguments.args.is_empty() => {
            let keyword = |it: &'_ ruff_python_ast::Keyword| it.arg.as_ref().map(ToString::to_string);
            call.arguments.keywords.iter().map(|it| Some((keyword(it)?, &it.value))).collect()
        }
        Expr::Dict(dict) => dict.items.iter().map(|it| Some((text(it.key.as_ref()?)?, &it.value))).collect(),
        _ => None,
    }
}

/// Returns the keys of `Field(alias=…)`, `validation_alias=…`; nothing where they are computed.
fn aliases(call: &ExprCall) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for keyword in &call.arguments.keywords {
        if !keyword.arg.as_ref().is_some_and(|name| matches!(name.as_str(), "alias" | "validation_alias")) {
            continue;
        }
        match &keyword.value {
            Expr::Call(choices) => {
                for choice in &choices.arguments.args {
                    found.push(text(choice)?.to_lowercase());
                }
            }
            one => found.push(text(one)?.to_lowercase()),
        }
    }
    Some(found)
}

/// Whether a field of this type takes one key alone.
fn is_plain(annotation: &Expr) -> bool {
    const PLAIN: [&str; 12] = [
        "str",
        "int",
        "float",
        "bool",
        "bytes",
        "SecretStr",
        "PostgresDsn",
        "RedisDsn",
        "AnyUrl",
        "AnyHttpUrl",
        "HttpUrl",
        "EmailStr",
    ];
    match annotation {
        Expr::Name(name) => PLAIN.contains(&name.id.as_str()),
        Expr::NoneLiteral(_) => true,
        // `str | None`
        Expr::BinOp(either) => is_plain(&either.left) && is_plain(&either.right),
        // `Optional[str]`
        Expr::Subscript(of) => matches!(&*of.value, Expr::Name(name) if name.id == "Optional") && is_plain(&of.slice),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::strict;
    use std::path::Path;

    fn keys(body: &str) -> Vec<Vec<String>> {
        let source = format!(
            "from pydantic_settings import BaseSettings, SettingsConfigDict\n\nclass Settings(BaseSettings):\n{body}"
        );
        strict(Path::new("config.py"), Path::new(""), &source).into_iter().map(|it| it.keys).collect()
    }

    #[test]
    fn a_class_that_forbids_says_its_keys() {
        let config = "    model_config = SettingsConfigDict(env_file='.env')\n";
        let fields = "    DATABASE_URL: str\n    debug: bool = False\n    key: str = Field(alias='SECRET')\n";
        assert_eq!(
            keys(&format!("{config}{fields}")),
            [["database_url", "database_url", "debug", "debug", "secret", "key", "key"]]
        );
        let inner = "    a: int\n    class Config:\n        env_file = '.env'\n";
        assert_eq!(keys(inner), [["a", "a"]]);
        let prefixed =
            "    model_config = {'env_file': '.env', 'env_prefix': 'SHOP_', 'extra': 'forbid'}\n    a: int\n";
        assert_eq!(keys(prefixed), [["shop_a", "a"]]);
    }

    #[test]
    fn an_alias_stands_in_an_annotation_too_and_a_model_takes_more_keys() {
        let config = "    model_config: ClassVar[dict] = SettingsConfigDict(env_file='.env')\n";
        let annotated = "    db: Annotated[str, Field(validation_alias='DATABASE_URL')]\n";
        assert!(keys(&format!("{config}{annotated}")).concat().contains(&"database_url".to_owned()));
        let source = format!(
            "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n{config}    db: Db = Field(alias='DATABASE')\n"
        );
        let found = strict(Path::new("a.py"), Path::new(""), &source);
        assert!(found.iter().any(|it| it.prefixes.contains(&"database".to_owned())), "{found:?}");
    }

    #[test]
    fn what_allows_or_computes_is_left_out() {
        for config in ["env_file='.env', extra='ignore'", "env_file=FILE", "extra='forbid'", "**SHARED"] {
            let body = format!("    model_config = SettingsConfigDict({config})  # env_file\n    a: int\n");
            assert_eq!(keys(&body), Vec::<Vec<String>>::new(), "{config}");
        }
        let config = "    model_config = SettingsConfigDict(env_file='.env')\n";
        for more in [
            "    @model_validator(mode='before')\n    def f(cls, data): return data\n",
            "    if DEBUG:\n        a: int\n",
            "    def settings_customise_sources(cls): return ()\n",
        ] {
            assert_eq!(keys(&format!("{config}{more}")), Vec::<Vec<String>>::new(), "{more}");
        }
        let own =
            "from base import BaseSettings\nfrom pydantic_settings import SettingsConfigDict\nclass S(BaseSettings):\n";
        assert!(strict(Path::new("a.py"), Path::new(""), &format!("{own}{config}")).is_empty());
    }
}
