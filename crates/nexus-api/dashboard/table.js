// The rows of one read model: orders, or else whatever the first projection holds.

import { $, h, setText } from "./dom.js";
import { int } from "./format.js";
import { getJson } from "./http.js";
import * as address from "./address.js";
import { columnsOf, ORDERS } from "./columns.js";
import { emptyTable, noProjection } from "./guide.js";

const PAGE = 20;
const REFRESH_EVERY = 1000; // ms, at most
const SETTLE = 120; // ms; a projection is usually there by then, which saves a second read
const TYPING = 250; // ms
const RETRY = 5000; // ms

export class Table {
  /** `onTotal({title, total, note})` after each read; `onOpenRow(id, row)` when a row is chosen. */
  constructor({ onTotal, onOpenRow }) {
    Object.assign(this, { onTotal, onOpenRow });
    this.shape = ORDERS;
    this.pages = [""]; // cursors of the pages up to the one shown
    this.request = 0;
    this.wanted = 0; // position the rows should correspond to
    this.readAt = 0;
    this.values = {}; // filter field → values seen
    $("page-next").addEventListener("click", () => this.#turn([...this.pages, this.next]));
    $("page-previous").addEventListener("click", () => this.#turn(this.pages.slice(0, -1)));
    document.addEventListener("visibilitychange", () => !document.hidden && this.#schedule(0));
  }

  start() {
    this.#buildFilters();
    this.fromAddress();
  }

  /** Takes filters and order from the address. */
  fromAddress() {
    this.sort = address.read("sort") || this.shape.sort;
    this.filters = address.readFilters();
    for (const input of $("table-filters").querySelectorAll("input")) input.value = this.filters[input.name] ?? "";
    this.pages = [""];
    this.read();
  }

  /** Something was stored at `position`: read again soon, but not more than once a second. */
  poke(position) {
    this.wanted = Math.max(this.wanted, position);
    this.#schedule(Math.max(SETTLE, this.readAt + REFRESH_EVERY - Date.now()));
  }

  /** The log is another one. */
  reset() {
    this.wanted = 0;
    this.pages = [""];
    this.read();
  }

  row(id) {
    return this.items?.find((item) => this.#id(item) === id);
  }

  /** Knows why rows may be missing, and which resource to show when there are no orders. */
  setProjections(list) {
    this.projections = list;
    if (this.shape === undefined && list) this.#fallBack();
  }

  #schedule(delay) {
    if (this.timer || document.hidden) return;
    this.timer = setTimeout(() => this.read(), delay);
  }

  #id(item) {
    const key = this.shape.key ?? (item.id === undefined ? Object.keys(item)[0] : "id");
    return String(item[key] ?? "");
  }

  async read() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.shape) return this.#fallBack();
    const mine = (this.request += 1);
    this.readAt = Date.now();
    try {
      const [page, all] = await Promise.all([getJson(this.#path()), this.#isFiltered() ? getJson(this.#path(true)) : undefined]);
      if (mine !== this.request) return;
      this.#take(page, all?.data.total ?? page.data.total);
    } catch (error) {
      if (mine === this.request) this.#fail(error);
    }
  }

  #isFiltered() {
    return Object.keys(this.filters).length > 0;
  }

  #path(countOnly = false) {
    const params = new URLSearchParams({ limit: countOnly ? 1 : PAGE });
    if (!countOnly) {
      for (const [field, value] of Object.entries(this.filters)) params.set(`filter[${field}][prefix]`, value);
      if (this.sort) params.set("sort", this.sort);
      if (this.pages.at(-1)) params.set("cursor", this.pages.at(-1));
    }
    return `api/queries/${encodeURIComponent(this.shape.resource)}?${params}`;
  }

  #take({ data, headers }, overall) {
    this.items = data.items;
    this.next = data.nextToken;
    this.total = data.total;
    for (const field of this.shape.filters) {
      const seen = (this.values[field] ??= new Set());
      data.items.forEach((item) => item[field] && seen.size < 200 && seen.add(String(item[field])));
    }
    this.onTotal({ title: this.shape.title, total: overall, note: this.#isFiltered() ? `${int(data.total)} match the filter` : `in read model “${this.shape.resource}”` });
    this.#render();
    const at = Number(headers.get("Nexus-Projection-Position") ?? Infinity);
    if (at < this.wanted) this.#schedule(REFRESH_EVERY);
  }

  #fail(error) {
    if (error.status === 404 && this.shape === ORDERS) {
      this.shape = undefined;
      return this.#fallBack();
    }
    // A cursor, an order or a filter from an old link may not be understood any more: go on without it.
    if (error.status === 400 && this.pages.length > 1) return this.#turn([""]);
    this.#message([h("p", { class: "problem", text: `The rows could not be read: ${error.message}` }), error.status === 400 && this.#clearButton("Clear filter and order")]);
    this.#schedule(Math.max(RETRY, error.retryAfter * 1000));
  }

  /** There is no resource `orders`: show the first projection with what columns it has. */
  #fallBack() {
    if (!this.projections) return;
    const [first] = this.projections;
    if (!first) {
      $("table-panel").dataset.kind = "none";
      setText($("table-title"), "Read models");
      this.onTotal({ title: "Rows", total: undefined, note: "no projection" });
      const host = this.#message([]);
      if (host.dataset.state !== "none") noProjection(host);
      host.dataset.state = "none";
      return;
    }
    this.shape = { ...columnsOf(first.name), resource: first.name };
    setText($("table-title"), this.shape.title);
    this.#buildFilters();
    this.fromAddress();
  }

