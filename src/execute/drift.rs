//! Learns what the models, the migrations and the database are made of. The database is read; the chain and the models are
//! made in a scratch database, unless what the chain makes is known from before.

use std::time::Duration;

use super::admin::{Admin, failed};
use super::build::unhurried;
use super::layers::Layers;
use super::properties::Properties;
use super::scratch::Scratch;
use super::{Surroundings, Teller};
use crate::error::{Error, Result};
use crate::model::drift::{ChainSource, DriftPlan, Migrations, Models, Position, Sources};
use crate::model::event::Event;
use crate::model::layer::{Contents, Key};
use crate::model::observed::Observed;
use crate::model::schema::Schema;
use crate::model::scratch::ScratchPlan;
use crate::model::target::Target;
use crate::model::text::without_secrets;
use crate::model::verify::{Extent, VerifiedTable};
use crate::wire::catalog::{self, Options};
use crate::wire::postgres::{Session, quote_ident};

mod chain;
mod models;
mod rehearse;
mod saved;
mod weigh;

pub use rehearse::{Play, rehearse};
pub use weigh::weigh;

use saved::Saved;

const LOGIN: Duration = Duration::from_secs(10);

/// Reads the database and makes the rest. What cannot be had is unknown, with the reason; only a database that cannot be
/// read, and the user's own Ctrl-C, are errors.
pub async fn sources(
    plan: &DriftPlan,
    ahead: Option<Ahead>,
    surroundings: &Surroundings,
    cancelled: impl Future<Output = ()>,
    tell: &mut Teller<'_>,
) -> Result<Sources> {
    let password = plan.target.password.as_ref().map_or("", |password| password.reveal());
    // Looked up while the catalog is read.
    let from_before = async {
        match (&plan.scratch, &plan.chain) {
            (Ok(_), Observed::Known(source)) => known(plan, surroundings, source).await,
            _ => Ok(Known::default()),
        }
    };
    let (database, from_before) = tokio::join!(database(plan, ahead), from_before);
    let database = database.map_err(|error| error.hiding(password))?;
    let mut learning =
        Learning { plan, surroundings, scratch: None, found: Sources { database, ..Sources::default() } };
    let done = tokio::select! {
        biased;
        () = cancelled => Err(Error::cancelled()),
        done = Box::pin(learning.learn(from_before, tell)) => done,
    };
    if let Some(scratch) = learning.scratch.take() {
        scratch.remove(tell).await;
    }
    done.map(|()| hiding(learning.found, password)).map_err(|error| error.hiding(password))
}

/// Masks what the project's own code repeats of a URL or a password while it says why a source is not known.
fn hiding(mut found: Sources, password: &str) -> Sources {
    let masked = |why: &mut String| {
        // A shorter word would mask half of the sentence.
        let plain = if password.len() >= 4 { why.replace(password, "***") } else { why.clone() };
        *why = without_secrets(&plain);
    };
    if let Observed::Unknown(why) = &mut found.models {
        masked(why);
    }
    if let Observed::Unknown(why) = &mut found.migrations {
        masked(why);
    }
    found
}

/// The catalog, read while the rest of the picture is taken: it takes the longest of all that is asked.
pub struct Ahead {
    target: Target,
    privileges: bool,
    reading: tokio::task::JoinHandle<Result<Schema>>,
}

impl Ahead {
    /// Begins to read.
    pub fn begin(target: &Target, privileges: bool) -> Self {
        let whose = target.clone();
        let reading = tokio::spawn(async move { read(&whose, privileges).await });
        Self { target: target.clone(), privileges, reading }
    }

    /// Stops, where it has not ended.
    pub fn abandon(&self) {
        self.reading.abort();
    }
}

/// Returns what the database itself is made of. What was read ahead of another one, or in vain, is read again.
async fn database(plan: &DriftPlan, ahead: Option<Ahead>) -> Result<Schema> {
    let fits = |ahead: &Ahead| ahead.target == plan.target && ahead.privileges == plan.privileges;
    if let Some(ahead) = ahead.filter(fits)
        && let Ok(Ok(schema)) = ahead.reading.await
    {
        return Ok(without_version(plan, schema));
    }
    Ok(without_version(plan, read(&plan.target, plan.privileges).await?))
}

/// Returns what the database is made of, with who may use it.
pub async fn granted(target: &Target) -> Result<Schema> {
    read(target, true).await
}

async fn read(target: &Target, privileges: bool) -> Result<Schema> {
    let opened = Session::open(target, target.database(), "devdb drift", LOGIN).await;
    let session = opened.map_err(|failure| {
        Error::environment(format!("cannot enter `{}`", target.database()))
            .detail("server says", failure.message)
            .hint("devdb doctor")
    })?;
    unhurried(&session).await?;
    let read = catalog::read(&session, Options { privileges }).await;
    session.close().await;
    read.map_err(|error| failed("read the catalog", &error))
}

/// Tables of more rows than this are estimated.
const COUNTED: u64 = 1_000_000;

