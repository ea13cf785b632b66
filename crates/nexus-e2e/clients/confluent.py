"""Every operation of the Confluent client for Python against the registry at the URL that is given, and with the `user:password`
behind it where the registry asks for one."""

import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

settings = {"url": sys.argv[1]}
if len(sys.argv) > 2:
    settings["basic.auth.user.info"] = sys.argv[2]
client = SchemaRegistryClient(settings)


def schema(members, required=(), references=()):
    text = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Sample", "type": "object"}
    text.update(properties=members, required=list(required))
    return Schema(json.dumps(text), "JSON", list(references))


def refused(code, work):
    try:
        work()
    except SchemaRegistryError as error:
        assert error.error_code == code, (error.error_code, error.error_message)
        return error.error_message
    raise AssertionError(f"{code} was expected")


text, number = {"type": "string"}, {"type": "integer"}
subject = "python/orders-value"
first = schema({"id": text})
second = schema({"id": text, "count": number})
broken = schema({"id": number})

# Registering, reading by id and version, looking up.
first_id = client.register_schema(subject, first)
assert client.register_schema(subject, first) == first_id
assert client.register_schema(subject, first, normalize_schemas=True) == first_id
assert client.get_schema(first_id).schema_str == first.schema_str
assert client.get_schema(first_id, subject_name=subject).schema_type == "JSON"
found = client.lookup_schema(subject, first)
assert (found.schema_id, found.version, found.subject) == (first_id, 1, subject)
assert client.get_schema_by_guid(found.guid).schema_str == first.schema_str
assert client.get_version(subject, 1).schema_id == first_id
assert client.get_latest_version(subject).version == 1
assert subject in client.get_subjects()
assert client.get_subjects_by_schema_id(first_id) == [subject]
assert [(one.subject, one.version) for one in client.get_schema_versions(first_id)] == [(subject, 1)]
assert client.get_schema_types() == ["JSON"]
assert "." in client.get_contexts()
refused(40401, lambda: client.get_versions("python/nothing"))
refused(40402, lambda: client.get_version(subject, 9))
refused(40403, lambda: client.get_schema(999999))
refused(42201, lambda: client.register_schema(subject, Schema('{"type": "string"}', "AVRO")))

# Compatibility: asked, enforced, chosen, reset.
assert client.test_compatibility(subject, second)
assert client.test_compatibility_all_versions(subject, second)
assert not client.test_compatibility(subject, broken)
message = refused(409, lambda: client.register_schema(subject, broken))
assert "/properties/id" in message, message
assert client.register_schema(subject, second) != first_id
assert client.get_versions(subject) == [1, 2]
assert client.get_compatibility() == "BACKWARD_TRANSITIVE"
refused(40408, lambda: client.get_compatibility(subject))
client.set_compatibility(subject, "NONE")
assert client.get_compatibility(subject) == "NONE"
client.register_schema(subject, broken)
assert client.get_versions(subject) == [1, 2, 3]
assert str(client.delete_config(subject).compatibility_level) == "NONE"
refused(40408, lambda: client.get_compatibility(subject))
assert client.get_global_mode() == "READWRITE"
client.update_mode(subject, "READONLY")
assert client.get_mode(subject) == "READONLY"
refused(42205, lambda: client.register_schema(subject, schema({"id": number, "x": text})))
client.delete_mode(subject)

# References.
money = schema({"cents": number}, ["cents"])
client.register_schema("python-money", money)
reference = SchemaReference("money.json", "python-money", 1)
order = schema({"price": {"$ref": "money.json"}}, references=[reference])
order_id = client.register_schema("python-order", order)
assert client.get_referenced_by("python-money", 1) == [order_id]
assert client.get_schema(order_id).references[0].subject == "python-money"
refused(42206, lambda: client.delete_version("python-money", 1))

# Serialising with the registry, as a producer and a consumer do.
context = SerializationContext("python-topic", MessageField.VALUE)
writer = JSONSerializer(first.schema_str, client, conf={"auto.register.schemas": True})
data = writer({"id": "one"}, context)
reader = JSONDeserializer(None, schema_registry_client=client)
assert reader(data, context) == {"id": "one"}

# Deleting, softly and for good.
assert client.delete_version(subject, 3) == 3
assert client.delete_version(subject, 3, permanent=True) == 3
assert client.delete_subject(subject) == [1, 2]
refused(40401, lambda: client.get_versions(subject))
assert client.delete_subject(subject, permanent=True) == [1, 2]
assert client.delete_subject("python-order") == [1]
assert client.delete_subject("python-money") == [1]
print("python client: ok")
