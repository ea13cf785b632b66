# Tests of what is denied whoever asks.
package nexus.denials_test

request(kind, roles) := {
	"kind": kind,
	"action": "PlaceOrder",
	"resource": {"type": "Order", "id": "order-1"},
	"actor": {"id": "ann", "roles": roles},
	"schema": {"id": 1, "version": 1, "registered": true},
	"context": {"service": "orders", "time": "2026-01-31T12:00:00Z", "environment": "production"},
}

changed(kind, roles, changes) := object.union(request(kind, roles), changes)

denied(asked) := ids if {
	denials := data.nexus.deny with input as asked
	ids := {denial.id | some denial in denials}
}

test_the_query_side_does_not_write if {
	every kind in ["command", "append"] {
		denied(request(kind, ["query-service"])) == {"nexus.query-side-writes"}
		denied(request(kind, ["command-service"])) == set()
	}
	denied(request("query", ["query-service"])) == set()
}

test_a_schema_must_be_registered if {
	every kind in ["command", "append"] {
		denied(changed(kind, ["admin"], {"schema": {"registered": false}})) == {"nexus.schema-unregistered"}
	}
}

test_a_missing_schema_is_not_registered if {
	denied(object.remove(request("append", ["admin"]), ["schema"])) == {"nexus.schema-unregistered"}
}

test_reading_needs_no_schema if {
	denied(object.remove(request("query", ["reader"]), ["schema"])) == set()
}

test_system_streams_belong_to_the_platform if {
	stream := {"resource": {"type": "Schema", "id": "$schemas"}}
	denied(changed("append", ["admin"], stream)) == {"nexus.system-stream"}
	denied(changed("append", ["system"], stream)) == set()
}

reading(kind, action, roles, id) := changed(kind, roles, {"action": action, "resource": {"type": "stream", "id": id}})

test_system_streams_are_read_by_those_who_inspect if {
	every id in ["$", "$decisions", "$tokens", "$policies", "$schemas", "$to come"] {
		every role in ["auditor", "admin", "system"] {
			denied(reading("query", "streams.read", ["reader", role], id)) == set()
			denied(reading("subscribe", "events.follow", [role], id)) == set()
		}
		every role in ["reader", "writer", "operator", "command-service", "query-service", "stranger"] {
			denied(reading("query", "streams.read", [role], id)) == {"nexus.system-stream-read"}
			denied(reading("subscribe", "events.follow", [role], id)) == {"nexus.system-stream-read"}
		}
		denied(reading("query", "streams.read", [], id)) == {"nexus.system-stream-read"}
	}
}

test_who_does_not_say_what_reads_is_not_let_through if {
	asked := object.remove(reading("query", "streams.read", ["reader"], "$tokens"), ["action", "context"])
	denied(asked) == {"nexus.system-stream-read"}
	denied(object.remove(asked, ["actor"])) == {"nexus.system-stream-read"}
}

test_other_streams_are_read_as_before if {
	every id in ["", "order-1", "a$b", " $tokens"] {
		denied(reading("query", "streams.read", ["reader"], id)) == set()
	}
}

test_rows_may_have_any_id if {
	denied(reading("query", "queries.get", ["reader"], "$USD")) == set()
}

test_operating_goes_by_its_own_rules if {
	denied(reading("admin", "tokens.revoke", ["operator"], "$x")) == set()
}

test_development_reads_system_streams_as_well if {
	here := object.union(reading("query", "streams.read", ["reader"], "$tokens"), {"context": {"environment": "dev"}})
	denied(here) == set()
}

test_events_are_immutable_for_everybody if {
	every verb in ["update", "delete", "truncate"] {
		every type in ["event", "events", "stream", "streams"] {
			target := {"action": verb, "resource": {"type": type, "id": "order-1"}}
			denied(changed("admin", ["admin", "system"], target)) == {"nexus.immutable-events"}
		}
		named := {"action": concat(".", ["events", verb]), "context": {"environment": "dev"}}
		denied(changed("admin", ["system"], named)) == {"nexus.immutable-events"}
	}
}

test_deleting_something_else_is_not_about_events if {
	target := {"action": "delete", "resource": {"type": "Order", "id": "order-1"}}
	denied(changed("command", ["writer"], target)) == set()
}

test_every_denial_is_complete if {
	target := {"action": "delete", "resource": {"type": "events", "id": "$x"}, "schema": {"registered": false}}
	denials := data.nexus.deny with input as changed("append", ["query-service"], target)
	count(denials) == 4
	every denial in denials {
		every member in ["id", "message", "remediation", "severity"] {
			denial[member] != ""
		}
	}
}
