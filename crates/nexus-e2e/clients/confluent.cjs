// Every operation of the Confluent client for JavaScript against the registry at the URL that is given.

const assert = require('node:assert/strict');
const { SchemaRegistryClient, JsonSerializer, JsonDeserializer, SerdeType, Compatibility } = require('@confluentinc/schemaregistry');

const client = new SchemaRegistryClient({ baseURLs: [process.argv[2]], maxRetries: 0 });

function schema(members, references) {
  const text = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Sample', type: 'object', properties: members };
  return { schemaType: 'JSON', schema: JSON.stringify(text), ...(references && { references }) };
}

async function refused(code, work) {
  await assert.rejects(work, (error) => {
    assert.equal(error.errorCode, code, error.message);
    return true;
  });
}

async function main() {
  const text = { type: 'string' };
  const number = { type: 'integer' };
  const subject = 'javascript-orders-value';
  const first = schema({ id: text });
  const second = schema({ id: text, count: number });
  const broken = schema({ id: number });

  // Registering, reading by id and version, looking up.
  const firstId = await client.register(subject, first);
  assert.equal(await client.register(subject, first, true), firstId);
  assert.equal((await client.getBySubjectAndId(subject, firstId)).schema, first.schema);
  const latest = await client.getLatestSchemaMetadata(subject);
  assert.deepEqual([latest.id, latest.version, latest.subject], [firstId, 1, subject]);
  assert.equal((await client.getByGuid(latest.guid)).schema, first.schema);
  assert.equal((await client.getSchemaMetadata(subject, 1)).id, firstId);
  assert.equal(await client.getId(subject, first), firstId);
  assert.equal(await client.getVersion(subject, first), 1);
  assert.ok((await client.getAllSubjects()).includes(subject));
  assert.deepEqual(await client.getAllVersions(subject), [1]);
  await refused(40401, () => client.getAllVersions('javascript-nothing'));
  await refused(42201, () => client.register(subject, { schemaType: 'PROTOBUF', schema: 'message M {}' }));

  // Compatibility: asked, enforced, chosen.
  assert.equal(await client.testSubjectCompatibility(subject, second), true);
  assert.equal(await client.testSubjectCompatibility(subject, broken), false);
  assert.equal(await client.testCompatibility(subject, 1, second), true);
  await refused(409, () => client.register(subject, broken));
  assert.notEqual(await client.register(subject, second), firstId);
  assert.equal(await client.getDefaultCompatibility(), Compatibility.BACKWARD_TRANSITIVE);
  await refused(40408, () => client.getCompatibility(subject));
  await client.updateCompatibility(subject, Compatibility.NONE);
  assert.equal(await client.getCompatibility(subject), Compatibility.NONE);
  await client.register(subject, broken);
  assert.deepEqual(await client.getAllVersions(subject), [1, 2, 3]);
  await client.updateConfig(subject, { compatibility: Compatibility.FULL });
  assert.equal((await client.getConfig(subject)).compatibilityLevel, Compatibility.FULL);

  // References.
  await client.register('javascript-money', schema({ cents: number }));
  const references = [{ name: 'money.json', subject: 'javascript-money', version: 1 }];
  const order = schema({ price: { $ref: 'money.json' } }, references);
  const orderId = await client.register('javascript-order', order);
  assert.deepEqual((await client.getBySubjectAndId('javascript-order', orderId)).references, references);
  await refused(42206, () => client.deleteSubjectVersion('javascript-money', 1));

  // Serialising with the registry, as a producer and a consumer do.
  const writer = new JsonSerializer(client, SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true });
  await client.register('javascript-topic-value', first);
  const bytes = await writer.serialize('javascript-topic', { id: 'one' });
  const reader = new JsonDeserializer(client, SerdeType.VALUE, {});
  assert.deepEqual(await reader.deserialize('javascript-topic', bytes), { id: 'one' });

  // Deleting, softly and for good.
  assert.equal(await client.deleteSubjectVersion(subject, 3), 3);
  assert.equal(await client.deleteSubjectVersion(subject, 3, true), 3);
  assert.deepEqual(await client.deleteSubject(subject), [1, 2]);
  await refused(40401, () => client.getAllVersions(subject));
  assert.deepEqual(await client.deleteSubject(subject, true), [1, 2]);
  console.log('javascript client: ok');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
