//! A command line, split as a shell would.

use crate::parse::cursor::Cursor;

/// Returns the words of `command`; an open quote ends with the text.
pub(super) fn split(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut cursor = Cursor::new(command);
    while let Some(next) = cursor.bump() {
        if next.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match next {
            '\'' => {
                word.push_str(cursor.take_while(|next| next != '\''));
                cursor.bump();
            }
            '"' => double(&mut cursor, word),
            '\\' => word.extend(cursor.bump()),
            _ => word.push(next),
        }
    }
    words.extend(word);
    words
}

fn double(cursor: &mut Cursor<'_>, word: &mut String) {
    while let Some(next) = cursor.bump() {
        match next {
            '"' => return,
            '\\' if matches!(cursor.peek(), Some('"' | '\\' | '$')) => word.extend(cursor.bump()),
            _ => word.push(next),
        }
    }
}
