// The header and the tiles: what runs, how fast, how far behind, and whether it is ready.

import { $, h, setText } from "./dom.js";
import { ago, count, duration, failure, int, rate } from "./format.js";
import { fetchText, getJson } from "./http.js";

const PROJECTIONS_EVERY = 2_000; // ms
const READY_EVERY = 5_000; // ms
const SECONDS = 60; // length of the rate curve
const WINDOW = 10; // seconds the rate is averaged over
const PROJECTIONS_SHOWN = 3;

const part = (id, name) => $(id).querySelector(name);

function tile(id, { value, note, level }) {
  if (value !== undefined) setText(part(id, ".value"), value);
  if (note !== undefined) {
    setText(part(id, ".note"), note);
    part(id, ".note").title = note;
  }
  if (level !== undefined) $(id).dataset.level = level;
}

/** Polls `read` while the page is visible, one request at a time. */
function poll(every, read) {
  const turn = async () => {
    if (!document.hidden) await read();
    setTimeout(turn, every);
  };
  turn();
  document.addEventListener("visibilitychange", () => !document.hidden && read());
}

// ---- header -----------------------------------------------------------------------------------------------------

export async function showVersion() {
  let info;
  try {
    ({ data: info } = await getJson("version"));
  } catch {
    return false;
  }
  const service = nameOf(info.service);
  setText($("app-name"), service);
  setText($("app-version"), info.version ? `v${String(info.version).replace(/^v/, "")}` : "");
  $("app-environment").hidden = !info.environment;
  setText($("app-environment"), nameOf(info.environment));
  setText($("data-line"), storageLine(info.storage));
  $("data-line").title = storageLine(info.storage);
  showKept(info.storage?.kept ?? info.storage?.persistent);
  document.title = service ? `${service} · Nexus` : "Nexus";
  return true;
}

const nameOf = (value) => (value && typeof value === "object" ? String(value.name ?? "") : String(value ?? ""));

/** What is stored where and whether it is kept; a text, or an object with or without a summary. */
function storageLine(storage) {
  if (!storage || typeof storage !== "object") return String(storage ?? "");
  const summary = storage.summary ?? storage.description;
  if (summary) return String(summary);
  const place = storage.directory ?? storage.path ?? storage.location;
  return [storage.engine ?? storage.kind, place && `in ${place}`].filter(Boolean).join(", ");
}

/** Whether the data is still there after a restart; nobody should find out by losing it. */
function showKept(kept) {
  const chip = $("data-kept");
  chip.hidden = typeof kept !== "boolean";
  chip.dataset.level = kept ? "good" : "warn";
  setText(chip, kept ? "kept" : "not kept");
  chip.title = kept ? "The data is still there after a restart" : "The data is gone when the server stops";
}

let badge = { state: "connecting" };

export function showState(next) {
  badge = next;
  const node = $("badge");
  node.dataset.state = next.state;
  node.title = next.reason ?? "";
  setText($("badge-text"), next.state);
  tickBadge();
}

/** The seconds are outside the live region: a screen reader should hear the change, not every second of it. */
function tickBadge() {
  setText($("badge-seconds"), badge.since ? ` ${int(Math.floor((Date.now() - badge.since) / 1000))} s` : "");
}

// ---- head and rate ----------------------------------------------------------------------------------------------

const buckets = new Array(SECONDS).fill(0);
const started = Date.now();
let newest;

/** Counts events that arrived over the stream, and remembers the newest. */
export function countEvents(events, received) {
  buckets[SECONDS - 1] += received;
  newest = events.at(-1) ?? newest;
}

export function forgetNewest() {
  newest = undefined;
}

export function showHead(head) {
  tile("tile-head", { value: int(head), note: newest ? `last event ${ago(newest.timestamp)}` : "no event yet" });
}

function showRate() {
  const seconds = Math.max(1, Math.min(WINDOW, Math.floor((Date.now() - started) / 1000)));
  const full = buckets.slice(0, -1);
  const recent = full.slice(-seconds).reduce((sum, value) => sum + value, 0) / seconds;
  const peak = Math.max(...full);
  tile("tile-rate", { value: rate(recent), note: peak ? `10 s mean, peak ${int(peak)}` : "10 s mean" });
  drawCurve(full, Math.max(peak, 1));
  buckets.push(0);
  buckets.shift();
}

/** Draws the seconds since the page was opened, the newest at the right edge. */
function drawCurve(values, top) {
  if (!values.some(Boolean)) return;
  const known = values.slice(-Math.max(2, Math.floor((Date.now() - started) / 1000)));
  const step = 60 / (values.length - 1);
  const left = 60 - (known.length - 1) * step;
  const points = known.map((value, index) => `${(left + index * step).toFixed(2)} ${(19 - (value / top) * 17).toFixed(2)}`);
  part("tile-rate", ".line").setAttribute("d", `M${points.join("L")}`);
  part("tile-rate", ".area").setAttribute("d", `M${points.join("L")}L60 20L${left.toFixed(2)} 20Z`);
}

/** Once a second: the rate, the age of the head, the seconds of the badge. `head()` gives the position. */
export function startClock(head) {
  showRate();
  setInterval(() => {
    showRate();
    showHead(head());
    tickBadge();
  }, 1000);
}

