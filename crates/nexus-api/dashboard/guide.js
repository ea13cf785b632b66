// What to do next when there is nothing to show.

import { commandLine, h } from "./dom.js";
import { failure, shellWord } from "./format.js";
import { getJson } from "./http.js";

const FALLBACK = 'nexus command send PlaceOrder --data "$(nexus command describe PlaceOrder --example)"';
const IMPORT = "nexus orders import online-retail/*.csv.gz";

/** The command line that sends a first command, with the example the application itself gives. */
async function firstCommand() {
  try {
    const { data } = await getJson("api/commands");
    const listed = (data.commands ?? data.items ?? []).map((entry) => (typeof entry === "string" ? { name: entry } : { ...entry, name: entry.commandType ?? entry.name ?? entry.type }));
    const chosen = listed.find((entry) => entry.name === "PlaceOrder") ?? listed[0];
    if (!chosen?.name) return { line: FALLBACK, orders: true };
    const example = chosen.example ?? (await getJson(`api/commands/${encodeURIComponent(chosen.name)}`)).data.example;
    return { line: `nexus command send ${shellWord(chosen.name)} --data ${shellWord(JSON.stringify(example ?? {}))}`, orders: chosen.name === "PlaceOrder" };
  } catch {
    return { line: FALLBACK, orders: true };
  }
}

/** Fills `host` for a log without events. */
export async function emptyLog(host) {
  host.replaceChildren(h("p", { text: "The log is empty: no command has been accepted yet." }), h("p", { text: "Send the first one:" }));
  const { line, orders } = await firstCommand();
  if (host.dataset.state !== "empty") return;
  host.append(commandLine(line));
  if (orders) host.append(h("p", { text: "or bring in a file of real orders:" }), commandLine(IMPORT));
  host.append(h("p", { class: "muted", text: "This page shows the event as soon as it is stored." }));
}

/** Why a read model without rows has none. */
export function emptyTable(host, resource, projection) {
  const behind = projection?.lagEvents > 0;
  const why = projection?.lastError
    ? `The projection “${projection.name}” cannot go on: ${failure(projection.lastError)}`
    : behind
      ? `The projection “${projection.name}” is still ${projection.lagEvents} events behind.`
      : `“${resource}” has no rows: no stored event has made one yet.`;
  const fix = projection?.lastError ? `nexus projection errors ${shellWord(projection.name)}` : behind ? `nexus projection status ${shellWord(projection.name)}` : undefined;
  host.replaceChildren(h("p", { text: why }));
  if (fix) host.append(commandLine(fix));
  else if (resource === "orders") firstCommand().then(({ line }) => host.childElementCount === 1 && host.append(commandLine(line), h("p", { text: "or" }), commandLine(IMPORT)));
  else host.append(commandLine("nexus command list"));
}

/** No projection at all. */
export function noProjection(host) {
  host.replaceChildren(
    h("p", { text: "This application has no projection, so there is no table to show." }),
    h("p", { text: "Start one with the sample domain, or list what exists:" }),
    commandLine("nexus dev --sample orders"),
    commandLine("nexus projection list"),
  );
}
