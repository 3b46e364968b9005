//! A schema as JSON, to be kept beside the key of the layer that has it.

use serde::{Deserialize, Serialize};

use super::{ObjectId, ObjectKind, Properties, Property, Schema};

#[derive(Serialize, Deserialize)]
struct Saved {
    objects: Vec<Object>,
    columns: Vec<(String, String, Vec<String>)>,
}

/// Kind, schema, parent, name, and the properties by name.
type Object = (String, String, Option<String>, String, Vec<(String, String)>);

impl Schema {
    /// Returns the schema as JSON.
    pub fn to_json(&self) -> String {
        let object = |(id, properties): (&ObjectId, &Properties)| {
            let said = properties.iter().map(|(property, value)| (property.name().to_owned(), value.clone())).collect();
            (id.kind.name().to_owned(), id.schema.clone(), id.parent.clone(), id.name.clone(), said)
        };
        let table = |((schema, table), columns): (&(String, String), &Vec<String>)| {
            (schema.clone(), table.clone(), columns.clone())
        };
        let saved = Saved {
            objects: self.objects.iter().map(object).collect(),
            columns: self.column_order.iter().map(table).collect(),
        };
        serde_json::to_string(&saved).unwrap_or_default()
    }

    /// Returns the schema that [`Schema::to_json`] wrote; nothing where it is not whole.
    pub fn from_json(text: &str) -> Option<Self> {
        let saved: Saved = serde_json::from_str(text).ok()?;
        let mut schema = Self::default();
        for (kind, space, parent, name, said) in saved.objects {
            let id = ObjectId { kind: ObjectKind::parse(&kind)?, schema: space, parent, name };
            let properties: Option<Properties> =
                said.into_iter().map(|(name, value)| Some((Property::parse(&name)?, value))).collect();
            schema.objects.insert(id, properties?);
        }
        schema.column_order =
            saved.columns.into_iter().map(|(space, table, columns)| ((space, table), columns)).collect();
        Some(schema)
    }
}
