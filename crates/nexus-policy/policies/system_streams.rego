# The platform's own streams are written by the platform alone, and read by those who look over its shoulder.
package nexus

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

deny contains {
	"id": "nexus.system-stream-read",
	"message": "streams whose id starts with $ tell what the platform keeps of itself and of everybody who uses it",
	"remediation": "let somebody with the role auditor or admin read it",
	"severity": "error",
} if {
	reads_a_system_stream
	not may_inspect
	not input.context.environment == "dev"
}

# Lists and feeds that go over all streams ask about a stream `$` and leave those of the platform out when it is denied.
reads_a_system_stream if {
	input.kind in {"query", "subscribe"}
	startswith(input.resource.id, "$")
	not reads_a_row
}

# The id of a row is whatever its read model makes it.
reads_a_row if startswith(input.action, "queries.")

may_inspect if {
	some role in input.actor.roles
	role in data.nexus.roles.inspecting
}
