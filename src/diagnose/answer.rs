//! What an error means here: which of the three sources lacks what it names, since when, and the command.

use super::drift::{Chronicle, remedied};
use crate::model::drift::{Drift, Drifted, Maker, Position, Sources};
use crate::model::observed::Observed;
use crate::model::reported::{Answer, Numbered, Numbering, Reported, Trouble, Violation};
use crate::model::schema::{ObjectId, ObjectKind, Properties, Property, Schema, ident, literal, qualified};
use crate::model::text::shell_word;

/// Said of a key while it is not known where its numbers stand.
const BEHIND: &str = "where no id was given, the sequence is behind the rows: a seed or an import wrote ids by itself";

/// Returns what the sources say of the object that an error names.
pub fn answer(reported: &Reported, sources: &Sources, found: &Drift, chronicle: &Chronicle) -> Answer {
    let wanted = wanted(reported, sources);
    let Some(id) = wanted.first() else { return unknown(reported, sources) };
    let maker = chronicle.makers.get(id).cloned();
    let mut answer = Answer { sources: stand(id, sources, chronicle), maker, ..Answer::default() };
    let difference = found.differences.iter().find(|it| it.object == *id).or_else(|| whole(id, found));
    if wanted.len() > 1 {
        let others: Vec<String> = wanted.iter().skip(1).take(5).map(ObjectId::path).collect();
        answer.more.push(format!("the text names no table; the same holds for {}", others.join(", ")));
    }
    if let Trouble::Violated { how, .. } = &reported.trouble {
        violated(&mut answer, *how, id, sources);
        if wanted.len() > 1 {
            // Of which of them, the text does not say.
            answer.numbered = None;
        }
    }
    match difference {
        Some(difference) => of_difference(&mut answer, id, difference, (found, chronicle)),
        None => agree(&mut answer, reported, id, sources),
    }
    answer
}

/// The table of a part that is missing with it.
fn whole<'f>(id: &ObjectId, found: &'f Drift) -> Option<&'f Drifted> {
    let parent = id.parent.as_deref()?;
    found
        .differences
        .iter()
        .find(|it| it.object.kind == ObjectKind::Table && it.object.schema == id.schema && it.object.name == parent)
}

fn of_difference(answer: &mut Answer, id: &ObjectId, difference: &Drifted, (found, chronicle): (&Drift, &Chronicle)) {
    let verdict = difference.verdict;
    answer.certain = true;
    answer.message = format!("{id}: {}: {}", verdict.name(), verdict.says());
    if difference.object != *id {
        answer.message = format!("{id}: its table is {}: {}", verdict.name(), verdict.says());
    }
    if let Some(old) = &difference.renamed_from {
        answer.more.push(format!("`{old}` of the same table has the same type: one may be the other, renamed"));
    }
    let edited = difference.maker.as_ref().and_then(|maker| {
        let commit = maker.edited.as_ref()?;
        Some(format!(
            "its revision was edited by {} on {} ({} {})",
            commit.author, commit.date, commit.id, commit.subject
        ))
    });
    answer.more.extend(edited);
    if let Position::Behind(pending) = found.position {
        answer.more.push(format!("the database is {pending} behind the end of the chain"));
    }
    // What mends this difference, not the worst of all.
    let alone = Drift { differences: vec![difference.clone()], position: found.position.clone(), ..Drift::default() };
    answer.commands = remedied(&alone, chronicle).iter().map(|it| (it.command.clone(), it.effect)).collect();
}

