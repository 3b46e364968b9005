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
    /// Why there is no spare; found out by [`Self::prime`].
    pub(super) spareless: Option<String>,
}

impl Ours<'_> {
    /// Makes what the cases start from: layers, and a spare.
    pub(super) fn prime(&mut self) -> Result<(), String> {
        for project in [self.plain, self.spare] {
            // The second time, what the first one replaced has to go: its absence says that the background was there.
            for _time in 0..2 {
                self.place.must(&mut self.place.devdb(project, &["reset", "--yes"]))?;
            }
            if self.place.tools.has_layers {
                let settled = self.settle(project);
                if project.database == self.plain.database {
                    settled?;
                } else {
                    self.spareless = settled.err();
                }
            }
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
        if let (Kind::Spare, Some(why)) = (kind, &self.spareless) {
            return Err((kind, name, format!("not available: {why}")));
        }
        let changes = matches!(kind, Kind::Edited | Kind::Appended);
        if changes && self.layout.is_none() {
            return Err((kind, name, "the chain is part of a package".to_owned()));
        }
        // As devdb is by default, but for the copy, which a spare would hide.
        let project = if kind == Kind::Warm { self.plain } else { self.spare };
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
            Kind::Cold | Kind::Spare => {}
            // Whatever came before, the head's layer is there and was used last.
            _ => self.place.must(&mut self.place.devdb(project, &["reset", "--yes"]))?,
        }
        if self.place.tools.has_layers {
            self.settle(project)?;
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
        if self.place.tools.has_layers {
            // What is done in the background is nobody else's burden, and is done with the files as they are.
            self.settle(project)?;
        }
        self.end(project, Ending::Plain)?;
        verified
    }

    fn end(&self, project: &Project, ending: Ending) -> Result<(), String> {
        self.layout.map_or(Ok(()), |layout| chain::end(&project.root, layout, ending))
    }

    /// Returns once nothing is done in the background of a project: what its last reset replaced is dropped, and where
    /// there is to be a spare, it is whole.
    fn settle(&self, project: &Project) -> Result<(), String> {
        let beside = |kind: &str| {
            let name = format!("{}__devdb_{kind}_", project.database);
            format!("select count(*) from pg_database where starts_with(datname, '{name}')")
        };
        let spares = u8::from(project.database == self.spare.database);
        let query = format!(
            "select ({}) <= 1 and ({} and shobj_description(oid, 'pg_database') <> '') = {spares}
               and not exists (select from pg_stat_activity where application_name like 'devdb spare %')",
            beside("previous"),
            beside("spare")
        );
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.place.server.ask("postgres", &query)? == "t" {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let names = "select string_agg(datname, ', ' order by datname) from pg_database where datname ~ '__devdb_'";
        let there = self.place.server.ask("postgres", names)?;
        let minutes = PATIENCE.as_secs() / 60;
        Err(format!("the background of `{}` is not done after {minutes} minutes; there are {there}", project.database))
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
