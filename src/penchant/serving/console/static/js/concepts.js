/** The concepts: searched as one types, each with its place, examples and who holds it. */

import "./search.js";
import { get } from "./api.js";
import { announce, byId, counted, empty, failed, fill, h, itemAddress, waiting } from "./dom.js";

const PAUSE_MS = 140;
const SHOWN = 100;
let asked;
let timer;

async function show() {
  asked?.abort();
  asked = new AbortController();
  const place = byId("found");
  waiting(place, 4);
  try {
    const query = { q: byId("words").value.trim(), level: byId("level").value || null, limit: SHOWN };
    const { concepts } = await get("/v1/concepts", query, { signal: asked.signal });
    fill(place, concepts.length ? concepts.map(card) : empty("No concept matches."));
    announce(`${concepts.length} found`);
  } catch (error) {
    if (error.name !== "AbortError") failed(place, error, show);
  }
}

function card(view) {
  const under = view.parent && h("span", { class: "chip" }, `under ${view.parent.concept}`);
  const below = view.children.length ? h("p", {}, "Below it: ", view.children.slice(0, 12).map((child) => child.concept).join(", ")) : null;
  const purity = view.purity === null ? "" : ` · purity ${view.purity.toFixed(2)}`;
  return h(
    "article",
    { class: "concept-card", "aria-label": view.concept },
    h("header", {}, h("div", {}, h("h2", {}, view.concept), " ", under), h("span", { class: "soft number" }, `${counted(view.size, ["item", "items"])} · held by ${counted(view.users, ["user", "users"])}${purity}`)),
    h("p", {}, view.examples.flatMap((example, n) => [n ? "; " : "Such as ", h("a", { href: itemAddress(example.item_id) }, example.title)])),
    below,
    view.aliases.length ? h("p", {}, `Also: ${view.aliases.join(", ")}`) : null,
  );
}

byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("words").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE_MS);
});
byId("level").addEventListener("change", show);
show();
