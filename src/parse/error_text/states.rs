//! SQLSTATEs (PostgreSQL documentation, Appendix A), and what drivers call them.

use crate::model::reported::{Trouble, Violation};

/// The names that psycopg2, psycopg and asyncpg give to states (`UndefinedColumn`, `UndefinedColumnError`).
const CLASSES: [(&str, &str); 28] = [
    ("UndefinedColumn", "42703"),
    ("UndefinedTable", "42P01"),
    ("UndefinedFunction", "42883"),
    ("UndefinedObject", "42704"),
    ("InvalidSchemaName", "3F000"),
    ("DuplicateTable", "42P07"),
    ("DuplicateObject", "42710"),
    ("DuplicateColumn", "42701"),
    ("DuplicateDatabase", "42P04"),
    ("UniqueViolation", "23505"),
    ("NotNullViolation", "23502"),
    ("ForeignKeyViolation", "23503"),
    ("CheckViolation", "23514"),
    ("ExclusionViolation", "23P01"),
    ("InvalidPassword", "28P01"),
    ("InvalidAuthorizationSpecification", "28000"),
    ("InvalidCatalogName", "3D000"),
    ("TooManyConnections", "53300"),
    ("ObjectInUse", "55006"),
    ("ReadOnlySqlTransaction", "25006"),
    ("ReadOnlySQLTransaction", "25006"),
    ("InFailedSqlTransaction", "25P02"),
    ("InFailedSQLTransaction", "25P02"),
    ("LockNotAvailable", "55P03"),
    ("InsufficientPrivilege", "42501"),
    ("CannotConnectNow", "57P03"),
    ("DiskFull", "53100"),
    ("StringDataRightTruncation", "22001"),
];

/// Returns the state for which a driver's exception stands.
pub(super) fn by_class(text: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(class, _)| text.contains(class)).map(|(_, state)| *state)
}

/// Returns what a state says, with the names that stood in quotes beside it, whatever the language.
pub(super) fn by_state(state: &str, names: &[String]) -> Trouble {
    let name = |index: usize| names.get(index).cloned().unwrap_or_default();
    let second = || names.get(1).cloned();
    // `column users.username` is not quoted in any language where it is qualified.
    let column = || match name(0).rsplit_once('.') {
        Some((table, column)) => (Some(table.to_owned()), column.to_owned()),
        None => (second(), name(0)),
    };
    match state {
        "42703" => {
            let (table, column) = column();
            Trouble::UndefinedColumn { table, column }
        }
        "42P01" => Trouble::UndefinedTable(name(0)),
        "42883" => Trouble::UndefinedFunction(name(0)),
        "42704" => Trouble::UndefinedType(name(0)),
        "3F000" => Trouble::UndefinedSchema(name(0)),
        "42P07" => Trouble::DuplicateRelation(name(0)),
        "42701" => Trouble::DuplicateColumn { table: second(), column: name(0) },
        "42710" => Trouble::DuplicateType(name(0)),
        "42P04" => Trouble::DuplicateDatabase(name(0)),
        "23505" => Trouble::Violated { constraint: name(0), how: Violation::Unique },
        "23503" => {
            Trouble::Violated { constraint: names.last().cloned().unwrap_or_default(), how: Violation::ForeignKey }
        }
        "23514" => Trouble::Violated { constraint: names.last().cloned().unwrap_or_default(), how: Violation::Check },
        "23P01" => Trouble::Violated { constraint: name(0), how: Violation::Exclusion },
        "23502" => Trouble::NotNull { table: second(), column: name(0) },
        "28P01" => Trouble::Authentication,
        "28000" => Trouble::NotPermitted,
        "3D000" => Trouble::MissingDatabase(name(0)),
        "53300" => Trouble::TooManyClients,
        "53100" => Trouble::DiskFull,
        "55006" => Trouble::InUse,
        "25006" => Trouble::ReadOnly,
        "25P02" => Trouble::Aborted,
        "55P03" | "40P01" => Trouble::LockTimeout,
        "42501" => Trouble::Permission(name(0)),
        "57P03" => Trouble::Starting,
        "57P01" | "08006" | "08003" => Trouble::Reset,
        "22001" | "22P02" | "22003" | "22007" | "42804" => Trouble::BadValue,
        "58P01" | "0A000" if names.len() == 1 => Trouble::MissingExtension(name(0)),
        _ => Trouble::Other,
    }
}
