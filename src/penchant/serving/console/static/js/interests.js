/** The interests column: what the user leans to, how strongly and surely, on what evidence, and his own word on it. */

import { address, get } from "./api.js";
import { empty, failed, fill, h, icon, itemAddress, signed, waiting } from "./dom.js";

const SHOWN = 12;
const PIPS = 5;

export class Interests {
  constructor(user, body, aside, edit) {
    Object.assign(this, { user, body, aside, edit, opened: new Set(), known: null, added: null });
  }

  async load() {
    waiting(this.body);
    try {
      const [profile, log] = await Promise.all([
        get(address("v1", "users", this.user, "interests"), { limit: SHOWN }),
        get(address("v1", "users", this.user, "edits"), { limit: SHOWN }),
      ]);
      this.show(profile, log.edits.find((entry) => entry.standing && entry.edit.action !== "undo"));
      return profile;
    } catch (error) {
      failed(this.body, error, () => this.load());
      return null;
    }
  }

  show({ interests }, last) {
    this.aside.textContent = interests.length ? "against the average user, in σ" : "";
    const strengths = interests.filter((interest) => !interest.muted).map((interest) => interest.strength);
    const scale = { top: Math.max(1, ...strengths), bottom: Math.max(0, ...strengths.map((s) => -s)) };
    const known = this.known;
    fill(
      this.body,
      this.own(last),
      interests.length
        ? interests.map((interest) => this.card(interest, scale, known !== null && !known.has(interest.concept_id)))
        : empty("No interests show yet."),
    );
    this.known = new Set(interests.map((interest) => interest.concept_id));
  }

  /** Where the user says himself what he likes, and takes the last thing he said back. */
  own(last) {
    const words = h("input", { type: "text", name: "words", maxlength: 200, required: true, placeholder: "Add an interest", "aria-label": "Add an interest by typing it", autocomplete: "off", "data-key": "add" });
    const form = h(
      "form",
      { class: "own", on: { submit: async (event) => {
        event.preventDefault();
        this.added = null;
        const result = await this.edit({ action: "add", text: words.value });
        if (!result) return;
        this.added = result;
        await this.load();
      } } },
      words,
      h("button", { type: "submit", "data-key": "add now" }, icon("more"), "Add"),
      last && h("button", { type: "button", "data-key": "undo", "aria-label": `Undo: ${spoken(last)}`, title: `Undo: ${spoken(last)}`, on: { click: () => {
        this.added = null;
        this.edit({ action: "undo", undoes: last.edit.edit_id }, `Undone: ${spoken(last)}`);
      } } }, icon("undo"), "Undo"),
    );
    return this.added && last?.edit.edit_id === this.added.edit.edit_id ? [form, this.meant(this.added)] : [form];
  }

  /** What typed words were taken for, and what else they may have meant. */
  meant({ edit, matches }) {
    const others = matches.filter((match) => match.concept_id !== edit.concept_id);
    const instead = async (match) => {
      const text = edit.text;
      this.added = null;
      if (await this.edit({ action: "undo", undoes: edit.edit_id }, "Undone")) await this.edit({ action: "add", text, concept_id: match.concept_id });
    };
    const taken = matches.find((match) => match.concept_id === edit.concept_id);
    return h(
      "p",
      { class: "meant" },
      `“${edit.text}” is taken for `, h("b", {}, taken?.concept ?? edit.concept_id), ".",
      others.length > 0 && " Instead: ",
      others.slice(0, 3).map((match) => h("button", { type: "button", "data-key": `instead ${match.concept_id}`, on: { click: () => instead(match) } }, match.concept)),
    );
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
              await this.edit({ action, concept_id: interest.concept_id }, said(action, interest.concept));
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
      interest.muted ? [] : [button("more", "More", "More"), button("less", "Less", "Less"), interest.pinned ? null : button("pin", "Pin", "Pin"), button("mute", "Mute", "Mute")],
      by ? h("span", { class: "stands" }, h("span", { class: "by-hand chip" }, interest.pinned ? "pinned" : "set by hand"), button("reset", interest.muted ? "Unmute" : interest.pinned ? "Unpin" : "Reset", "Reset")) : [],
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

const SAID = { more: "More", less: "Less", pin: "Pinned:", mute: "Muted:", reset: "As it was learned:", add: "Added", forget: "Forgotten" };
const said = (action, what) => `${SAID[action]} ${what}`;
const spoken = ({ edit, concept }) => said(edit.action, edit.text ?? concept ?? (edit.action === "forget" ? "an event" : "everything"));

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
