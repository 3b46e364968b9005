//! Names as the server writes them.

use super::ObjectId;

/// Words that cannot stand for a name without quotes: all but the unreserved ones of PostgreSQL 18's
/// `pg_get_keywords()`, as its own `quote_ident` has it.
const KEYWORDS: &str = " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit \
    boolean both case cast char character check coalesce collate collation column concurrently constraint create cross \
    current_catalog current_date current_role current_schema current_time current_timestamp current_user dec decimal \
    default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full \
    grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull \
    join json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize \
    json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national natural \
    nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing \
    position precision primary real references returning right row select session_user setof similar smallint some \
    substring symmetric system_user table tablesample then time timestamp to trailing treat trim true union unique user \
    using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest \
    xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable ";

/// Returns the name as an identifier, in quotes where it needs them (PostgreSQL documentation, §4.1.1).
pub fn ident(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let plain = first && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !KEYWORDS.contains(&format!(" {name} ")) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns schema and name, each as an identifier.
pub fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() { ident(name) } else { format!("{}.{}", ident(schema), ident(name)) }
}

/// Returns a text as a constant that no setting can reinterpret.
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

impl ObjectId {
    /// Returns the name as SQL has it: with its schema; a function's with its argument types.
    pub fn sql(&self) -> String {
        match self.name.split_once('(') {
            Some((name, arguments)) if self.kind.has_arguments() => {
                format!("{}({arguments}", qualified(&self.schema, name))
            }
            _ => qualified(&self.schema, &self.name),
        }
    }

    /// Returns the table, view or domain that it is part of, as SQL has it.
    pub fn parent_sql(&self) -> String {
        qualified(&self.schema, self.parent.as_deref().unwrap_or_default())
    }
}
