//! The names that a module binds when it is imported, and their values as far as these are literal.

use std::collections::HashMap;

use ruff_python_ast::{
    Alias, ElifElseClause, ExceptHandler, Expr, FStringPart, InterpolatedStringElement, Number, Operator, Stmt, UnaryOp,
};
use ruff_text_size::{Ranged as _, TextRange};

/// A value that a module's text alone tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::parse) enum Value {
    None,
    Text(String),
    /// A tuple, list or set.
    Many(Vec<Self>),
}

/// Why a value cannot be told, and which piece of the source is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::parse) struct Untold {
    pub(in crate::parse) why: Why,
    pub(in crate::parse) range: TextRange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::parse) enum Why {
    Computed,
    Conditional,
    Imported,
    NotText,
    Unbound,
}

/// What a name is bound to from one statement on.
#[derive(Clone, Copy)]
struct Binding<'a> {
    /// The number of the statement, in order of execution.
    step: usize,
    value: Result<Bound<'a>, Why>,
    range: TextRange,
}

#[derive(Clone, Copy)]
enum Bound<'a> {
    Value(&'a Expr),
    /// `import module as …`
    Module(&'a str),
    /// `from module import name`
    Member(&'a str, &'a str),
}

/// Tells what a name of another module is, by the module's name and its own; nothing when that module is unknown.
pub(in crate::parse) type Foreign<'f> = &'f dyn Fn(&str, &str) -> Option<Value>;

/// The names that a module's top level binds, in order of execution: the body of `if TYPE_CHECKING` does not run,
/// that of `try` does, and what another condition, a loop or an `except` would bind cannot be told.
#[derive(Default)]
pub(in crate::parse) struct Names<'a> {
    bindings: HashMap<&'a str, Vec<Binding<'a>>>,
    step: usize,
}

/// How much of a value is looked at before it is called computed: no id is that long, and `x += x` is endless.
const MAX_STEPS: usize = 20_000;
const MAX_DEPTH: usize = 200;

impl<'a> Names<'a> {
    pub(in crate::parse) fn of(module: &'a [Stmt]) -> Self {
        let mut names = Self::default();
        names.run(module, true);
        names
    }

    /// Returns where a name was bound last, unless it never was or was deleted.
    pub(in crate::parse) fn place(&self, name: &str) -> Option<TextRange> {
        let binding = self.bindings.get(name)?.last()?;
        (binding.value.err() != Some(Why::Unbound)).then_some(binding.range)
    }

    /// Returns the value that a name has when the module has been imported.
    pub(in crate::parse) fn value(&self, name: &str) -> Option<Result<Value, Untold>> {
        self.value_with(name, &|_module, _name| None)
    }

    /// The same, where imported names can be told by `foreign`.
    pub(in crate::parse) fn value_with(&self, name: &str, foreign: Foreign<'_>) -> Option<Result<Value, Untold>> {
        let range = self.place(name)?;
        let mut steps = MAX_STEPS;
        let mut eval = Evaluation { names: self, foreign, steps: &mut steps };
        Some(eval.name(name, range, usize::MAX, 0))
    }

    fn bind(&mut self, name: &'a str, value: Result<Bound<'a>, Why>, range: TextRange) {
        let step = self.step;
        self.bindings.entry(name).or_default().push(Binding { step, value, range });
    }

    /// Runs statements. Without `certain` they may run or not, so what they bind cannot be told.
    fn run(&mut self, body: &'a [Stmt], certain: bool) {
        for statement in body {
            self.step += 1;
            self.run_one(statement, certain);
        }
    }

    fn run_one(&mut self, statement: &'a Stmt, certain: bool) {
        let sure = |why| if certain { why } else { Why::Conditional };
        match statement {
            Stmt::Assign(it) => {
                for target in &it.targets {
                    self.assign(target, Some(&it.value), certain);
                }
            }
            Stmt::AnnAssign(it) => {
                if let Some(value) = &it.value {
                    self.assign(&it.target, Some(value), certain);
                }
            }
            Stmt::AugAssign(it) => self.assign(&it.target, None, certain),
            Stmt::TypeAlias(it) => self.assign(&it.name, None, certain),
            Stmt::FunctionDef(it) => self.bind(&it.name.id, Err(sure(Why::NotText)), it.name.range),
            Stmt::ClassDef(it) => self.bind(&it.name.id, Err(sure(Why::NotText)), it.name.range),
            Stmt::Import(it) => self.import(&it.names, None, certain),
            // Alembic loads revisions as modules without a package, where relative imports fail.
            Stmt::ImportFrom(it) => {
                let module = it.module.as_ref().filter(|_| it.level == 0);
                self.import(&it.names, Some(module.map_or("", |module| module.id.as_str())), certain);
            }
            Stmt::Delete(it) => {
                for target in it.targets.iter().filter_map(Expr::as_name_expr) {
                    self.bind(&target.id, Err(sure(Why::Unbound)), target.range);
                }
            }
            Stmt::Expr(it) => self.call(&it.value, certain),
            _ => self.run_block(statement, certain),
        }
    }

