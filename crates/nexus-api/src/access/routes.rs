use std::collections::HashMap;

use axum::{Router, http::Method, routing::MethodRouter};
use nexus_core::ports::PolicyKind;
use utoipa::openapi::{OpenApi, path::PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::Access;
use crate::state::Api;

/// Routes and what each of them asks before its handler runs.
#[derive(Default)]
pub(crate) struct Routes {
    router: OpenApiRouter<Api>,
    table: AccessTable,
}

/// What one route asks before its handler runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// Its method.
    pub method: Method,
    /// Its path, with parameters in braces.
    pub path: String,
    /// The kind of the question to the policy; `None` when anybody may, without credentials.
    pub kind: Option<PolicyKind>,
    /// The action that the policy is asked about; `None` when it depends on the body.
    pub action: Option<&'static str>,
}

/// What each route asks, by path and method.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessTable(HashMap<String, Vec<(Method, Access)>>);

impl Routes {
    /// Adds handlers of one path, all with the same access.
    pub(crate) fn at(mut self, access: impl Into<Access>, routes: UtoipaMethodRouter<Api>) -> Self {
        let access = access.into();
        for (path, item) in &routes.1.paths {
            for method in methods(item) {
                self.table.add(path, method, access);
            }
        }
        self.router = self.router.routes(routes);
        self
    }

    /// Adds a handler that is not part of the OpenAPI document.
    pub(crate) fn undocumented(
        mut self,
        access: impl Into<Access>,
        method: Method,
        path: &str,
        handler: MethodRouter<Api>,
    ) -> Self {
        self.table.add(path, method, access.into());
        self.router = self.router.route(path, handler);
        self
    }

    /// The parts of a server: the handlers, their description, and who gets to them.
    pub(crate) fn split(self) -> (Router<Api>, OpenApi, AccessTable) {
        let (router, document) = self.router.split_for_parts();
        (router, document, self.table)
    }
}

impl AccessTable {
    fn add(&mut self, path: &str, method: Method, access: Access) {
        self.0.entry(path.to_owned()).or_default().push((method, access));
    }

    /// What a request to a route asks. A HEAD request is a GET whose answer is cut off.
    pub(crate) fn of(&self, path: &str, method: &Method) -> Option<&Access> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(path)?.iter().find(|(known, _)| known == method).map(|(_, access)| access)
    }

    /// All of it, by path and then in the order of registration.
    pub(crate) fn rules(&self) -> Vec<AccessRule> {
        let mut rules: Vec<AccessRule> = Vec::new();
        for (path, methods) in &self.0 {
            rules.extend(methods.iter().map(|(method, access)| AccessRule {
                method: method.clone(),
                path: path.clone(),
                kind: access.kind(),
                action: match access {
                    Access::Door(door) => Some(door.action),
                    _ => None,
                },
            }));
        }
        rules.sort_by(|left, right| left.path.cmp(&right.path));
        rules
    }

    /// Whether there are handlers at this path.
    pub(crate) fn has_path(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}

/// The methods that a path is described with.
fn methods(item: &PathItem) -> Vec<Method> {
    let described = [
        (&item.get, Method::GET),
        (&item.put, Method::PUT),
        (&item.post, Method::POST),
        (&item.delete, Method::DELETE),
        (&item.options, Method::OPTIONS),
        (&item.head, Method::HEAD),
        (&item.patch, Method::PATCH),
        (&item.trace, Method::TRACE),
    ];
    described.into_iter().filter(|(operation, _)| operation.is_some()).map(|(_, method)| method).collect()
}
