//! `sequence-behind`

use super::super::prelude::*;
use crate::model::health::Behind;
use crate::model::schema::literal;

pub(in crate::diagnose) const CHECK: Check = Check {
    id: "sequence-behind",
    title: "No sequence is behind the rows of its table",
    area: "connection",
    severity: Severity::Warning,
    needs: &[Need::Target, Need::Server],
    follows: &["wrong-server", "db-missing"],
    explain: "Seen as: `duplicate key value violates unique constraint \"users_pkey\"` (23505) at the app's first insert after seeding.\n\
        Cause: a seed, a dump or an import wrote keys by itself, which does not move the sequence on.\n\
        Proof: the next number of the sequence, and a row that has it or one of the hundred after it.\n\
        Fix: `setval` to the highest key. No row changes.\n\
        Keeps: every row; only the next number is another one.",
    detect,
    #[cfg(test)]
    breaks: |picture| {
        let behind = Behind {
            sequence: "users_id_seq".to_owned(),
            table: "users".to_owned(),
            column: "id".to_owned(),
            next: 1,
            highest: 3,
            at_end: false,
        };
        sample::health(picture).behind = Observed::Known(vec![behind]);
    },
};

fn detect(picture: &Picture) -> Result<Vec<Finding>, Unknown> {
    let Some((_, _, health)) = facts::health(picture)? else { return Ok(Vec::new()) };
    let Some(behind) = health.behind.look()? else { return Ok(Vec::new()) };
    let finding = |it: &Behind| {
        let statement =
            format!("select setval({}, (select max({}) from {}))", literal(&it.sequence), it.column, it.table);
        let shown = format!("set sequence `{}` to the highest `{}.{}`", it.sequence, it.table, it.column);
        let finding = Finding::new(format!("sequence `{}` is behind the rows of `{}`", it.sequence, it.table))
            .seen(format!("it gives {} next, and the highest `{}` is {}", it.next, it.column, it.highest));
        if it.at_end {
            // Set to the highest, it could give none at all.
            let list = format!("select {0} from {1} where {0} >= {2} order by 1", it.column, it.table, it.next);
            return finding.manual(
                "that is the end of its numbers: give the rows in its way others, or set it past them by hand",
                &[&format!("devdb psql -c {}", shell_word(&list))],
            );
        }
        finding.auto(shown.clone(), vec![Step::Sql { statement, shown }])
    };
    Ok(behind.iter().map(finding).collect())
}
