// The page of the API while it is open: filters operations as you type, and opens what a link leads
// to. Everything is readable without it.

import { need } from "./dom";

const filter = need<HTMLInputElement>(document, "#filter");
const operations = [...document.querySelectorAll<HTMLDetailsElement>(".doc-operation")];

/** Shows the operations that contain every word. */
function narrow(): void {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const operation of operations) {
    const text = (operation.querySelector("summary")?.textContent ?? "").toLowerCase();
    operation.hidden = !words.every((word) => text.includes(word));
  }
  for (const group of document.querySelectorAll<HTMLElement>(".doc-group")) {
    group.hidden = !group.querySelector(".doc-operation:not([hidden])");
  }
}

/** Opens what the address names. */
function open(): void {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.hidden = false;
    target.open = true;
    target.scrollIntoView();
  }
}

filter.addEventListener("input", narrow);
window.addEventListener("hashchange", open);
open();
