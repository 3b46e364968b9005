//! How Alembic names the file of a new revision.
//!
//! Source: `ScriptDirectory._rev_path` of Alembic 1.20.1; the formatting is Python's `%` with a mapping.

use thiserror::Error;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

use crate::model::chain::AlembicConfig;
use crate::parse::cursor::Cursor;

const DEFAULT_TEMPLATE: &str = "%(rev)s_%(slug)s";
const DEFAULT_SLUG_LENGTH: usize = 40;
/// Longer than any file system's names; Python would fill memory.
const MAX_WIDTH: usize = 1_000;

/// When a revision is made, in the configured time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970 in UTC.
    pub epoch: i64,
    pub year: i64,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

/// Why a `file_template` makes no name: Python's own complaints.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    #[error("`file_template` ends within a `%(…)`")]
    Incomplete,
    #[error("`file_template` has a `%` that is not followed by `(name)`")]
    NoName,
    #[error("`file_template` names `{0}`, which Alembic does not know")]
    UnknownName(String),
    #[error("`file_template` formats `{name}` as `{kind}`")]
    UnknownKind { name: String, kind: char },
    #[error("`file_template` asks for more than {MAX_WIDTH} characters")]
    TooWide,
}

/// Returns the name of the file of a new revision, with its `.py`; with folders in front when the template has `/`.
pub fn file_name(config: &AlembicConfig, id: &str, message: &str, at: &Moment) -> Result<String, TemplateError> {
    let longest = config.truncate_slug_length.filter(|&length| length > 0).unwrap_or(DEFAULT_SLUG_LENGTH);
    let slug = slug(message, longest);
    let template = config.file_template.as_deref().unwrap_or(DEFAULT_TEMPLATE);
    let find = |name: &str| match name {
        "rev" => Some(Value::Text(id)),
        "slug" => Some(Value::Text(&slug)),
        "epoch" => Some(Value::Number(at.epoch)),
        "year" => Some(Value::Number(at.year)),
        "month" => Some(Value::Number(at.month.into())),
        "day" => Some(Value::Number(at.day.into())),
        "hour" => Some(Value::Number(at.hour.into())),
        "minute" => Some(Value::Number(at.minute.into())),
        "second" => Some(Value::Number(at.second.into())),
        _ => None,
    };
    Ok(format!("{}.py", format(template, &find)?))
}

/// Returns the message's words in lower case with `_` between them, cut after a whole word.
fn slug(message: &str, longest: usize) -> String {
    let words = message.split(|character| !is_word(character)).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("_").to_lowercase();
    if slug.chars().count() <= longest {
        return slug;
    }
    let cut: String = slug.chars().take(longest).collect();
    let whole = cut.rsplit_once('_').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{whole}_")
}

/// Python's `\w`: letters and numbers of any script, but no combining marks.
fn is_word(character: char) -> bool {
    let group = character.general_category_group();
    character == '_' || matches!(group, GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
}

enum Value<'v> {
    Text(&'v str),
    Number(i64),
}

/// Python's `template % mapping`.
fn format<'v>(template: &str, find: &dyn Fn(&str) -> Option<Value<'v>>) -> Result<String, TemplateError> {
    let mut cursor = Cursor::new(template);
    let mut formatted = String::new();
    loop {
        formatted.push_str(cursor.take_while(|character| character != '%'));
        if cursor.bump().is_none() {
            return Ok(formatted);
        }
        if cursor.eat("%") {
            formatted.push('%');
            continue;
        }
        if !cursor.eat("(") {
            return Err(if cursor.is_done() { TemplateError::Incomplete } else { TemplateError::NoName });
        }
        let name = cursor.take_while(|character| character != ')');
        if !cursor.eat(")") {
            return Err(TemplateError::Incomplete);
        }
        let value = find(name).ok_or_else(|| TemplateError::UnknownName(name.to_owned()))?;
        let conversion = Conversion::read(&mut cursor)?;
        let shown = conversion.show(&value).ok_or_else(|| {
            let name = name.to_owned();
            TemplateError::UnknownKind { name, kind: conversion.kind }
        })?;
        formatted.push_str(&shown);
    }
}

/// What stands between `)` and the letter, and the letter.
struct Conversion {
    zero: bool,
    left: bool,
    sign: &'static str,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

impl Conversion {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, TemplateError> {
        let flags = cursor.take_while(|character| "#0- +".contains(character));
        let width = Self::number(cursor)?;
        let precision = if cursor.eat(".") { Some(Self::number(cursor)?) } else { None };
        // A length that C needs and Python passes over.
        if !(cursor.eat("h") || cursor.eat("l")) {
            cursor.eat("L");
        }
        let kind = cursor.bump().ok_or(TemplateError::Incomplete)?;
        let sign = if flags.contains('+') {
            "+"
        } else if flags.contains(' ') {
            " "
        } else {
            ""
        };
        Ok(Self { zero: flags.contains('0'), left: flags.contains('-'), sign, width, precision, kind })
    }

    fn number(cursor: &mut Cursor<'_>) -> Result<usize, TemplateError> {
        let digits = cursor.take_while(|character| character.is_ascii_digit());
        if digits.is_empty() {
            return Ok(0);
        }
        digits.parse().ok().filter(|&number| number <= MAX_WIDTH).ok_or(TemplateError::TooWide)
    }

    fn show(&self, value: &Value<'_>) -> Option<String> {
        match (self.kind, value) {
            ('s', Value::Text(text)) => Some(self.pad(&self.cut(text))),
            ('s', Value::Number(number)) => Some(self.pad(&self.cut(&number.to_string()))),
            ('d' | 'i' | 'u', Value::Number(number)) => Some(self.digits(*number, &number.unsigned_abs().to_string())),
            ('x', Value::Number(number)) => Some(self.digits(*number, &format!("{:x}", number.unsigned_abs()))),
            ('X', Value::Number(number)) => Some(self.digits(*number, &format!("{:X}", number.unsigned_abs()))),
            ('o', Value::Number(number)) => Some(self.digits(*number, &format!("{:o}", number.unsigned_abs()))),
            _ => None,
        }
    }

    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }

    fn digits(&self, number: i64, digits: &str) -> String {
        let sign = if number < 0 { "-" } else { self.sign };
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or_default());
        if self.zero && !self.left {
            let room = self.width.saturating_sub(sign.len());
            return format!("{sign}{digits:0>room$}");
        }
        self.pad(&format!("{sign}{digits}"))
    }

    fn pad(&self, text: &str) -> String {
        let width = self.width;
        if self.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
    }
}

#[cfg(test)]
mod tests;
