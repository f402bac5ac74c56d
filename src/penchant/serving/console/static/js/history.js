/** The history column: newest first, more on request. */

import { about, address, get } from "./api.js";
import { counted, empty, failed, fill, h, icon, itemAddress, moment, waiting } from "./dom.js";

const PAGE = 15;
const AGAINST = new Set(["dislike", "not_interested", "hide", "skip", "hate", "unlike", "report"]);

export class History {
  constructor(user, body, aside, forget) {
    Object.assign(this, { user, body, aside, forget, events: [], next: null, known: null });
  }

  /** The newest page; as many events as were shown before stay shown. */
  async load() {
    waiting(this.body);
    try {
      const limit = Math.min(500, Math.max(PAGE, this.events.length));
      const [page, { clock }] = await Promise.all([this.ask({ limit }), about()]);
      Object.assign(this, { events: page.events, next: page.next_before, clock });
      this.show();
    } catch (error) {
      failed(this.body, error, () => this.load());
    }
  }

  ask(parameters) {
    return get(address("v1", "users", this.user, "history"), parameters);
  }

  async more(button) {
    button.disabled = true;
    try {
      const page = await this.ask({ limit: PAGE * 2, before: this.next });
      this.known = null;
      this.events.push(...page.events);
      this.next = page.next_before;
      this.show();
    } catch (error) {
      failed(this.body, error, () => this.load());
    }
  }

  show() {
    const known = this.known ?? new Set(this.events.map((event) => event.event_id));
    this.aside.textContent = this.events.length ? "newest first" : "";
    if (!this.events.length) {
      fill(this.body, empty("No events yet."));
    } else {
      const rows = this.events.map((event) => this.row(event, !known.has(event.event_id)));
      const button = h("button", { type: "button", class: "wide", "data-key": "more-history", on: { click: () => this.more(button) } }, "Load more");
      fill(
        this.body,
        h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": `History, ${counted(this.events.length, ["event", "events"])} shown` }, h("ol", { class: "trail" }, rows)),
        this.next !== null ? [button] : [],
      );
    }
    this.known = new Set(this.events.map((event) => event.event_id));
  }

  row(event, isNew) {
    const title = event.item_id === null
      ? h("span", { class: "title" }, `“${event.text ?? ""}”`)
      : h("a", { class: "title", href: itemAddress(event.item_id) }, event.title);
    const classes = [AGAINST.has(event.event_type) && "against", isNew && "new"].filter(Boolean).join(" ");
    return h(
      "li",
      { class: classes || null },
      title,
      h("div", { class: "meta" }, h("span", {}, words(event.event_type)), worth(event), h("span", { class: "number" }, moment(event.timestamp, this.clock)), this.forgetting(event)),
    );
  }

  forgetting(event) {
    const told = event.title || event.text || "this";
    return h(
      "button",
      { type: "button", class: "forget", title: "As if it had never been", "aria-label": `Forget ${told} (${words(event.event_type)} ${moment(event.timestamp, this.clock)})`, on: { click: () => this.forget(event) } },
      icon("forget"),
      "Forget",
    );
  }
}

function words(eventType) {
  return eventType.replaceAll("_", " ");
}

function worth(event) {
  if (event.value === null) return null;
  const stars = event.event_type === "rating" && Number.isInteger(event.value) && event.value >= 1 && event.value <= 5;
  if (!stars) return h("span", { class: "number" }, String(event.value));
  const text = "★".repeat(event.value) + "☆".repeat(5 - event.value);
  return h("span", { class: "stars", role: "img", "aria-label": `${event.value} of 5` }, text);
}
