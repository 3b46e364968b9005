//! One piece sent to the server, and which of its statements failed.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Error as DriverError, SimpleQueryMessage};

use crate::parse::sql::{Statement, StatementKind, line_of, split};
use crate::parse::sql_chain::{Piece, PieceKind};
use crate::wire::postgres::{Session, message};

/// Why a piece failed, and at which statement.
#[derive(Debug)]
pub(super) struct Failed {
    pub why: Why,
    /// The 1-based line of the file, and the statement.
    pub statement: Option<(usize, String)>,
}

#[derive(Debug)]
pub(super) enum Why {
    Server(Box<DriverError>),
    /// Something that the tool cannot run either.
    Never(&'static str),
}

impl Failed {
    /// An error of a statement that stands in no file.
    pub(super) fn alone(error: DriverError) -> Self {
        Self { why: Why::Server(Box::new(error)), statement: None }
    }

    /// What the server said.
    pub(super) fn message(&self) -> String {
        match &self.why {
            Why::Server(error) => message(error),
            Why::Never(why) => (*why).to_owned(),
        }
    }
}

/// Runs a piece. The server says of each statement when it is done, so that no second run is needed to find the one that
/// failed.
pub(super) async fn send(session: &Session, piece: &Piece) -> Result<(), Failed> {
    let never =
        |line: usize, text: &str, why| Err(Failed { why: Why::Never(why), statement: Some((line, text.to_owned())) });
    match &piece.kind {
        PieceKind::MetaCommand => {
            never(piece.line, &piece.text, "it is a command of psql's, which no server understands")
        }
        PieceKind::Copy { data } => copy(session, &piece.text, data).await.map_err(|error| Failed {
            why: Why::Server(Box::new(error)),
            statement: Some((piece.line, piece.text.clone())),
        }),
        PieceKind::Sql => {
            if let Some(copy) = copy_in(&piece.text) {
                let line = piece.line + copy.line - 1;
                return never(line, copy.text(&piece.text), "its data stands in the file, which only psql sends");
            }
            let (done, error) = query(session, &piece.text).await;
            error.map_or(Ok(()), |error| Err(located(piece, done, error)))
        }
    }
}

/// A `COPY … FROM stdin`: sent as part of a query it would leave the server waiting.
fn copy_in(text: &str) -> Option<Statement> {
    if !text.to_ascii_lowercase().contains("stdin") {
        return None;
    }
    split(text).into_iter().find(|statement| matches!(statement.kind, StatementKind::CopyIn { .. }))
}

async fn query(session: &Session, text: &str) -> (usize, Option<DriverError>) {
    let stream = match session.simple_query_raw(text).await {
        Ok(stream) => stream,
        Err(error) => return (0, Some(error)),
    };
    futures_util::pin_mut!(stream);
    let mut done = 0;
    while let Some(said) = stream.next().await {
        match said {
            Ok(SimpleQueryMessage::CommandComplete(_)) => done += 1,
            Ok(_) => {}
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

/// Finds the statement by the server's position, else by how many were done.
fn located(piece: &Piece, done: usize, error: DriverError) -> Failed {
    let statements = split(&piece.text);
    let position = match error.as_db_error().and_then(|server| server.position()) {
        Some(ErrorPosition::Original(position)) => usize::try_from(*position).ok(),
        _ => None,
    };
    let byte = position.and_then(|position| piece.text.char_indices().nth(position.saturating_sub(1)));
    let byte = byte.map(|(byte, _)| byte);
    let statement = match byte {
        Some(byte) => statements.iter().rev().find(|statement| statement.span.start <= byte),
        None => statements.get(done),
    };
    let line = match (byte, statement) {
        (Some(byte), _) => line_of(&piece.text, byte),
        (None, Some(statement)) => statement.line,
        (None, None) => 1,
    };
    let text = statement.map(|statement| statement.text(&piece.text).to_owned());
    let statement = text.map(|text| (piece.line + line - 1, text));
    Failed { why: Why::Server(Box::new(error)), statement }
}

async fn copy(session: &Session, statement: &str, data: &str) -> Result<(), DriverError> {
    let sink = session.copy_in::<_, Bytes>(statement).await?;
    futures_util::pin_mut!(sink);
    sink.send(Bytes::copy_from_slice(data.as_bytes())).await?;
    sink.close().await
}
