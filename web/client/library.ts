// The library page while it is open: live cards, search as you type. The server renders
// every card; this script only swaps the parts that changed.

import { need } from "./dom";
import { listen, throttled } from "./live";
import { fetchPage } from "./page";
import { previewCards } from "./preview";
import { watchedParts } from "./resume";
import { tellTimes } from "./times";

/** Pause between two looks at the server while a lot is going on. */
const REFRESH_PAUSE_MS = 1_000;
const TYPING_PAUSE_MS = 150;

const library = (): HTMLElement => need<HTMLElement>(document, "#library");
const search = need<HTMLInputElement>(document, "#search");

/** Brings the shown library to the state of `fresh` with as few changes as possible. */
function update(fresh: Document): void {
  const [shown, wanted] = [library(), need<HTMLElement>(fresh, "#library")];
  if (outline(shown) !== outline(wanted)) {
    shown.replaceWith(document.adoptNode(wanted));
  } else {
    for (const grid of shown.querySelectorAll("[data-cards]")) {
      updateGrid(grid, need(wanted, `#${CSS.escape(grid.id)}`));
    }
    const [count, freshCount] = [shown.querySelector("#count"), wanted.querySelector("#count")];
    if (count && freshCount) {
      count.textContent = freshCount.textContent;
    }
  }
  decorate();
}

/** What surrounds the cards: when it differs, the whole page is swapped. */
function outline(page: HTMLElement): string {
  const copy = page.cloneNode(true) as HTMLElement;
  copy.querySelectorAll("[data-cards]").forEach((grid) => grid.replaceChildren());
  copy.querySelector("#count")?.replaceChildren();
  return copy.outerHTML;
}

/** Keeps cards that stay, adds new ones, drops those that went, in the server's order. */
function updateGrid(shown: Element, wanted: Element): void {
  let place: Element | null = shown.firstElementChild;
  for (const card of [...wanted.children]) {
    const old = document.getElementById(card.id);
    if (old && shown.contains(old)) {
      updateCard(old, card);
      if (old === place) {
        place = place.nextElementSibling;
      } else {
        shown.insertBefore(old, place);
      }
    } else {
      shown.insertBefore(document.adoptNode(card), place);
    }
  }
  while (place) {
    const next: Element | null = place.nextElementSibling;
    place.remove();
    place = next;
  }
}

/** Swaps the parts of a card that differ, so that a picture never flickers. */
function updateCard(shown: Element, wanted: Element): void {
  if (signature(shown) === signature(wanted)) {
    return;
  }
  const parts = (card: Element): string[] =>
    [...card.querySelectorAll("[data-part]")].map((part) => part.getAttribute("data-part") ?? "");
  if (parts(shown).join() !== parts(wanted).join()) {
    shown.replaceWith(document.adoptNode(wanted));
    return;
  }
  shown.setAttribute("data-state", wanted.getAttribute("data-state") ?? "");
  for (const name of parts(wanted)) {
    const [old, fresh] = [part(shown, name), part(wanted, name)];
    if (old && fresh && signature(old) !== signature(fresh)) {
      old.replaceWith(document.adoptNode(fresh));
    }
  }
}

function part(card: Element, name: string): Element | null {
  return card.querySelector(`[data-part="${name}"]`);
}

/** The markup as the server sent it: what this script decorated is taken out. */
function signature(element: Element): string {
  const copy = element.cloneNode(true) as Element;
  copy.querySelectorAll(".card-watched.local, .card-preview").forEach((extra) => extra.remove());
  copy.querySelectorAll("time[data-day]").forEach((time) => {
    time.textContent = time.getAttribute("data-day");
    time.removeAttribute("data-day");
  });
  return copy.outerHTML;
}

/** What only this browser knows: how long ago, and how far watched. */
function decorate(): void {
  tellTimes();
  for (const [id, watched] of watchedParts()) {
    for (const picture of document.querySelectorAll(`[data-title="${CSS.escape(id)}"] .card-picture`)) {
      if (!picture.querySelector(".card-watched")) {
        const line = document.createElement("progress");
        line.className = "card-watched local";
        line.value = watched;
        picture.append(line);
      }
    }
  }
}

const refresh = throttled(REFRESH_PAUSE_MS, async () => {
  try {
    update(await fetchPage(location.href));
  } catch {
    // The next event, or the reconnect, brings another chance.
  }
});

function searchFor(text: string): void {
  const url = new URL(location.href);
  url.search = text.trim() ? new URLSearchParams({ q: text.trim() }).toString() : "";
  history.replaceState(null, "", url);
  void fetchPage(url.href).then((page) => {
    // A slow answer must not undo a newer one.
    if (location.href === url.href) {
      update(page);
    }
  }, refresh);
}

let typing = 0;
search.addEventListener("input", () => {
  window.clearTimeout(typing);
  typing = window.setTimeout(() => searchFor(search.value), TYPING_PAUSE_MS);
});
need<HTMLFormElement>(document, ".search").addEventListener("submit", (event) => {
  event.preventDefault();
  searchFor(search.value);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target === search) {
    search.value = "";
    searchFor("");
    search.blur();
  }
});

// A card's menu deleted it, or took that back.
document.addEventListener("homereel:sent", refresh);
document.addEventListener("homereel:undone", refresh);

decorate();
previewCards();
listen({ title: refresh, inbox: refresh, missed: refresh });
