/** Why an item stands where it stands for a user: the sum, what would be without a part of it, and what led to it. */

import "./search.js";
import { address, get } from "./api.js";
import { byId, count, failed, fill, h, itemAddress, plain, signed, userAddress, waiting } from "./dom.js";

const { userId, itemId } = document.querySelector("main").dataset;
const KINDS = { residual: "rest", constant: "rest", newness: "popularity" };

async function show() {
  const place = byId("explanation");
  waiting(place, 4);
  try {
    const told = await get(address("v1", "users", userId, "explanations", itemId));
    document.title = `Why ${told.title}? · Penchant`;
    fill(
      place,
      h("p", { class: "back" }, "For ", h("a", { href: userAddress(userId) }, userId)),
      h("h1", {}, h("a", { href: itemAddress(itemId) }, told.title)),
      told.note ? h("p", { class: "banner", role: "note" }, told.note) : [],
      h("p", { class: "sentence" }, told.sentence),
      sum(told),
      told.counterfactuals.length ? otherwise(told.counterfactuals) : [],
      told.readout?.events.length ? looked(told.readout) : [],
      told.paths.length ? known(told.paths) : [],
    );
  } catch (error) {
    failed(place, error, show);
  }
}

function section(name, aside, ...content) {
  return h("section", { "aria-label": name }, h("div", { class: "heading" }, h("h2", {}, name), h("p", { class: "aside" }, aside)), ...content);
}

function sum(told) {
  const rows = told.parts.map((part) =>
    h("li", { class: KINDS[part.source] ?? part.source }, h("span", {}, part.text), h("span", { class: "number" }, signed(part.contribution, 3))),
  );
  const behind = told.parts.filter((part) => part.evidence.length);
  return section(
    "The score is a sum",
    `${plain(told.score, 3)}, rank ${count(told.rank)} of ${count(told.candidates)}`,
    h("ul", { class: "reasons" }, rows),
    behind.map((part) => h("div", {}, h("p", { class: "soft" }, `Events behind ${part.concept}, and by how many σ each moved it`), h("ul", { class: "behind" }, part.evidence.map(event)))),
  );
}

function event(one) {
  return h("li", {}, h("a", { href: itemAddress(one.item_id) }, one.title), h("span", { class: "number" }, signed(one.effect)));
}

function otherwise(counterfactuals) {
  return section(
    "If it were otherwise",
    "all items ranked again",
    h("ul", { class: "whynot" }, counterfactuals.map((one) => h("li", {}, h("span", {}, one.text), h("span", { class: "number" }, signed(-one.change, 3))))),
  );
}

function looked(readout) {
  const row = (one) =>
    h("tr", {}, h("td", {}, h("a", { href: itemAddress(one.item_id) }, one.title)), h("td", { class: "number" }, `${(one.attention * 100).toFixed(1)} %`), h("td", { class: "number" }, signed(one.gradient, 3)));
  return section(
    "What the tracker looked at",
    "newest first",
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "event"), h("th", { scope: "col", class: "number" }, "attention"), h("th", { scope: "col", class: "number" }, "score, by gradients"))),
      h("tbody", {}, readout.events.map(row)),
    ),
  );
}

function known(paths) {
  return section("What the catalogue knows", "", h("ul", { class: "paths" }, paths.map((path) => h("li", {}, path.text))));
}

show();