/// All sources say the same of it.
fn agree(answer: &mut Answer, reported: &Reported, id: &ObjectId, sources: &Sources) {
    let there = sources.database.objects.contains_key(id);
    match (&reported.trouble, there) {
        (Trouble::Violated { .. }, _) => answer.certain = true,
        (Trouble::NotNull { .. }, true) => {
            answer.certain = true;
            answer.message = format!("{id} takes no NULL, and the statement gives it no value");
            let default = sources.database.objects.get(id).and_then(|it| it.get(&Property::Default));
            answer.more.push(match default {
                Some(default) => format!("its default is {default}: it was given NULL explicitly"),
                None => "it has no default".to_owned(),
            });
        }
        (Trouble::DuplicateRelation(_) | Trouble::DuplicateColumn { .. } | Trouble::DuplicateType(_), true) => {
            answer.message = format!("{id} is there, as the migrations make it: something made it a second time");
            answer.more.push("a script or `create_all` that runs beside the migrations, or a chain run on a database without its version".to_owned());
            answer.commands.push(("devdb migrate status".to_owned(), "says what the database has of the chain"));
        }
        (_, true) => {
            answer.message = format!("{id} is in this database now");
            answer.more.push(
                "so the error came from another database, another search_path, or from before; the app may need a restart"
                    .to_owned(),
            );
            answer.commands.push(("devdb".to_owned(), "says which database the project means, and who names it"));
        }
        (_, false) => {
            answer.message = format!("{id} is in none of them");
        }
    }
}

fn violated(answer: &mut Answer, how: Violation, id: &ObjectId, sources: &Sources) {
    let definition = sources.database.objects.get(id).and_then(|it| it.get(&Property::Definition));
    let table = id.parent.as_deref().unwrap_or_default();
    let rule = definition.map_or_else(String::new, |definition| format!(": {definition}"));
    answer.message = format!("`{}` of `{table}` is broken by the statement{rule}", id.name);
    answer.more.push(match how {
        Violation::Unique if definition.is_some_and(|it| it.starts_with("PRIMARY KEY")) => BEHIND.to_owned(),
        Violation::Unique => {
            "a row with these values is there already: a seed that ran twice, or a real duplicate".to_owned()
        }
        Violation::ForeignKey => {
            "the row that it points to is not there, or something points to the row that goes".to_owned()
        }
        Violation::Check | Violation::Exclusion => "the values do not keep the rule".to_owned(),
    });
    let key = definition.and_then(|it| it.strip_prefix("PRIMARY KEY (")?.strip_suffix(')'));
    let key = key.filter(|it| how == Violation::Unique && !it.contains(','));
    answer.numbered = key.and_then(|key| numbered_by(id, key, sources));
}

/// Returns the sequence behind a key; nothing where the app gives the numbers.
fn numbered_by(constraint: &ObjectId, key: &str, sources: &Sources) -> Option<Numbered> {
    let column = key.trim_matches('"').replace("\"\"", "\"");
    let id = ObjectId { kind: ObjectKind::Column, name: column.clone(), ..constraint.clone() };
    let said = sources.database.objects.get(&id)?;
    let table = (constraint.schema.clone(), constraint.parent.clone()?);
    if said.contains_key(&Property::Identity) {
        return Some(Numbered { table, column, sequence: None });
    }
    let default = said.get(&Property::Default)?.strip_prefix("nextval('")?;
    let sequence = default.split_once("'::regclass)")?.0.replace("''", "'");
    Some(Numbered { table, column, sequence: Some(sequence) })
}

/// Adds where the numbers of the key stand. A number that was given is not given again, so a statement that failed has moved
/// the sequence on already.
pub fn numbered(answer: &mut Answer, of: &Numbered, key: Option<i64>, found: &Numbering) {
    let highest = found.highest.map_or_else(|| "there is no row".to_owned(), |it| format!("the highest is {it}"));
    let stand = format!("{} gives {} next, and {highest}", found.sequence, found.next);
    answer.more.retain(|it| it != BEHIND);
    let behind = found.highest.is_some_and(|highest| found.next <= highest);
    if behind {
        answer.certain = true;
        answer
            .more
            .push(format!("{stand}: the sequence is behind the rows, as a seed or an import wrote keys by itself"));
        let (table, name) = (qualified(&of.table.0, &of.table.1), ident(&of.column));
        let statement = format!("select setval({}, (select max({name}) from {table}))", literal(&found.sequence));
        let command = format!("devdb psql -c {}", shell_word(&statement));
        answer.commands.push((command, "brings the sequence up to the rows"));
    } else if key == Some(found.next - found.by) {
        answer.certain = true;
        answer.more.push(format!(
            "{stand}: it gave {} to this statement, and is past the rows now: the same statement works",
            found.next - found.by
        ));
    } else {
        answer.more.push(format!(
            "{stand}: the sequence is not behind now; the statement gave the key itself, or failed ones have moved it on"
        ));
    }
}

