use nexus_core::{
    Actor, Json, Metadata, Text,
    ports::{PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext},
};

/// Who asks, on whose conversation and under which circumstances; the same for every step of one request.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// Who asks, as authentication established it.
    pub actor: Actor,
    /// The circumstances a policy may look at.
    pub context: RequestContext,
    /// The conversation; a new one is begun when there is none.
    pub correlation_id: Option<Text>,
    /// What directly caused the request.
    pub causation_id: Option<Text>,
    /// W3C trace context.
    pub traceparent: Option<Text>,
    /// Further metadata members the client sent, as a JSON object.
    pub extra: Option<Json>,
}

impl RequestInfo {
    /// The metadata of an event that this request stores.
    pub(crate) fn metadata(&self) -> Metadata {
        Metadata {
            correlation_id: self.correlation_id.clone(),
            causation_id: self.causation_id.clone(),
            user_id: Some(self.actor.id.clone()),
            traceparent: self.traceparent.clone(),
            extra: self.extra.clone(),
            ..Metadata::default()
        }
    }

    /// What the policy is asked about a command.
    pub(crate) fn command_input<'a>(
        &'a self,
        action: &'a str,
        resource: PolicyResource<'a>,
        payload: &'a Json,
        schema: PolicySchema,
    ) -> PolicyInput<'a> {
        PolicyInput {
            kind: PolicyKind::Command,
            action,
            resource,
            actor: &self.actor,
            payload: Some(payload),
            event: None,
            schema: Some(schema),
            request: &self.context,
        }
    }
}
