// The list of events: what is kept, which of it is shown, and the rows.

import { $, h, setText } from "./dom.js";
import { absolute, age, count, hue, int, middle } from "./format.js";
import { getJson } from "./http.js";
import * as address from "./address.js";
import { emptyLog } from "./guide.js";

const KEPT = 1000; // events held in memory, so that a filter has something to find
const SHOWN = 200; // rows on the page
const PAGE = 50;

export class Feed {
  /** `onOpen(event)` is called when a row is chosen. */
  constructor({ onOpen }) {
    this.onOpen = onOpen;
    this.events = []; // newest first
    this.waiting = []; // arrived while paused, newest first
    this.missed = 0; // arrived while paused and no longer held
    this.paused = false;
    this.loaded = false;
    this.failure = "";
    this.rows = new Map(); // position → row
    this.selected = "";
    this.first = 1; // no event before this position is there to be seen
    this.list = $("feed");
    this.#listen();
  }

  #listen() {
    this.list.addEventListener("click", (click) => {
      const row = click.target.closest(".event");
      if (row) this.#choose(row);
    });
    this.list.addEventListener("focusin", (focus) => {
      const row = focus.target.closest(".event");
      if (row) this.#makeTabStop(row);
    });
    $("feed-filter").addEventListener("input", (input) => this.filterBy(input.target.value));
    $("pause").addEventListener("click", () => this.togglePause());
    $("older").addEventListener("click", () => this.#loadOlder());
    setInterval(() => !document.hidden && this.#refreshAges(), 1000);
  }

  /** Takes events in log order. */
  add(events) {
    this.loaded = true;
    this.failure = "";
    const newest = events.slice().reverse();
    if (this.paused) {
      this.missed += Math.max(0, newest.length + this.waiting.length - KEPT);
      this.waiting = [...newest, ...this.waiting].slice(0, KEPT);
    } else {
      this.events = [...newest, ...this.events].slice(0, KEPT);
    }
    this.render();
  }

  /** Forgets everything: what comes next does not follow on it. */
  reset() {
    this.events = [];
    this.waiting = [];
    this.missed = 0;
    this.first = 1;
    this.render();
  }

  /** Says why there is nothing, when nothing could be read so far. */
  fail(reason) {
    if (this.loaded) return;
    this.failure = reason;
    this.render();
  }

  find(eventId) {
    return [...this.events, ...this.waiting].find((event) => event.eventId === eventId);
  }

  select(eventId) {
    this.selected = eventId;
    this.rows.forEach((row) => this.#mark(row));
  }

  filterBy(text) {
    if ($("feed-filter").value !== text) $("feed-filter").value = text;
    this.terms = text.toLowerCase().split(/\s+/).filter(Boolean);
    address.write({ q: text.trim() });
    this.render();
  }

  togglePause() {
    this.paused = !this.paused;
    if (!this.paused) {
      this.events = [...this.waiting, ...(this.missed ? [] : this.events)].slice(0, KEPT);
      this.waiting = [];
      this.missed = 0;
    }
    this.render();
  }

  /** Moves the focus by rows; with an open event, the selection follows. */
  move(step) {
    const rows = [...this.list.querySelectorAll(".event")];
    if (!rows.length) return;
    const start = document.activeElement?.closest?.(".event") ?? rows.find((row) => row.dataset.id === this.selected);
    const index = start ? Math.min(rows.length - 1, Math.max(0, rows.indexOf(start) + step)) : 0;
    rows[index].focus();
    rows[index].scrollIntoView({ block: "nearest" });
    if (this.selected) this.#choose(rows[index]);
  }

  #choose(row) {
    const event = this.find(row.dataset.id);
    if (event) this.onOpen(event);
  }

  async #loadOlder() {
    const oldest = this.events.at(-1)?.position;
    if (!oldest) return;
    $("older").disabled = true;
    try {
      // A page may be empty before the beginning is reached: some events are not everybody's to read.
      let page = { events: [], next: oldest };
      while (!page.events.length && page.next > 1) {
        page = (await getJson(`api/events?before=${page.next}&limit=${PAGE}`)).data;
      }
      const older = page.events.filter((event) => event.position < (this.events.at(-1)?.position ?? 0));
      this.events = [...this.events, ...older];
      if (page.next <= 1) this.first = this.events.at(-1)?.position ?? 1;
      this.render();
    } catch (error) {
      setText($("feed-note"), `Older events could not be read: ${error.message}`);
    } finally {
      $("older").disabled = false;
    }
  }

