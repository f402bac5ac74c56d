/** Search as you type for users and items: a combobox with one list in two groups. */

import { about, get } from "./api.js";
import { announce, counted, h, icon, itemAddress, userAddress } from "./dom.js";

const PAUSE_MS = 140;
let boxes = 0;

class Search {
  constructor(root) {
    const name = `found-${(boxes += 1)}`;
    this.list = h("div", { class: "found", id: name, role: "listbox", "aria-label": "Users and items found", hidden: true });
    this.input = h("input", {
      type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: "200",
      placeholder: root.dataset.placeholder, "aria-label": root.dataset.placeholder,
      "aria-expanded": "false", "aria-controls": name, "aria-autocomplete": "list",
    });
    root.append(icon("search"), this.input, h("kbd", { "aria-hidden": "true" }, "/"), this.list);
    this.name = name;
    this.options = [];
    this.active = -1;
    this.input.addEventListener("input", () => this.soon());
    this.input.addEventListener("focus", () => this.input.value && this.soon());
    this.input.addEventListener("keydown", (event) => this.press(event));
    root.addEventListener("focusout", (event) => root.contains(event.relatedTarget) || this.close());
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE_MS);
  }

  async ask() {
    this.asked?.abort();
    const q = this.input.value.trim();
    if (!q) return this.close();
    this.asked = new AbortController();
    const options = { signal: this.asked.signal };
    try {
      const [{ users }, { items }, { nouns }] = await Promise.all([
        get("/v1/users", { q, limit: 5 }, options),
        get("/v1/items", { q, limit: 8 }, options),
        about(),
      ]);
      this.show(q, users, items, nouns);
    } catch (error) {
      if (error.name !== "AbortError") this.open(h("p", { class: "none", role: "alert" }, error.message));
    }
  }

  show(q, users, items, nouns) {
    this.options = [
      ...users.map((user) => this.option(userAddress(user.user_id), user.user_id, counted(user.events, ["event", "events"]))),
      ...items.map((item) => this.option(itemAddress(item.item_id), item.title, counted(item.events, ["event", "events"]))),
    ];
    this.active = -1;
    const group = (label, from, to) =>
      to > from &&
      h("div", { role: "group", "aria-label": label }, h("div", { class: "group", "aria-hidden": "true" }, label), this.options.slice(from, to));
    const groups = [group("Users", 0, users.length), group(capital(nouns[1]), users.length, this.options.length)];
    if (this.options.length) this.open(...groups.filter(Boolean));
    else this.open(h("p", { class: "none" }, `Nobody and nothing matches “${q}”.`));
    announce(this.options.length ? `${this.options.length} found` : "Nothing found");
  }

  option(address, text, aside) {
    const option = h(
      "div",
      { class: "option", role: "option", id: `${this.name}-${address}`, "aria-selected": "false", "data-address": address },
      h("span", {}, text),
      h("small", {}, aside),
    );
    option.addEventListener("mousedown", (event) => event.preventDefault()); // the input keeps the focus
    option.addEventListener("click", () => location.assign(address));
    return option;
  }

  press(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.options.length) {
      event.preventDefault();
      const n = this.options.length;
      this.select((this.active + step + n + (this.active < 0 && step < 0 ? 1 : 0)) % n);
    } else if (event.key === "Enter" && this.options.length) {
      event.preventDefault();
      location.assign(this.options[Math.max(this.active, 0)].dataset.address);
    } else if (event.key === "Escape") {
      this.close();
    }
  }

  select(place) {
    this.options[this.active]?.setAttribute("aria-selected", "false");
    this.active = place;
    const option = this.options[place];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  open(...content) {
    this.list.replaceChildren(...content);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  close() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.options = [];
  }
}

function capital(word) {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

for (const root of document.querySelectorAll("[data-search]")) {
  const search = new Search(root);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.input.focus();
    }
  });
}
