//! The statements of a migration's function, in order.

use std::collections::HashMap;

use ruff_python_ast::{ExceptHandler, Expr, ExprCall, ModModule, Stmt, StmtFunctionDef, StmtIf, StmtWith};
use ruff_text_size::{Ranged as _, TextRange, TextSize};

use super::calls::{self, Subject};
use super::scope::{Bound, Scope, assigned, called, keyword};
use crate::model::operation::{Action, Name, Operation};

/// How far calls of functions of the same file are followed.
const MAX_CALLS: usize = 3;

/// More operations than this are written by no hand; functions that call each other could make as many as they like.
const MAX_OPERATIONS: usize = 20_000;

/// How much of a statement is shown.
const SHOWN: usize = 100;

/// A walk over one function.
pub(super) struct Walk<'a> {
    source: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    functions: HashMap<&'a str, &'a StmtFunctionDef>,
    scope: Scope<'a>,
    operations: Vec<Operation>,
    /// What is walked over now may run or not.
    conditional: bool,
    /// The functions that are being followed.
    calls: usize,
}

/// Whether the statements that follow are reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    /// A condition decides.
    Perhaps,
    Ended,
}

impl<'a> Walk<'a> {
    pub(super) fn new(source: &'a str, module: &'a ModModule) -> Self {
        let functions = module.body.iter().filter_map(Stmt::as_function_def_stmt);
        Self {
            source,
            lines: std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect(),
            functions: functions.map(|it| (it.name.id.as_str(), it)).collect(),
            scope: Scope::of(module),
            operations: Vec::new(),
            conditional: false,
            calls: 0,
        }
    }

    pub(super) fn run(mut self, function: &'a StmtFunctionDef) -> Vec<Operation> {
        self.body(&function.body);
        self.operations
    }

    fn body(&mut self, body: &'a [Stmt]) -> Flow {
        let outside = self.conditional;
        let mut flow = Flow::On;
        for statement in body {
            match self.statement(statement) {
                Flow::On => {}
                Flow::Perhaps => {
                    flow = Flow::Perhaps;
                    self.conditional = true;
                }
                Flow::Ended => {
                    flow = if flow == Flow::Perhaps { Flow::Perhaps } else { Flow::Ended };
                    break;
                }
            }
        }
        self.conditional = outside;
        flow
    }

    fn statement(&mut self, statement: &'a Stmt) -> Flow {
        match statement {
            Stmt::Return(it) => {
                self.expressions(it.value.as_deref());
                return Flow::Ended;
            }
            Stmt::Raise(_) | Stmt::Continue(_) | Stmt::Break(_) => return Flow::Ended,
            Stmt::Expr(it) => self.expression(&it.value),
            Stmt::Assign(_) | Stmt::AnnAssign(_) | Stmt::AugAssign(_) => self.assignment(statement),
            Stmt::If(it) => return self.branches(it),
            Stmt::With(it) => return self.with(it),
            Stmt::Try(it) => {
                let flow = self.body(&it.body);
                for ExceptHandler::ExceptHandler(handler) in &it.handlers {
                    self.perhaps(&handler.body);
                }
                self.body(&it.orelse);
                self.body(&it.finalbody);
                return flow;
            }
            Stmt::For(it) => {
                self.expression(&it.iter);
                if let Expr::Name(name) = &*it.target {
                    self.scope.bind(&name.id, Bound::Unknown);
                }
                self.perhaps(&it.body);
                self.perhaps(&it.orelse);
            }
            Stmt::While(it) => self.perhaps(&it.body),
            Stmt::Match(it) => it.cases.iter().for_each(|case| self.perhaps(&case.body)),
            _ => {}
        }
        Flow::On
    }

    /// Walks over statements that may run or not.
    fn perhaps(&mut self, body: &'a [Stmt]) {
        let outside = std::mem::replace(&mut self.conditional, true);
        self.body(body);
        self.conditional = outside;
    }

    fn assignment(&mut self, statement: &'a Stmt) {
        if let Stmt::Assign(it) = statement {
            self.expression(&it.value);
        }
        for (name, bound) in assigned(statement) {
            let known = self.scope.look(name).is_some();
            // `x = x or "…"` and what a condition assigns could be either.
            let certain = !(known && self.conditional);
            let bound = match bound {
                Bound::Expression(value) => match self.scope.text(value) {
                    Some(text) => Bound::Text(text),
                    None => Bound::Expression(value),
                },
                other => other,
            };
            self.scope.bind(name, if certain { bound } else { Bound::Unknown });
        }
    }

    fn branches(&mut self, it: &'a StmtIf) -> Flow {
        let first = std::iter::once((Some(&*it.test), &it.body));
        let rest = it.elif_else_clauses.iter().map(|clause| (clause.test.as_ref(), &clause.body));
        let mut undecided = false;
        let mut ends = Vec::new();
        for (test, body) in first.chain(rest) {
            match test.map_or(Some(true), |test| self.scope.truth(test)) {
                Some(false) => {}
                Some(true) if !undecided => return self.body(body),
                Some(true) => {
                    ends.push(self.either(body));
                    let all = ends.iter().all(|flow| *flow == Flow::Ended);
                    return if all { Flow::Ended } else { Self::joined(&ends) };
                }
                None => {
                    undecided = true;
                    ends.push(self.either(body));
                }
            }
        }
        Self::joined(&ends)
    }

