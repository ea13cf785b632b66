//! Contract suites: what every adapter of a port must do, as one list of cases per port.
//!
//! An adapter's tests implement the port's fixture trait and invoke the port's macro once, in a module of its own;
//! the macro writes one `#[test]` per case, so that no adapter can miss one. Each case starts its own fixture. A case
//! answers an [`Outcome`] instead of panicking, so that the same function can prove that a wrong adapter is caught.
//!
//! | port | fixture | macro |
//! | --- | --- | --- |
//! | [`EventStore`](nexus_core::ports::EventStore) | [`EventStoreFixture`] | [`event_store_contract!`](crate::event_store_contract) |
//! | [`ReadStore`](nexus_core::ports::ReadStore) | [`ReadStoreFixture`] | [`resource_store_contract!`](crate::resource_store_contract) |
//! | [`IdempotencyIndex`](nexus_core::ports::IdempotencyIndex) | [`IdempotencyIndexFixture`] | [`idempotency_index_contract!`](crate::idempotency_index_contract) |
//! | [`SchemaRegistry`](nexus_core::ports::SchemaRegistry) | [`SchemaRegistryFixture`] | [`schema_registry_contract!`](crate::schema_registry_contract) |
//! | [`SubjectRegistry`](nexus_core::ports::SubjectRegistry) | [`SubjectRegistryFixture`] | [`subject_registry_contract!`](crate::subject_registry_contract) |
//! | [`PolicyEngine`](nexus_core::ports::PolicyEngine) | [`PolicyEngineFixture`] | [`policy_engine_contract!`](crate::policy_engine_contract) |
//! | [`PolicyServer`](nexus_core::ports::PolicyServer) | [`PolicyServerFixture`] | [`policy_server_contract!`](crate::policy_server_contract) |
//! | [`Authenticator`](nexus_core::ports::Authenticator) | [`AuthenticatorFixture`] | [`authenticator_contract!`](crate::authenticator_contract) |

pub mod authenticator;
pub mod event_store;
pub mod idempotency_index;
mod outcome;
pub mod policy_engine;
pub mod policy_server;
pub mod resource_store;
mod run;
pub mod schema_registry;
pub mod subject_registry;
mod suite;

pub use authenticator::AuthenticatorFixture;
pub use event_store::EventStoreFixture;
pub use idempotency_index::IdempotencyIndexFixture;
pub use outcome::{Breach, Outcome};
pub use policy_engine::PolicyEngineFixture;
pub use policy_server::PolicyServerFixture;
pub use resource_store::ReadStoreFixture;
pub use run::{run, run_blocking};
pub use schema_registry::SchemaRegistryFixture;
pub use subject_registry::SubjectRegistryFixture;

pub(crate) use outcome::{check, check_eq};
pub(crate) use suite::{async_suite, blocking_suite};
