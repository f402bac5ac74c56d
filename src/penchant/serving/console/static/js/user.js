/** The user page: three columns over one user, refreshed together after each thing that is done. */

import "./search.js";
import { ApiError, observe, say } from "./api.js";
import { announce, byId, count, failed, fill, h } from "./dom.js";
import { dial } from "./dial.js";
import { Discoveries } from "./discoveries.js";
import { History } from "./history.js";
import { Interests } from "./interests.js";
import { Recommendations } from "./recommendations.js";

const user = document.querySelector("main").dataset.userId;

const history = new History(user, byId("history-body"), byId("history-aside"), forget);
const interests = new Interests(user, byId("interests-body"), byId("interests-aside"), edit);
const recommendations = new Recommendations(user, byId("recommendations-body"), byId("recommendations-aside"), answer);

const discoveries = new Discoveries(user, byId("discoveries-body"), edit);
dial(byId("dial"), (explore) => recommendations.turn(explore));

/** The user's word on what is known of him; tells what words were taken for. */
async function edit(body, told) {
  let result;
  await changing(async () => (result = await say(user, body)), () =>
    result.edit.action === "add" ? `“${result.edit.text}” is taken for ${named(result)}` : told);
  return result;
}

const named = ({ edit: { concept_id }, matches }) => (matches.find((match) => match.concept_id === concept_id) ?? { concept: concept_id }).concept;

function forget(event) {
  return edit({ action: "forget", event_id: event.event_id }, `Forgotten: ${event.title}`);
}

/** The user's answer to a recommendation. */
async function answer(item, eventType, slateId, words) {
  await changing(
    () => observe({ user_id: user, item_id: item.item_id, event_type: eventType, slate_id: slateId }),
    `${words}: ${item.title}`,
  );
}

async function changing(change, told) {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const place = h("div");
    byId("recommendations-body").prepend(place);
    failed(place, error);
    return;
  }
  const moved = await refresh();
  announce(`${typeof told === "function" ? told() : told}. ${moved === 1 ? "1 recommendation" : `${moved} recommendations`} changed.`);
}

async function refresh() {
  const [, profile, moved] = await Promise.all([history.load(), interests.load(), recommendations.load(), discoveries.load()]);
  if (profile) showPerson(profile);
  return moved ?? 0;
}

function showPerson(profile) {
  const figure = (name, n) => h("div", {}, h("dt", {}, name), h("dd", {}, count(n)));
  fill(byId("figures"), figure(profile.events === 1 ? "event" : "events", profile.events));
  const leans = profile.interests.filter((interest) => interest.strength > 0 && !interest.muted).slice(0, 3);
  const place = byId("leaning");
  if (!leans.length) {
    place.textContent = profile.note || "No leaning shows yet.";
    return;
  }
  const names = leans.flatMap((interest, n) => [n ? (n === leans.length - 1 ? " and " : ", ") : "", h("b", {}, interest.concept)]);
  place.replaceChildren("Leans to ", ...names, ".");
}

byId("initial").textContent = [...user.replace(/^[^\p{L}\p{N}]*/u, "")][0]?.toUpperCase() ?? "·";
refresh();
