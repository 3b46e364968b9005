//! Bytes into the text of a Python source, by its byte order mark or its `coding` comment (PEP 263).

use std::borrow::Cow;

use super::Unusable;

/// What stands for a character of an encoding whose table is not here.
pub(in crate::parse) const UNTOLD: char = '\u{fffd}';

enum Encoding {
    Utf8,
    Latin1,
    /// ASCII, with one byte for every other character. Names and ids seldom have any.
    OneByte,
    Ascii,
}

/// Returns the source's text, where Python would accept its encoding; in encodings of one byte a character of which
/// the table is not here, other characters than ASCII become U+FFFD.
pub(in crate::parse) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Unusable> {
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf");
    let (encoding, line) = match cookie(bytes) {
        None => (Encoding::Utf8, 0),
        Some((name, line)) => (named(&name).ok_or_else(|| refuse(line, unknown(&name)))?, line),
    };
    match (encoding, marked) {
        (Encoding::Utf8, _) => utf8(bytes),
        (_, Some(_)) => Err(refuse(line, "another encoding is named than its byte order mark says".to_owned())),
        (Encoding::Latin1, None) => Ok(Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect())),
        (Encoding::OneByte, None) => {
            let character = |&byte: &u8| if byte.is_ascii() { char::from(byte) } else { UNTOLD };
            Ok(Cow::Owned(bytes.iter().map(character).collect()))
        }
        (Encoding::Ascii, None) => match bytes.iter().position(|byte| !byte.is_ascii()) {
            Some(at) => Err(refuse(line_at(bytes, at), "a byte that is not ASCII".to_owned())),
            None => utf8(bytes),
        },
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Unusable> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refuse(0, "it is UTF-16; save it as UTF-8".to_owned()));
    }
    let text = std::str::from_utf8(bytes);
    text.map(Cow::Borrowed)
        .map_err(|error| refuse(line_at(bytes, error.valid_up_to()), "invalid Python: not UTF-8".to_owned()))
}

fn refuse(line: usize, reason: String) -> Unusable {
    Unusable { line, reason }
}

fn unknown(name: &str) -> String {
    format!("its encoding `{name}` is none that devdb reads; save it as UTF-8")
}

fn line_at(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|&&byte| byte == b'\n').count() + 1
}

/// Returns the encoding that a comment in the first two lines names, and the line.
fn cookie(bytes: &[u8]) -> Option<(String, usize)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, number) in bytes.split(|&byte| byte == b'\n').take(2).zip(1..) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start_matches([' ', '\t', '\u{c}']);
        if let Some(comment) = line.strip_prefix('#') {
            if let Some(name) = named_in(comment) {
                return Some((name, number));
            }
        } else if !line.trim_end_matches(['\r', ' ']).is_empty() {
            // Only a blank or a comment may stand before it.
            return None;
        }
    }
    None
}

/// `coding[:=][ \t]*([-_.a-zA-Z0-9]+)`
fn named_in(comment: &str) -> Option<String> {
    let mut rest = comment;
    loop {
        let (_, after) = rest.split_once("coding")?;
        rest = after;
        let Some(value) = after.strip_prefix([':', '=']) else { continue };
        let name = value.trim_start_matches([' ', '\t']);
        let allowed = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
        let name: String = name.chars().take_while(|&c| allowed(c)).collect();
        if !name.is_empty() {
            return Some(name);
        }
    }
}

fn named(name: &str) -> Option<Encoding> {
    const ONE_BYTE: [&str; 8] = ["iso-8859-", "iso8859-", "cp125", "windows-125", "koi8-", "latin-", "latin", "cp437"];
    let name = name.to_ascii_lowercase().replace('_', "-");
    match name.as_str() {
        "utf-8" | "utf8" | "u8" | "utf-8-sig" => Some(Encoding::Utf8),
        "latin-1" | "latin1" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => Some(Encoding::Latin1),
        "ascii" | "us-ascii" | "646" => Some(Encoding::Ascii),
        name if ONE_BYTE.iter().any(|known| name.starts_with(known)) => Some(Encoding::OneByte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<&str, (usize, &str)>) {
        let found = decode(bytes);
        let found = found.as_deref().map_err(|unusable| (unusable.line, unusable.reason.as_str()));
        assert_eq!(found, expected);
    }

    #[test]
    fn sources_decode_as_python_decodes_them() {
        check("a = 'é'".as_bytes(), Ok("a = 'é'"));
        check(b"# -*- coding: latin-1 -*-\na = '\xe9'", Ok("# -*- coding: latin-1 -*-\na = 'é'"));
        check(
            b"#!/x\n# vim: set fileencoding=ISO-8859-1 :\n'\xe9'",
            Ok("#!/x\n# vim: set fileencoding=ISO-8859-1 :\n'é'"),
        );
        check(b"# coding: cp1252\n'\x80'", Ok("# coding: cp1252\n'\u{fffd}'"));
        check(b"a = 1\n# coding: latin-1\n'\xe9'", Err((3, "invalid Python: not UTF-8")));
        check(b"\n\n# coding: latin-1\n'\xe9'", Err((4, "invalid Python: not UTF-8")));
        check(b"# coding: ascii\n\n'\xe9'", Err((3, "a byte that is not ASCII")));
        check(
            b"# coding: shift_jis\n",
            Err((1, "its encoding `shift_jis` is none that devdb reads; save it as UTF-8")),
        );
        check(b"\xef\xbb\xbf# coding: latin-1\n", Err((1, "another encoding is named than its byte order mark says")));
        check(b"\xff\xfea\0", Err((0, "it is UTF-16; save it as UTF-8")));
    }
}
