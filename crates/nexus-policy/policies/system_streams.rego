# The platform's own streams are written by the platform alone.
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
