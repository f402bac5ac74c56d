/** The dial above the recommendations: which share of places is spent on finding out. */

import { h } from "./dom.js";

/** Calls `turned` with a share from 0 to 1; until it is turned, slates are explored as the model is set. */
export function dial(body, turned) {
  const share = h("span", { class: "share", "aria-hidden": "true" }, "as set");
  const told = (value) => (value === 0 ? "off" : `${value} %`);
  const range = h("input", {
    type: "range", id: "explore", "aria-label": "Explore", min: 0, max: 100, step: 10, value: 0,
    on: {
      input: () => (share.textContent = told(Number(range.value))),
      change: () => turned(Number(range.value) / 100),
    },
  });
  const surprise = h("button", { type: "button", on: { click: () => {
    range.value = 100;
    share.textContent = told(100);
    turned(1);
  } } }, "Surprise me");
  body.replaceChildren(h("label", { for: "explore" }, "Explore"), range, share, surprise);
}
