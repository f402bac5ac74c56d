/** Elements out of data. Text only ever enters as text nodes: nothing here reads HTML. */

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  search: ["M21 21l-4.3-4.3", "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14z"],
  rising: ["M6 18 18 6", "M9 6h9v9"],
  fading: ["M6 6l12 12", "M18 9v9H9"],
  steady: ["M4 12h16", "M14 6l6 6-6 6"],
  new: ["M12 3v18", "M3 12h18", "M6 6l12 12", "M18 6 6 18"],
  more: ["M12 5v14", "M5 12h14"],
  less: ["M5 12h14"],
  mute: ["M5 5l14 14", "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z"],
  pin: ["M9 4h6", "M10 4v6l-3 4h10l-3-4V4", "M12 14v6"],
  undo: ["M9 14 4 9l5-5", "M4 9h9a6 6 0 0 1 0 12h-3"],
  forget: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  reset: ["M4 12a8 8 0 1 0 2.5-5.8", "M4 4v5h5"],
  done: ["M5 13l4 4L19 7"],
  no: ["M6 6l12 12", "M18 6 6 18"],
  explored: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M15.5 8.500 13.500 13.500 8.500 15.500l2-5z"],
};

/** `h("p", {class: "soft", on: {click}, vars: {share: 0.5}}, "text", child, …)` */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [type, act] of Object.entries(value)) element.addEventListener(type, act);
    else if (name === "vars") for (const [key, size] of Object.entries(value)) element.style.setProperty(`--${key}`, size);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

export const byId = (id) => document.getElementById(id);

/** Replace what is in a container; whoever had the focus by its `data-key` has it again. */
export function fill(container, ...children) {
  const key = container.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  container.replaceChildren(...children.flat());
  container.removeAttribute("aria-busy");
  if (key) container.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

export function waiting(container, rows = 4) {
  container.setAttribute("aria-busy", "true");
  if (!container.childElementCount) {
    container.append(h("div", { class: "skeleton" }, Array.from({ length: rows }, () => h("i"))));
  }
}

export function failed(container, error, again) {
  console.warn(error.message);
  fill(
    container,
    h(
      "div",
      { class: "fault", role: "alert" },
      h("strong", {}, error.message),
      h("small", {}, [error.hint, error.requestId && `Request ${error.requestId}.`].filter(Boolean).join(" ")),
      again && h("button", { type: "button", on: { click: again } }, icon("reset"), "Try again"),
    ),
  );
}

export const empty = (...text) => h("p", { class: "empty" }, ...text);

/** Say something to those who listen to the page. */
export function announce(text) {
  document.querySelector(".announcer").textContent = text;
}

const whole = new Intl.NumberFormat("en");
export const count = (n) => whole.format(n);
export const counted = (n, [one, many]) => `${count(n)} ${n === 1 ? one : many}`;
export const signed = (x, digits = 2) => (x < 0 ? "−" : "+") + Math.abs(x).toFixed(digits);
export const plain = (x, digits = 2) => (x < 0 ? "−" : "") + Math.abs(x).toFixed(digits);

/** A moment on the model's clock, for a person. */
export function moment(timestamp, clock) {
  if (clock === "position") return `#${count(timestamp + 1)}`;
  return new Date(timestamp / 1000).toLocaleDateString("en", { year: "numeric", month: "short", day: "numeric" });
}

export const userAddress = (id) => `/users/${encodeURIComponent(id)}`;
export const itemAddress = (id) => `/items/${encodeURIComponent(id)}`;
