// The title's page while it is open: parts that changed are swapped, a deleted film leaves its way
// back on the page.

import { addressOfHouse } from "./elsewhere";
import { clock } from "./format";
import { type Deleted, goneWords } from "./gone";
import { listen, throttled } from "./live";
import { need } from "./dom";
import { refreshRegions } from "./page";
import { positionOf } from "./resume";

const REFRESH_PAUSE_MS = 1_500;

const title = need<HTMLElement>(document, "#title");
const gone = need<HTMLElement>(document, "#gone");
const id = title.dataset["id"] ?? "";

/** Shows what can still be done about a deleted film, or the film. */
function show(deleted: Deleted | null): void {
  title.hidden = deleted !== null;
  gone.hidden = deleted === null;
  if (deleted) {
    need(gone, "#gone-words").textContent = goneWords(deleted);
  }
}

/** A guest's position is known to this browser alone. */
function offerResume(): void {
  const seconds = positionOf(id);
  const words = document.querySelector("#play span");
  if (words && seconds !== null) {
    words.textContent = `Resume at ${clock(seconds)}`;
  }
}

title.addEventListener("homereel:sent", (event) => {
  const element = event.target instanceof HTMLElement ? event.target : null;
  if (element?.dataset["send"]?.startsWith("DELETE ")) {
    show((event as CustomEvent<Deleted>).detail);
    need<HTMLElement>(gone, "button").focus();
  }
});
document.addEventListener("homereel:undone", () => show(null));
document.addEventListener("homereel:refreshed", offerResume);

const refresh = throttled(REFRESH_PAUSE_MS, async () => {
  if (gone.hidden) {
    await refreshRegions().catch(() => undefined);
  }
});

/** The link to share is one for other devices. */
async function completeLink(): Promise<void> {
  const link = document.getElementById("share-link");
  if (link) {
    link.textContent = (await addressOfHouse()) + (link.dataset["path"] ?? "");
  }
}

offerResume();
void completeLink();
listen({ title: (changed) => changed === id && refresh(), missed: refresh });
