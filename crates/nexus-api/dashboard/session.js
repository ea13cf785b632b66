// Who asks: the token that a person pastes, kept for this tab only and sent with every request.

import { $ } from "./dom.js";

const KEY = "nexus-token";

let token = read();

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // Storage may be switched off; the token is then kept until the page is left.
  }
}

function keep(value) {
  token = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // See `read`.
  }
  $("sign-out").hidden = !value;
}

/** The headers that say who asks; none without a token. */
export const credentials = () => (token ? { Authorization: `Bearer ${token}` } : {});

/** Shows the dialog for a token, unless it is open. `reason` is what the server said. */
export function askForToken(reason) {
  const dialog = $("sign-in");
  $("sign-in-reason").textContent = token ? reason : "This server lets nobody in without credentials.";
  if (!dialog.open) dialog.showModal();
}

/** `onChange()` is called when another token is to be used. */
export function prepareSignIn(onChange) {
  $("sign-out").hidden = !token;
  $("sign-in").addEventListener("close", () => {
    const given = $("sign-in-token").value.trim().replace(/^Bearer\s+/i, "");
    $("sign-in-token").value = "";
    if ($("sign-in").returnValue !== "use" || !given) return;
    keep(given);
    onChange();
  });
  $("sign-out").addEventListener("click", () => {
    keep("");
    location.reload(); // Nothing of what was shown stays.
  });
}
