//! Every code the API says no with: one row each, one page each in `docs/errors`.

use axum::http::StatusCode;

/// What went wrong, as a stable name that programs may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The body is not one JSON document.
    MalformedJson,
    /// The body is JSON, but not what the operation or the schema asks for.
    ValidationError,
    /// A query parameter is unknown, repeated or has an unusable value.
    InvalidParameter,
    /// A request header has an unusable value.
    InvalidHeader,
    /// A path segment is not usable.
    InvalidPath,
    /// A paging cursor was not made by this server for this query.
    InvalidCursor,
    /// The request does not say who asks.
    Unauthenticated,
    /// Policy says no.
    PolicyViolation,
    /// The stream belongs to the platform.
    ReservedStream,
    /// There is no such route.
    RouteNotFound,
    /// There is no such command.
    UnknownCommand,
    /// There is no schema for this event type.
    UnknownEventType,
    /// There is no such schema, or no such version of it.
    UnknownSchema,
    /// There is no such read model.
    UnknownResource,
    /// There is no such aggregate, event or row.
    NotFound,
    /// The route does not have this method.
    MethodNotAllowed,
    /// The stream is not at the version named in the body.
    VersionConflict,
    /// The aggregate to be created exists.
    AlreadyExists,
    /// The stream holds another type of aggregate.
    WrongAggregateType,
    /// An event id is stored elsewhere already.
    DuplicateEvent,
    /// The schema does not follow the versions before it as its subject demands.
    IncompatibleSchema,
    /// A policy bundle does not come into force.
    PolicyRefused,
    /// The schema becomes another version than the one asked for.
    SchemaVersionRefused,
    /// The upcaster that came with a schema does not hold, or cannot stand there.
    UpcasterRefused,
    /// Something needs the schema that was to be deleted or changed.
    SchemaInUse,
    /// The subject does not take this kind of write.
    SubjectReadOnly,
    /// A request with the same idempotency key is still running.
    RequestInProgress,
    /// `If-Match` or `If-None-Match` does not hold.
    PreconditionFailed,
    /// The body is larger than the server reads.
    BodyTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// A rule of the domain rejects the command.
    BusinessRuleViolation,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The client sent more requests than its limit.
    RateLimited,
    /// A defect in the application or in the platform.
    InternalError,
    /// A command decided events that their own schema refuses.
    InvalidDecision,
    /// Stored data is damaged and is not served.
    DamagedData,
    /// A stored event cannot be brought to the schema that the application knows.
    UpcastFailed,
    /// Something the server needs cannot be reached.
    Unavailable,
    /// The server is not ready to take traffic.
    NotReady,
    /// The store takes no writes.
    StoreReadOnly,
    /// The read model has not reached the wanted position.
    ProjectionBehind,
    /// Trying an upcaster on everything stored takes longer than one request.
    ProofUnfinished,
    /// The time limit of the request passed.
    RequestTimeout,
    /// The store cannot prove anything.
    NoHistoryTree,
}

