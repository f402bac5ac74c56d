/** The interests column: what the user leans to, how strongly and surely, on what evidence, and his own word on it. */

import { address, get } from "./api.js";
import { empty, failed, fill, h, icon, itemAddress, signed, waiting } from "./dom.js";

const SHOWN = 12;
const PIPS = 5;

export class Interests {
  constructor(user, body, aside, edit) {
    Object.assign(this, { user, body, aside, edit, opened: new Set(), known: null });
  }

  async load() {
    waiting(this.body);
    try {
      const profile = await get(address("v1", "users", this.user, "interests"), { limit: SHOWN });
      this.show(profile);
      return profile;
    } catch (error) {
      failed(this.body, error, () => this.load());
      return null;
    }
  }

  show({ interests }) {
    this.aside.textContent = interests.length ? "against the average user, in σ" : "";
    const strengths = interests.filter((interest) => !interest.muted).map((interest) => interest.strength);
    const scale = { top: Math.max(1, ...strengths), bottom: Math.max(0, ...strengths.map((s) => -s)) };
    const known = this.known;
    fill(
      this.body,
      interests.length
        ? interests.map((interest) => this.card(interest, scale, known !== null && !known.has(interest.concept_id)))
        : empty("No interests show yet."),
    );
    this.known = new Set(interests.map((interest) => interest.concept_id));
  }

  card(interest, scale, isNew) {
    const id = interest.concept_id;
    const evidence = this.evidence(interest);
    evidence.hidden = !this.opened.has(id);
    const open = h(
      "button",
      { type: "button", class: "open", "data-key": `open ${id}`, "aria-expanded": String(!evidence.hidden), title: "Show the events behind it" },
      h("span", { class: "name" }, h("span", {}, interest.concept), !interest.muted && trend(interest)),
      h("span", { class: "strength" }, interest.muted ? "muted" : signed(interest.strength, 1)),
      bar(interest, scale),
      h("span", { class: "told" }, h("span", {}, interest.summary), sure(interest)),
    );
    open.addEventListener("click", () => {
      evidence.hidden = !evidence.hidden;
      open.setAttribute("aria-expanded", String(!evidence.hidden));
      if (evidence.hidden) this.opened.delete(id);
      else this.opened.add(id);
    });
    const classes = ["interest", interest.muted && "muted", isNew && "new"].filter(Boolean).join(" ");
    return h("article", { class: classes, "aria-label": interest.concept }, open, evidence, this.adjust(interest));
  }

  adjust(interest) {
    const button = (action, name, label) =>
      h(
        "button",
        {
          type: "button", "data-key": `${action} ${interest.concept_id}`, "data-action": action, "aria-label": `${label} ${interest.concept}`,
          on: {
            click: async (event) => {
              const [pressed] = [event.currentTarget];
              pressed.setAttribute("aria-busy", "true");
              await this.edit(interest, action);
              pressed.removeAttribute("aria-busy");
            },
          },
        },
        icon(action),
        name,
      );
    const by = interest.source === "explicit";
    return h(
      "div",
      { class: "adjust", role: "group", "aria-label": `Change ${interest.concept}` },
      interest.muted ? [] : [button("more", "More", "More"), button("less", "Less", "Less"), button("mute", "Mute", "Mute")],
      by ? [h("span", { class: "by-hand chip" }, "set by hand"), button("reset", interest.muted ? "Unmute" : "Reset", "Reset")] : [],
    );
  }

  evidence(interest) {
    const most = Math.max(1e-9, ...interest.evidence.map((event) => Math.abs(event.effect)));
    const rows = interest.evidence.map((event) =>
      h(
        "li",
        {},
        h("a", { href: itemAddress(event.item_id) }, event.title),
        h("span", { class: event.effect < 0 ? "effect below" : "effect", vars: { share: Math.abs(event.effect) / most }, "aria-hidden": "true" }),
        h("span", { class: "number" }, signed(event.effect)),
      ),
    );
    return h(
      "div",
      { class: "evidence" },
      h("p", {}, rows.length ? "What moved it most:" : "No event is behind it."),
      h("ul", {}, rows),
    );
  }
}

function trend(interest) {
  return h("span", { class: `trend ${interest.trend}` }, icon(interest.trend), interest.trend);
}

/** A bar from zero, to the right for a leaning, to the left against it; all bars share one scale. */
function bar(interest, { top, bottom }) {
  const span = top + bottom;
  const clipped = Math.max(-bottom, Math.min(top, interest.strength));
  const [from, to] = [Math.min(0, clipped), Math.max(0, clipped)];
  const zero = bottom / span;
  return h(
    "span",
    { class: clipped < 0 ? "track below" : "track", role: "img", "aria-label": `strength ${signed(interest.strength, 1)} standard deviations` },
    h("i", { vars: { from: (from + bottom) / span, width: (to - from) / span } }),
    bottom > 0 && h("b", { vars: { zero } }),
  );
}

function sure(interest) {
  const on = Math.round(interest.confidence * PIPS);
  const share = `${Math.round(interest.confidence * 100)} %`;
  return h(
    "span",
    { class: "sure", role: "img", "aria-label": `confidence ${share}`, title: `confidence ${share}` },
    Array.from({ length: PIPS }, (_, n) => h("i", { class: n < on ? "on" : null })),
  );
}