  #matches(event) {
    if (!this.terms?.length) return true;
    const text = `${event.eventType} ${event.aggregateType} ${event.aggregateId} ${actorOf(event)}`.toLowerCase();
    return this.terms.every((term) => text.includes(term));
  }

  render() {
    const matching = this.events.filter((event) => this.#matches(event));
    const shown = matching.slice(0, SHOWN);
    this.#renderRows(shown);
    this.#renderEmpty(shown.length);
    this.#renderFrame(matching, shown);
  }

  /** Keeps the rows that stay, so that focus and scroll position do too. */
  #renderRows(shown) {
    const wanted = new Set(shown.map((event) => event.position));
    const focused = document.activeElement?.closest?.(".event");
    for (const [position, row] of this.rows) {
      if (wanted.has(position)) continue;
      row.parentNode.remove();
      this.rows.delete(position);
    }
    let place = this.list.firstElementChild;
    for (const event of shown) {
      const row = this.rows.get(event.position) ?? this.#makeRow(event);
      if (row.parentNode === place) place = place.nextElementSibling;
      else this.list.insertBefore(row.parentNode, place);
    }
    if (focused && !focused.isConnected) this.list.lastElementChild?.firstElementChild.focus({ preventScroll: true });
    if (!this.list.querySelector('.event[tabindex="0"]')) this.list.querySelector(".event")?.setAttribute("tabindex", "0");
  }

  #makeRow(event) {
    const row = h("button", { type: "button", class: `event ${hue(event.eventType)}`, tabindex: "-1", data: { id: event.eventId } },
      h("span", { class: "position", text: int(event.position) }),
      h("time", { class: "age", datetime: event.timestamp, title: absolute(event.timestamp), text: age(event.timestamp) }),
      h("span", { class: "type", text: event.eventType, title: event.eventType }),
      h("span", { class: "aggregate", title: `${event.aggregateType} ${event.aggregateId}, version ${event.aggregateVersion}` },
        h("span", { class: "id", text: middle(event.aggregateId, 20) }), h("span", { class: "version", text: `v${event.aggregateVersion}` })),
      h("span", { class: "actor", text: actorOf(event), title: actorOf(event) }));
    h("li", {}, row);
    this.rows.set(event.position, row);
    this.#mark(row);
    return row;
  }

  #mark(row) {
    if (row.dataset.id === this.selected) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }

  #makeTabStop(row) {
    this.list.querySelectorAll('.event[tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
    row.setAttribute("tabindex", "0");
  }

  #refreshAges() {
    const now = Date.now();
    for (const row of this.rows.values()) {
      const time = row.querySelector("time");
      setText(time, age(time.dateTime, now));
    }
  }

  /** After the settings changed how times are written. */
  refreshTitles() {
    this.list.querySelectorAll("time").forEach((time) => time.setAttribute("title", absolute(time.dateTime)));
  }

  #renderFrame(matching, shown) {
    const filtered = Boolean(this.terms?.length);
    const unseen = this.waiting.length + this.missed;
    const pause = $("pause");
    setText(pause, this.paused ? (unseen ? `Resume (${int(unseen)} new)` : "Resume") : "Pause");
    pause.setAttribute("aria-pressed", String(this.paused));
    setText($("feed-count"), filtered ? `${int(shown.length)} of ${int(this.events.length)} held` : "");
    const oldest = this.events.at(-1)?.position ?? 0;
    const room = matching.length < SHOWN && this.events.length < KEPT;
    $("older").hidden = !(this.events.length && oldest > this.first && room);
    const capped = matching.length > SHOWN || (this.events.length >= KEPT && oldest > this.first);
    setText($("feed-note"), shown.length && capped ? `The newest ${SHOWN} rows are shown.` : oldest === this.first ? "That is the whole log." : "");
  }

  #renderEmpty(rows) {
    const empty = $("feed-empty");
    const state = rows ? "" : this.failure ? `failure ${this.failure}` : !this.loaded ? "loading" : this.events.length ? `filter ${this.terms.join(" ")}` : "empty";
    this.list.hidden = !rows;
    empty.hidden = !state;
    if (empty.dataset.state === state) return;
    empty.dataset.state = state;
    if (!state) empty.replaceChildren();
    else if (this.failure) empty.replaceChildren(h("p", { text: `No events yet: ${this.failure}. Trying again.` }));
    else if (!this.loaded) empty.replaceChildren(h("p", { text: "Reading the newest events." }));
    else if (this.events.length) empty.replaceChildren(...this.#nothingMatches());
    else emptyLog(empty);
  }

  #nothingMatches() {
    const types = [...new Set(this.events.map((event) => event.eventType))].sort().slice(0, 12);
    return [
      h("p", { text: `None of the newest ${count(this.events.length, "event")} has “${this.terms.join(" ")}” in its type, aggregate or actor.` }),
      h("p", { class: "choices" }, h("span", { text: "Types among them: " }),
        types.map((type) => h("button", { type: "button", class: "quiet", text: type, on: { click: () => this.filterBy(type) } }))),
      h("p", {}, h("button", { type: "button", text: "Clear the filter", on: { click: () => this.filterBy("") } })),
    ];
  }
}

export const actorOf = (event) => event.receipt?.actor ?? event.metadata?.userId ?? "";
