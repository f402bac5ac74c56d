/** A user's interests through time, drawn from the replay: one line a concept, its long-term part dotted. */

import "./search.js";
import { address, get } from "./api.js";
import { byId, count, counted, empty, failed, fill, h, moment, plain, waiting } from "./dom.js";

const user = document.querySelector("main").dataset.userId;
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [960, 380, 40, 16, 14, 34];
const SERIES = 8;

async function show() {
  const place = byId("timeline");
  waiting(place, 3);
  try {
    const told = await get(address("v1", "users", user, "replay"), { limit: SERIES });
    byId("told").textContent = [
      told.cold ? "" : `The profile after each of ${count(told.events)} events: strength in σ over users, dotted its long-term part.`,
      told.note,
    ].filter(Boolean).join(" ");
    fill(place, told.lines.length ? [picture(told), legend(told), turns(told)] : empty("Nothing to show yet."));
  } catch (error) {
    failed(place, error, show);
  }
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function picture(told) {
  const values = told.lines.flatMap((line) => [...line.strength, ...line.long_term]);
  const [low, high] = [Math.min(0, ...values), Math.max(1, ...values)];
  const [first, last] = [told.moments[0].as_of, told.moments.at(-1).as_of];
  const x = (at) => LEFT + ((at - first) / Math.max(1, last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const path = (numbers) => "M" + numbers.map((value, n) => `${x(told.moments[n].as_of).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
  const marks = [];
  for (let value = Math.ceil(low); value <= high; value += Math.max(1, Math.round((high - low) / 6))) {
    marks.push(svg("line", { class: value === 0 ? "zero" : "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }));
    marks.push(svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, plain(value, 0)));
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const one = told.moments[Math.round(share * (told.moments.length - 1))];
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    const label = told.clock === "position" ? counted(one.events, ["event", "events"]) : moment(one.as_of, told.clock);
    marks.push(svg("text", { x: x(one.as_of), y: HEIGHT - 10, "text-anchor": anchor }, label));
  }
  const lines = told.lines.flatMap((line, n) => [
    svg("path", { class: `long s${n}`, d: path(line.long_term), "data-series": n }),
    svg("path", { class: `s${n}`, d: path(line.strength), "data-series": n }, svg("title", {}, line.concept)),
  ]);
  const names = told.lines.map((line) => line.concept).join(", ");
  return h("div", { class: "timeline" }, svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Strength of ${names} over ${told.events} events` }, ...marks, ...lines));
}

/** Buttons that single a line out. */
function legend(told) {
  return h(
    "div",
    { class: "series", role: "group", "aria-label": "Concepts" },
    told.lines.map((line, n) =>
      h(
        "button",
        { type: "button", class: `s${n}`, "aria-pressed": "false", on: { click: (event) => single(event.currentTarget, n) } },
        `${line.concept} ${plain(line.strength.at(-1), 1)}`,
      ),
    ),
  );
}

function single(button, n) {
  const on = button.getAttribute("aria-pressed") === "false";
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(on && other === button));
  for (const path of document.querySelectorAll("[data-series]")) path.classList.toggle("faint", on && path.dataset.series !== String(n));
}

/** Which concept led from when. */
function turns(told) {
  const rows = told.moments
    .filter((one, n) => one.leading && (n === 0 || told.moments[n - 1].leading !== one.leading))
    .map((one) => h("tr", {}, h("td", {}, told.clock === "position" ? `after ${counted(one.events, ["event", "events"])}` : moment(one.as_of, told.clock)), h("td", {}, one.leading), h("td", { class: "soft" }, one.title)));
  return h(
    "section",
    { "aria-label": "What led when" },
    h("h2", {}, "What led when"),
    h("table", {}, h("thead", {}, h("tr", {}, ["since", "leading", "with"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows.slice(-12).reverse())),
  );
}

show();
