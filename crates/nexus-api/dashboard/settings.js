// What a person chose on this browser. Everything that belongs in a link is in the address instead (address.js).

const KEY = "nexus.dashboard";

function load() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

/** `keys`: single-key shortcuts act; `utc`: times are shown in UTC instead of local time. */
export const settings = { keys: true, utc: false, ...load() };

export function choose(change) {
  Object.assign(settings, change);
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Storage may be forbidden; the choice then holds until the page is closed.
  }
}
