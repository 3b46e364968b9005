//! The names that a migration's functions see, and the literals that expressions over them stand for.

use std::collections::HashMap;

use ruff_python_ast::{
    Arguments, CmpOp, ConversionFlag, Expr, ExprCall, FStringPart, InterpolatedStringElement, ModModule, Number,
    Operator, Stmt, UnaryOp,
};

use crate::model::operation::Name;
use crate::parse::python::names;

/// How many names may stand for each other until a literal is reached.
const MAX_HOPS: usize = 16;

/// What a name stands for.
#[derive(Clone)]
pub(super) enum Bound<'a> {
    /// This expression, or this text.
    Expression(&'a Expr),
    Text(String),
    /// `with op.batch_alter_table("t") as …`
    Batch(Option<Name>),
    Unknown,
}

/// The names of the module, and of the function that is read.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    module: HashMap<&'a str, Bound<'a>>,
    local: HashMap<&'a str, Bound<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(module: &'a ModModule) -> Self {
        let mut scope = Self { module: HashMap::new(), local: HashMap::new() };
        for statement in &module.body {
            for (name, value) in assigned(statement) {
                // What is bound twice may mean either.
                let bound = if scope.module.contains_key(name) { Bound::Unknown } else { value };
                scope.module.insert(name, bound);
            }
        }
        scope
    }

    /// Returns a function's own scope.
    pub(super) fn inner(&self, parameters: HashMap<&'a str, Bound<'a>>) -> Self {
        Self { module: self.module.clone(), local: parameters }
    }

    pub(super) fn bind(&mut self, name: &'a str, bound: Bound<'a>) {
        self.local.insert(name, bound);
    }

    pub(super) fn look(&self, name: &str) -> Option<&Bound<'a>> {
        self.local.get(name).or_else(|| self.module.get(name))
    }

    /// Returns the expression that a name stands for, or the expression itself.
    pub(super) fn resolve<'e>(&self, expression: &'e Expr) -> &'e Expr
    where
        'a: 'e,
    {
        let mut found = expression;
        for _hop in 0..MAX_HOPS {
            let Expr::Name(name) = found else { break };
            let Some(Bound::Expression(behind)) = self.look(&name.id) else { break };
            found = behind;
        }
        found
    }

    /// Returns the text that an expression stands for.
    pub(super) fn text(&self, expression: &Expr) -> Option<String> {
        self.text_within(expression, MAX_HOPS)
    }

    fn text_within(&self, expression: &Expr, hops: usize) -> Option<String> {
        let hops = hops.checked_sub(1)?;
        if let Some(text) = names::text(expression) {
            return Some(text);
        }
        match expression {
            Expr::Name(name) => match self.look(&name.id)? {
                Bound::Text(text) => Some(text.clone()),
                Bound::Expression(behind) => self.text_within(behind, hops),
                Bound::Batch(_) | Bound::Unknown => None,
            },
            Expr::BinOp(sum) if sum.op == Operator::Add => {
                Some(self.text_within(&sum.left, hops)? + &self.text_within(&sum.right, hops)?)
            }
            Expr::FString(it) => {
                let mut text = String::new();
                for part in &it.value {
                    match part {
                        FStringPart::Literal(literal) => text.push_str(literal.as_str()),
                        FStringPart::FString(string) => {
                            for element in &string.elements {
                                text.push_str(&self.inserted(element, hops)?);
                            }
                        }
                    }
                }
                Some(text)
            }
            // `op.f("name")`, `sa.text("…")`, `textwrap.dedent("…")`, `sa.schema.quoted_name("…", True)`.
            Expr::Call(call) if ["f", "text", "dedent", "quoted_name", "literal_column"].contains(&called(call)) => {
                self.text_within(call.arguments.args.first()?, hops)
            }
            _ => None,
        }
    }

    fn inserted(&self, element: &InterpolatedStringElement, hops: usize) -> Option<String> {
        match element {
            InterpolatedStringElement::Literal(literal) => Some(literal.value.to_string()),
            InterpolatedStringElement::Interpolation(it) => {
                let plain =
                    it.format_spec.is_none() && it.debug_text.is_none() && it.conversion == ConversionFlag::None;
                plain.then(|| self.text_within(&it.expression, hops)).flatten()
            }
        }
    }

    /// Returns the texts of a list or tuple.
    pub(super) fn texts(&self, expression: &Expr) -> Option<Vec<String>> {
        elements(self.resolve(expression))?.iter().map(|element| self.text(element)).collect()
    }

    /// Returns whether a condition holds on PostgreSQL, when that can be told.
    pub(super) fn truth(&self, test: &Expr) -> Option<bool> {
        self.truth_within(test, MAX_HOPS)
    }

    fn truth_within(&self, test: &Expr, hops: usize) -> Option<bool> {
        let hops = hops.checked_sub(1)?;
        match self.resolve(test) {
            Expr::BooleanLiteral(it) => Some(it.value),
            Expr::UnaryOp(not) if not.op == UnaryOp::Not => self.truth_within(&not.operand, hops).map(|holds| !holds),
            Expr::Call(call) if called(call) == "is_offline_mode" => Some(false),
            Expr::Compare(it) => {
                let ([operator], [other]) = (&*it.ops, &*it.comparators) else { return None };
                if !self.is_dialect(&it.left) {
                    return None;
                }
                match operator {
                    CmpOp::Eq => Some(is_postgres(&self.text(other)?)),
                    CmpOp::NotEq => Some(!is_postgres(&self.text(other)?)),
                    CmpOp::In => Some(self.texts(other)?.iter().any(|name| is_postgres(name))),
                    CmpOp::NotIn => Some(!self.texts(other)?.iter().any(|name| is_postgres(name))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Returns whether an expression is `….dialect.name`.
    fn is_dialect(&self, expression: &Expr) -> bool {
        let Expr::Attribute(name) = self.resolve(expression) else { return false };
        let dialect = match self.resolve(&name.value) {
            Expr::Attribute(it) => it.attr.id == "dialect",
            Expr::Name(it) => it.id == "dialect",
            _ => false,
        };
        name.attr.id == "name" && dialect
    }
}

fn is_postgres(dialect: &str) -> bool {
    dialect == "postgresql"
}

/// Returns the simple assignments of a statement.
pub(super) fn assigned(statement: &Stmt) -> Vec<(&str, Bound<'_>)> {
    let (targets, value) = match statement {
        Stmt::Assign(it) => (it.targets.as_slice(), Some(&*it.value)),
        Stmt::AnnAssign(it) => (std::slice::from_ref(&*it.target), it.value.as_deref()),
        Stmt::AugAssign(it) => (std::slice::from_ref(&*it.target), None),
        _ => return Vec::new(),
    };
    let names = targets.iter().filter_map(Expr::as_name_expr);
    names.map(|name| (name.id.as_str(), value.map_or(Bound::Unknown, Bound::Expression))).collect()
}

/// Returns the last name of what is called: `create_table` for `op.create_table(…)`.
pub(super) fn called(call: &ExprCall) -> &str {
    last_name(&call.func)
}

pub(super) fn last_name(expression: &Expr) -> &str {
    match expression {
        Expr::Attribute(it) => it.attr.id.as_str(),
        Expr::Name(it) => it.id.as_str(),
        _ => "",
    }
}

pub(super) fn elements(expression: &Expr) -> Option<&[Expr]> {
    match expression {
        Expr::List(it) => Some(&it.elts),
        Expr::Tuple(it) => Some(&it.elts),
        _ => None,
    }
}

/// Returns an argument by its keyword.
pub(super) fn keyword<'e>(arguments: &'e Arguments, name: &str) -> Option<&'e Expr> {
    arguments.find_keyword(name).map(|keyword| &keyword.value)
}

/// Returns whether a keyword is there and is `True`.
pub(super) fn is_true(arguments: &Arguments, name: &str) -> bool {
    keyword(arguments, name).is_some_and(|value| matches!(value, Expr::BooleanLiteral(it) if it.value))
}

/// Returns whether arguments are unpacked (`*columns`, `**options`), so that the list is not complete.
pub(super) fn unpacks(arguments: &Arguments) -> bool {
    arguments.args.iter().any(Expr::is_starred_expr) || arguments.keywords.iter().any(|it| it.arg.is_none())
}

/// Returns a whole number.
pub(super) fn number(expression: &Expr) -> Option<u32> {
    let Expr::NumberLiteral(it) = expression else { return None };
    let Number::Int(number) = &it.value else { return None };
    number.to_string().parse().ok()
}
