//! The checksums that tools keep of their files.

use sha2::{Digest as _, Sha256, Sha384};

use crate::model::text::hex;

/// SHA-384 of the text without the ignored characters (sqlx 0.9, `sqlx-core/src/migrate/{migration,source}.rs`).
pub(super) fn sqlx(text: &str, ignored: &[char]) -> String {
    if ignored.is_empty() {
        return hex(&Sha384::digest(text));
    }
    let kept: String = text.chars().filter(|character| !ignored.contains(character)).collect();
    hex(&Sha384::digest(kept))
}

/// SHA-256 of the text, and what counts as the same: other line ends, and digits without padding as old versions wrote
/// them (prisma-engines, `schema-connector/src/checksum.rs`).
pub(super) fn prisma(text: &str) -> (String, Vec<String>) {
    let own = Sha256::digest(text);
    let mut same = vec![unpadded(&own)];
    for variant in [text.replace("\r\n", "\n"), text.replace('\n', "\r\n")] {
        let digest = Sha256::digest(variant);
        same.extend([hex(&digest), unpadded(&digest)]);
    }
    let own = hex(&own);
    same.retain(|other| *other != own);
    (own, same)
}

fn unpadded(digest: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest {
        let digits = hex(&[*byte]);
        text.push_str(digits.strip_prefix('0').unwrap_or(&digits));
    }
    text
}

/// CRC-32 over the lines without their ends and without a byte-order mark, as Java's `readLine` sees them (Flyway 13,
/// `ChecksumCalculator.java`).
pub(super) fn flyway(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut register = u32::MAX;
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        register ^= u32::from(byte);
        for _bit in 0..8 {
            let carry = register & 1;
            register = (register >> 1) ^ (0xEDB8_8320 * carry);
        }
    }
    (!register).cast_signed().to_string()
}
