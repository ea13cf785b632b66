//! `/registry`: the schema registry as clients of the Confluent Schema Registry know it.

mod subject;

pub(crate) use subject::COMMANDS;
