// A JSON value as a tree that folds. Children are made when a branch is first opened.

import { copy, h } from "./dom.js";
import { count, Exact } from "./format.js";

const BATCH = 100; // children shown at once
const LONG = 400; // characters of a text shown at once

const isBranch = (value) => value !== null && typeof value === "object" && !(value instanceof Exact);

/** A list of members. `open` is how many levels below it are unfolded. */
export function tree(value, open = 1) {
  const entries = Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
  const list = h("ul", { class: "tree" });
  appendBatch(list, entries, 0, open);
  return list;
}

function appendBatch(list, entries, from, open) {
  const until = Math.min(entries.length, from + BATCH);
  list.append(...entries.slice(from, until).map(([name, value]) => member(name, value, open)));
  if (until === entries.length) return;
  const more = h("button", { type: "button", class: "quiet", text: `Show ${Math.min(BATCH, entries.length - until)} more of ${entries.length - until}` });
  const item = h("li", {}, more);
  more.addEventListener("click", () => {
    item.remove();
    appendBatch(list, entries, until, open);
  });
  list.append(item);
}

function member(name, value, open) {
  const key = h("span", { class: "key", text: String(name) });
  if (!isBranch(value)) return h("li", {}, key, leaf(name, value));
  const size = Array.isArray(value) ? count(value.length, "item") : count(Object.keys(value).length, "member");
  if (Array.isArray(value) ? !value.length : !Object.keys(value).length) {
    return h("li", {}, key, h("span", { class: "leaf muted", text: Array.isArray(value) ? "[ ]" : "{ }" }));
  }
  const branch = h("details", { open: open > 0 }, h("summary", {}, key, h("span", { class: "muted", text: size }), preview(value)));
  const fill = () => branch.open && branch.childElementCount === 1 && branch.append(tree(value, open - 1));
  branch.addEventListener("toggle", fill);
  fill();
  return h("li", {}, branch);
}

/** The first plain members of a folded object, to tell the items of a list apart. */
function preview(value) {
  if (Array.isArray(value)) return null;
  const plain = Object.entries(value).filter(([, item]) => !isBranch(item)).slice(0, 3);
  return plain.length ? h("span", { class: "preview", text: plain.map(([name, item]) => `${name} ${String(item).slice(0, 40)}`).join(", ") }) : null;
}

function leaf(name, value) {
  const text = typeof value === "string" ? value : String(value);
  const kind = value === null ? "null" : value instanceof Exact ? "number" : typeof value;
  const node = h("button", { type: "button", class: `leaf ${kind}`, title: "Copy the value", "aria-label": `${name}: ${text.slice(0, LONG)}; copy the value`, text: text.slice(0, LONG) || "(empty text)" });
  node.addEventListener("click", () => copy(text, String(name)));
  if (text.length <= LONG) return node;
  const rest = h("button", { type: "button", class: "quiet", text: `Show all ${text.length} characters` });
  rest.addEventListener("click", () => {
    node.textContent = text;
    rest.remove();
  });
  return h("span", {}, node, " ", rest);
}
