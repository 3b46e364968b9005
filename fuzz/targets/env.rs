//! `.env` files: what every loader makes of them, and edits.
#![no_main]

use std::path::Path;

use devdb::model::env::Dialect;
use devdb::parse::env_file::{append, effective, parse, replace_value, value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = parse(Path::new(".env"), text);
    let shell = |name: &str| (name == "HOME").then(|| "/home/$me".to_owned());
    for dialect in Dialect::ALL {
        let reading = effective(&file, dialect, &shell);
        for (key, winner) in &reading.keys {
            let entry = file.entries.get(winner.entry).expect("a value comes from an entry");
            assert_eq!(&entry.key, key);
        }
        for entry in &file.entries {
            drop(value(entry, dialect, &shell));
        }
    }
    for (index, entry) in file.entries.iter().enumerate().take(4) {
        let Ok(changed) = replace_value(&file, index, "5433") else { continue };
        let again = parse(Path::new(".env"), &changed);
        assert!(again.entries.iter().any(|found| found.key == entry.key), "an edit lost its variable");
    }
    drop(append(text, "KEY", "it's $5"));
});
