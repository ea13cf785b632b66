# Orders above 1,000,000.00 are placed by somebody with the role "orders-approver".
package nexus

deny contains {
	"id": "orders.large-order",
	"message": sprintf("an order of %d minor units is above the limit of 100000000", [total]),
	"remediation": "let somebody with the role orders-approver place the order",
	"severity": "error",
} if {
	input.kind == "command"
	input.action == "PlaceOrder"
	total := sum([amount | some line in input.payload.lines; amount := line.quantity * line.unitPriceMinor])
	total > 100000000
	not "orders-approver" in input.actor.roles
}
