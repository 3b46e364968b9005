//! Rust's dotenvy 0.15: `iter.rs` joins lines, `parse.rs` reads them; the first error ends the file.

use std::collections::BTreeMap;

use crate::parse::cursor::{Cursor, Lines};

use super::{Assignment, Lookup, Outcome};

struct Malformed;

pub(super) fn read(text: &str, shell: &Lookup<'_>) -> Outcome {
    let lines = Lines::new(text);
    let mut outcome = Outcome::default();
    let mut earlier = BTreeMap::new();
    let mut at = 0;
    while let Some(logical) = next_logical(text, at) {
        let start = at;
        at = logical.end;
        let read = logical.text.ok_or(Malformed).and_then(|line| parse_line(&line, &mut earlier, shell));
        let indent = text.get(start..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        match read {
            Ok(None) => {}
            Ok(Some((key, value))) => {
                let (value, line) = (Some(value), lines.of(start + indent));
                outcome.assignments.push(Assignment { key, value, line });
            }
            Err(Malformed) => {
                outcome.stopped_at = Some(lines.of(start + indent));
                break;
            }
        }
    }
    outcome
}

/// A line with the lines that its open quotes or trailing backslash join to it.
struct Logical {
    /// `None` when the file ends inside a quote.
    text: Option<String>,
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    Complete,
    Escape,
    Strong,
    StrongEscape,
    Weak,
    WeakEscape,
    Space,
}

fn next_logical(text: &str, start: usize) -> Option<Logical> {
    let mut joint = Joint::Complete;
    let mut joined = String::new();
    let mut end = start;
    loop {
        let physical = text.get(end..)?.split_inclusive('\n').next();
        let Some(physical) = physical else {
            return (joint != Joint::Complete).then_some(Logical { text: None, end });
        };
        end += physical.len();
        let before = joined.len();
        joined.push_str(physical);
        if joined.trim_start().starts_with('#') {
            let text = Some(String::new());
            return Some(Logical { text, end });
        }
        match joint_after(joint, physical) {
            Ok(Joint::Complete) => {
                if joined.ends_with('\n') {
                    joined.pop();
                    if joined.ends_with('\r') {
                        joined.pop();
                    }
                }
                let text = Some(joined);
                return Some(Logical { text, end });
            }
            Ok(open) => joint = open,
            Err(comment) => {
                joined.truncate(before + comment);
                let text = Some(joined);
                return Some(Logical { text, end });
            }
        }
    }
}

/// Returns the state at the end of a physical line, or the offset at which a comment starts.
fn joint_after(mut joint: Joint, line: &str) -> Result<Joint, usize> {
    for (offset, next) in line.char_indices() {
        let opens = |otherwise| match next {
            '\\' => Joint::Escape,
            '"' => Joint::Weak,
            '\'' => Joint::Strong,
            _ => otherwise,
        };
        joint = match joint {
            Joint::Space if next == '#' => return Err(offset),
            Joint::Complete if next.is_whitespace() && next != '\n' && next != '\r' => Joint::Space,
            Joint::Space | Joint::Complete => opens(Joint::Complete),
            Joint::Escape => Joint::Complete,
            Joint::Weak => match next {
                '\\' => Joint::WeakEscape,
                '"' => Joint::Complete,
                _ => Joint::Weak,
            },
            Joint::WeakEscape => Joint::Weak,
            Joint::Strong => match next {
                '\\' => Joint::StrongEscape,
                '\'' => Joint::Complete,
                _ => Joint::Strong,
            },
            Joint::StrongEscape => Joint::Strong,
        };
    }
    Ok(joint)
}

type Earlier = BTreeMap<String, Option<String>>;

fn parse_line(line: &str, earlier: &mut Earlier, shell: &Lookup<'_>) -> Result<Option<(String, String)>, Malformed> {
    let mut cursor = Cursor::new(line.trim_end());
    cursor.take_while(char::is_whitespace);
    if matches!(cursor.peek(), None | Some('#')) {
        return Ok(None);
    }
    let mut key = parse_key(&mut cursor)?;
    let mut equal = cursor.eat("=");
    if !equal && key == "export" {
        key = parse_key(&mut cursor)?;
        equal = cursor.eat("=");
    }
    if !equal {
        return Err(Malformed);
    }
    cursor.take_while(char::is_whitespace);
    if matches!(cursor.peek(), None | Some('#')) {
        earlier.insert(key.clone(), None);
        return Ok(Some((key, String::new())));
    }
    let value = parse_value(cursor.rest(), earlier, shell)?;
    earlier.insert(key.clone(), Some(value.clone()));
    Ok(Some((key, value)))
}

fn parse_key(cursor: &mut Cursor<'_>) -> Result<String, Malformed> {
    if !cursor.peek().is_some_and(|first| first.is_ascii_alphabetic() || first == '_') {
        return Err(Malformed);
    }
    let key = cursor.take_while(|next| next.is_ascii_alphanumeric() || "_.".contains(next));
    cursor.take_while(char::is_whitespace);
    Ok(key.to_owned())
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    Escaped,
    Strong,
    /// Behind the value, where only a comment may follow.
    Ended,
}

/// Reads a value. It does not see a quote inside a `$NAME`, which is why `"pa$word"` fails: the closing
/// quote ends the name and is lost.
#[derive(Default)]
struct Reader {
    state: State,
    weak: bool,
    /// The name being read, and whether it stands in braces.
    name: Option<(String, bool)>,
    out: String,
}

fn parse_value(text: &str, earlier: &Earlier, shell: &Lookup<'_>) -> Result<String, Malformed> {
    let substitute = |name: &str| shell(name).or_else(|| earlier.get(name).cloned().flatten()).unwrap_or_default();
    let mut reader = Reader::default();
    for next in text.chars() {
        match reader.state {
            State::Ended if next == '#' => break,
            State::Ended if next == ' ' || next == '\t' => {}
            State::Ended => return Err(Malformed),
            State::Escaped => reader.escaped(next)?,
            State::Strong if next == '\'' => reader.state = State::Plain,
            State::Strong => reader.out.push(next),
            State::Plain if reader.name.is_some() => reader.name(next, &substitute),
            State::Plain => reader.plain(next),
        }
    }
    let (name, braced) = reader.name.take().unwrap_or_default();
    if braced || reader.weak || reader.state == State::Strong {
        return Err(Malformed);
    }
    reader.out.push_str(&substitute(&name));
    Ok(reader.out)
}

impl Reader {
    fn escaped(&mut self, next: char) -> Result<(), Malformed> {
        self.state = State::Plain;
        self.out.push(match next {
            '\\' | '\'' | '"' | '$' | ' ' => next,
            'n' => '\n',
            _ => return Err(Malformed),
        });
        Ok(())
    }

    fn name(&mut self, next: char, substitute: &dyn Fn(&str) -> String) {
        let Some((mut name, mut braced)) = self.name.take() else {
            return;
        };
        let ends = if braced { next == '}' } else { !next.is_alphanumeric() };
        if !ends {
            name.push(next);
        } else if !braced && next == '{' && name.is_empty() {
            braced = true;
        } else {
            self.out.push_str(&substitute(&name));
            if !braced && next == '$' {
                self.name = Some((String::new(), false));
            } else if !braced {
                self.out.push(next);
            }
            return;
        }
        self.name = Some((name, braced));
    }

    fn plain(&mut self, next: char) {
        match next {
            '$' => self.name = Some((String::new(), false)),
            '\\' => self.state = State::Escaped,
            '"' => self.weak = !self.weak,
            _ if self.weak => self.out.push(next),
            '\'' => self.state = State::Strong,
            ' ' | '\t' => self.state = State::Ended,
            _ => self.out.push(next),
        }
    }
}
