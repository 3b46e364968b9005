//! Tables of the database, held against what the chain makes, column by column.

use std::collections::BTreeSet;

use super::drift::Chronicle;
use crate::model::schema::{Change, ObjectId, ObjectKind, Properties, Property, Schema, ident};
use crate::model::verify::{Mark, VerifiedColumn, VerifiedTable};

/// Returns the tables of these names (all without any), or the names that nothing has.
pub fn tables(
    database: &Schema,
    chain: Option<&Schema>,
    chronicle: &Chronicle,
    names: &[String],
) -> Result<Vec<VerifiedTable>, Vec<String>> {
    let of = |schema: &Schema| -> Vec<ObjectId> {
        schema.objects.keys().filter(|id| id.kind == ObjectKind::Table).cloned().collect()
    };
    let all: BTreeSet<ObjectId> = of(database).into_iter().chain(chain.into_iter().flat_map(of)).collect();
    // As they are, or as SQL has them.
    let is = |id: &ObjectId, name: &str| {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let own = [id.name.clone(), ident(&id.name), quoted(&id.name)];
        let space = [id.schema.clone(), ident(&id.schema), quoted(&id.schema)];
        own.iter().any(|own| own == name || space.iter().any(|space| format!("{space}.{own}") == name))
    };
    let unknown: Vec<String> = names.iter().filter(|name| !all.iter().any(|id| is(id, name))).cloned().collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let wanted = all.iter().filter(|id| names.is_empty() || names.iter().any(|name| is(id, name)));
    let sides = Sides { database, chain, chronicle };
    Ok(wanted.map(|id| sides.table(id)).collect())
}

struct Sides<'s> {
    database: &'s Schema,
    chain: Option<&'s Schema>,
    chronicle: &'s Chronicle,
}

impl Sides<'_> {
    fn table(&self, id: &ObjectId) -> VerifiedTable {
        let columns = |schema: &Schema| {
            schema.column_order.get(&(id.schema.clone(), id.name.clone())).cloned().unwrap_or_default()
        };
        let mut names = columns(self.database);
        for name in self.chain.map(columns).unwrap_or_default() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let is_part = |part: &&ObjectId| {
            part.schema == id.schema
                && part.parent.as_deref() == Some(id.name.as_str())
                && part.kind != ObjectKind::Column
        };
        let both = [Some(self.database), self.chain].into_iter().flatten();
        let parts: BTreeSet<&ObjectId> = both.flat_map(|schema| schema.objects.keys()).filter(is_part).collect();
        let mark = self.mark(id);
        // A table that one side lacks lacks its parts as well.
        let whole = matches!(mark, Some(Mark::Added | Mark::Missing));
        let faulty = |part: &ObjectId| Some((part.clone(), self.mark(part).filter(|_| !whole)?));
        VerifiedTable {
            columns: names.iter().map(|name| self.column(id, name, whole)).collect(),
            parts: parts.into_iter().filter_map(faulty).collect(),
            table: id.clone(),
            mark,
            extent: None,
        }
    }

    fn column(&self, table: &ObjectId, name: &str, whole: bool) -> VerifiedColumn {
        let id = ObjectId {
            kind: ObjectKind::Column,
            schema: table.schema.clone(),
            parent: Some(table.name.clone()),
            name: name.to_owned(),
        };
        let chain = self.chain.and_then(|chain| chain.objects.get(&id));
        let none = Properties::new();
        let said = self.database.objects.get(&id).or(chain).unwrap_or(&none);
        let value = |property: Property| said.get(&property).cloned();
        let generated = value(Property::Generated).map(|it| format!("generated {it}"));
        let identity = value(Property::Identity).map(|it| format!("generated {it} as identity"));
        let maker = |id: &ObjectId| self.chronicle.makers.get(id).map(|maker| maker.revision.as_str());
        let revision = maker(&id).filter(|revision| Some(*revision) != maker(table)).map(str::to_owned);
        let mark = self.mark(&id).filter(|_| !whole);
        let right = self.chain.is_some() && chain.is_some() && mark.is_none() && !whole;
        VerifiedColumn {
            name: name.to_owned(),
            kind: value(Property::Type).unwrap_or_default(),
            not_null: said.contains_key(&Property::NotNull),
            default: value(Property::Default).or(generated).or(identity),
            keys: self.keys(table, name),
            mark: mark.or_else(|| (right && revision.is_some()).then_some(Mark::Fixed)),
            revision,
        }
    }

    fn mark(&self, id: &ObjectId) -> Option<Mark> {
        match (self.chain?.objects.get(id), self.database.objects.get(id)) {
            (None, Some(_)) => Some(Mark::Added),
            (Some(_), None) => Some(Mark::Missing),
            (Some(chain), Some(database)) => match Change::of(chain, database)? {
                Change::Differs(changes) => Some(Mark::Different(changes)),
                Change::OnlyBefore | Change::OnlyAfter => None,
            },
            (None, None) => None,
        }
    }

    /// Returns what keys a column is part of, from the constraints of its table.
    fn keys(&self, table: &ObjectId, name: &str) -> Vec<String> {
        let constraints = self.database.objects.iter().filter(|(id, _)| {
            id.kind == ObjectKind::Constraint && id.schema == table.schema && id.parent.as_ref() == Some(&table.name)
        });
        let key = |(_, said): (&ObjectId, &Properties)| {
            let definition = said.get(&Property::Definition)?;
            let (head, rest) = definition.split_once('(')?;
            let (columns, rest) = rest.split_once(')')?;
            let is_in = columns.split(", ").any(|column| column.trim_matches('"') == name);
            let target = rest.strip_prefix(" REFERENCES ").map(|to| {
                let (relation, columns) = to.split_once('(').unwrap_or((to, ""));
                let columns = columns.split(')').next().unwrap_or_default();
                format!("→ {}.{columns}", relation.strip_prefix("public.").unwrap_or(relation))
            });
            match head.trim() {
                _ if !is_in => None,
                "FOREIGN KEY" => target,
                "PRIMARY KEY" => Some("primary key".to_owned()),
                "UNIQUE" | "UNIQUE NULLS NOT DISTINCT" => Some("unique".to_owned()),
                _ => None,
            }
        };
        let mut keys: Vec<String> = constraints.filter_map(key).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}
