/** A score drawn as the parts it is the sum of. */

import { h, plain, signed } from "./dom.js";

const NAMES = {
  concept: "interests",
  event: "like something chosen before",
  graph: "related things",
  edit: "set by hand",
  popularity: "popular",
  newness: "new here",
  everyone: "what most like",
  rest: "not put in words",
};

/** The named parts of an item's score, and what is left of it, as {kind, value, text}; they add up to it. */
export function parts(item) {
  const named = item.reasons.map((reason) => ({ kind: reason.source, value: reason.contribution, text: reason.text || reason.concept || reason.source }));
  const rest = item.other + item.residual + item.rerank_adjustment;
  return Math.abs(rest) < 0.005 ? named : [...named, { kind: "rest", value: rest, text: NAMES.rest }];
}

const sum = (list, sign) => list.reduce((total, part) => total + Math.max(0, sign * part.value), 0);

/** How far the parts of any item go to either side of zero. */
export function reach(lists) {
  return {
    below: Math.max(0, ...lists.map((list) => sum(list, -1))),
    above: Math.max(1e-9, ...lists.map((list) => sum(list, 1))),
  };
}

/** Parts for the item to the right of zero, parts against it to the left. */
export function bar(list, { below, above }, item) {
  const span = below + above;
  let [left, right] = [below, below];
  const segments = list.map((part) => {
    const size = Math.abs(part.value);
    if (part.value < 0) left -= size;
    const from = part.value < 0 ? left : right;
    if (part.value > 0) right += size;
    return h("i", { class: part.kind, title: `${part.text} ${signed(part.value)}`, vars: { from: from / span, width: size / span } });
  });
  return h(
    "div",
    { class: "parts", role: "img", "aria-label": `Score ${plain(item.score)}, the sum of ${list.length} parts listed below` },
    segments,
    below > 0 && h("b", { vars: { zero: below / span } }),
  );
}

/** A part as a line of words with its share of the score. */
export function reason(part) {
  return h("li", { class: part.kind }, h("span", {}, part.text), h("span", { class: "number" }, signed(part.value)));
}

/** What the colours mean, for the kinds that occur. */
export function key(lists) {
  const kinds = new Set(lists.flat().map((part) => part.kind));
  return h("ul", { class: "key", "aria-label": "Colours" }, Object.keys(NAMES).filter((kind) => kinds.has(kind)).map((kind) => h("li", { class: kind }, NAMES[kind])));
}
