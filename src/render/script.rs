//! Statements for `psql`, with what they would lose beside them.

use std::io::IsTerminal as _;

use super::style;
use super::ui::Ui;
use crate::model::ddl::{Loss, Obstacle, Rehearsal, Statement, Weighed};
use crate::model::drift::{Drift, MeantBy, Position};
use crate::model::observed::Observed;
use crate::model::schema::ObjectId;
use crate::model::target::Target;
use crate::model::text::{counted, visible};

/// Writes the statements: in colour on a terminal, byte for byte into a file or a pipe.
pub fn show(ui: &Ui, (target, by): (&Target, MeantBy), drift: &Drift, (weighed, rehearsal): (&Weighed, &Rehearsal)) {
    let text = text((target, by), drift, (weighed, rehearsal));
    if let Rehearsal::Refused { .. } | Rehearsal::Lacks(..) = rehearsal {
        ui.warning("the statements do not do what they should; the first lines say what is wrong");
    }
    if !std::io::stdout().is_terminal() {
        ui.pass(false, text.as_bytes());
        return;
    }
    for line in text.lines() {
        let shown = visible(line);
        ui.answer(&if line.starts_with("--") { style::faint(shown) } else { shown });
    }
}

fn text((target, by): (&Target, MeantBy), drift: &Drift, (weighed, rehearsal): (&Weighed, &Rehearsal)) -> String {
    let mut lines = head((target, by), drift, (weighed, rehearsal));
    let script = &weighed.script;
    if script.is_empty() {
        return lines.join("\n") + "\n";
    }
    if !script.before.is_empty() {
        lines.push("-- What has to be committed before the rest can use it.".to_owned());
        lines.extend(script.before.iter().map(|it| format!("{};", it.text)));
        lines.push(String::new());
    }
    lines.push("BEGIN;".to_owned());
    lines.push("SET LOCAL check_function_bodies = off;".to_owned());
    let mut group: Option<(&str, &str)> = None;
    for (index, statement) in script.statements.iter().enumerate() {
        let of = group_of(&statement.object);
        if group != Some(of) {
            lines.push(String::new());
            group = Some(of);
        }
        lines.extend(beside(weighed, index, statement));
        let text = format!("{};", statement.text);
        if weighed.is_aside(index) {
            // A carriage return ends a comment, too.
            lines.extend(text.split(['\n', '\r']).map(|line| format!("-- {line}")));
        } else {
            lines.push(text);
        }
    }
    lines.push(String::new());
    lines.push("COMMIT;".to_owned());
    lines.join("\n") + "\n"
}

fn head((target, by): (&Target, MeantBy), drift: &Drift, (weighed, rehearsal): (&Weighed, &Rehearsal)) -> Vec<String> {
    let place = visible(&target.to_string()).replace('\n', " ");
    let whose = match by {
        MeantBy::Applied => "its applied migrations make",
        MeantBy::Head => "the migrations make",
        MeantBy::Models => "the models say",
    };
    let script = &weighed.script;
    if script.is_empty() {
        return vec![if weighed.script.equal {
            format!("-- {place} is what {whose}: there is nothing to do.")
        } else {
            format!("-- {place} is not what {whose}, in what devdb writes no statements for: devdb drift shows it.")
        }];
    }
    let mut lines = vec![format!("-- Makes of {place} what {whose} (devdb drift --sql).")];
    let aside = (0..script.statements.len()).filter(|index| weighed.is_aside(*index)).count();
    if aside > 0 {
        let what = counted(aside, "statement");
        lines.push(format!(
            "-- {what} behind dashes would lose data: read them, and take the dashes away where it is meant."
        ));
    }
    lines.extend(script.by_hand.iter().map(|what| format!("-- By hand: {}", visible(what).replace('\n', " "))));
    lines.extend(tried(rehearsal).iter().map(|line| format!("-- {}", visible(line).replace('\n', " "))));
    let then = match &drift.position {
        Position::Behind(pending) => Some(format!("devdb migrate up   ({} pending)", counted(*pending, "revision"))),
        Position::Unstamped => Some("devdb migrate stamp heads".to_owned()),
        Position::Unknown { .. } => Some("devdb migrate stamp heads --purge".to_owned()),
        Position::AtHead | Position::NoChain => None,
    };
    lines.extend(then.map(|command| format!("-- Then: {command}")));
    lines.push(String::new());
    lines
}

