//! What a domain names: `use nexus::prelude::*;`.

pub use crate::{
    Aggregate, Change, Command, Ctx, Decision, Events, Handle, Project, ReadModel, Recorded, Rejection, Row, Timestamp,
    require,
};
