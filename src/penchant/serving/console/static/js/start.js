/** The start page: figures, some users with what they lean to, the items many chose. */

import "./search.js";
import { about, address, get } from "./api.js";
import { byId, count, counted, empty, failed, fill, h, itemAddress, plain, userAddress, waiting } from "./dom.js";
import { bar, parts, reach, reason } from "./parts.js";

async function showUsers() {
  const place = byId("users");
  waiting(place, 3);
  try {
    const { users } = await get("/v1/users", { limit: 8 });
    fill(place, users.length ? users.map(card) : empty("No users yet. Their first events to /v1/events bring them here."));
    for (const user of users) lean(user.user_id);
    if (users.length) showExample(users[0].user_id);
  } catch (error) {
    failed(place, error, showUsers);
  }
}

function card(user) {
  return h(
    "a",
    { class: "user-card", href: userAddress(user.user_id), "data-user": user.user_id },
    h("header", {}, h("strong", {}, user.user_id), h("span", {}, counted(user.events, ["event", "events"]))),
    h("ul", { class: "leans", "aria-busy": "true" }),
  );
}

async function lean(id) {
  const list = document.querySelector(`[data-user="${CSS.escape(id)}"] .leans`);
  try {
    const { interests } = await get(address("v1", "users", id, "interests"), { limit: 4 });
    const shown = interests.filter((interest) => interest.strength > 0).slice(0, 3);
    const most = Math.max(2, ...shown.map((interest) => interest.strength));
    fill(
      list,
      shown.length
        ? shown.map((interest) =>
            h("li", {}, h("span", {}, interest.concept), h("i", { vars: { share: interest.strength / most }, "aria-hidden": "true" })),
          )
        : h("li", { class: "soft" }, "No leaning known yet"),
    );
  } catch (error) {
    fill(list, h("li", { class: "soft" }, error.message));
  }
}

/** The first user's first recommendation; the page does without where there is none. */
async function showExample(id) {
  const place = byId("example");
  try {
    const { items } = await get(address("v1", "users", id, "recommendations"), { k: 1 });
    if (!items.length) return;
    const its = parts(items[0]);
    fill(
      place,
      h("p", {}, "For ", h("a", { href: userAddress(id) }, id), ", right now:"),
      h(
        "div",
        { class: "offer" },
        h("h3", {}, h("a", { href: itemAddress(items[0].item_id) }, items[0].title)),
        h("span", { class: "score", title: "score" }, plain(items[0].score)),
        bar(its, reach([its]), items[0]),
        h("ul", { class: "reasons" }, its.map(reason)),
      ),
    );
  } catch (error) {
    failed(place, error);
  }
}

async function showItems() {
  const place = byId("items");
  waiting(place, 3);
  try {
    const [{ items }, { nouns }] = await Promise.all([get("/v1/items", { limit: 12 }), about()]);
    fill(
      place,
      items.map((item) =>
        h("li", {}, h("a", { href: itemAddress(item.item_id) }, h("span", {}, item.title), h("span", { class: "number" }, counted(item.events, ["event", "events"])))),
      ),
    );
    if (!items.length) fill(place, empty(`The catalogue has no ${nouns[1]}.`));
  } catch (error) {
    failed(place, error, showItems);
  }
}

async function showModel() {
  try {
    const health = await about();
    const figure = (name, n) => h("div", {}, h("dt", {}, name), h("dd", {}, count(n)));
    const { counts } = health;
    fill(
      byId("figures"),
      figure("users", counts.users),
      figure(health.nouns[1], counts.items),
      figure("events", counts.events),
      figure("concepts", counts.concepts),
    );
    const fitted = health.fitted_at ? `, fitted ${health.fitted_at.slice(0, 10)}` : "";
    byId("model").textContent =
      `Bundle ${health.bundle} on ${health.dataset}${fitted}. Penchant ${health.versions.penchant}.`;
  } catch (error) {
    failed(byId("figures"), error);
  }
}

showModel();
showUsers();
showItems();
