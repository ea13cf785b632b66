// Which columns a read model has and how their values are shown.

import { h } from "./dom.js";
import { absolute, ago, Exact, int, label, middle, minute, money, plain } from "./format.js";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/;
const MOST = 8; // columns of an unknown read model

const text = (value) => h("span", { text: middle(plain(value), 32), title: plain(value) });
const id = (value) => h("span", { class: "mono", text: middle(plain(value), 20) });
const time = (value) => (value ? h("time", { datetime: plain(value), title: `${absolute(value)} (${ago(value)})`, text: minute(value) }) : "");

const LEVELS = [
  [/part|pending|wait|hold/i, "warn"],
  [/cancel|reject|fail|refus|expired/i, "bad"],
  [/paid|ship|deliver|complet|confirm|done/i, "good"],
];

function status(value) {
  const level = LEVELS.find(([pattern]) => pattern.test(plain(value)))?.[1];
  return h("span", { class: "chip", data: level ? { level } : {}, text: label(plain(value)) });
}

function total(value, row) {
  const cancelled = row.cancelledMinor > 0 ? h("span", { class: "cancelled", title: `${money(row.cancelledMinor)} of it cancelled`, text: `−${money(row.cancelledMinor)}` }) : null;
  return h("span", { title: row.currency ?? "" }, cancelled, money(value));
}

const ORDER_LABELS = { id: "Order", customerId: "Customer", lineCount: "Lines", totalMinor: "Total", placedAt: "Placed" };
const ORDER_COLUMNS = [
  { field: "id", show: id },
  { field: "customerId", show: text },
  { field: "country", show: text },
  { field: "status", show: status },
  { field: "lineCount", show: (value) => int(value), numeric: true },
  { field: "totalMinor", show: total, numeric: true },
  { field: "placedAt", show: time, numeric: true },
];

/** The read model of the sample domain. */
export const ORDERS = {
  resource: "orders",
  title: "Orders",
  key: "id",
  sort: "-placedAt",
  filters: ["country", "status"],
  label: (field) => ORDER_LABELS[field] ?? label(field),
  columns: () => ORDER_COLUMNS,
  descendsFirst: (field) => ["lineCount", "totalMinor", "placedAt"].includes(field),
};

/** A read model of which only the name is known: columns are read off its rows. */
export function columnsOf(resource) {
  return {
    resource,
    title: label(resource),
    sort: "",
    filters: [],
    label,
    columns: (rows) => Object.keys(rows[0]).slice(0, MOST).map((field) => guess(field, rows)),
    descendsFirst: (field, rows) => typeof rows?.[0]?.[field] === "number" || TIME.test(rows?.[0]?.[field] ?? ""),
  };
}

function guess(field, rows) {
  const value = rows.map((row) => row[field]).find((candidate) => candidate !== null && candidate !== undefined);
  if (typeof value === "number" || value instanceof Exact) {
    return /Minor$/.test(field) ? { field, numeric: true, show: money } : { field, numeric: true, show: plain };
  }
  if (typeof value === "string" && TIME.test(value)) return { field, numeric: true, show: time };
  if (field === "status" || field === "state") return { field, show: status };
  return { field, show: text, sortable: typeof value !== "object" };
}