export function showTotal(title, total, note) {
  setText(part("tile-total", "h2"), title);
  tile("tile-total", { value: total === undefined ? "–" : int(total), note });
}

// ---- projections ------------------------------------------------------------------------------------------------

/** Keeps the tile up to date; `onProjections(list)` gets each answer, `undefined` when there is none. */
export function followProjections(onProjections) {
  poll(PROJECTIONS_EVERY, async () => {
    try {
      const { data } = await getJson("api/projections");
      const list = data.projections ?? [];
      showProjections(list);
      onProjections(list);
    } catch (error) {
      tile("tile-projections", { value: "Unknown", note: error.message, level: "unknown" });
      part("tile-projections", ".rows").replaceChildren();
      onProjections(undefined);
    }
  });
}

const FINE = /^(running|live|following|caught[-_ ]?up|idle|up|ok|current)$/i;
const WORKING = /^(starting|catching[-_ ]?up|rebuilding|paused|behind|replaying|degraded)$/i;
const LAG_WARNING = 2; // seconds; the limit the platform promises

function levelOf({ state, lastError, lagSeconds }) {
  if (lastError || (state && !FINE.test(state) && !WORKING.test(state))) return "bad";
  return WORKING.test(state ?? "") || lagSeconds > LAG_WARNING ? "warn" : "good";
}

const ORDER = ["bad", "warn", "good"];

function showProjections(list) {
  const entries = list.map((entry) => ({ ...entry, level: levelOf(entry) })).sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level) || (b.lagSeconds ?? 0) - (a.lagSeconds ?? 0));
  const worst = entries[0];
  const hidden = entries.length - PROJECTIONS_SHOWN;
  tile("tile-projections", {
    value: summaryOf(entries),
    note: worst?.lastError ? failure(worst.lastError) : !worst ? "this application declares no projection" : hidden > 0 ? `and ${hidden} more` : "",
    level: worst?.level ?? "unknown",
  });
  part("tile-projections", ".rows").replaceChildren(...entries.slice(0, PROJECTIONS_SHOWN).map(projectionRow));
}

function summaryOf(entries) {
  const at = (level) => entries.filter((entry) => entry.level === level).length;
  if (!entries.length) return "None";
  if (at("bad")) return `${at("bad")} of ${entries.length} failing`;
  return at("warn") ? `${at("warn")} of ${entries.length} behind` : "Up to date";
}

function projectionRow({ name, state, level, lagEvents, lagSeconds }) {
  const lag = lagEvents > 0 ? `${count(lagEvents, "event")}, ${duration(lagSeconds)} behind` : "no lag";
  return h("li", { data: { level } }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "name", text: name }), h("span", { class: "muted", text: `${state ?? "unknown"}, ${lag}` }));
}

// ---- readiness --------------------------------------------------------------------------------------------------

export function followReadiness() {
  poll(READY_EVERY, async () => {
    try {
      const { status, text } = await fetchText("readyz?verbose");
      const { failing, passing } = readChecks(text);
      const ready = status >= 200 && status < 300;
      tile("tile-ready", {
        value: ready ? "Ready" : "Not ready",
        note: failing.length ? failing.join("; ") : ready ? (passing.length ? `passing: ${passing.join(", ")}` : "") : `no reason was given (${status})`,
        level: !ready ? "bad" : failing.length ? "warn" : "good",
      });
    } catch (error) {
      tile("tile-ready", { value: "No answer", note: error.message, level: "bad" });
    }
  });
}

/** Reads a list or map of checks, a problem document, or lines marked `[+]` and `[-]`. */
function readChecks(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    const lines = text.split("\n").map((line) => line.trim());
    return { failing: lines.filter((line) => line.startsWith("[-]")).map((line) => line.slice(3).trim()), passing: lines.filter((line) => line.startsWith("[+]")).map((line) => line.slice(3).replace(/ ok$/, "").trim()) };
  }
  const checks = body?.checks ?? body?.components ?? body?.conditions ?? {};
  const entries = Array.isArray(checks) ? checks.map((check) => [check.name ?? check.component ?? "check", check]) : Object.entries(checks);
  const failing = entries.filter(([, check]) => !passes(check)).map(([name, check]) => [name, reasonOf(check)].filter(Boolean).join(": "));
  for (const error of body?.errors ?? []) failing.push([error.rule, error.detail].filter(Boolean).join(": "));
  const overall = body?.detail ?? body?.reason ?? body?.message;
  if (!failing.length && overall) failing.push(String(overall));
  return { failing, passing: entries.filter(([, check]) => passes(check)).map(([name]) => name) };
}

function passes(check) {
  if (typeof check === "boolean") return check;
  const flag = check?.ok ?? check?.ready ?? check?.healthy;
  if (typeof flag === "boolean") return flag;
  return /^(ok|up|pass|passing|ready|healthy|running|live)$/i.test(typeof check === "string" ? check : (check?.status ?? check?.state ?? ""));
}

const reasonOf = (check) => (typeof check === "string" ? check : (check?.reason ?? check?.detail ?? check?.message ?? check?.error ?? check?.status ?? ""));
