# The command side and the query side share the log and nothing else: how a deployment is judged before it runs. What
# holds for requests of running services is in sides.rego.
#
# input:
#     kind      "architecture"
#     service   {name, side: "command" | "query", calls: [{name, side}], endpoints: [{path, temporal, rateLimit, maxRange}]}
package nexus.architecture

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