  #turn(pages) {
    this.pages = pages;
    this.read();
    $("table-scroll").scrollTop = 0;
  }

  #filterBy(field, value) {
    address.write({ [`f.${field}`]: value });
    this.filters = address.readFilters();
    this.#turn([""]);
  }

  #clear() {
    const nothing = Object.fromEntries(Object.keys(this.filters).map((field) => [`f.${field}`, ""]));
    address.write({ ...nothing, sort: "" });
    this.fromAddress();
  }

  #clearButton(text) {
    return h("p", {}, h("button", { type: "button", text, on: { click: () => this.#clear() } }));
  }

  #buildFilters() {
    $("table-filters").replaceChildren(...this.shape.filters.map((field) => {
      const list = `values-${field}`;
      const input = h("input", { type: "search", name: field, list, placeholder: this.shape.label(field), autocomplete: "off", spellcheck: "false", maxlength: 100 });
      input.addEventListener("input", () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.#filterBy(field, input.value), TYPING);
      });
      return h("label", { class: "field" }, h("span", { class: "sr", text: `Filter by ${this.shape.label(field)}, from its beginning` }), input, h("datalist", { id: list }));
    }));
  }

  #sortBy(field) {
    const current = this.sort.replace("-", "");
    const descending = field === current ? !this.sort.startsWith("-") : this.shape.descendsFirst(field, this.items);
    this.sort = `${descending ? "-" : ""}${field}`;
    address.write({ sort: this.sort === this.shape.sort ? "" : this.sort });
    this.#turn([""]);
  }

  // ---- drawing ----

  #render() {
    $("table-panel").dataset.kind = this.shape === ORDERS ? "orders" : "generic";
    this.#renderValues();
    const page = this.pages.length;
    const from = (page - 1) * PAGE;
    setText($("table-count"), this.#isFiltered() ? `${int(this.total)} match` : "");
    setText($("page-label"), this.items.length ? `${int(from + 1)}–${int(from + this.items.length)} of ${int(this.total)}` : "");
    $("page-previous").disabled = page === 1;
    $("page-next").disabled = !this.next;
    if (!this.items.length) return this.#renderEmpty();
    $("table-empty").hidden = true;
    delete $("table-empty").dataset.state;
    $("table-scroll").hidden = false;
    const columns = this.shape.columns(this.items);
    this.#keepFocus(() => {
      $("table").tHead.replaceChildren(h("tr", { role: "row" }, columns.map((column) => this.#heading(column))));
      $("table").tBodies[0].replaceChildren(...this.items.map((item) => this.#row(item, columns)));
    });
  }

  #renderValues() {
    for (const [field, seen] of Object.entries(this.values)) {
      const list = document.getElementById(`values-${field}`);
      if (list && list.childElementCount !== seen.size) list.replaceChildren(...[...seen].sort().map((value) => h("option", { value })));
    }
  }

  /** Rows are replaced as a whole; the control in focus gets its focus back by its key. */
  #keepFocus(draw) {
    const key = $("table").contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    draw();
    if (key) [...$("table").querySelectorAll("[data-key]")].find((node) => node.dataset.key === key)?.focus({ preventScroll: true });
  }

  #heading({ field, numeric, sortable }) {
    const descending = this.sort === `-${field}`;
    const active = descending || this.sort === field;
    const text = this.shape.label(field);
    const button = h("button", { type: "button", data: { key: `sort-${field}` }, on: { click: () => this.#sortBy(field) } }, text, h("span", { class: "arrow", "aria-hidden": "true", text: active ? (descending ? " ↓" : " ↑") : "" }));
    return h("th", { scope: "col", role: "columnheader", class: numeric ? "numeric" : "", "aria-sort": active ? (descending ? "descending" : "ascending") : false }, sortable === false ? text : button);
  }

  #row(item, columns) {
    const id = this.#id(item);
    return h("tr", { role: "row" }, columns.map((column, index) => {
      const shown = column.show(item[column.field], item);
      const content = index ? shown : h("button", { type: "button", class: "link", data: { key: `row-${id}` }, title: id, on: { click: () => this.onOpenRow(id, item) } }, shown);
      return h("td", { role: "cell", class: `${column.numeric ? "numeric " : ""}f-${index}`, data: { label: this.shape.label(column.field), field: column.field } }, content);
    }));
  }

  #renderEmpty() {
    if (this.#isFiltered()) {
      const asked = Object.entries(this.filters).map(([field, value]) => `${this.shape.label(field).toLowerCase()} starting with “${value}”`).join(" and ");
      this.#message([h("p", { text: `No row has ${asked}. Letter case counts.` }), this.#clearButton("Clear the filter")]);
      return;
    }
    const projection = this.projections?.find((entry) => entry.name === this.shape.resource);
    const state = `empty ${projection?.lastError?.reason ?? ""} ${projection?.lagEvents > 0 ? projection.lagEvents : ""}`;
    if ($("table-empty").dataset.state === state) return;
    emptyTable(this.#message([]), this.shape.resource, projection);
    $("table-empty").dataset.state = state;
  }

  #message(nodes) {
    const host = $("table-empty");
    $("table-scroll").hidden = true;
    host.hidden = false;
    if (nodes.length) {
      delete host.dataset.state;
      host.replaceChildren(...nodes.filter(Boolean));
    }
    return host;
  }
}
