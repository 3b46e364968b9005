//! `${NAME…}` in Compose files: a port of compose-go's `template.Substitute`, oddities included.

use crate::parse::cursor::Cursor;

/// How deep defaults may nest, so that no file can exhaust the stack.
const DEPTH: usize = 64;

/// One variable that took part in an interpolation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub name: String,
    /// The text after `:-` or `-`, not interpolated.
    pub default: Option<String>,
    /// Written with `:?` or `?`.
    pub required: bool,
    /// Whether the lookup knows the name, be it as an empty text.
    pub defined: bool,
    /// Unset without default: Compose warns and puts nothing in its place.
    pub blank: bool,
}

/// Why Compose refuses a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpolationError {
    #[error("invalid template: `{0}`")]
    InvalidTemplate(String),
    #[error("required variable {variable} is missing a value{}", reason_suffix(.reason))]
    Missing { variable: String, reason: String },
}

fn reason_suffix(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// Returns the template with its variables replaced, and each variable that took part.
///
/// Known forms: `$$`, `$NAME`, `${NAME}`, and `${NAME` followed by `:-`, `-`, `:?`, `?`, `:+` or `+`, a
/// text that may nest, and `}`. Fails as Compose does: on any other `${`, and on an unset required
/// variable. (Compose Specification, "Interpolation".)
pub fn interpolate(
    template: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Vec<Use>), InterpolationError> {
    let mut uses = Vec::new();
    let text = substitute(template, lookup, &mut uses, 0)?;
    Ok((text, uses))
}

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

fn substitute(
    template: &str,
    lookup: &Lookup<'_>,
    uses: &mut Vec<Use>,
    depth: usize,
) -> Result<String, InterpolationError> {
    let invalid = || InterpolationError::InvalidTemplate(template.to_owned());
    if depth > DEPTH {
        return Err(invalid());
    }
    let mut out = String::new();
    let mut cursor = Cursor::new(template);
    loop {
        out.push_str(cursor.take_while(|next| next != '$'));
        if cursor.bump().is_none() {
            return Ok(out);
        }
        match cursor.peek() {
            Some('$') => {
                cursor.bump();
                out.push('$');
            }
            Some('{') => {
                cursor.bump();
                let (name, operation) = braced(&mut cursor).ok_or_else(invalid)?;
                let evaluation = Evaluation { name, lookup, depth };
                out.push_str(&evaluation.run(operation, uses)?);
            }
            Some(first) if is_name_start(first) => {
                let name = cursor.take_while(is_name);
                let evaluation = Evaluation { name, lookup, depth };
                out.push_str(&evaluation.run(None, uses)?);
            }
            _ => out.push('$'),
        }
    }
}

/// What follows the name inside braces.
#[derive(Clone, Copy)]
struct Operation<'a> {
    /// `-`, `?` or `+`.
    sign: char,
    /// Written with `:`: an empty value counts as unset.
    colon: bool,
    text: &'a str,
}

/// Reads `NAME}` or `NAME:-text}` behind `${`.
///
/// compose-go first matches up to the *last* brace of the line, then cuts at the brace that balances the
/// first one; when none does, the last one of the line counts.
fn braced<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, Option<Operation<'a>>)> {
    if !cursor.peek().is_some_and(is_name_start) {
        return None;
    }
    let start = cursor.at();
    let name = cursor.take_while(is_name);
    if cursor.eat("}") {
        return Some((name, None));
    }
    let colon = cursor.eat(":");
    let sign = cursor.bump().filter(|next| "-?+".contains(*next))?;
    let body = cursor.at();
    let line = cursor.clone().take_while(|next| next != '\n');
    let last = body + line.rfind('}')?;
    let end = balanced(cursor.between(start, last + 1)).map_or(last, |offset| start + offset);
    let text = cursor.between(body, end);
    cursor.jump(end + 1);
    Some((name, Some(Operation { sign, colon, text })))
}

/// Returns the offset of the brace that closes the one before `text`. As in compose-go, the byte behind
/// an opening brace is not looked at.
fn balanced(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    // The byte behind the first brace starts the name, so it is no brace.
    let mut bytes = text.bytes().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        match byte {
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(offset);
                }
            }
            b'{' => {
                open += 1;
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

struct Evaluation<'a> {
    name: &'a str,
    lookup: &'a Lookup<'a>,
    depth: usize,
}

impl Evaluation<'_> {
    fn run(&self, operation: Option<Operation<'_>>, uses: &mut Vec<Use>) -> Result<String, InterpolationError> {
        let value = (self.lookup)(self.name);
        let sign = operation.map(|operation| operation.sign);
        uses.push(Use {
            name: self.name.to_owned(),
            default: operation.filter(|operation| operation.sign == '-').map(|operation| operation.text.to_owned()),
            required: sign == Some('?'),
            defined: value.is_some(),
            blank: value.is_none() && operation.is_none(),
        });
        let Some(operation) = operation else {
            return Ok(value.unwrap_or_default());
        };
        let present = value.as_ref().is_some_and(|value| !(operation.colon && value.is_empty()));
        match (operation.sign, present) {
            ('+', true) | ('-', false) => substitute(operation.text, self.lookup, uses, self.depth + 1),
            ('?', false) => Err(InterpolationError::Missing {
                variable: self.name.to_owned(),
                reason: substitute(operation.text, self.lookup, uses, self.depth + 1)?,
            }),
            _ => Ok(value.unwrap_or_default()),
        }
    }
}

fn is_name_start(next: char) -> bool {
    next.is_ascii_alphabetic() || next == '_'
}

fn is_name(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}
