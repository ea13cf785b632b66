# Who may do what: a request needs one role of the set of its kind.
#
# To change a set, push a bundle `nexus` with this file as you want it. To add an exception, allow it in a module of
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

# Commands and appends.
writing := {"writer", "admin", "command-service", "system"}

# Queries and live feeds.
reading := {"reader", "writer", "operator", "auditor", "admin", "command-service", "query-service", "system"}

# The past, and what was decided.
looking_back := {"auditor", "admin"}

# The platform's own streams, such as `$decisions`, among all others. The platform follows them as well.
inspecting := {"auditor", "admin", "system"}

# The platform itself.
operating := {"operator", "admin"}
