//! `/api/schemas`: what is registered, registering more, and what a change would mean.
//!
//! Reading order: `find` (which subject and version a request means), `list` and `read`, `register` and `change`,
//! `compatibility`, `documents` (checking documents, stored ones included).

mod change;
mod compatibility;
mod documents;
mod find;
mod list;
mod read;
mod register;

pub(crate) use change::{
    __path_configure_subject, __path_delete_subject, __path_delete_version, configure_subject, delete_subject,
    delete_version,
};
pub(crate) use compatibility::{__path_check_compatibility, __path_diff_versions, check_compatibility, diff_versions};
pub(crate) use documents::{
    __path_dry_run_log, __path_schema_usage, __path_validate_document, dry_run_log, schema_usage, validate_document,
};
pub(crate) use list::{__path_list_schemas, list_schemas};
pub(crate) use read::{
    __path_get_schema, __path_get_subject, __path_list_versions, get_schema, get_subject, list_versions,
};
pub(crate) use register::{__path_register_schema, register_schema};
