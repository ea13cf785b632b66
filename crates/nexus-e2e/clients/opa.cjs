// OPA's own JavaScript client against a server's /opa: what it is told must be what the policy says.
const assert = require("node:assert");
const { OPAClient } = require("@open-policy-agent/opa");

const [url, token] = process.argv.slice(2);
const asked = (...roles) => ({
  kind: "append",
  action: "OrderPlaced",
  resource: { type: "Order", id: "o-1" },
  actor: { id: "ann", roles },
  schema: { id: 1, version: 1, registered: roles.length > 0 },
  context: { service: "orders", environment: "production", time: "2026-01-31T12:00:00Z" },
});

async function main() {
  const client = new OPAClient(url, { headers: { authorization: `Bearer ${token}` } });
  assert.strictEqual(await client.evaluate("nexus/allow", asked("writer")), true);
  assert.strictEqual(await client.evaluate("nexus/allow", asked("reader")), false);
  const whole = await client.evaluate("nexus", asked("writer"));
  assert.deepStrictEqual([whole.allow, whole.deny], [true, []]);
  const denied = await client.evaluate("nexus/deny", asked());
  assert.deepStrictEqual(denied.map((denial) => denial.id), ["nexus.schema-unregistered"]);
  const ids = await client.evaluate("nexus/deny", asked(), { fromResult: (set) => set.map((denial) => denial.id) });
  assert.deepStrictEqual(ids, ["nexus.schema-unregistered"]);
  assert.strictEqual(await client.evaluate("nexus/nothing", asked("writer")), undefined);
  await assert.rejects(new OPAClient(url).evaluate("nexus/allow", asked("writer")), "nobody is let in without a token");
  console.log("opa client: ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
