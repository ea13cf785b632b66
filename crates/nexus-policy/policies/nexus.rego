# The two questions every request is asked. Rules of other modules add to them.
package nexus

default allow := false

allow if {
	some role in input.actor.roles
	role in data.nexus.roles.may[input.kind]
}

# What the architecture forbids is forbidden to requests as well.
deny contains denial if some denial in data.nexus.architecture.deny
