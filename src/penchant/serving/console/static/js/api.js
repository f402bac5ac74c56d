/** The HTTP API, and nothing else, is where the console's data comes from. */

/** What the server said went wrong, or that it did not answer. */
export class ApiError extends Error {
  constructor({ message, hint = "", request_id = "" }) {
    super(message);
    this.hint = hint;
    this.requestId = request_id;
  }
}

/** An address out of segments; ids may hold slashes. */
export function address(...segments) {
  return "/" + segments.map(encodeURIComponent).join("/");
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ message: "The server does not answer.", hint: "Is it still running?" });
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok || body === null) {
    throw new ApiError(body?.error ?? { message: `The server answered ${answer.status}, and not with JSON.` });
  }
  return body;
}

export function get(path, parameters = {}, options = {}) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined),
  );
  return ask(query.size ? `${path}?${query}` : path, options);
}

function send(method, path, content) {
  return ask(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(content) });
}

/** An id of its own for what is sent, so that a repeated click on a slow line counts once. */
function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "console-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The user's own word; see POST /v1/users/{user_id}/edits. */
export const say = (user, edit) => send("POST", address("v1", "users", user, "edits"), { ...edit, edit_id: freshId() });

/** Post one event. */
export async function observe(event) {
  const event_id = freshId();
  const result = await send("POST", "/v1/events", { events: [{ ...event, event_id }] });
  const [fault] = result.rejected;
  if (fault) throw new ApiError({ message: `The event was refused: ${fault.column}: ${fault.reason}.` });
  return result;
}

let health;
/** What the server answers with; asked once a page. */
export function about() {
  health ??= get("/health");
  return health;
}