impl Code {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::MalformedJson,
        Self::ValidationError,
        Self::InvalidParameter,
        Self::InvalidHeader,
        Self::InvalidPath,
        Self::InvalidCursor,
        Self::Unauthenticated,
        Self::PolicyViolation,
        Self::ReservedStream,
        Self::RouteNotFound,
        Self::UnknownCommand,
        Self::UnknownEventType,
        Self::UnknownSchema,
        Self::UnknownResource,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::VersionConflict,
        Self::AlreadyExists,
        Self::WrongAggregateType,
        Self::DuplicateEvent,
        Self::IncompatibleSchema,
        Self::PolicyRefused,
        Self::SchemaVersionRefused,
        Self::UpcasterRefused,
        Self::SchemaInUse,
        Self::SubjectReadOnly,
        Self::RequestInProgress,
        Self::PreconditionFailed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::BusinessRuleViolation,
        Self::IdempotencyKeyReused,
        Self::RateLimited,
        Self::InternalError,
        Self::InvalidDecision,
        Self::DamagedData,
        Self::UpcastFailed,
        Self::Unavailable,
        Self::NotReady,
        Self::StoreReadOnly,
        Self::ProjectionBehind,
        Self::ProofUnfinished,
        Self::RequestTimeout,
        Self::NoHistoryTree,
    ];

    /// The name in URLs: `validation-error`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed-json",
            Self::ValidationError => "validation-error",
            Self::InvalidParameter => "invalid-parameter",
            Self::InvalidHeader => "invalid-header",
            Self::InvalidPath => "invalid-path",
            Self::InvalidCursor => "invalid-cursor",
            Self::Unauthenticated => "unauthenticated",
            Self::PolicyViolation => "policy-violation",
            Self::ReservedStream => "reserved-stream",
            Self::RouteNotFound => "route-not-found",
            Self::UnknownCommand => "unknown-command",
            Self::UnknownEventType => "unknown-event-type",
            Self::UnknownSchema => "unknown-schema",
            Self::UnknownResource => "unknown-resource",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::VersionConflict => "version-conflict",
            Self::AlreadyExists => "already-exists",
            Self::WrongAggregateType => "wrong-aggregate-type",
            Self::DuplicateEvent => "duplicate-event",
            Self::IncompatibleSchema => "incompatible-schema",
            Self::PolicyRefused => "policy-refused",
            Self::SchemaVersionRefused => "schema-version-refused",
            Self::UpcasterRefused => "upcaster-refused",
            Self::SchemaInUse => "schema-in-use",
            Self::SubjectReadOnly => "subject-read-only",
            Self::RequestInProgress => "request-in-progress",
            Self::PreconditionFailed => "precondition-failed",
            Self::BodyTooLarge => "body-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::BusinessRuleViolation => "business-rule-violation",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::RateLimited => "rate-limited",
            Self::InternalError => "internal-error",
            Self::InvalidDecision => "invalid-decision",
            Self::DamagedData => "damaged-data",
            Self::UpcastFailed => "upcast-failed",
            Self::Unavailable => "unavailable",
            Self::NotReady => "not-ready",
            Self::StoreReadOnly => "store-read-only",
            Self::ProjectionBehind => "projection-behind",
            Self::ProofUnfinished => "proof-unfinished",
            Self::RequestTimeout => "request-timeout",
            Self::NoHistoryTree => "no-history-tree",
        }
    }

    /// The name in problem documents: `VALIDATION_ERROR`.
    #[must_use]
    pub fn name(self) -> String {
        self.slug().to_ascii_uppercase().replace('-', "_")
    }

    /// The HTTP status it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedJson
            | Self::ValidationError
            | Self::InvalidParameter
            | Self::InvalidHeader
            | Self::InvalidPath
            | Self::InvalidCursor => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PolicyViolation | Self::ReservedStream => StatusCode::FORBIDDEN,
            Self::RouteNotFound
            | Self::UnknownCommand
            | Self::UnknownEventType
            | Self::UnknownSchema
            | Self::UnknownResource
            | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::VersionConflict
            | Self::AlreadyExists
            | Self::WrongAggregateType
            | Self::DuplicateEvent
            | Self::IncompatibleSchema
            | Self::SchemaVersionRefused
            | Self::UpcasterRefused
            | Self::SchemaInUse
            | Self::SubjectReadOnly
            | Self::RequestInProgress => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BusinessRuleViolation | Self::IdempotencyKeyReused | Self::PolicyRefused => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError | Self::InvalidDecision | Self::DamagedData | Self::UpcastFailed => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Unavailable
            | Self::NotReady
            | Self::StoreReadOnly
            | Self::ProjectionBehind
            | Self::ProofUnfinished => StatusCode::SERVICE_UNAVAILABLE,
            Self::RequestTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::NoHistoryTree => StatusCode::NOT_IMPLEMENTED,
        }
    }

    /// The same sentence for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not one JSON document",
            Self::ValidationError => "The request is not valid",
            Self::InvalidParameter => "A query parameter is not valid",
            Self::InvalidHeader => "A header is not valid",
            Self::InvalidPath => "The path is not valid",
            Self::InvalidCursor => "The cursor is not valid",
            Self::Unauthenticated => "The request does not say who asks",
            Self::PolicyViolation => "Policy does not allow this",
            Self::ReservedStream => "The stream belongs to the platform",
            Self::RouteNotFound => "There is no such route",
            Self::UnknownCommand => "There is no such command",
            Self::UnknownEventType => "There is no such event type",
            Self::UnknownSchema => "There is no such schema",
            Self::UnknownResource => "There is no such read model",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The route does not have this method",
            Self::VersionConflict => "The stream is at another version",
            Self::AlreadyExists => "The aggregate already exists",
            Self::WrongAggregateType => "The stream holds another type of aggregate",
            Self::DuplicateEvent => "The event id is already stored",
            Self::PolicyRefused => "The policy bundle does not come into force",
            Self::IncompatibleSchema => "The schema is not compatible with the versions before it",
            Self::SchemaVersionRefused => "The schema becomes another version",
            Self::UpcasterRefused => "The upcaster does not hold",
            Self::SchemaInUse => "The schema is needed",
            Self::SubjectReadOnly => "The subject does not take this write",
            Self::RequestInProgress => "The same request is still running",
            Self::PreconditionFailed => "A precondition does not hold",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body must be JSON",
            Self::BusinessRuleViolation => "A business rule rejects the command",
            Self::IdempotencyKeyReused => "The idempotency key was used for another request",
            Self::RateLimited => "This client asks too often",
            Self::InternalError => "Something went wrong inside",
            Self::InvalidDecision => "The command decided an event that its schema refuses",
            Self::DamagedData => "Stored data is damaged",
            Self::UpcastFailed => "A stored event cannot be read by this application",
            Self::Unavailable => "The service cannot answer now",
            Self::NotReady => "The service is not ready",
            Self::StoreReadOnly => "The store takes no writes now",
            Self::ProjectionBehind => "The read model has not caught up",
            Self::ProofUnfinished => "The upcaster is still being tried",
            Self::RequestTimeout => "The request took too long",
            Self::NoHistoryTree => "The store keeps no history tree",
        }
    }

    /// The code of a slug.
    #[must_use]
    pub fn of_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.slug() == slug)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_slug_and_an_error_status() {
        let slugs: HashSet<_> = Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.status().as_u16() >= 400));
        assert_eq!(Code::of_slug("policy-violation"), Some(Code::PolicyViolation));
        assert_eq!(Code::PolicyViolation.name(), "POLICY_VIOLATION");
    }
}
