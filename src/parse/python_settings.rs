//! Classes of pydantic-settings', as far as their text tells (pydantic's documentation, "Settings Management").

use std::path::Path;

use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef};
use ruff_text_size::Ranged as _;

use super::python::names::text;
use super::python::{self, line_of};
use crate::model::habits::StrictSettings;
use crate::model::place::Place;

/// Returns the classes of a module that read an env file and forbid what they have no field for. What inherits from another
/// class than `BaseSettings`, or computes its configuration, is left out.
pub fn strict(file: &Path, source: &str) -> Vec<StrictSettings> {
    if !source.contains("pydantic_settings") || !source.contains("env_file") {
        return Vec::new();
    }
    let Ok(module) = python::parse_for_visits(source) else { return Vec::new() };
    let classes = module.body.iter().filter_map(Stmt::as_class_def_stmt);
    classes.filter_map(|class| strict_class(file, source, class)).collect()
}

fn strict_class(file: &Path, source: &str, class: &StmtClassDef) -> Option<StrictSettings> {
    let [Expr::Name(base)] = &*class.arguments.as_ref()?.args else { return None };
    if base.id != "BaseSettings" {
        return None;
    }
    let configured = class.body.iter().find_map(configuration)?;
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
        let named = field.value.as_deref().and_then(Expr::as_call_expr).map_or(Some(Vec::new()), aliases)?;
        let key = format!("{prefix}{}", name.id.to_lowercase());
        if !is_plain(&field.annotation) {
            prefixes.push(key.clone());
        }
        keys.extend(named);
        keys.push(key);
    }
    let at = Place::new(file, line_of(source, class.name.range().start()));
    Some(StrictSettings { at, name: class.name.to_string(), env_files, keys, prefixes })
}

/// Returns the arguments of `model_config = SettingsConfigDict(…)`, of a literal dictionary, or the assignments of `class Config`.
fn configuration(statement: &Stmt) -> Option<Vec<(String, &Expr)>> {
    match statement {
        Stmt::Assign(assigned) => {
            let [Expr::Name(name)] = &*assigned.targets else { return None };
            if name.id != "model_config" {
                return None;
            }
            match &*assigned.value {
                Expr::Call(call) if call.arguments.args.is_empty() => {
                    let keyword = |it: &'_ ruff_python_ast::Keyword| it.arg.as_ref().map(ToString::to_string);
                    call.arguments.keywords.iter().map(|it| Some((keyword(it)?, &it.value))).collect()
                }
                Expr::Dict(dict) => dict.items.iter().map(|it| Some((text(it.key.as_ref()?)?, &it.value))).collect(),
                _ => None,
            }
        }
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
        strict(Path::new("config.py"), &source).into_iter().map(|it| it.keys).collect()
    }

    #[test]
    fn a_class_that_forbids_says_its_keys() {
        let config = "    model_config = SettingsConfigDict(env_file='.env')\n";
        let fields = "    DATABASE_URL: str\n    debug: bool = False\n    key: str = Field(alias='SECRET')\n";
        assert_eq!(keys(&format!("{config}{fields}")), [["database_url", "debug", "secret", "key"]]);
        let inner = "    a: int\n    class Config:\n        env_file = '.env'\n";
        assert_eq!(keys(inner), [["a"]]);
        let prefixed =
            "    model_config = {'env_file': '.env', 'env_prefix': 'SHOP_', 'extra': 'forbid'}\n    a: int\n";
        assert_eq!(keys(prefixed), [["shop_a"]]);
    }

    #[test]
    fn what_allows_or_computes_is_left_out() {
        for config in ["env_file='.env', extra='ignore'", "env_file=FILE", "extra='forbid'", "**SHARED"] {
            let body = format!("    model_config = SettingsConfigDict({config})  # env_file\n    a: int\n");
            assert_eq!(keys(&body), Vec::<Vec<String>>::new(), "{config}");
        }
    }
}
