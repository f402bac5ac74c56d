/** The item page: what it is, what it is about, what is near it. */

import "./search.js";
import { about, address, get } from "./api.js";
import { byId, count, empty, failed, fill, h, itemAddress, waiting } from "./dom.js";

const id = document.querySelector("main").dataset.itemId;

async function showItem() {
  const place = byId("about");
  waiting(place, 2);
  try {
    const [item, { nouns }] = await Promise.all([get(address("v1", "items", id)), about()]);
    document.title = `${item.title} · Penchant`;
    const attributes = Object.entries(item.attributes).filter(([, value]) => told(value));
    fill(
      place,
      h("h1", {}, item.title || item.item_id),
      h(
        "dl",
        { class: "figures" },
        h("div", {}, h("dt", {}, item.events === 1 ? "event by users" : "events by users"), h("dd", {}, count(item.events))),
        h("div", {}, h("dt", {}, "concepts"), h("dd", {}, count(item.concepts.length))),
      ),
      item.text ? h("p", { class: "text" }, item.text) : [],
      h("h2", {}, "What it is about"),
      item.concepts.length
        ? h("div", { class: "chips" }, item.concepts.map((concept) => h("span", { class: "chip" }, concept)))
        : empty(`This ${nouns[0]} activates no concept.`),
      h("h2", {}, "As the catalogue has it"),
      h("dl", { class: "attributes" }, [["id", item.item_id], ...attributes].flatMap(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, told(value))])),
    );
  } catch (error) {
    failed(place, error, showItem);
  }
}

function told(value) {
  if (Array.isArray(value)) return value.map(told).filter(Boolean).join(", ");
  if (value === null || value === undefined || value === "") return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

async function showNear() {
  const place = byId("near");
  waiting(place);
  try {
    const { items } = await get(address("v1", "items", id, "similar"), { k: 12 });
    fill(place, items.length ? h("ol", {}, items.map(row)) : empty("Nothing is near it."));
  } catch (error) {
    failed(place, error, showNear);
  }
}

function row(item) {
  return h(
    "li",
    {},
    h(
      "a",
      { href: itemAddress(item.item_id) },
      h("strong", {}, item.title),
      h("span", { class: "bar", vars: { share: Math.max(0, item.similarity) }, "aria-hidden": "true" }),
      h("span", { class: "number", title: "cosine similarity" }, item.similarity.toFixed(2)),
      item.shared.length > 0 && h("small", {}, `Both: ${item.shared.join(", ")}`),
    ),
  );
}

showItem();
showNear();
