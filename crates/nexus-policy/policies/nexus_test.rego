# Tests of the base policy: every rule whose name starts with test_ must be true.
package nexus_test

request(kind, roles) := {
	"kind": kind,
	"action": "PlaceOrder",
	"resource": {"type": "Order", "id": "order-1"},
	"actor": {"id": "ann", "roles": roles},
	"schema": {"id": 1, "version": 1, "registered": true},
	"context": {"service": "orders", "time": "2026-01-31T12:00:00Z", "environment": "production"},
}

changed(kind, roles, changes) := object.union(request(kind, roles), changes)

# The whole table of roles: who may make which kind of request.
may := {
	"command": {"writer", "admin", "system"},
	"append": {"writer", "admin", "system"},
	"query": {"reader", "writer", "operator", "auditor", "admin", "system"},
	"subscribe": {"reader", "writer", "operator", "auditor", "admin", "system"},
	"temporal": {"auditor", "admin"},
	"admin": {"operator", "admin"},
}

roles := {"reader", "writer", "operator", "auditor", "admin", "system", "stranger"}

test_roles_that_may_are_allowed if {
	every kind, allowed in may {
		every role in allowed {
			data.nexus.allow with input as request(kind, [role])
		}
	}
}

test_roles_that_may_not_are_not_allowed if {
	every kind, allowed in may {
		every role in roles - allowed {
			not data.nexus.allow with input as request(kind, [role])
		}
	}
}

test_nobody_is_allowed_without_a_role if {
	every kind, _ in may {
		not data.nexus.allow with input as request(kind, [])
	}
}

test_one_of_several_roles_is_enough if {
	data.nexus.allow with input as request("command", ["reader", "writer"])
}

test_an_unknown_kind_is_not_allowed if {
	not data.nexus.allow with input as request("format", ["admin", "system"])
}

test_development_needs_no_role if {
	every kind, _ in may {
		data.nexus.allow with input as changed(kind, [], {"context": {"environment": "dev"}})
	}
}

test_an_ordinary_request_is_not_denied if {
	every kind, _ in may {
		count(data.nexus.deny) == 0 with input as request(kind, ["admin"])
	}
}

ids contains denial.id if some denial in data.nexus.deny

test_a_schema_must_be_registered if {
	every kind in ["command", "append"] {
		ids == {"nexus.schema-unregistered"} with input as changed(kind, ["admin"], {"schema": {"registered": false}})
	}
}

test_a_missing_schema_is_not_registered if {
	bare := object.remove(request("append", ["admin"]), ["schema"])
	ids == {"nexus.schema-unregistered"} with input as bare
}

test_reading_needs_no_schema if {
	bare := object.remove(request("query", ["reader"]), ["schema"])
	ids == set() with input as bare
}

test_system_streams_belong_to_the_platform if {
	stream := {"resource": {"type": "Schema", "id": "$schemas"}}
	ids == {"nexus.system-stream"} with input as changed("append", ["admin"], stream)
	ids == set() with input as changed("append", ["system"], stream)
	ids == set() with input as changed("query", ["reader"], stream)
}

test_events_are_immutable_for_everybody if {
	every verb in ["update", "delete", "truncate"] {
		every type in ["event", "events", "stream", "streams"] {
			target := {"action": verb, "resource": {"type": type, "id": "order-1"}}
			ids == {"nexus.immutable-events"} with input as changed("admin", ["admin", "system"], target)
		}
		named := {"action": concat(".", ["events", verb]), "context": {"environment": "dev"}}
		ids == {"nexus.immutable-events"} with input as changed("admin", ["system"], named)
	}
}

test_deleting_something_else_is_not_about_events if {
	target := {"action": "delete", "resource": {"type": "Order", "id": "order-1"}}
	ids == set() with input as changed("command", ["writer"], target)
}

test_every_denial_is_complete if {
	target := {"action": "delete", "resource": {"type": "events", "id": "$x"}, "schema": {"registered": false}}
	denials := data.nexus.deny with input as changed("append", ["writer"], target)
	count(denials) == 3
	every denial in denials {
		every member in ["id", "message", "remediation", "severity"] {
			denial[member] != ""
		}
	}
}