fn tried(rehearsal: &Rehearsal) -> Vec<String> {
    match rehearsal {
        Rehearsal::Empty => Vec::new(),
        Rehearsal::ByHand => vec![
            "Tried in a scratch database of the same objects, without their rows: what is by hand is left.".to_owned(),
        ],
        Rehearsal::Passed => vec!["Tried in a scratch database of the same objects, without their rows.".to_owned()],
        Rehearsal::Refused { statement, why } => vec![
            "REFUSED in a scratch database of the same objects, and so here:".to_owned(),
            format!("    {statement}"),
            format!("    {why}"),
        ],
        Rehearsal::Lacks(first, more) => {
            let what = counted(*more, "difference");
            vec![format!("Tried in a scratch database of the same objects, it leaves {what}: {first}")]
        }
        Rehearsal::Untried(why) => vec![format!("Not tried beforehand: {why}")],
    }
}

/// A table with its parts is a paragraph.
fn group_of(id: &ObjectId) -> (&str, &str) {
    (&id.schema, id.parent.as_deref().unwrap_or(&id.name))
}

/// What is to be said before a statement.
fn beside(weighed: &Weighed, index: usize, statement: &Statement) -> Vec<String> {
    let mut lines = Vec::new();
    let number = |of: &[Option<Observed<u64>>]| of.get(index).cloned().flatten();
    if let Some(loss) = &statement.loses {
        lines.extend(lost(loss, number(&weighed.lost)));
    }
    if let Some(holder) = statement.held_by.as_ref().filter(|_| statement.loses.is_none()) {
        lines.push(format!("in use by {holder}, until that is dropped:"));
    }
    if let Some(met) = &statement.meets {
        lines.extend(met_by(met, number(&weighed.met).as_ref()));
    }
    if let Some(instead) = &statement.instead {
        lines
            .push("or, where it is the same column under another name, in place of adding and dropping it:".to_owned());
        lines.push(format!("{instead};"));
    }
    lines.iter().map(|line| format!("-- {}", visible(line).replace('\n', " "))).collect()
}

fn lost(loss: &Loss, number: Option<Observed<u64>>) -> Option<String> {
    if *loss == Loss::Extension {
        return Some("takes along all that it brought, tables with their rows among it:".to_owned());
    }
    if let Loss::Conversion { from, to, .. } = loss
        && [from, to].iter().any(|kind| kind.ends_with(" with time zone"))
        && [from, to].iter().any(|kind| kind.ends_with(" without time zone"))
    {
        return Some(format!("from {from} to {to}, as the TimeZone of the session that runs it has it:"));
    }
    if let Loss::Position(_) = loss {
        return Some("loses where the sequence stands:".to_owned());
    }
    let count = match number {
        Some(Observed::Known(count)) => count,
        Some(Observed::Unknown(why)) if matches!(loss, Loss::Conversion { .. }) => {
            return Some(format!("may lose values, or fail ({why}):"));
        }
        Some(Observed::Unknown(why)) => return Some(format!("loses rows that could not be counted ({why}):")),
        _ => return Some("loses rows that were not counted:".to_owned()),
    };
    match loss {
        Loss::Rows(_) if count == 0 => Some("the table is empty now:".to_owned()),
        Loss::Rows(_) => Some(format!("loses {}:", counted(number_of(count), "row"))),
        Loss::Values { .. } if count == 0 => Some("the column has no values now:".to_owned()),
        Loss::Values { .. } => Some(format!("loses the values of {}:", counted(number_of(count), "row"))),
        Loss::Conversion { from, to, .. } if count == 0 => {
            Some(format!("from {from} to {to}, which changes no value now:"))
        }
        Loss::Extension | Loss::Position(_) => None,
        Loss::Conversion { from, to, .. } => {
            Some(format!("from {from} to {to}, {} would not come back the same:", counted(number_of(count), "value")))
        }
    }
}

fn met_by(met: &Obstacle, number: Option<&Observed<u64>>) -> Option<String> {
    let count = *number?.known()?;
    if count == 0 {
        return None;
    }
    let rows = counted(number_of(count), "row");
    Some(match met {
        Obstacle::Null { .. } => format!("fails: {rows} without a value; UPDATE them first"),
        Obstacle::AnyRow(_) => format!("fails: {rows} would need a value; add it with a DEFAULT first"),
        Obstacle::TooLong { to, .. } => format!("fails: {rows} with text that {to} has no room for; UPDATE them first"),
        Obstacle::Check { .. } => format!("fails: {rows} of which it is not true; UPDATE or DELETE them first"),
        Obstacle::Twice { columns, .. } => {
            format!("fails: {rows} with the same {columns} as another; UPDATE or DELETE them first")
        }
        Obstacle::Orphans { to, .. } => {
            let to = to.trim_start_matches("ONLY ");
            format!("fails: {rows} that refer to no row of {to}; UPDATE or DELETE them first")
        }
        Obstacle::Labels { labels, .. } => format!("fails: {rows} with {}; UPDATE them first", labels.join(" or ")),
    })
}

fn number_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
