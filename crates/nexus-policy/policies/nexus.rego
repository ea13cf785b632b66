# The two questions every request is asked. Rules of other modules add to them.
package nexus

default allow := false

allow if {
	input.kind in {"command", "append"}
	some role in input.actor.roles
	role in data.nexus.roles.writing
}

allow if {
	input.kind in {"query", "subscribe"}
	some role in input.actor.roles
	role in data.nexus.roles.reading
}

allow if {
	input.kind == "temporal"
	some role in input.actor.roles
	role in data.nexus.roles.looking_back
}

allow if {
	input.kind == "admin"
	some role in input.actor.roles
	role in data.nexus.roles.operating
}
