//! `devdb verify`: tables, column by column, against the chain.

use std::path::PathBuf;

use super::context::Context;
use super::drift;
use crate::diagnose::verify;
use crate::error::{Error, Kind, Result};
use crate::execute;
use crate::model::verify::VerifiedTable;
use crate::plan::migrate;
use crate::render;
use crate::render::style;
use crate::render::verify::VerifyReport;
use crate::wire::files::read_text;

/// Show tables column by column, with a mark at each that is not as the migrations make it, and the chain below; exit 1
/// when there is one, 4 when the migrations could not be read
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these tables
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// Compare with what `--json` printed earlier, too
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Print JSON (docs/verify.schema.json)
    #[arg(long)]
    pub json: bool,
}

/// Revisions that are drawn.
const DRAWN: usize = 12;

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let expected = args.expect.as_ref().map(|path| expected(context, path)).transpose()?;
    let (picture, ahead) = Box::pin(drift::look(context, false)).await;
    let compared = Box::pin(drift::compare_without_models(context, &picture, (false, ahead), args.json)).await?;
    let chain = compared.sources.migrations.known().map(|it| &it.head);
    let found = verify::tables(&compared.sources.database, chain, &compared.chronicle, &args.tables);
    let mut tables = found.map_err(|unknown| no_table(&unknown))?;
    execute::drift::measure(&compared.plan.target, &mut tables).await?;
    let history = migrate::history(&picture).ok();
    let revision = history.as_ref().and_then(|history| history.rows.clone());
    let told = expected.map(|expected| {
        let now = render::verify::report(&tables, None, &[]);
        render::verify::unexpected(&now, &expected)
    });
    let told = told.unwrap_or_default();
    let right = told.is_empty() && tables.iter().all(VerifiedTable::is_right);
    // What was not compared did not agree.
    let unread = compared.drift.unread.iter().map(|(source, why)| format!("the {source} could not be read: {why}"));
    let unread: Vec<String> = unread.collect();
    let code = match (right, unread.is_empty()) {
        (false, _) => 1,
        (true, true) => 0,
        (true, false) => Kind::Environment.exit_code(),
    };
    if args.json {
        let told: Vec<String> = told.iter().chain(&unread).cloned().collect();
        context.ui.answer(&render::json::text(&render::verify::report(&tables, revision, &told)));
        return Ok(code);
    }
    let ui = &context.ui;
    for what in &unread {
        ui.warning(&ui.wrapped(what, 9));
    }
    render::verify::show(ui, &tables);
    for line in &told {
        ui.answer(&format!("{} {}", style::bad("✗"), crate::model::text::visible(line)));
    }
    if let Some(history) = &history {
        render::graph::show(ui, history, Some(DRAWN));
        ui.answer("");
    }
    let faulty = tables.iter().filter(|table| !table.is_right()).count();
    if right && chain.is_some() {
        ui.answer(&format!("{} every table is as the migrations make it", style::good("✓")));
    }
    if faulty > 0 {
        let all = tables.len();
        ui.answer(&format!("{} {faulty} of {all} tables not as the migrations make them", style::bad("✗")));
        ui.hint(&format!("{} says who is behind", style::command("devdb drift")));
    }
    Ok(code)
}

fn expected(context: &Context, path: &std::path::Path) -> Result<VerifyReport> {
    let shown = path.display();
    let text = read_text(&context.path(path))
        .map_err(|why| Error::usage(format!("cannot read `{shown}`")).detail("why", why))?;
    serde_json::from_str(&text).map_err(|error| {
        Error::usage(format!("{shown}:{}: it is no report of `devdb verify --json`", error.line()))
            .because(error)
            .hint(format!("devdb verify --json > {shown}"))
    })
}

fn no_table(unknown: &[String]) -> Error {
    Error::usage(format!("neither the database nor the migrations have a table `{}`", unknown.join("`, `")))
        .hint("devdb verify   (shows all)")
}
