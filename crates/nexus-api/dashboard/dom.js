// Small helpers around the document. Text from data only ever becomes a text node or an attribute value.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. `props`: `class`, `text`, `data` (dataset), `on` (listeners), anything else is an attribute;
 * false, null and undefined leave an attribute away.
 */
export function h(tag, props = {}, ...children) {
  const node = tag === "svg" || tag === "path" ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "on") Object.entries(value).forEach(([type, listener]) => node.addEventListener(type, listener));
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Sets text only when it differs, so that live regions and selections stay calm. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Copies text and says so. Pages served over plain HTTP from another host have no clipboard API. */
export async function copy(text, what) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = copyBySelection(text);
  }
  toast(done ? `Copied ${what}` : `The browser did not allow copying ${what}`);
}

function copyBySelection(text) {
  const before = document.activeElement;
  const area = h("textarea", { class: "sr", "aria-hidden": "true", readonly: true });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus({ preventScroll: true });
  return done;
}

export function copyButton(label, text, what) {
  const value = () => (typeof text === "function" ? text() : text);
  return h("button", { type: "button", class: "quiet", text: label, on: { click: () => copy(value(), what) } });
}

/** A command line with a button that copies it. */
export function commandLine(command) {
  return h("div", { class: "command" }, h("code", { text: command }), copyButton("Copy", command, "the command"));
}

let toastTimer;
export function toast(text) {
  const node = $("toast");
  node.textContent = text;
  node.dataset.shown = "";
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    delete node.dataset.shown;
    node.textContent = "";
  }, 2500);
}

/** Shows a dismissible line under the header; one per `id`, an empty text removes it. */
export function notice(id, kind, text) {
  const host = $("notices");
  host.querySelector(`[data-id="${id}"]`)?.remove();
  if (!text) return;
  const close = h("button", { type: "button", class: "icon", "aria-label": "Dismiss", text: "×", on: { click: () => notice(id) } });
  host.append(h("p", { class: "notice", role: "status", data: { id, kind } }, h("span", { text }), close));
}
