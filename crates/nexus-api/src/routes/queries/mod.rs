//! Read models: lists and single rows.

mod consistency;
mod parse;
mod rows;

pub(crate) use rows::{__path_query_row, __path_query_rows, query_row, query_rows};
