//! devdb's own cases: a reset from nothing, from a layer, by a spare, and with a chain that ends differently.

use super::case::{Case, Expected, Kind, MARKER, verify};
use super::chain::{self, Ending, Layout};
use super::place::{Place, Project};
use std::time::{Duration, Instant};

/// How long the background may take until a spare is there.
const PATIENCE: Duration = Duration::from_mins(2);

/// Two projects of the same chain: one whose resets leave a spare, one whose resets do not.
pub(super) struct Ours<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) plain: &'a Project,
    pub(super) spare: &'a Project,
    /// A chain that can be given another end; nothing for one that is part of a package.
    pub(super) layout: Option<Layout>,
    /// What a database at the head is.
    pub(super) head: Expected,
}

impl Ours<'_> {
    /// Makes what the cases start from: layers, and a spare.
    pub(super) fn prime(&self) -> Result<(), String> {
        self.place.must(&mut self.place.devdb(self.plain, &["reset", "--yes"]))?;
        if self.place.tools.has_layers {
            self.place.must(&mut self.place.devdb(self.spare, &["reset", "--yes"]))?;
            self.wait_for_spare()?;
        }
        Ok(())
    }

    /// Returns the cases that this devdb knows; `Err` says why one is missing.
    pub(super) fn cases(&self, kinds: &[Kind]) -> Vec<Result<Case<'_>, (Kind, String, String)>> {
        kinds.iter().map(|&kind| self.case(kind)).collect()
    }

    fn case(&self, kind: Kind) -> Result<Case<'_>, (Kind, String, String)> {
        let name = name(kind).to_owned();
        if !self.place.tools.has_layers && kind != Kind::Cold {
            return Err((kind, name, "not available: this devdb has no layers".to_owned()));
        }
        let changes = matches!(kind, Kind::Edited | Kind::Appended);
        if changes && self.layout.is_none() {
            return Err((kind, name, "the chain is part of a package".to_owned()));
        }
        let project = if kind == Kind::Spare { self.spare } else { self.plain };
        let cold = kind == Kind::Cold && self.place.tools.has_layers;
        let arguments: &[&str] = if cold { &["reset", "--yes", "--cold"] } else { &["reset", "--yes"] };
        Ok(Case {
            kind,
            name,
            prepare: Box::new(move |round| self.prepare(kind, project, round)),
            command: Box::new(move || self.place.devdb(project, arguments)),
            check: Box::new(move |round| self.check(kind, project, round)),
        })
    }

    fn prepare(&self, kind: Kind, project: &Project, round: usize) -> Result<(), String> {
        match kind {
            Kind::Cold => {}
            Kind::Spare => self.wait_for_spare()?,
            // Whatever came before, the head's layer is there and was used last.
            _ => self.place.must(&mut self.place.devdb(project, &["reset", "--yes"]))?,
        }
        self.end(project, ending(kind, round))?;
        self.place.server.sql(project.database, &[&format!("create table {MARKER} (id integer)")])
    }

    fn check(&self, kind: Kind, project: &Project, round: usize) -> Result<(), String> {
        let ending = ending(kind, round);
        let mut expected = self.head.clone();
        if let Some(layout) = self.layout {
            expected.head = chain::head(layout, ending);
            expected.column = ending.column();
        }
        let verified = verify(self.place.server, project.database, &expected);
        self.end(project, Ending::Plain)?;
        if kind == Kind::Spare {
            // What is made in the background is nobody else's burden.
            self.wait_for_spare()?;
        }
        verified
    }

    fn end(&self, project: &Project, ending: Ending) -> Result<(), String> {
        self.layout.map_or(Ok(()), |layout| chain::end(&project.root, layout, ending))
    }

    /// Returns once a spare is whole and nobody works on it.
    fn wait_for_spare(&self) -> Result<(), String> {
        let query = format!(
            "select count(*) > 0 and not exists (select from pg_stat_activity where application_name like 'devdb spare %')
             from pg_database where datname like '{}\\_\\_devdb\\_spare\\_%' and shobj_description(oid, 'pg_database') <> ''",
            self.spare.database
        );
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.place.server.ask("postgres", &query)? == "t" {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("there is no spare after {} s", PATIENCE.as_secs()))
    }
}

fn ending(kind: Kind, round: usize) -> Ending {
    match kind {
        Kind::Edited => Ending::Edited(round),
        Kind::Appended => Ending::Appended(round),
        _ => Ending::Plain,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Cold => "**devdb reset**, from nothing (`--cold`)",
        Kind::Warm => "**devdb reset**, nothing changed",
        Kind::Spare => "**devdb reset**, a spare is ready",
        Kind::Edited => "**devdb reset**, the last revision edited",
        _ => "**devdb reset**, a revision appended",
    }
}

/// Writes what devdb reads in a project: where the database is, and its settings.
pub(super) fn configure(project: &Project, key: &str, url: &str, settings: &str) -> Result<(), String> {
    project.put(".env", &format!("{key}={url}\nAPP_ENV=development\n"))?;
    if settings.is_empty() { Ok(()) } else { project.put("devdb.toml", settings) }
}
