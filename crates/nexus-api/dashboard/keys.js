// Keyboard shortcuts and the help that lists them.

import { $ } from "./dom.js";
import { choose, settings } from "./settings.js";

/** `actions`: key → function. Single letters act only outside of fields, without modifiers, and when not switched off. */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "Escape" && (typing || !settings.keys)) return;
    const act = actions[event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
  });
}

/** `onChange()` is called when a setting changed. */
export function prepareHelp(onChange) {
  const bind = (id, name) => {
    $(id).checked = settings[name];
    $(id).addEventListener("change", () => {
      choose({ [name]: $(id).checked });
      onChange();
    });
  };
  bind("set-keys", "keys");
  bind("set-utc", "utc");
  $("help-open").addEventListener("click", showHelp);
  $("help").addEventListener("click", (event) => event.target === $("help") && $("help").close());
}

export const showHelp = () => $("help").showModal();
