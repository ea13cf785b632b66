use axum::{extract::State, http::StatusCode, response::Response};
use nexus_core::framework::{When, example_of};
use nexus_runtime::CommandEntry;

use crate::{
    dto::{CommandDto, CommandList},
    problem::{Problem, unknown_command},
    request::{Caller, Params, PathArgs},
    routes::answer::json,
    state::Api,
};

/// Lists the commands that can be sent.
#[utoipa::path(
    get,
    path = "/api/commands",
    tag = "commands",
    responses((status = 200, description = "The catalogue.", body = CommandList))
)]
pub(crate) async fn list_commands(
    State(api): State<Api>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let commands = api.node.commands().catalogue().commands().map(|entry| described(&api, entry)).collect();
    json(StatusCode::OK, &CommandList { commands })
}

/// Describes one command: its schema, an example, and the aggregate that decides it.
#[utoipa::path(
    get,
    path = "/api/commands/{commandType}",
    tag = "commands",
    params(("commandType" = String, Path, description = "Command type, such as `PlaceOrder`.")),
    responses((status = 200, description = "The command.", body = CommandDto))
)]
pub(crate) async fn describe_command(
    State(api): State<Api>,
    _caller: Caller,
    PathArgs(command_type): PathArgs<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let catalogue = api.node.commands().catalogue();
    let unknown = || unknown_command(&command_type, catalogue.nearest_commands(&command_type));
    let entry = catalogue.command(&command_type).ok_or_else(unknown)?;
    json(StatusCode::OK, &described(&api, entry))
}

fn described(api: &Api, entry: &CommandEntry) -> CommandDto {
    let when = match entry.spec.when {
        When::Create => "create",
        When::Exists => "exists",
        When::Upsert => "upsert",
    };
    CommandDto {
        command_type: entry.spec.command_type.to_owned(),
        aggregate: entry.aggregate.name().to_owned(),
        when: when.to_owned(),
        events: entry.aggregate.events().iter().map(|event| event.event_type.to_owned()).collect(),
        schema: entry.spec.schema.clone(),
        example: example_of(&entry.spec.schema),
        policy_digest: api.node.policy().digest().to_string(),
    }
}