/// Adds how many rows the tables have and how large they are; what the role may not read is left out.
pub async fn measure(target: &Target, tables: &mut [VerifiedTable]) -> Result<()> {
    const EXTENT: &str = "select c.reltuples::int8, pg_total_relation_size(c.oid) from pg_class c
        join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2";
    let opened = Session::open(target, target.database(), "devdb verify", LOGIN).await;
    let session = opened.map_err(|failure| {
        Error::environment(format!("cannot enter `{}`", target.database())).detail("server says", failure.message)
    })?;
    for table in tables {
        let (space, name) = (&table.table.schema, &table.table.name);
        let typed = [space, name]
            .map(|it| (it as &(dyn tokio_postgres::types::ToSql + Sync), tokio_postgres::types::Type::TEXT));
        let asked = session.query_typed(EXTENT, &typed).await;
        let rows = asked.map_err(|error| failed("ask how large the tables are", &error))?;
        let Some(row) = rows.first() else { continue };
        let number = |index: usize| row.try_get::<_, i64>(index).ok().and_then(|it| u64::try_from(it).ok());
        let (estimate, bytes) = (number(0).unwrap_or_default(), number(1).unwrap_or_default());
        let mut extent = Extent { rows: estimate, exact: false, bytes };
        if estimate < COUNTED {
            let relation = format!("{}.{}", quote_ident(space), quote_ident(name));
            let counted = session.query_typed(&format!("select count(*) from {relation}"), &[]).await;
            let Ok(counted) = counted else { continue };
            let count = counted.first().and_then(|row| row.try_get::<_, i64>(0).ok());
            extent =
                Extent { rows: count.and_then(|it| u64::try_from(it).ok()).unwrap_or_default(), exact: true, bytes };
        }
        table.extent = Some(extent);
    }
    session.close().await;
    Ok(())
}

fn without_version(plan: &DriftPlan, schema: Schema) -> Schema {
    match &plan.version_table {
        Some((space, table)) => schema.without_table(space, table),
        None => schema,
    }
}

struct Learning<'a> {
    plan: &'a DriftPlan,
    surroundings: &'a Surroundings,
    scratch: Option<Scratch<'a>>,
    found: Sources,
}

/// What is known of the chain before anything is made.
#[derive(Default)]
struct Known {
    head: Option<Key>,
    applied: Option<Key>,
    /// The layer of the chain's end.
    layer: Option<Contents>,
    migrations: Migrations,
    /// What has to be made.
    lacks_head: bool,
    lacks_applied: bool,
}

impl<'a> Learning<'a> {
    async fn learn(&mut self, from_before: Result<Known>, tell: &mut Teller<'_>) -> Result<()> {
        let scratch = match &self.plan.scratch {
            Ok(scratch) => scratch,
            Err(why) => {
                self.found.migrations = self.plan.chain.unmade(why);
                self.found.models = self.plan.models.unmade(why);
                return Ok(());
            }
        };
        if let Observed::Unknown(why) = &self.plan.chain {
            self.found.migrations = Observed::Unknown(why.clone());
        }
        let known = match from_before {
            Ok(known) => known,
            // Without a maintenance database there is no scratch database either.
            Err(error) => {
                let why = chain::in_words(&error);
                self.found.migrations = self.plan.chain.unmade(&why);
                self.found.models = self.plan.models.unmade(&why);
                return Ok(());
            }
        };
        let chain = known.lacks_head || known.lacks_applied;
        if let Observed::Known(_) = self.plan.chain
            && !chain
        {
            self.found.migrations = Observed::Known(known.migrations.clone());
        }
        if chain || self.plan.models.known().is_some() {
            Box::pin(self.make(scratch, known, tell)).await?;
        }
        Ok(())
    }

    async fn make(&mut self, plan: &'a ScratchPlan, known: Known, tell: &mut Teller<'_>) -> Result<()> {
        // Where the database is behind, the chain is run from its beginning, and looked at on the way.
        let options = Options { privileges: self.plan.privileges };
        let layer = known.layer.clone().filter(|_| !known.lacks_applied);
        tell(Event::Note { text: "making what the code says in a scratch database".to_owned() });
        let made = Scratch::create_from(plan, self.surroundings, layer.as_ref(), tell).await;
        let scratch = match made {
            Ok(scratch) => self.scratch.insert(scratch),
            Err(error) => {
                let why = chain::in_words(&error);
                if known.lacks_head || known.lacks_applied {
                    self.found.migrations = Observed::Unknown(why.clone());
                }
                self.found.models = self.plan.models.unmade(&why);
                return Ok(());
            }
        };
        let saved = Saved::of(self.surroundings, self.plan.privileges);
        let work = chain::Work { plan: self.plan, scratch, layer: layer.is_some(), options };
        let (migrations, models) = work.run(known, &saved, &self.found.database, tell).await?;
        if let Some(migrations) = migrations {
            self.found.migrations = migrations;
        }
        self.found.models = models;
        Ok(())
    }
}

/// Returns what is known of the chain's schemas: from before, or by the layer of its end.
async fn known(plan: &DriftPlan, surroundings: &Surroundings, source: &ChainSource) -> Result<Known> {
    let behind = matches!(plan.position, Position::Behind(_)) && source.applied.is_some();
    let mut known = Known { lacks_head: true, lacks_applied: behind, ..Known::default() };
    let Some(layers) = &source.layers else { return Ok(known) };
    let admin = Admin::glance(&plan.target, "drift").await?;
    let old = Properties::read(&admin, plan.target.database()).await?;
    let looked = Layers::look(&admin, layers, old.as_ref()).await?;
    known.head = looked.keys.get(layers.head).cloned().flatten();
    known.layer = looked.contents(&admin.databases().await?, layers.head);
    if let Some(position) = source.applied.as_ref().and_then(|applied| layers.after(applied)) {
        known.applied = looked.keys.get(position).cloned().flatten();
    }
    admin.close().await;
    let saved = Saved::of(surroundings, plan.privileges);
    if let Some(head) = saved.find(known.head.as_ref()) {
        known.migrations.head = head;
        known.lacks_head = false;
    }
    if behind && let Some(applied) = saved.find(known.applied.as_ref()) {
        known.migrations.applied = Some(applied);
        known.lacks_applied = false;
    }
    Ok(known)
}

/// What the models came to.
type OfModels = Observed<Models>;