/// Returns the objects that an error means, the likeliest first: those of which the sources differ before others.
fn wanted(reported: &Reported, sources: &Sources) -> Vec<ObjectId> {
    use ObjectKind as K;
    let named = |kinds: &[K], name: &str| -> Vec<ObjectId> {
        let (space, name) = name.rsplit_once('.').map_or((None, name), |(space, name)| (Some(space), name));
        all(sources, |id| {
            let same = id.name == name || (kinds.contains(&K::Function) && id.name.starts_with(&format!("{name}(")));
            kinds.contains(&id.kind) && same && space.is_none_or(|space| id.schema == space)
        })
    };
    let column = |table: Option<&String>, column: &str| -> Vec<ObjectId> {
        let tables: Option<Vec<String>> = table.map(|table| resolve(table, reported.statement.as_deref()));
        let mut found = all(sources, |id| {
            let of = |tables: &Vec<String>| id.parent.as_ref().is_some_and(|parent| tables.contains(parent));
            id.kind == K::Column && id.name == column && tables.as_ref().is_none_or(of)
        });
        if table.is_none() {
            // With a statement, the tables that it names; without, those that lack it.
            if let Some(statement) = &reported.statement {
                let named = |id: &ObjectId| id.parent.as_deref().is_some_and(|parent| has_word(statement, parent));
                if found.iter().any(named) {
                    found.retain(named);
                }
            }
        }
        let undefined = matches!(reported.trouble, Trouble::UndefinedColumn { .. });
        if undefined && found.iter().any(|id| !sources.database.objects.contains_key(id)) {
            found.retain(|id| !sources.database.objects.contains_key(id));
        }
        found
    };
    match &reported.trouble {
        Trouble::UndefinedColumn { table, column: name }
        | Trouble::DuplicateColumn { table, column: name }
        | Trouble::NotNull { table, column: name } => column(table.as_ref(), name),
        Trouble::UndefinedTable(name) | Trouble::DuplicateRelation(name) => {
            named(&[K::Table, K::View, K::MaterializedView, K::Sequence, K::Index], name)
        }
        Trouble::UndefinedFunction(name) => named(&[K::Function, K::Procedure, K::Aggregate], name),
        Trouble::UndefinedType(name) | Trouble::DuplicateType(name) => {
            named(&[K::Enum, K::Domain, K::CompositeType, K::RangeType, K::Extension], name)
        }
        Trouble::UndefinedSchema(name) => named(&[K::Schema], name),
        Trouble::Violated { constraint, .. } => named(&[K::Constraint, K::Index], constraint),
        _ => Vec::new(),
    }
}

fn all(sources: &Sources, is: impl Fn(&ObjectId) -> bool) -> Vec<ObjectId> {
    let models = sources.models.known().map(|it| &it.schema);
    let head = sources.migrations.known().map(|it| &it.head);
    let schemas = [Some(&sources.database), head, models];
    let ids = schemas.into_iter().flatten().flat_map(|schema: &Schema| schema.objects.keys());
    let found: std::collections::BTreeSet<&ObjectId> = ids.filter(|id| is(id)).collect();
    found.into_iter().cloned().collect()
}

/// Returns the tables that a name in front of a column may mean: itself, the table of which it is an alias in the statement,
/// or what SQLAlchemy made an alias of (`users_1`).
fn resolve(name: &str, statement: Option<&str>) -> Vec<String> {
    let mut tables = vec![name.to_owned()];
    let words: Vec<String> = statement
        .unwrap_or_default()
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("as"))
        .map(str::to_owned)
        .collect();
    for pair in words.windows(2) {
        if let [table, alias] = pair
            && alias == name
        {
            tables.push(table.rsplit('.').next().unwrap_or(table).to_owned());
        }
    }
    if let Some((base, number)) = name.rsplit_once('_')
        && number.chars().all(|c| c.is_ascii_digit())
    {
        tables.push(base.to_owned());
    }
    tables
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|it| it == word)
}

