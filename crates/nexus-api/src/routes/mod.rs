//! One module per part of the interface; [`all`] is the whole of it.

mod appends;
mod backup;
mod causation;
mod commands;
mod dashboard;
pub(crate) mod document;
mod events;
mod feed;
mod history;
mod operations;
mod policies;
mod projections;
mod queries;
pub(crate) mod registry;
mod schemas;
mod streams;
mod tokens;

mod all;
mod answer;

pub(crate) use all::all;
