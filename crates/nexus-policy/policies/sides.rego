# A running service says by its role which side it is on, "command-service" or "query-service".
package nexus

deny contains {
	"id": "nexus.query-side-writes",
	"message": "a service of the query side sends no commands and appends no events",
	"remediation": "let a service of the command side do it, and follow the events it stores",
	"severity": "error",
} if {
	input.kind in {"command", "append"}
	"query-service" in input.actor.roles
}
