# Who may do what: the table of roles. A request needs one role of the row of its kind.
#
# To change a row, push a bundle `nexus` with this table as you want it. To add an exception, allow it in a module of
# your own:
#
#     package nexus
#
#     allow if {
#         input.kind == "temporal"
#         "support" in input.actor.roles
#     }
#
# A request goes on when `data.nexus.allow` is true and nothing is in `data.nexus.deny` with a severity other than
# "warning".
#
# input:
#     kind      "command" | "append" | "query" | "temporal" | "subscribe" | "admin"
#     action    command type, event type, query or verb
#     resource  {type, id}
#     actor     {id, roles, claims}
#     payload   the command's payload (commands)
#     event     {type, payload} (appends)
#     schema    {id, version, registered} (commands and appends)
#     context   {service, clientId, time, environment}
package nexus.roles

# "system" is the platform itself.
may := {
	"command": {"writer", "admin", "command-service", "system"},
	"append": {"writer", "admin", "command-service", "system"},
	"query": {"reader", "writer", "operator", "auditor", "admin", "command-service", "query-service", "system"},
	"subscribe": {"reader", "writer", "operator", "auditor", "admin", "command-service", "query-service", "system"},
	"temporal": {"auditor", "admin"},
	"admin": {"operator", "admin"},
}
