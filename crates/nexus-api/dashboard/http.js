// Reading from the API. Paths are relative to the page, so that it also works behind a path prefix.

import { parseJson } from "./format.js";
import { askForToken, credentials } from "./session.js";

const TIME_LIMIT = 10_000;

/** Why a request failed, for a person. `status` is 0 when there was no answer. */
export class RequestError extends Error {
  constructor(status, message, { code = "", retryAfter = 0 } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export const absoluteUrl = (path) => new URL(path, document.baseURI).href;

/** Any answer, errors included: `{status, headers, text}`. */
export async function fetchText(path) {
  let response;
  try {
    // `no-cache` revalidates: an unchanged list comes back as a 304 without a body.
    response = await fetch(absoluteUrl(path), { cache: "no-cache", signal: AbortSignal.timeout(TIME_LIMIT), headers: { Accept: "application/json", ...credentials() } });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    const slow = error.name === "TimeoutError";
    throw new RequestError(0, slow ? "the server did not answer within 10 s" : "the server cannot be reached");
  }
}

/** A JSON document: `{data, headers}`. Throws `RequestError` for anything but a 2xx answer. */
export async function getJson(path) {
  const { status, headers, text } = await fetchText(path);
  if (status < 200 || status >= 300) throw failureOf(status, headers, text);
  const data = tryParse(text);
  if (data === undefined) throw new RequestError(status, "the answer is not JSON");
  return { data, headers };
}

/** What an answer that is no success says. Asks for a token when that is what is missing. */
export function failureOf(status, headers, text) {
  const data = tryParse(text);
  const reason = data?.detail || data?.message || data?.title || "no reason was given";
  const retryAfter = Number(headers.get("Retry-After")) || 0;
  if (status === 401) askForToken(reason);
  return new RequestError(status, `${reason} (${status}${data?.code ? ` ${data.code}` : ""})`, { code: data?.code, retryAfter });
}

function tryParse(text) {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