    fn run_block(&mut self, statement: &'a Stmt, certain: bool) {
        match statement {
            Stmt::If(it) => self.branch(&it.test, &it.body, &it.elif_else_clauses, certain),
            Stmt::Try(it) => {
                self.run(&it.body, certain);
                for ExceptHandler::ExceptHandler(handler) in &it.handlers {
                    self.run(&handler.body, false);
                }
                self.run(&it.orelse, certain);
                self.run(&it.finalbody, certain);
            }
            Stmt::With(it) => {
                for target in it.items.iter().filter_map(|item| item.optional_vars.as_deref()) {
                    self.assign(target, None, certain);
                }
                self.run(&it.body, certain);
            }
            Stmt::For(it) => {
                self.assign(&it.target, None, false);
                self.run(&it.body, false);
                self.run(&it.orelse, false);
            }
            Stmt::While(it) => {
                self.run(&it.body, false);
                self.run(&it.orelse, false);
            }
            Stmt::Match(it) => {
                for case in &it.cases {
                    self.run(&case.body, false);
                }
            }
            _ => {}
        }
    }

    fn branch(&mut self, test: &Expr, body: &'a [Stmt], others: &'a [ElifElseClause], certain: bool) {
        let mut open = Some(true);
        let first = std::iter::once((Some(test), body));
        let rest = others.iter().map(|clause| (clause.test.as_ref(), &*clause.body));
        for (test, body) in first.chain(rest) {
            let holds = test.map_or(Some(true), truth);
            match (open, holds) {
                (Some(false), _) | (_, Some(false)) => {}
                (Some(true), Some(true)) => self.run(body, certain),
                _ => self.run(body, false),
            }
            open = match (open, holds) {
                (Some(false), _) | (_, Some(true)) => Some(false),
                (open, Some(false)) => open,
                _ => None,
            };
        }
    }

    fn assign(&mut self, target: &'a Expr, value: Option<&'a Expr>, certain: bool) {
        let mut todo = vec![(target, value)];
        while let Some((target, value)) = todo.pop() {
            let bound = match value {
                _ if !certain => Err(Why::Conditional),
                Some(value) => Ok(Bound::Value(value)),
                None => Err(Why::Computed),
            };
            match target {
                Expr::Name(name) => self.bind(&name.id, bound, name.range),
                Expr::Tuple(_) | Expr::List(_) => {
                    let targets = elements(target).unwrap_or_default();
                    let values = value.and_then(elements).filter(|values| {
                        let starred = targets.iter().chain(values.iter()).any(Expr::is_starred_expr);
                        values.len() == targets.len() && !starred
                    });
                    for (index, target) in targets.iter().enumerate() {
                        todo.push((target, values.and_then(|values| values.get(index))));
                    }
                }
                Expr::Starred(it) => todo.push((&it.value, None)),
                // `down_revision[0] = …` changes what `down_revision` holds.
                Expr::Subscript(it) => {
                    if let Expr::Name(name) = &*it.value {
                        self.bind(&name.id, Err(Why::Computed), it.range);
                    }
                }
                _ => {}
            }
        }
    }

    fn import(&mut self, names: &'a [Alias], from: Option<&'a str>, certain: bool) {
        for alias in names {
            let own = alias.name.id.as_str();
            let bound = match from {
                _ if !certain => Err(Why::Conditional),
                Some("") => Err(Why::Imported),
                Some(module) => Ok(Bound::Member(module, own)),
                None if alias.asname.is_some() || !own.contains('.') => Ok(Bound::Module(own)),
                None => Err(Why::Imported),
            };
            let name = alias.asname.as_ref().map_or(own, |name| name.id.as_str());
            self.bind(name.split('.').next().unwrap_or_default(), bound, alias.range);
        }
    }

    /// A method call such as `branch_labels.append("x")` may change what the name holds.
    fn call(&mut self, expression: &'a Expr, certain: bool) {
        let Expr::Call(call) = expression else { return };
        let Expr::Attribute(method) = &*call.func else { return };
        let Expr::Name(name) = &*method.value else { return };
        if self.bindings.contains_key(name.id.as_str()) {
            let why = if certain { Why::Computed } else { Why::Conditional };
            self.bind(&name.id, Err(why), expression.range());
        }
    }
}

/// Returns whether a condition holds while the module is imported, when that can be told.
fn truth(test: &Expr) -> Option<bool> {
    let mut negated = false;
    let mut test = test;
    while let Expr::UnaryOp(not) = test {
        if not.op != UnaryOp::Not {
            return None;
        }
        negated = !negated;
        test = &not.operand;
    }
    let holds = match test {
        Expr::Name(name) if name.id == "TYPE_CHECKING" => Some(false),
        Expr::Attribute(it) if it.attr.id == "TYPE_CHECKING" => Some(false),
        Expr::BooleanLiteral(it) => Some(it.value),
        Expr::NumberLiteral(it) => match &it.value {
            Number::Int(number) => Some(*number != 0),
            _ => None,
        },
        Expr::Compare(it) => {
            let of_name = it.left.as_name_expr().is_some_and(|name| name.id == "__name__");
            let main = matches!(&*it.comparators, [Expr::StringLiteral(text)] if text.value.to_str() == "__main__");
            let equal = matches!(&*it.ops, [ruff_python_ast::CmpOp::Eq]);
            (of_name && main && equal).then_some(false)
        }
        _ => None,
    };
    holds.map(|holds| holds != negated)
}

