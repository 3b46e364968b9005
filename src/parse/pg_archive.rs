//! The head of a file in `pg_dump`'s custom format: who wrote it, and of which server (`pg_backup_archiver.c`, `ReadHead`).

/// What the head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The version of the server that was dumped: `15.18 (Debian …)`.
    pub server: String,
    /// The version of the `pg_dump` that wrote the file.
    pub program: String,
}

/// How many bytes of a file are enough to read its head.
pub const ENOUGH: usize = 8 << 10;

impl Head {
    /// Returns the server's major version.
    pub fn server_major(&self) -> Option<u32> {
        major(&self.server)
    }

    /// Returns the program's major version.
    pub fn program_major(&self) -> Option<u32> {
        major(&self.program)
    }
}

fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Returns the head, or in words what the file is instead.
pub fn read(bytes: &[u8]) -> Result<Head, String> {
    let Some(rest) = bytes.strip_prefix(b"PGDMP") else { return Err(instead(bytes).to_owned()) };
    let cut = || "it ends within its head".to_owned();
    let mut reader = Reader { rest, width: 4 };
    let (major, minor, _revision) = (reader.byte(), reader.byte(), reader.byte());
    let (Some(major), Some(minor)) = (major, minor) else { return Err(cut()) };
    // 1.10 is of PostgreSQL 8.0.
    if major != 1 || minor < 10 {
        return Err(format!("its format {major}.{minor} is none that devdb knows"));
    }
    reader.width = usize::from(reader.byte().ok_or_else(cut)?);
    let _offset_width = reader.byte();
    match reader.byte() {
        Some(1) => {}
        Some(3) => {
            return Err("it is a tar archive of pg_dump; devdb reads the custom format (`pg_dump -Fc`)".to_owned());
        }
        _ => return Err("it is no archive in pg_dump's custom format (`pg_dump -Fc`)".to_owned()),
    }
    // Since 1.15 the compression is one byte that names the method.
    let compression = if minor >= 15 { reader.byte().map(i64::from) } else { reader.int() };
    compression.ok_or_else(cut)?;
    for _part_of_the_date in 0..7 {
        reader.int().ok_or_else(cut)?;
    }
    let _database = reader.text().ok_or_else(cut)?;
    let server = reader.text().ok_or_else(cut)?;
    let program = reader.text().ok_or_else(cut)?;
    Ok(Head { server, program })
}

fn instead(bytes: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(bytes.get(..256.min(bytes.len())).unwrap_or_default());
    match bytes {
        [] => "it is empty",
        [0x1f, 0x8b, ..] => "it is compressed by gzip; unpack it first",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed by zstd; unpack it first",
        _ if bytes.get(257..262) == Some(b"ustar") => {
            "it is a tar archive; devdb reads pg_dump's custom format (`pg_dump -Fc`)"
        }
        _ if text.contains("PostgreSQL database") || text.starts_with("--") => {
            "it is plain SQL; devdb reads pg_dump's custom format (`pg_dump -Fc`)"
        }
        _ => "it is no archive of pg_dump (`pg_dump -Fc`)",
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    /// Bytes of an integer.
    width: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// A sign, then the value, its lowest byte first.
    fn int(&mut self) -> Option<i64> {
        let negative = self.byte()? != 0;
        let (value, rest) = self.rest.split_at_checked(self.width)?;
        self.rest = rest;
        let value = value.iter().rev().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        let value = i64::try_from(value).ok()?;
        Some(if negative { -value } else { value })
    }

    /// A length, then the bytes; a negative length is no text.
    fn text(&mut self) -> Option<String> {
        let Ok(length) = usize::try_from(self.int()?) else { return Some(String::new()) };
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn archive(minor: u8) -> Vec<u8> {
        let int = |value: u8| [0, value, 0, 0, 0];
        let mut bytes = b"PGDMP".to_vec();
        bytes.extend([1, minor, 0, 4, 8, 1]);
        if minor >= 15 {
            bytes.push(1);
        } else {
            bytes.extend([1, 1, 0, 0, 0]);
        }
        for part in [1, 2, 3, 4, 5, 6, 0] {
            bytes.extend(int(part));
        }
        for text in ["shop", "15.18 (Debian 15.18-0+deb12u1)", "16.4"] {
            bytes.extend(int(u8::try_from(text.len()).unwrap()));
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    #[test]
    fn heads_of_old_and_new_formats_are_read() {
        for minor in [14, 15, 16] {
            let head = read(&archive(minor)).unwrap();
            assert_eq!((head.server_major(), head.program_major()), (Some(15), Some(16)), "1.{minor}");
        }
    }

    #[test]
    fn other_files_are_named() {
        let check = |bytes: &[u8], word: &str| {
            let told = read(bytes).unwrap_err();
            assert!(told.contains(word), "{told}");
        };
        check(b"", "empty");
        check(b"--\n-- PostgreSQL database dump\n--\n", "plain SQL");
        check(&[0x1f, 0x8b, 8], "gzip");
        check(b"\x7fELF", "no archive");
        check(&archive(14)[..20], "ends within");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = b"PGDMP\x01".to_vec();
            bytes.extend(rest);
            drop(read(&bytes));
        }
    }
}
