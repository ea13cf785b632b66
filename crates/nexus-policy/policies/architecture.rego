# The command side and the query side share the log and nothing else.
#
# A running service says which side it is on by its role, "command-service" or "query-service". A deployment is judged
# before it runs, with input.kind "architecture":
#
#     service   {name, side: "command" | "query", calls: [{name, side}], endpoints: [{path, temporal, rateLimit, maxRange}]}
package nexus.architecture

deny contains {
	"id": "nexus.query-side-writes",
	"message": "a service of the query side sends no commands and appends no events",
	"remediation": "let a service of the command side do it, and follow the events it stores",
	"severity": "error",
} if {
	input.kind in {"command", "append"}
	"query-service" in input.actor.roles
}

deny contains {
	"id": "nexus.direct-call",
	"message": sprintf("%s (%s side) calls %s (%s side) directly", [caller.name, caller.side, callee.name, callee.side]),
	"remediation": "publish an event, and let the other side follow it",
	"severity": "error",
} if {
	input.kind == "architecture"
	caller := input.service
	some callee in caller.calls
	callee.side != caller.side
}

deny contains {
	"id": "nexus.temporal-rate-limit",
	"message": sprintf("%s reads the past without a rate limit", [endpoint.path]),
	"remediation": "give the endpoint a rateLimit, in requests per second",
	"severity": "error",
} if {
	some endpoint in temporal_endpoints
	not limited(endpoint, "rateLimit")
}

deny contains {
	"id": "nexus.temporal-range",
	"message": sprintf("%s reads the past without a bound on how much", [endpoint.path]),
	"remediation": "give the endpoint a maxRange, in events",
	"severity": "error",
} if {
	some endpoint in temporal_endpoints
	not limited(endpoint, "maxRange")
}

temporal_endpoints contains endpoint if {
	input.kind == "architecture"
	some endpoint in input.service.endpoints
	endpoint.temporal == true
}

limited(endpoint, name) if endpoint[name] > 0
