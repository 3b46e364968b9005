//! `[tool.alembic]` of a `pyproject.toml`.

use std::path::Path;

use toml_edit::{Item, Value};

use super::{ConfigError, ConfigFault, line_of};
use crate::model::place::Place;
use crate::parse::ini;

pub(super) struct TomlSource<'d> {
    pub(super) table: &'d Item,
    pub(super) file: &'d Path,
    pub(super) text: &'d str,
    pub(super) here: String,
}

impl TomlSource<'_> {
    pub(super) fn error(&self, item: &Item, fault: ConfigFault) -> ConfigError {
        let line = item.span().map_or(0, |span| line_of(self.text, span.start));
        ConfigError { at: Place::new(self.file, line), fault }
    }

    fn wrong(&self, item: &Item, option: &str, expected: &'static str) -> ConfigError {
        let option = option.to_owned();
        self.error(item, ConfigFault::WrongType { option, expected })
    }

    pub(super) fn string(&self, option: &str) -> Result<Option<(String, usize)>, ConfigError> {
        let Some(item) = self.table.get(option) else {
            return Ok(None);
        };
        let text = item.as_str().ok_or_else(|| self.wrong(item, option, "a string"))?;
        let line = item.span().map_or(0, |span| line_of(self.text, span.start));
        Ok(Some((self.expand(item, option, text)?, line)))
    }

    pub(super) fn strings(&self, option: &str) -> Result<Vec<(String, usize)>, ConfigError> {
        let Some(item) = self.table.get(option) else {
            return Ok(Vec::new());
        };
        let wrong = || self.wrong(item, option, "a list of strings");
        let mut strings = Vec::new();
        for value in item.as_array().ok_or_else(wrong)? {
            let text = value.as_str().ok_or_else(wrong)?;
            let line = Value::span(value).map_or(0, |span| line_of(self.text, span.start));
            strings.push((self.expand(item, option, text)?, line));
        }
        Ok(strings)
    }

    pub(super) fn boolean(&self, option: &str) -> Result<bool, ConfigError> {
        let Some(item) = self.table.get(option) else {
            return Ok(false);
        };
        item.as_bool().ok_or_else(|| self.wrong(item, option, "true or false"))
    }

    /// A number, or a text that holds one, as Python's `int` takes both.
    pub(super) fn number(&self, option: &str) -> Result<Option<usize>, ConfigError> {
        let Some(item) = self.table.get(option) else {
            return Ok(None);
        };
        let number = item.as_integer().and_then(|number| usize::try_from(number).ok());
        let number = number.or_else(|| item.as_str().and_then(|text| text.trim().parse().ok()));
        number.map(Some).ok_or_else(|| self.wrong(item, option, "a number"))
    }

    /// Python's `text % {"here": …}`, for the one conversion that makes sense there.
    fn expand(&self, item: &Item, option: &str, text: &str) -> Result<String, ConfigError> {
        // Python does not look for further `%` in what it has put in.
        let here = self.here.replace('%', "%%");
        let find = |name: &str| (name == "here").then_some(here.as_str());
        ini::expand(text, &find).map_err(|source| {
            let option = option.to_owned();
            self.error(item, ConfigFault::Interpolation { option, source })
        })
    }
}
