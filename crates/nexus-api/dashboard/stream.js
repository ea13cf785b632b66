// A stream of events over one request. The browser's own EventSource cannot send the header that says who asks.

import { absoluteUrl, failureOf } from "./http.js";
import { credentials } from "./session.js";

/** Reads `path` until it ends or is closed: `onOpen()`, then `onMessage({data, lastEventId})`, at last `onEnd(reason)`. */
export class EventStream {
  constructor(path, { onOpen, onMessage, onEnd }) {
    this.isOpen = false;
    this.abort = new AbortController();
    this.#read(path, { onOpen, onMessage }).then(
      (reason) => this.abort.signal.aborted || onEnd(reason),
      (error) => this.abort.signal.aborted || onEnd(error.status ? error.message : "the event stream broke off"),
    );
  }

  close() {
    this.isOpen = false;
    this.abort.abort();
  }

  async #read(path, { onOpen, onMessage }) {
    const headers = { Accept: "text/event-stream", ...credentials() };
    const response = await fetch(absoluteUrl(path), { headers, cache: "no-store", signal: this.abort.signal });
    if (!response.ok) throw failureOf(response.status, response.headers, await response.text());
    this.isOpen = true;
    onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const message = messageOf(block);
        if (message && !this.abort.signal.aborted) onMessage(message);
      }
    }
    this.isOpen = false;
    return "the event stream ended";
  }
}

/** One message of the stream (HTML Living Standard, section 9.2.6); comments have no data and are none. */
function messageOf(block) {
  const data = [];
  let lastEventId = "";
  for (const line of block.split(/\r?\n/)) {
    const [, name, text] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name === "data") data.push(text);
    else if (name === "id") lastEventId = text;
  }
  return data.length ? { data: data.join("\n"), lastEventId } : undefined;
}