/// Returns what each source says of an object.
fn stand(id: &ObjectId, sources: &Sources, chronicle: &Chronicle) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    match &sources.models {
        Observed::Known(models) if models.speaks_in(id, &sources.database) => {
            told.push(("models", has(models.schema.objects.get(id))));
        }
        Observed::Unknown(why) => told.push(("models", format!("could not be read: {why}"))),
        Observed::Known(_) | Observed::Absent => {}
    }
    if let Some(migrations) = sources.migrations.known() {
        let since = chronicle.makers.get(id).map(since).unwrap_or_default();
        told.push(("migrations", format!("{}{since}", has(migrations.head.objects.get(id)))));
    } else if let Observed::Unknown(why) = &sources.migrations {
        told.push(("migrations", format!("could not be read: {why}")));
    }
    told.push(("database", has(sources.database.objects.get(id))));
    told
}

fn has(properties: Option<&Properties>) -> String {
    let Some(properties) = properties else { return "lacks it".to_owned() };
    let kind = properties.get(&Property::Type).map(|kind| format!(": {kind}")).unwrap_or_default();
    let null = if properties.contains_key(&Property::NotNull) { " not null" } else { "" };
    format!("has it{kind}{null}")
}

fn since(maker: &Maker) -> String {
    format!(", since revision {} ({})", maker.revision, maker.at)
}

fn unknown(reported: &Reported, sources: &Sources) -> Answer {
    let (name, kinds): (&str, &[ObjectKind]) = match &reported.trouble {
        Trouble::UndefinedColumn { column, .. } | Trouble::NotNull { column, .. } => (column, &[ObjectKind::Column]),
        Trouble::UndefinedTable(name) => (name, &[ObjectKind::Table, ObjectKind::View]),
        Trouble::UndefinedFunction(name) => (name, &[ObjectKind::Function]),
        Trouble::UndefinedType(name) => (name, &[ObjectKind::Enum, ObjectKind::Domain]),
        _ => ("", &[]),
    };
    let known: Vec<&str> =
        [sources.models.known().map(|_| "models"), sources.migrations.known().map(|_| "migrations"), Some("database")]
            .into_iter()
            .flatten()
            .collect();
    let mut answer =
        Answer { message: format!("nothing of that name is in {}", known.join(", ")), ..Answer::default() };
    let alike = |id: &ObjectId| strsim::jaro_winkler(&id.name, name);
    let near = all(sources, |id| kinds.contains(&id.kind) && alike(id) > 0.85);
    if let Some(near) = near.iter().max_by(|one, other| alike(one).total_cmp(&alike(other))) {
        answer.more.push(format!("the nearest is {near}"));
    }
    if let Trouble::UndefinedFunction(name) | Trouble::UndefinedType(name) = &reported.trouble
        && let Some(extension) = extension_of(name)
    {
        answer.certain = true;
        answer.more.push(format!("the extension `{extension}` brings it; no migration creates that"));
        let command = format!("CREATE EXTENSION IF NOT EXISTS \"{extension}\"");
        answer.commands.push((command, "in a migration, or in `[database] init`"));
    }
    answer
}

/// The extension that brings a function or a type which projects often use (PostgreSQL documentation, Appendix F).
fn extension_of(name: &str) -> Option<&'static str> {
    const BROUGHT: [(&str, &str); 14] = [
        ("uuid_generate_v4", "uuid-ossp"),
        ("uuid_generate_v1", "uuid-ossp"),
        ("gen_random_bytes", "pgcrypto"),
        ("crypt", "pgcrypto"),
        ("gen_salt", "pgcrypto"),
        ("digest", "pgcrypto"),
        ("citext", "citext"),
        ("hstore", "hstore"),
        ("ltree", "ltree"),
        ("vector", "vector"),
        ("geometry", "postgis"),
        ("geography", "postgis"),
        ("similarity", "pg_trgm"),
        ("unaccent", "unaccent"),
    ];
    BROUGHT.iter().find(|(known, _)| *known == name).map(|(_, extension)| *extension)
}
