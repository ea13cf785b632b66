// The address carries the state, so that a link shows somebody else the same thing.
//   q: feed filter · event: id of the open event · row: id of the open row
//   sort: order of the table · f.<field>: a filter of the table

const listeners = [];

export const read = (name) => new URLSearchParams(location.search).get(name) ?? "";

/** All filters of the table: field → value. */
export function readFilters() {
  const entries = [...new URLSearchParams(location.search)].filter(([name, value]) => name.startsWith("f.") && value);
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(2), value]));
}

/** Changes members; an empty value removes one. With `push` the Back button undoes it. */
export function write(change, { push = false } = {}) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  const query = params.toString();
  if (query === location.search.slice(1)) return;
  const target = location.pathname + (query ? `?${query}` : "");
  if (push) history.pushState(null, "", target);
  else history.replaceState(null, "", target);
}

/** Calls back after Back and Forward. */
export const onNavigate = (listener) => listeners.push(listener);

addEventListener("popstate", () => listeners.forEach((listener) => listener()));
