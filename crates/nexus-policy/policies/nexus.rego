# The base policy of Nexus. Extend it with further modules in the same package:
#
#     package nexus
#
#     deny contains {
#         "id": "orders.large-order",
#         "message": "orders above 10000.00 need an approver",
#         "remediation": "send the order with the role approver",
#         "severity": "error",
#     } if {
#         input.action == "PlaceOrder"
#         input.payload.totalCents > 1000000
#         not "approver" in input.actor.roles
#     }
#
# A request goes on when `allow` is true and nothing is in `deny` with a severity other than "warning".
#
# input:
#     kind      "command" | "append" | "query" | "temporal" | "subscribe" | "admin"
#     action    command type, event type, query or verb
#     resource  {type, id}
#     actor     {id, roles, claims}
#     payload   the command's payload (commands)
#     event     {type, payload} (appends)
#     schema    {id, version, registered} (commands and appends)
#     context   {service, clientId, time, environment}
package nexus

default allow := false

# `nexus dev` listens on this machine only and asks for no credentials.
allow if input.context.environment == "dev"

# Each kind of request, and the roles that may make it. "system" is the platform itself.
allow if {
	input.kind in {"command", "append"}
	some role in input.actor.roles
	role in {"writer", "admin", "system"}
}

allow if {
	input.kind in {"query", "subscribe"}
	some role in input.actor.roles
	role in {"reader", "writer", "operator", "auditor", "admin", "system"}
}

allow if {
	input.kind == "temporal"
	some role in input.actor.roles
	role in {"auditor", "admin"}
}

allow if {
	input.kind == "admin"
	some role in input.actor.roles
	role in {"operator", "admin"}
}

deny contains {
	"id": "nexus.schema-unregistered",
	"message": "commands and events need a registered schema",
	"remediation": "register the schema of this type, then send the request again",
	"severity": "error",
} if {
	input.kind in {"command", "append"}
	not input.schema.registered == true
}

deny contains {
	"id": "nexus.system-stream",
	"message": "streams whose id starts with $ belong to the platform",
	"remediation": "choose a stream id that does not start with $",
	"severity": "error",
} if {
	input.kind == "append"
	startswith(input.resource.id, "$")
	not "system" in input.actor.roles
}

# Events are facts. There is no role and no environment in which they may be changed or removed.
deny contains {
	"id": "nexus.immutable-events",
	"message": "events are never updated, deleted or truncated",
	"remediation": "append an event that corrects the earlier one",
	"severity": "error",
} if changes_events

changes_events if input.action in {"events.update", "events.delete", "events.truncate"}

changes_events if {
	input.action in {"update", "delete", "truncate"}
	input.resource.type in {"event", "events", "stream", "streams"}
}