    fn either(&mut self, body: &'a [Stmt]) -> Flow {
        let outside = std::mem::replace(&mut self.conditional, true);
        let flow = self.body(body);
        self.conditional = outside;
        flow
    }

    fn joined(ends: &[Flow]) -> Flow {
        if ends.iter().all(|flow| *flow == Flow::On) { Flow::On } else { Flow::Perhaps }
    }

    fn with(&mut self, it: &'a StmtWith) -> Flow {
        for item in &it.items {
            let Some(Expr::Name(name)) = item.optional_vars.as_deref() else {
                self.expression(&item.context_expr);
                continue;
            };
            let bound = match &item.context_expr {
                Expr::Call(call) if called(call) == "batch_alter_table" => Bound::Batch(self.batch_table(call)),
                other => {
                    self.expression(other);
                    Bound::Unknown
                }
            };
            self.scope.bind(&name.id, bound);
        }
        self.body(&it.body)
    }

    fn batch_table(&self, call: &ExprCall) -> Option<Name> {
        let name = self.scope.text(call.arguments.find_argument_value("table_name", 0)?)?;
        let schema = match keyword(&call.arguments, "schema") {
            None | Some(Expr::NoneLiteral(_)) => None,
            Some(schema) => Some(self.scope.text(schema)?),
        };
        Some(Name::new(schema, name))
    }

    fn expressions(&mut self, expression: Option<&'a Expr>) {
        if let Some(expression) = expression {
            self.expression(expression);
        }
    }

    /// Finds the calls that an expression makes: along `a.b().c()`, and behind `await`.
    fn expression(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Await(it) => self.expression(&it.value),
            Expr::Attribute(it) => self.expression(&it.value),
            Expr::ListComp(it) => {
                let outside = std::mem::replace(&mut self.conditional, true);
                it.generators.iter().for_each(|generator| self.expression(&generator.iter));
                self.expression(&it.elt);
                self.conditional = outside;
            }
            Expr::Call(call) => {
                if let Expr::Attribute(method) = &*call.func {
                    self.expression(&method.value);
                }
                self.call(call);
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &'a ExprCall) {
        let mut found = Vec::new();
        match &*call.func {
            Expr::Name(name) => match self.functions.get(name.id.as_str()).copied() {
                Some(function) => return self.follow(call, function),
                None => found.extend(calls::free(name.id.as_str())),
            },
            Expr::Attribute(method) => {
                let subject = match &*method.value {
                    Expr::Name(name) if name.id == "op" => Subject::Op,
                    Expr::Name(name) => match self.scope.look(&name.id) {
                        Some(Bound::Batch(table)) => Subject::Batch(table.clone()),
                        _ => Subject::Other(&method.value),
                    },
                    other => Subject::Other(other),
                };
                found = calls::method(&self.scope, &subject, &method.attr.id, &call.arguments);
            }
            _ => {}
        }
        self.keep(call, found);
    }

    fn keep(&mut self, call: &ExprCall, found: Vec<calls::Done>) {
        let line = self.line(call.range().start());
        let source = self.shown(call.range());
        for done in found {
            if self.operations.len() >= MAX_OPERATIONS {
                return;
            }
            let below = done.below.map_or(0, |(position, lines)| {
                let start = self.line(position);
                (start + lines).saturating_sub(line)
            });
            self.operations.push(Operation {
                action: done.action,
                line: line + below,
                source: done.source.unwrap_or_else(|| source.clone()),
                conditional: self.conditional || done.conditional,
            });
        }
    }

    /// Walks over a function of the same file, its parameters bound to what the call gives.
    fn follow(&mut self, call: &'a ExprCall, function: &'a StmtFunctionDef) {
        if self.calls >= MAX_CALLS || self.operations.len() >= MAX_OPERATIONS {
            let action = Action::Opaque { may_create: true };
            return self.keep(call, vec![calls::Done::of(action)]);
        }
        let mut parameters = HashMap::new();
        for (position, parameter) in function.parameters.iter_non_variadic_params().enumerate() {
            let name = parameter.name().id.as_str();
            let given = call.arguments.find_argument_value(name, position).or_else(|| parameter.default());
            let bound = match given.map(|given| (given, self.scope.text(given))) {
                Some((_, Some(text))) => Bound::Text(text),
                Some((
                    given @ (Expr::List(_)
                    | Expr::Tuple(_)
                    | Expr::Call(_)
                    | Expr::NoneLiteral(_)
                    | Expr::BooleanLiteral(_)),
                    None,
                )) => Bound::Expression(given),
                _ => Bound::Unknown,
            };
            parameters.insert(name, bound);
        }
        let inner = self.scope.inner(parameters);
        let outer = std::mem::replace(&mut self.scope, inner);
        self.calls += 1;
        self.body(&function.body);
        self.calls -= 1;
        self.scope = outer;
    }

    fn line(&self, position: TextSize) -> usize {
        self.lines.partition_point(|start| *start <= position.to_usize())
    }

    /// Returns the beginning of a piece of the source, on one line.
    fn shown(&self, range: TextRange) -> String {
        let piece = self.source.get(range.to_std_range()).unwrap_or_default();
        super::shortened(piece, SHOWN)
    }
}
