# Tests of the policy of the Order example.
package nexus_orders_test

place(roles, lines) := {
	"kind": "command",
	"action": "PlaceOrder",
	"actor": {"id": "ann", "roles": roles},
	"payload": {"customerId": "c-1", "country": "France", "lines": lines},
}

# 1,000,000.00 in two lines, and a penny more.
limit := [{"quantity": 3, "unitPriceMinor": 25000000}, {"quantity": 1, "unitPriceMinor": 25000000}]

above := array.concat(limit, [{"quantity": 1, "unitPriceMinor": 1}])

# The largest order that fits the schema has a total beyond what a float holds exactly.
largest := [{"quantity": 100000, "unitPriceMinor": 100000000} | some _ in numbers.range(1, 100)]

denials(request) := found if {
	found := data.nexus.deny with input as request
}

refused(request) if {
	some denial in denials(request)
	denial.id == "orders.large-order"
}

test_an_order_at_the_limit_needs_nobody if {
	not refused(place(["writer"], limit))
}

test_a_larger_order_needs_an_approver if {
	refused(place(["writer", "admin"], above))
	refused(place([], largest))
}

test_an_approver_places_a_larger_order if {
	not refused(place(["writer", "orders-approver"], above))
}

test_a_refusal_says_how_much_and_what_to_do if {
	some denial in denials(place(["writer"], above))
	contains(denial.message, "100000001")
	contains(denial.remediation, "orders-approver")
}

test_other_commands_are_not_concerned if {
	not refused(object.union(place(["writer"], above), {"action": "CancelItems"}))
}
