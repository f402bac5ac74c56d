/** Interests that the user is not known to have and that are worth a try, below those he has. */

import { address, get } from "./api.js";
import { failed, fill, h, icon } from "./dom.js";

const SHOWN = 5;

export class Discoveries {
  constructor(user, body, edit) {
    Object.assign(this, { user, body, edit });
  }

  async load() {
    try {
      this.show(await get(address("v1", "users", this.user, "discoveries"), { limit: SHOWN }));
    } catch (error) {
      failed(this.body, error, () => this.load());
    }
  }

  show({ interests, cold }) {
    fill(
      this.body,
      cold || !interests.length
        ? []
        : [h("h3", {}, "Worth a try"), h("ul", { class: "discoveries" }, interests.map((interest) => this.line(interest)))],
    );
  }

  line({ concept, concept_id, text }) {
    const wanted = () => this.edit({ action: "more", concept_id }, `More of ${concept}`);
    return h(
      "li",
      {},
      h("b", {}, concept),
      h("p", {}, text),
      h("button", { type: "button", "data-key": `try ${concept_id}`, "aria-label": `More of ${concept}`, on: { click: wanted } }, icon("more"), "More of this"),
    );
  }
}
