# Tests of what keeps the command side and the query side apart.
package nexus.architecture_test

service(side, calls, endpoints) := {
	"kind": "architecture",
	"service": {"name": "orders", "side": side, "calls": calls, "endpoints": endpoints},
}

denied(asked) := ids if {
	denials := data.nexus.architecture.deny with input as asked
	ids := {denial.id | some denial in denials}
}

test_the_sides_do_not_call_each_other if {
	denied(service("command", [{"name": "views", "side": "query"}], [])) == {"nexus.direct-call"}
	denied(service("query", [{"name": "views", "side": "command"}], [])) == {"nexus.direct-call"}
	denied(service("query", [{"name": "more views", "side": "query"}], [])) == set()
}

test_a_direct_call_names_both_ends if {
	calls := service("query", [{"name": "payments", "side": "command"}], [])
	some denial in data.nexus.architecture.deny with input as calls
	contains(denial.message, "payments")
	contains(denial.message, "orders")
}

test_reading_the_past_is_limited if {
	bare := {"path": "/asof", "temporal": true}
	both := {"nexus.temporal-rate-limit", "nexus.temporal-range"}
	denied(service("query", [], [bare])) == both
	denied(service("query", [], [object.union(bare, {"rateLimit": 0, "maxRange": 0})])) == both
	denied(service("query", [], [object.union(bare, {"rateLimit": 10})])) == {"nexus.temporal-range"}
	denied(service("query", [], [object.union(bare, {"maxRange": 1000})])) == {"nexus.temporal-rate-limit"}
	denied(service("query", [], [object.union(bare, {"rateLimit": 10, "maxRange": 1000})])) == set()
}

test_other_endpoints_need_no_such_limits if {
	denied(service("query", [], [{"path": "/orders", "temporal": false}, {"path": "/"}])) == set()
}
