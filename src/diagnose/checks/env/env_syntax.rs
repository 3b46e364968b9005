//! `env-syntax`

use super::super::prelude::*;
use crate::parse::pg_url::UrlError;
use crate::parse::{env_file, pg_url};

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "env-syntax",
    title: "`.env` can be read",
    area: "env",
    severity: Severity::Error,
    needs: &[],
    follows: &[],
    explain: "Seen as: keys that stand in the file and are not there for the app, or Compose refusing the file.\n\
        Cause: a quote that is never closed, a line that is no `KEY=value`, or a value that this project's loader rejects.\n\
        Proof: the file is read with the loader's own rules, and with Compose's where Compose reads it.\n\
        Fix: by hand; the line is named.\n\
        Keeps: devdb changes nothing; you edit the file yourself.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        picture.env_files = vec![env_file::parse(std::path::Path::new(".env"), "A=\"never closed\nB=1\n")];
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let mut findings: Vec<Finding> = picture.env_files.iter().flat_map(|file| of_file(picture, file)).collect();
    findings.extend(picture.unread.iter().map(|(path, why)| {
        Finding::new(format!("`{}` cannot be read: {why}", path.display()))
            .at(&Place::new(path, 0), "not one of its keys is known here")
            .manual("make it a readable UTF-8 file", &[])
    }));
    Ok(findings)
}

fn of_file(picture: &Picture, file: &EnvFile) -> Vec<Finding> {
    let mut lines: BTreeMap<usize, String> = BTreeMap::new();
    for problem in &file.problems {
        if problem.kind == EnvProblemKind::UnterminatedQuote {
            lines.insert(problem.line, "a quote is opened and never closed".to_owned());
        }
    }
    let compose = picture.compose.known();
    let beside_compose = compose.is_some_and(|compose| compose.directory.join(".env") == file.path);
    let shell = |name: &str| picture.shell.get(name).map(|value| value.reveal().to_owned());
    let mut readers = vec![(picture.dialect, loader(picture.dialect))];
    if beside_compose {
        readers.push((Dialect::Compose, loader(Dialect::Compose)));
    }
    for (dialect, name) in readers {
        if let Some(line) = env_file::effective(file, dialect, &shell).stopped_at {
            lines.entry(line).or_insert_with(|| format!("{name} gives up here"));
        }
    }
    let findings = lines.into_iter().map(|(line, what)| unread(file, line, what));
    findings.chain(file.entries.iter().filter_map(|entry| unusable_url(file, entry))).collect()
}

fn unread(file: &EnvFile, line: usize, what: String) -> Finding {
    Finding::new(format!("`{}` is not read to its end", file.path.display()))
        .at(&Place::new(&file.path, line), what)
        .manual("mend the line: KEY=value, with the value in single quotes when it has spaces, `#` or `$`", &[])
}

/// A URL that no client can use; one with a variable left in it is somebody else's to complete.
fn unusable_url(file: &EnvFile, entry: &EnvEntry) -> Option<Finding> {
    let parsed = pg_url::parse(entry.raw.reveal());
    let Err(error @ (UrlError::Port(_) | UrlError::Host | UrlError::Elsewhere(_))) = parsed else { return None };
    let finding = Finding::new(format!("`{}` is no usable URL: {error}", entry.key));
    let form = format!("{}=postgresql://USER:PASSWORD@localhost:5432/NAME", entry.key);
    Some(finding.at(&Place::new(&file.path, entry.line), "here").manual("write a whole URL", &[&form]))
}

fn loader(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Compose => "Docker Compose",
        Dialect::Dotenvy => "dotenvy",
        Dialect::PythonDotenv => "python-dotenv",
        Dialect::NodeDotenv => "dotenv",
        Dialect::NodeEnvFile => "node --env-file",
        Dialect::Bash => "bash",
    }
}
