// How numbers, times and ids are written.

import { settings } from "./settings.js";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const cents = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const int = (value) => (Number.isFinite(value) ? whole.format(value) : "–");

/** "1 event", "2 events". */
export const count = (value, noun) => `${int(value)} ${noun}${value === 1 ? "" : "s"}`;

export function rate(value) {
  if (value === 0) return "0";
  return value < 10 ? value.toFixed(1) : whole.format(value);
}

/** Money is a whole number of minor units with two decimals; anything else is shown as it came. */
export const money = (minor) => (Number.isSafeInteger(minor) ? cents.format(minor / 100) : plain(minor));

/** A value as one line of text. */
export function plain(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" && !(value instanceof Exact) ? JSON.stringify(value) : String(value);
}

/** A number of a document that a JavaScript number cannot hold; keeps its digits. */
export class Exact {
  constructor(source) {
    this.source = source;
  }
  toString() {
    return this.source;
  }
  toJSON() {
    return JSON.rawJSON ? JSON.rawJSON(this.source) : this.source;
  }
}

const LONG_NUMBER = /[[:,\s]-?[\d.]{16,}/;

/** Parses JSON without changing large numbers, where the browser tells a reviver the source text. */
export function parseJson(text) {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source && String(value) !== context.source && context.source.length > 15 ? new Exact(context.source) : value,
  );
}

const STEPS = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86_400, 3600, "h"],
  [86_400 * 60, 86_400, "d"],
];

/** "12 s", "3 min", "4 h", "6 d"; older than 60 days the date. */
export function age(timestamp, now = Date.now()) {
  const moment = Date.parse(timestamp);
  if (Number.isNaN(moment)) return plain(timestamp);
  const seconds = Math.max(0, Math.floor((now - moment) / 1000));
  if (seconds < 1) return "now";
  const step = STEPS.find(([below]) => seconds < below);
  return step ? `${Math.floor(seconds / step[1])} ${step[2]}` : absolute(timestamp).slice(0, 10);
}

/** "now", "12 s ago", or a date. */
export function ago(timestamp) {
  const text = age(timestamp);
  return /\d (s|min|h|d)$/.test(text) ? `${text} ago` : text;
}

/** A length of time in seconds: "0.4 s", "41 s", "3 min". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const [, unit, name] = STEPS.find(([below]) => seconds < below) ?? STEPS.at(-1);
  return `${Math.floor(seconds / unit)} ${name}`;
}

/** "2026-01-31 12:00:00.123 +01:00", or with "UTC" when the settings say so. */
export function absolute(timestamp, utc = settings.utc) {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return plain(timestamp);
  const offset = utc ? 0 : -date.getTimezoneOffset();
  const text = new Date(date.getTime() + offset * 60_000).toISOString().replace("T", " ").replace("Z", "");
  return `${text} ${utc ? "UTC" : offsetText(offset)}`;
}

function offsetText(minutes) {
  const two = (value) => String(value).padStart(2, "0");
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** To the minute, for tables. */
export const minute = (timestamp) => (Number.isNaN(Date.parse(timestamp)) ? plain(timestamp) : absolute(timestamp).slice(0, 16));

/** Keeps both ends of a long id: time-ordered ids differ at the end, readable ones at the start. */
export function middle(text, longest = 22) {
  if (text.length <= longest) return text;
  const half = Math.floor((longest - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** Why a projection fails, as one line: a text, or `{reason, position, attempts}`. */
export function failure(error) {
  if (!error || typeof error !== "object") return plain(error);
  const where = [error.position && `event at position ${int(error.position)}`, error.attempts > 1 && `${count(error.attempts, "attempt")}`].filter(Boolean).join(", ");
  return where ? `${error.reason} (${where})` : plain(error.reason);
}

/** A stable colour class of a name. */
export function hue(name) {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return `hue-${sum % 6}`;
}

/** "customerId" → "Customer id". */
export function label(field) {
  const words = field.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[-_]+/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A text as one word of a shell, quoted when it needs to be. */
export const shellWord = (text) => (/^[\w.:@/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
