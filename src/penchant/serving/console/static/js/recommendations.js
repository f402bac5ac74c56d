/** The recommendations column: each score as the named parts it is the sum of, and what the user can answer. */

import { about, address, get } from "./api.js";
import { empty, failed, fill, h, icon, itemAddress, plain, waiting } from "./dom.js";
import { bar, key, parts, reach, reason } from "./parts.js";
import { whyAddress } from "./why.js";

const STEP = 10;
const MOST = 50;
/** What choosing an item is called, by what an item is called. */
const TAKEN = { book: ["read", "Read it"], film: ["watch", "Seen it"], movie: ["watch", "Seen it"], song: ["listen", "Heard it"], product: ["purchase", "Bought it"] };

export class Recommendations {
  constructor(user, body, aside, answer) {
    Object.assign(this, { user, body, aside, answer, k: STEP, ranks: null, explore: null });
  }

  /** Ask for a slate with this share of its places explored; null for what the model is set to. */
  async turn(explore) {
    this.explore = explore;
    await this.load();
  }

  /** Ask for a new slate; the number of places in it that changed. */
  async load() {
    waiting(this.body);
    try {
      const [slate, health] = await Promise.all([
        get(address("v1", "users", this.user, "recommendations"), this.explore === null ? { k: this.k } : { k: this.k, explore: this.explore }),
        about(),
      ]);
      return this.show(slate, health);
    } catch (error) {
      failed(this.body, error, () => this.load());
      return 0;
    }
  }

  show(slate, { nouns }) {
    const scored = slate.items.map((item) => ({ item, parts: parts(item) }));
    const scale = reach(scored.map((one) => one.parts));
    const before = this.ranks;
    const moves = slate.items.map((item) => (before === null ? 0 : (before.get(item.item_id) ?? Infinity) - item.rank));
    const cards = scored.map((one, n) => this.card(one, scale, moves[n], slate.slate_id, nouns));
    const more = h("button", { type: "button", class: "wide", "data-key": "more", on: { click: () => this.grow() } }, "Show more");
    this.aside.textContent = slate.items.length ? "score = the sum of its parts" : "";
    fill(
      this.body,
      slate.note ? h("p", { class: "banner", role: "note" }, slate.note) : [],
      cards.length ? [key(scored.map((one) => one.parts)), h("ol", { class: "offers" }, cards)] : empty(`Nothing is left to recommend: all ${nouns[1]} are seen, turned down or muted.`),
      cards.length === this.k && this.k < MOST ? [more] : [],
      stages(slate.timings_ms),
    );
    this.ranks = new Map(slate.items.map((item) => [item.item_id, item.rank]));
    return moves.filter((move) => move !== 0).length;
  }

  async grow() {
    this.k += STEP;
    this.ranks = null;
    await this.load();
  }

  card({ item, parts: its }, scale, move, slateId, nouns) {
    const [eventType, label] = TAKEN[nouns[0]] ?? ["like", "I like it"];
    const card = h(
      "li",
      { class: move ? "offer moved" : "offer", "data-item": item.item_id },
      h("div", { class: "rank" }, String(item.rank), movement(move)),
      h("h3", {}, h("a", { href: itemAddress(item.item_id) }, item.title), item.explored && h("span", { class: "chip explored" }, icon("explored"), "exploring")),
      h("span", { class: "score", title: "score" }, plain(item.score)),
      item.exploring && h("p", { class: "exploring", title: `It came to this place with probability ${item.propensity.toPrecision(2)}` }, item.exploring.text),
      bar(its, scale, item),
      h("a", { class: "why", href: whyAddress(this.user, item.item_id), title: "Why this is here" }, h("ul", { class: "reasons" }, its.map(reason))),
    );
    const button = (type, name, sign, words) =>
      h(
        "button",
        {
          type: "button", "data-key": `${type} ${item.rank}`, "data-event": type, "aria-label": `${name}: ${item.title}`,
          on: {
            click: async (event) => {
              for (const other of event.currentTarget.parentElement.children) other.setAttribute("aria-disabled", "true");
              card.classList.add("leaving");
              await this.answer(item, type, slateId, words);
              card.classList.remove("leaving");
            },
          },
        },
        icon(sign),
        name,
      );
    card.append(h("div", { class: "answers" }, button(eventType, label, "done", label), button("not_interested", "Not interested", "no", "Not interested")));
    return card;
  }
}

function movement(move) {
  if (!move) return null;
  if (move === Infinity) return h("small", {}, "new");
  return h("small", { class: move > 0 ? null : "down" }, move > 0 ? `▲${move}` : `▼${-move}`);
}

/** How long each stage took, for those who ask how the list came about. */
function stages(timings) {
  const told = Object.entries(timings).map(([stage, ms]) => `${stage} ${ms.toFixed(1)} ms`);
  return told.length ? h("p", { class: "aside stages" }, told.join(" → ")) : [];
}
