//! Statements that make one schema of another.

use super::observed::Observed;
use super::schema::{ObjectId, TableName};

/// The statements that turn one schema into another, in the order in which they can run.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What has to be committed before the rest may use it: new values of enumerations.
    pub before: Vec<Statement>,
    /// What one transaction does.
    pub statements: Vec<Statement>,
    /// What no statement does, in words.
    pub by_hand: Vec<String>,
    /// The two schemas are the same.
    pub equal: bool,
}

/// One statement, without its semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub object: ObjectId,
    pub text: String,
    /// The data that would go with it.
    pub loses: Option<Loss>,
    /// What it may meet in the rows.
    pub meets: Option<Obstacle>,
    /// An object that is lost only by another statement, and that needs this one's until then.
    pub held_by: Option<ObjectId>,
    /// What the developer may want in place of it.
    pub instead: Option<String>,
}

/// Data that a statement takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// The rows of a table.
    Rows(TableName),
    /// The values of a column.
    Values { table: TableName, column: String },
    /// Values that are others when converted there and back.
    Conversion { table: TableName, column: String, from: String, to: String },
    /// Where a sequence stands.
    Position(TableName),
    /// All that an extension brought, tables with their rows among it.
    Extension,
}

/// Rows that would make a statement fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Rows without a value, in a column that is there.
    Null { table: TableName, column: String },
    /// Any row at all: the column is new and must have a value.
    AnyRow(TableName),
    /// Text that the new type has no room for.
    TooLong { table: TableName, column: String, to: String },
    /// Rows that a check is not true of. Here and below, `ONLY` stands before a table whose heirs are not looked at.
    Check { table: String, condition: String },
    /// Rows that have these values together with another row.
    Twice { table: String, columns: String },
    /// Rows that refer to none.
    Orphans { table: String, columns: Vec<String>, to: String, keys: Vec<String> },
    /// Rows with a label that goes.
    Labels { table: TableName, column: String, labels: Vec<String> },
}

/// What came of running a script in a scratch database of the same objects, without their rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsal {
    /// There is nothing to run.
    Empty,
    /// It runs, with and without what stands behind dashes, and makes what it should.
    Passed,
    /// It runs, and what is left is what no statement does.
    ByHand,
    /// The server refused a statement.
    Refused {
        statement: String,
        why: String,
    },
    /// It runs, and this many differences are left; the first of them.
    Lacks(String, usize),
    Untried(String),
}

impl Rehearsal {
    /// Returns the same without a password in the server's words.
    #[must_use]
    pub fn hiding(self, password: &str) -> Self {
        // A shorter word would mask half of the sentence, and protects nothing.
        let hide = |text: String| if password.len() >= 4 { text.replace(password, "***") } else { text };
        match self {
            Self::Refused { statement, why } => Self::Refused { statement: hide(statement), why: hide(why) },
            Self::Untried(why) => Self::Untried(hide(why)),
            other => other,
        }
    }
}

/// A script with the numbers of rows that its statements would lose or meet, statement by statement.
#[derive(Debug, Clone, Default)]
pub struct Weighed {
    pub script: Script,
    /// As long as the script's statements; nothing where there is no question.
    pub lost: Vec<Option<Observed<u64>>>,
    pub met: Vec<Option<Observed<u64>>>,
}

impl Script {
    /// Returns whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.statements.is_empty() && self.by_hand.is_empty()
    }

    /// Returns the texts of all statements, as a migration has them.
    pub fn texts(&self) -> Vec<String> {
        self.before.iter().chain(&self.statements).map(|it| it.text.clone()).collect()
    }
}

impl Statement {
    /// Returns a statement that loses nothing.
    pub fn new(object: &ObjectId, text: impl Into<String>) -> Self {
        Self { object: object.clone(), text: text.into(), loses: None, meets: None, held_by: None, instead: None }
    }

    /// Returns the statement with the data that goes with it.
    #[must_use]
    pub fn losing(self, loss: Loss) -> Self {
        Self { loses: Some(loss), ..self }
    }

    /// Returns the statement with the rows that it may fail of.
    #[must_use]
    pub fn meeting(self, obstacle: Obstacle) -> Self {
        Self { meets: Some(obstacle), ..self }
    }
}

impl Weighed {
    /// Returns whether a statement is written as a comment: it may lose data, or what it drops is still in use. A
    /// table or column without rows today may have some when the script is run.
    pub fn is_aside(&self, index: usize) -> bool {
        self.script.statements.get(index).is_some_and(|it| it.loses.is_some() || it.held_by.is_some())
    }
}