/// Returns the elements of a tuple, list or set that is written out.
fn elements(expression: &Expr) -> Option<&[Expr]> {
    match expression {
        Expr::Tuple(it) => Some(&it.elts),
        Expr::List(it) => Some(&it.elts),
        Expr::Set(it) => Some(&it.elts),
        _ => None,
    }
}

/// Returns the text of a string literal: implicit concatenation, prefixes and escapes understood, and f-strings when
/// nothing is inserted.
pub(in crate::parse) fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::StringLiteral(it) => Some(it.value.to_str().to_owned()),
        Expr::FString(it) => {
            let mut text = String::new();
            for part in &it.value {
                match part {
                    FStringPart::Literal(literal) => text.push_str(literal.as_str()),
                    FStringPart::FString(string) => {
                        for element in &string.elements {
                            let InterpolatedStringElement::Literal(literal) = element else {
                                return None;
                            };
                            text.push_str(&literal.value);
                        }
                    }
                }
            }
            Some(text)
        }
        _ => None,
    }
}

struct Evaluation<'n, 'a> {
    names: &'n Names<'a>,
    foreign: Foreign<'n>,
    steps: &'n mut usize,
}

impl<'a> Evaluation<'_, 'a> {
    /// Returns what `name` holds just before the statement `before`.
    fn name(&mut self, name: &str, range: TextRange, before: usize, depth: usize) -> Result<Value, Untold> {
        let binding = self.binding(name, before).ok_or(Untold { why: Why::Computed, range })?;
        let imported = Untold { why: Why::Imported, range: binding.range };
        match binding.value {
            Ok(Bound::Value(value)) => self.expression(value, binding.step, depth + 1),
            Ok(Bound::Member(module, name)) => (self.foreign)(module, name).ok_or(imported),
            Ok(Bound::Module(_)) => Err(imported),
            Err(why) => Err(Untold { why, range: binding.range }),
        }
    }

    fn binding(&self, name: &str, before: usize) -> Option<Binding<'a>> {
        let bindings = self.names.bindings.get(name)?;
        let until = bindings.partition_point(|binding| binding.step < before);
        bindings.get(until.checked_sub(1)?).copied()
    }

    /// `module.name`, where the module was imported.
    fn attribute(&mut self, module: &str, name: &str, before: usize) -> Option<Value> {
        match self.binding(module, before)?.value {
            Ok(Bound::Module(module)) => (self.foreign)(module, name),
            Ok(Bound::Member(package, module)) => (self.foreign)(&format!("{package}.{module}"), name),
            _ => None,
        }
    }

    fn expression(&mut self, expression: &Expr, step: usize, depth: usize) -> Result<Value, Untold> {
        let untold = |why| Untold { why, range: expression.range() };
        *self.steps = self.steps.saturating_sub(1);
        if *self.steps == 0 || depth > MAX_DEPTH {
            return Err(untold(Why::Computed));
        }
        if let Some(text) = text(expression) {
            return Ok(Value::Text(text));
        }
        match expression {
            Expr::NoneLiteral(_) => Ok(Value::None),
            Expr::Tuple(_) | Expr::List(_) | Expr::Set(_) => {
                let elements = elements(expression).unwrap_or_default().iter();
                let values = elements.map(|element| self.expression(element, step, depth + 1));
                values.collect::<Result<_, _>>().map(Value::Many)
            }
            Expr::Name(name) => self.name(&name.id, name.range, step, depth),
            Expr::Attribute(it) => {
                let module = it.value.as_name_expr();
                let value = module.and_then(|module| self.attribute(&module.id, &it.attr.id, step));
                value.ok_or(untold(Why::Computed))
            }
            Expr::BinOp(sum) if sum.op == Operator::Add => {
                let left = self.expression(&sum.left, step, depth + 1)?;
                let right = self.expression(&sum.right, step, depth + 1)?;
                add(left, right).ok_or(untold(Why::Computed))
            }
            Expr::NumberLiteral(_) | Expr::BooleanLiteral(_) | Expr::BytesLiteral(_) | Expr::Dict(_) => {
                Err(untold(Why::NotText))
            }
            _ => Err(untold(Why::Computed)),
        }
    }
}

fn add(left: Value, right: Value) -> Option<Value> {
    match (left, right) {
        (Value::Text(mut left), Value::Text(right)) => {
            left.push_str(&right);
            Some(Value::Text(left))
        }
        (Value::Many(mut left), Value::Many(right)) => {
            left.extend(right);
            Some(Value::Many(left))
        }
        _ => None,
    }
}
