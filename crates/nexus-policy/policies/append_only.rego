# Events are facts. There is no role and no environment in which they may be changed or removed.
package nexus

deny contains {
	"id": "nexus.immutable-events",
	"message": "events are never updated, deleted or truncated",
	"remediation": "append an event that corrects the earlier one",
	"severity": "error",
} if changes_events

changes_events if input.action in {"events.update", "events.delete", "events.truncate"}

changes_events if {
	input.action in {"update", "delete", "truncate"}
	input.resource.type in {"event", "events", "stream", "streams"}
}
