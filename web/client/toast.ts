// A short message at the foot of the page, with a way back where there is one. A new message takes
// the place of the one before.

/** Long enough to read a sentence and to decide. */
const SHOWN_MS = 6_000;
const SHOWN_WITH_UNDO_MS = 10_000;

interface Undo {
  label: string;
  run: () => void;
}

let timer = 0;

/** Shows `words`; `undo` is offered beside them. */
export function toast(words: string, undo?: Undo): void {
  const holder = document.querySelector(".toast") ?? create();
  reach(holder);
  const text = document.createElement("span");
  text.textContent = words;
  holder.replaceChildren(text, ...(undo ? [button(undo)] : []));
  holder.setAttribute("data-shown", "true");
  window.clearTimeout(timer);
  timer = window.setTimeout(hide, undo ? SHOWN_WITH_UNDO_MS : SHOWN_MS);
}

/** While a dialog is open all else lies behind it and answers nobody: the message goes in there. */
function reach(holder: Element): void {
  const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (holder.parentElement === place) {
    return;
  }
  place.append(holder);
  if (place instanceof HTMLDialogElement) {
    place.addEventListener("close", () => document.body.append(holder), { once: true });
  }
}

function hide(): void {
  window.clearTimeout(timer);
  document.querySelector(".toast")?.setAttribute("data-shown", "false");
}

function button(undo: Undo): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "toast-undo";
  element.textContent = undo.label;
  element.addEventListener("click", () => {
    hide();
    undo.run();
  });
  return element;
}

function create(): HTMLElement {
  const holder = document.createElement("div");
  holder.className = "toast";
  holder.setAttribute("role", "status");
  holder.setAttribute("aria-live", "polite");
  document.body.append(holder);
  return holder;
}
