//! Walks the syntax trees of a bundle, the same way for every analysis.
//!
//! Every match names all kinds of nodes, so that a new kind in the engine's syntax does not compile here.

use regorus::unstable::{
    Expr, Import, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleAssign, RuleHead, WithModifier,
};

/// What an analysis wants to see.
pub(crate) trait Visitor {
    /// An import, before any rule of its module.
    fn import(&mut self, import: &Import);
    /// A rule, before what is in it.
    fn rule(&mut self, rule: &Rule);
    /// A `with`, before what is in it.
    fn with(&mut self, with: &WithModifier);
    /// A variable or a reference that starts from one; what stands in its brackets is visited after it.
    fn reference(&mut self, reference: &Ref<Expr>);
    /// A call. Answers whether its arguments are to be visited.
    fn call(&mut self, function: &Ref<Expr>, params: &[Ref<Expr>]) -> bool;
    /// What follows, up to the [`leave`](Self::leave) that belongs to it, is inside another expression.
    fn enter(&mut self) {}
    /// The end of what [`enter`](Self::enter) began.
    fn leave(&mut self) {}
}

/// Walks one module.
pub(crate) fn module(module: &Module, visitor: &mut impl Visitor) {
    for import in &module.imports {
        visitor.import(import);
    }
    let mut walk = Walk(visitor);
    for rule in &module.policy {
        walk.rule(rule);
    }
}

struct Walk<'a, V>(&'a mut V);

impl<V: Visitor> Walk<'_, V> {
    fn rule(&mut self, rule: &Rule) {
        self.0.rule(rule);
        match rule {
            Rule::Spec { span: _, head, bodies } => {
                self.head(head);
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query);
                }
            }
            // The head of a default rule names it and holds nothing else.
            Rule::Default { span: _, refr: _, args, op: _, value } => {
                self.all(args);
                self.expr(value);
            }
        }
    }

    fn head(&mut self, head: &RuleHead) {
        match head {
            RuleHead::Compr { span: _, refr, assign } => {
                self.brackets(refr);
                self.assign(assign.as_ref());
            }
            RuleHead::Set { span: _, refr, key } => {
                self.brackets(refr);
                self.maybe(key.as_ref());
            }
            RuleHead::Func { span: _, refr, args, assign } => {
                self.brackets(refr);
                self.all(args);
                self.assign(assign.as_ref());
            }
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &LiteralStmt) {
        for with in &statement.with_mods {
            self.0.with(with);
            self.expr(&with.refr);
            self.expr(&with.r#as);
        }
        match &statement.literal {
            Literal::SomeVars { span: _, vars: _ } => {}
            Literal::SomeIn { span: _, key, value, collection } => {
                self.maybe(key.as_ref());
                self.expr(value);
                self.expr(collection);
            }
            Literal::Expr { span: _, expr } | Literal::NotExpr { span: _, expr } => self.expr(expr),
            Literal::Every { span: _, key: _, value: _, domain, query } => {
                self.expr(domain);
                self.query(query);
            }
        }
    }

    fn all(&mut self, exprs: &[Ref<Expr>]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn maybe(&mut self, expr: Option<&Ref<Expr>>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Ref<Expr>) {
        self.0.enter();
        self.inside(expr);
        self.0.leave();
    }

    fn inside(&mut self, expr: &Ref<Expr>) {
        match expr.as_ref() {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.0.reference(expr);
                self.brackets(expr);
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                self.brackets(fcn);
                if self.0.call(fcn, params) {
                    self.all(params);
                }
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                self.maybe(key.as_ref());
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    /// What stands in the brackets of a reference.
    fn brackets(&mut self, reference: &Ref<Expr>) {
        let mut next = reference;
        loop {
            match next.as_ref() {
                Expr::RefDot { refr, .. } => next = refr,
                Expr::RefBrack { refr, index, .. } => {
                    self.expr(index);
                    next = refr;
                }
                Expr::Var { .. } => break,
                // A reference into a literal or a call, such as `{"a": input.b}.a`.
                _ => {
                    self.expr(next);
                    break;
                }
            }
        }
    }
}

/// A reference as it is written with dots.
pub(crate) fn dotted(expr: &Ref<Expr>) -> Option<String> {
    match expr.as_ref() {
        Expr::Var { span, .. } => Some(span.text().to_owned()),
        Expr::RefDot { refr, field, .. } => Some(format!("{}.{}", dotted(refr)?, field.1.as_string().ok()?)),
        Expr::RefBrack { refr, index, .. } => match index.as_ref() {
            Expr::String { value, .. } | Expr::RawString { value, .. } => {
                Some(format!("{}.{}", dotted(refr)?, value.as_string().ok()?))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The variable a reference starts from.
pub(crate) fn root_of(expr: &Ref<Expr>) -> Option<String> {
    match expr.as_ref() {
        Expr::Var { span, .. } => Some(span.text().to_owned()),
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => root_of(refr),
        _ => None,
    }
}
