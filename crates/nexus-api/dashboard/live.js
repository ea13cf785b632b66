// Follows the log: the newest events first, then the stream, and after any interruption on from the last position.

import { getJson } from "./http.js";
import { parseJson } from "./format.js";
import { EventStream } from "./stream.js";

const FIRST = 50; // events shown at the start
const CATCH_UP = 500; // a longer gap after an interruption is not fetched: the newest are shown instead
const FLUSH_EVERY = 200; // ms; a flood is handed on in batches
const QUEUE = 1000; // messages kept between two flushes; only the newest can be shown anyway
const STALE_AFTER = 30_000; // ms without a connection
const CHECK_EVERY = 5_000; // ms between two checks that the stream has not gone silent
const DELAYS = [500, 1000, 2000, 4000, 8000, 15_000]; // ms before each attempt to reconnect

/**
 * Calls `onEvents(events, {received, live})` with events in log order, `onReset()` before events that do not follow on
 * those before, `onState({state, since, reason})` with `connecting | streaming | reconnecting | stale`.
 */
export class LiveLog {
  constructor({ onEvents, onReset, onState }) {
    Object.assign(this, { onEvents, onReset, onState });
    this.last = 0;
    this.head = 0;
    this.newest = undefined; // the last event taken
    this.started = false;
    this.queue = [];
    this.received = 0;
    this.reached = 0; // position of the last message
    this.failures = 0;
    this.lostAt = 0;
    this.behind = 0; // checks in a row that found the log ahead of the stream
    this.reason = "";
  }

  start() {
    setInterval(() => this.#check(), CHECK_EVERY);
    document.addEventListener("visibilitychange", () => !document.hidden && this.lostAt && this.#connect());
    this.onState({ state: "connecting" });
    this.#connect();
  }

  /** Connects at once: something changed that makes it worth trying. */
  reconnect() {
    this.failures = 0;
    this.#connect();
  }

  async #connect() {
    if (this.connecting) return;
    this.connecting = true;
    clearTimeout(this.retry);
    try {
      await this.#catchUp();
      this.#open();
    } catch (error) {
      this.#lost(error.message);
    } finally {
      this.connecting = false;
    }
  }

  /** Fetches what the page has not seen; starts over when the log is another one or far ahead. */
  async #catchUp() {
    // One event is read again: another hash at its position means another log, even when that one is longer.
    const after = Math.max(0, this.last - 1);
    const { data } = await getJson(`api/events?after=${after}&limit=${this.started ? CATCH_UP + 1 : 1}`);
    const { head } = data;
    const again = data.events.find((event) => event.position === this.newest?.position);
    const replaced = head < this.last || Boolean(again && again.hash !== this.newest.hash);
    if (this.started && !replaced && head - this.last <= CATCH_UP) {
      this.head = head;
      return this.#take(data.events, data.events.length, false);
    }
    const newest = await getJson(`api/events?before=0&limit=${FIRST}`);
    if (this.started) this.onReset({ replaced, missed: Math.max(0, head - this.last) });
    this.started = true;
    this.last = 0;
    this.newest = undefined;
    this.reached = 0;
    this.queue = [];
    this.head = newest.data.head;
    this.#take(newest.data.events.reverse(), 0, false);
    this.last = Math.max(this.last, head);
  }

  #open() {
    this.source?.close();
    this.source = new EventStream(`api/events/stream?after=${this.last}`, {
      onOpen: () => {
        this.failures = 0;
        this.lostAt = 0;
        this.behind = 0;
        this.onState({ state: "streaming" });
      },
      onMessage: (message) => this.#enqueue(message),
      onEnd: (reason) => this.#lost(reason),
    });
  }

  #enqueue({ data, lastEventId }) {
    this.received += 1;
    this.queue.push(data);
    this.reached = Number(lastEventId) || 0;
    if (this.queue.length >= 2 * QUEUE) this.queue.splice(0, QUEUE);
    this.flushing ??= setTimeout(() => this.#flush(), FLUSH_EVERY);
  }

  #flush() {
    this.flushing = undefined;
    const { queue, received } = this;
    this.queue = [];
    this.received = 0;
    const events = queue.slice(-QUEUE).flatMap((text) => {
      try {
        return [parseJson(text)].filter((event) => event?.position);
      } catch {
        return [];
      }
    });
    this.#take(events, received, true);
    // A message without a readable event still says how far the stream is.
    this.last = Math.max(this.last, this.reached);
  }

  #take(events, received, live) {
    const fresh = events.filter((event) => event.position > this.last);
    if (fresh.length) this.newest = fresh.at(-1);
    if (fresh.length) this.last = this.newest.position;
    this.head = Math.max(this.head, this.last);
    this.onEvents(fresh, { received, live });
  }

  #lost(reason) {
    this.source?.close();
    this.source = undefined;
    this.lostAt ||= Date.now();
    this.reason = reason;
    const base = DELAYS[Math.min(this.failures, DELAYS.length - 1)];
    this.failures += 1;
    this.retry = setTimeout(() => this.#connect(), base * (0.8 + Math.random() * 0.4));
    this.#report();
  }

  #report() {
    const stale = Date.now() - this.lostAt > STALE_AFTER;
    this.onState({ state: stale ? "stale" : "reconnecting", since: this.lostAt, reason: this.reason });
  }

  /** A connection can be open and dead. Comments that keep it alive are invisible here, so ask the log. */
  async #check() {
    if (this.lostAt) return this.#report();
    if (document.hidden || !this.source?.isOpen) return;
    const before = this.last;
    try {
      const { data } = await getJson(`api/events?after=${before}&limit=1`);
      const silent = (data.events.length > 0 || data.head < before) && this.last === before && !this.flushing;
      this.behind = silent ? this.behind + 1 : 0;
      if (this.behind >= 2) this.#lost("the stream had gone silent");
      else this.onState(silent ? { state: "stale", reason: "the log is ahead of the stream" } : { state: "streaming" });
    } catch (error) {
      if (!this.lostAt) this.onState({ state: "stale", reason: error.message });
    }
  }
}
