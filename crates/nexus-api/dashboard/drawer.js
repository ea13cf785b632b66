// The panel at the side: one event, or one row with the events behind it.

import { $, commandLine, copy, copyButton, h, setText } from "./dom.js";
import { absolute, age, ago, hue, int, middle, shellWord } from "./format.js";
import { absoluteUrl, getJson } from "./http.js";
import { actorOf } from "./feed.js";
import { tree } from "./tree.js";

const STREAM_EVENTS = 50;
const narrow = matchMedia("(max-width: 1099px)");

const curl = (path) => `curl -g ${shellWord(absoluteUrl(path))}`;

export class Drawer {
  /** `onClose()`; `onOpenEvent(event)` and `onOpenRow(id)` when something inside leads elsewhere. */
  constructor({ onClose, onOpenEvent, onOpenRow }) {
    Object.assign(this, { onClose, onOpenEvent, onOpenRow });
    this.node = $("drawer");
    this.body = $("drawer-body");
    this.request = 0;
    $("drawer-close").addEventListener("click", () => this.onClose());
    narrow.addEventListener("change", () => this.#cover());
  }

  get isOpen() {
    return !this.node.hidden;
  }

  /** Shows an event that is at hand. */
  showEvent(event) {
    this.request += 1;
    this.current = { event };
    this.#open(event.eventType, eventContent(event, this.onOpenRow));
  }

  /** Fetches and shows an event by its id. */
  async loadEvent(eventId) {
    const path = `api/events/${encodeURIComponent(eventId)}`;
    await this.#load("Event", async () => {
      const { data } = await getJson(path);
      this.current = { event: data };
      return [data.eventType, eventContent(data, this.onOpenRow)];
    });
  }

  /** Shows a row, when one is at hand, and the newest events of the stream with the same id. */
  async loadRow(id, row) {
    await this.#load(middle(id, 40), async () => {
      this.current = { row: id };
      const path = `api/streams/${encodeURIComponent(id)}/events?direction=backward&limit=${STREAM_EVENTS}`;
      let events;
      try {
        events = (await getJson(path)).data.events;
      } catch (error) {
        if (error.status !== 404 || !row) throw error;
      }
      return [middle(id, 40), rowContent({ id, row, events, path }, this.onOpenEvent)];
    });
  }

  async #load(title, content) {
    const mine = (this.request += 1);
    this.#open(title, [h("p", { class: "muted", text: "Reading." })]);
    try {
      const [heading, nodes] = await content();
      if (mine === this.request) this.#open(heading, nodes);
    } catch (error) {
      if (mine === this.request) this.#open(title, [h("p", { class: "problem", text: `This could not be read: ${error.message}` })]);
    }
  }

  #open(title, nodes) {
    const opening = this.node.hidden;
    if (opening) this.before = document.activeElement;
    setText($("drawer-title"), title);
    this.body.replaceChildren(...nodes.filter(Boolean));
    this.body.scrollTop = 0;
    this.node.hidden = false;
    this.#cover();
    if (opening && narrow.matches) this.node.focus();
  }

  close() {
    if (this.node.hidden) return;
    const inside = this.node.contains(document.activeElement);
    this.request += 1;
    this.current = undefined;
    this.node.hidden = true;
    this.#cover();
    if (inside || document.activeElement === document.body) {
      (this.before?.isConnected ? this.before : $("feed")).focus({ preventScroll: true });
    }
  }

  /** What the panel covers must not be reachable by keyboard. */
  #cover() {
    $("table-panel").inert = this.isOpen;
    for (const other of [$("feed-panel"), document.querySelector(".tiles"), document.querySelector(".top")]) {
      other.inert = this.isOpen && narrow.matches;
    }
  }

  /** After the settings changed how times are written. */
  refresh() {
    if (this.current?.event) this.showEvent(this.current.event);
  }
}

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", { text: name }), h("dd", {}, value))));
}

function eventContent(event, onOpenRow) {
  const { payload, metadata, receipt, ...place } = event;
  const path = `api/events/${encodeURIComponent(event.eventId)}`;
  const open = h("button", { type: "button", class: "link mono", text: event.aggregateId, title: "Show this stream", on: { click: () => onOpenRow(event.aggregateId) } });
  return [
    facts([
      ["Position", int(event.position)],
      ["Stored", `${absolute(event.timestamp)} (${ago(event.timestamp)})`],
      [event.aggregateType, h("span", {}, open, ` v${event.aggregateVersion}`)],
      ["Actor", actorOf(event)],
      ["Event id", h("span", { class: "mono", text: event.eventId })],
    ]),
    h("p", { class: "actions" }, copyButton("Copy id", event.eventId, "the event id"), copyButton("Copy as curl", curl(path), "the curl command"),
      copyButton("Copy as nexus", `nexus event show ${event.eventId}`, "the nexus command"), copyButton("Copy JSON", () => JSON.stringify(event, null, 2), "the event"),
      h("button", { type: "button", class: "quiet", text: "Copy link", on: { click: () => copy(location.href, "the link") } })),
    section("Payload", payload, true),
    section("Metadata", metadata, true),
    section("Receipt", receipt, true),
    section("Place in the log", place, false),
  ];
}

function section(title, value, open) {
  if (value === null || value === undefined) return null;
  const content = typeof value === "object" && Object.keys(value).length ? tree(value) : tree({ value });
  return h("details", { class: "section", open }, h("summary", { text: title }), content);
}

function rowContent({ id, row, events, path }, onOpenEvent) {
  const nodes = [
    h("p", { class: "actions" }, copyButton("Copy id", id, "the id"), copyButton("Copy as curl", curl(path), "the curl command"),
      copyButton("Copy as nexus", `nexus stream events ${shellWord(id)}`, "the nexus command")),
  ];
  if (row) nodes.push(section("Current row", row, true));
  if (!events) return [...nodes, h("p", { class: "muted", text: "No stream has this id, so there are no events to show behind this row." })];
  const title = events.length === STREAM_EVENTS ? `Newest ${STREAM_EVENTS} events of this stream` : "Events of this stream, newest first";
  nodes.push(h("h3", { text: title }), h("ol", { class: "history" }, events.map((event) => h("li", {}, historyRow(event, onOpenEvent)))));
  if (events.length === STREAM_EVENTS) nodes.push(commandLine(`nexus stream events ${shellWord(id)}`));
  return nodes;
}

function historyRow(event, onOpenEvent) {
  return h("button", { type: "button", class: `event ${hue(event.eventType)}`, on: { click: () => onOpenEvent(event) } },
    h("span", { class: "version", text: `v${event.aggregateVersion}` }),
    h("span", { class: "type", text: event.eventType }),
    h("span", { class: "actor", text: actorOf(event) }),
    h("time", { class: "age", datetime: event.timestamp, title: absolute(event.timestamp), text: age(event.timestamp) }));
}
