//! `devdb url`: the database that the project means, as a client writes it.

use std::io::IsTerminal as _;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::context::Context;
use crate::discover::Depth;
use crate::error::{Error, Result};
use crate::model::picture::Picture;
use crate::model::target::Candidate;
use crate::parse::pg_url::{CLIENTS, Client, for_client};

/// Print the URL of the database that the project means, as a client writes it; the password is in it where the output is
/// no terminal
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who is to read it
    #[arg(long = "for", value_parser = client(), default_value = "libpq", value_name = "CLIENT")]
    client: Client,
}

/// Reads a client's name; the others are shown where it is none.
fn client() -> impl TypedValueParser<Value = Client> {
    PossibleValuesParser::new(CLIENTS.map(|(name, _)| name)).try_map(|name| Client::parse(&name).ok_or("no client"))
}

pub(super) async fn run(context: &Context, args: Args) -> Result<u8> {
    let picture = context.look(Depth::Files).await;
    let candidate = meant(&picture)?;
    let mut target = candidate.target.clone();
    let hidden = target.password.is_some() && std::io::stdout().is_terminal();
    if hidden {
        // A star needs no escape.
        target.password = Some("***".into());
    }
    let url = for_client(&target, args.client).map_err(|why| {
        Error::usage(why)
            .detail("target", candidate.target.to_string())
            .detail("named by", candidate.origin.to_string())
    })?;
    let shown = url.reveal().replace("%2A%2A%2A", "***");
    context.ui.answer(if hidden { &shown } else { url.reveal() });
    if hidden {
        context.ui.hint("the password is in it where the output is no terminal: psql \"$(devdb url)\"");
    }
    Ok(0)
}

/// Returns the target that counts.
pub(super) fn meant(picture: &Picture) -> Result<&Candidate> {
    picture.target().ok_or_else(|| {
        Error::usage("nothing here names a database")
            .detail("looked for", "DATABASE_URL and its like, POSTGRES_* and PG* in .env files and the shell, sqlalchemy.url, Compose services")
            .hint("devdb setup   (writes a .env)")
    })
}
