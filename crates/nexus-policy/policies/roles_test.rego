# Tests of the table of roles, and of what needs none.
package nexus.roles_test

request(kind, roles) := {
	"kind": kind,
	"action": "PlaceOrder",
	"resource": {"type": "Order", "id": "order-1"},
	"actor": {"id": "ann", "roles": roles},
	"schema": {"id": 1, "version": 1, "registered": true},
	"context": {"service": "orders", "time": "2026-01-31T12:00:00Z", "environment": "production"},
}

# The whole table of roles: who may make which kind of request.
may := {
	"command": {"writer", "admin", "command-service", "system"},
	"append": {"writer", "admin", "command-service", "system"},
	"query": {"reader", "writer", "operator", "auditor", "admin", "command-service", "query-service", "system"},
	"subscribe": {"reader", "writer", "operator", "auditor", "admin", "command-service", "query-service", "system"},
	"temporal": {"auditor", "admin"},
	"admin": {"operator", "admin"},
}

roles := {
	"reader", "writer", "operator", "auditor", "admin",
	"command-service", "query-service", "system", "stranger",
}

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
		here := object.union(request(kind, []), {"context": {"environment": "dev"}})
		data.nexus.allow with input as here
	}
}

test_an_ordinary_request_is_not_denied if {
	every kind, _ in may {
		denials := data.nexus.deny with input as request(kind, ["admin"])
		count(denials) == 0
	}
}
