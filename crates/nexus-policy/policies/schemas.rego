# Nothing is stored, and no command is handled, under a schema that is not registered.
package nexus

deny contains {
	"id": "nexus.schema-unregistered",
	"message": "commands and events need a registered schema",
	"remediation": "register the schema of this type, then send the request again",
	"severity": "error",
} if {
	input.kind in {"command", "append"}
	not input.schema.registered == true
}
