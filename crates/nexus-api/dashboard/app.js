// Puts the page together: the log feeds the list, the tiles and the table; the address says what is open.

import { $, notice } from "./dom.js";
import { count } from "./format.js";
import * as address from "./address.js";
import * as status from "./status.js";
import { Drawer } from "./drawer.js";
import { Feed } from "./feed.js";
import { listenToKeys, prepareHelp, showHelp } from "./keys.js";
import { LiveLog } from "./live.js";
import { prepareSignIn } from "./session.js";
import { Table } from "./table.js";

const feed = new Feed({ onOpen: openEvent });
const table = new Table({ onTotal: ({ title, total, note }) => status.showTotal(title, total, note), onOpenRow: openRow });
const drawer = new Drawer({ onClose: closeDrawer, onOpenEvent: openEvent, onOpenRow: (id) => openRow(id) });
const log = new LiveLog({ onEvents, onReset, onState });

function onEvents(events, { received, live }) {
  status.countEvents(events, live ? received : 0);
  status.showHead(log.head);
  feed.add(events);
  if (events.length) table.poke(log.head);
}

function onReset({ replaced, missed }) {
  feed.reset();
  status.forgetNewest();
  table.reset();
  if (replaced) notice("log", "warning", "This is another log than before: the server runs with other data now. The page shows that.");
  else notice("log", "info", `${count(missed, "event")} were stored while the connection was away. The newest are shown.`);
}

let versionShown = false;
async function onState(state) {
  status.showState(state);
  if (state.state === "reconnecting" || state.state === "stale") {
    feed.fail(state.reason);
    versionShown = false; // What answers next may be another build.
  } else if (!versionShown) {
    versionShown = true;
    versionShown = await status.showVersion();
  }
}

function openEvent(event) {
  // Stepping through events is one entry in the history, not one per event.
  address.write({ event: event.eventId, row: "" }, { push: !drawer.isOpen });
  feed.select(event.eventId);
  drawer.showEvent(event);
}

function openRow(id, row = table.row(id)) {
  address.write({ row: id, event: "" }, { push: true });
  feed.select("");
  drawer.loadRow(id, row);
}

function closeDrawer() {
  address.write({ event: "", row: "" }, { push: true });
  feed.select("");
  drawer.close();
}

/** Shows what the address says is open. */
function openFromAddress() {
  const [event, row] = [address.read("event"), address.read("row")];
  feed.select(event);
  if (event) {
    const known = feed.find(event);
    if (known) drawer.showEvent(known);
    else drawer.loadEvent(event);
  } else if (row) drawer.loadRow(row, table.row(row));
  else drawer.close();
}

function escape(event) {
  if (event.target === $("feed-filter") && $("feed-filter").value) return feed.filterBy("");
  if (drawer.isOpen) return closeDrawer();
  event.target.blur();
}

const focusFilter = () => {
  $("feed-filter").focus();
  $("feed-filter").select();
};

listenToKeys({ "/": focusFilter, j: () => feed.move(1), k: () => feed.move(-1), p: () => feed.togglePause(), "?": showHelp, Escape: escape });
prepareHelp(() => {
  feed.refreshTitles();
  drawer.refresh();
  table.read();
});
prepareSignIn(() => {
  log.reconnect();
  table.read();
});
address.onNavigate(() => {
  feed.filterBy(address.read("q"));
  table.fromAddress();
  openFromAddress();
});

feed.filterBy(address.read("q"));
table.start();
openFromAddress();
status.followProjections((list) => table.setProjections(list));
status.followReadiness();
status.startClock(() => log.head);
log.start();
