// The jobs page: what is being made, in the order it will run, and what came of the rest. The
// server decides everything; this page asks and shows.

import type { Job } from "./api";
import { ask, wordsFor } from "./ask";
import { need } from "./dom";
import { JobCard } from "./jobs/card";
import { type Place, makeSortable, placeOf } from "./jobs/order";
import { listen, throttled } from "./live";
import { type Page, fetchPages } from "./pages";
import { toast } from "./toast";

const REFRESH_PAUSE_MS = 1_000;

/** The server's answer. */
interface Jobs extends Page {
  jobs: Job[];
}

const more = need<HTMLElement>(document, "#more");
const open = need<HTMLElement>(document, "#open");
const past = need<HTMLElement>(document, "#past");
const heard = need<HTMLElement>(document, "#heard");
const steers = document.body.querySelector("[data-steers]") !== null;
const pause = document.querySelector<HTMLInputElement>("#encoding-paused");
const cards = new Map<string, JobCard>();
let jobs: Job[] = [];
/** Pages that are shown. */
let shownPages = 1;

/** Shows `jobs` in the server's order; cards that stay are moved only if they must. */
function show(): void {
  const shown = new Set(jobs.map((job) => job.id));
  for (const [id, card] of cards) {
    if (!shown.has(id)) {
      card.element.remove();
      cards.delete(id);
    }
  }
  const ended = (job: Job): boolean => ["done", "failed", "cancelled"].includes(job.state);
  place(open, jobs.filter((job) => !ended(job)));
  place(past, jobs.filter(ended));
  need<HTMLElement>(document, "#past-section").hidden = past.childElementCount === 0;
  need<HTMLElement>(document, "#idle").hidden = open.childElementCount > 0;
  need<HTMLElement>(document, "#paused-note").hidden = !(pause?.checked ?? false);
  document.body.dataset["loaded"] = "true";
}

function place(list: HTMLElement, wanted: readonly Job[]): void {
  const now = new Date();
  let queued = 0;
  let at: Element | null = list.firstElementChild;
  for (const job of wanted) {
    const card = cardOf(job);
    const around = { before: queued, encodingPaused: pause?.checked ?? false, steers, now };
    card.show(job, around);
    queued += Number(job.state === "queued" || job.state === "running");
    if (card.element === at) {
      at = at.nextElementSibling;
    } else if (!open.querySelector("[data-dragging]")) {
      list.insertBefore(card.element, at);
    }
  }
}

function cardOf(job: Job): JobCard {
  const known = cards.get(job.id);
  if (known) {
    return known;
  }
  const card = new JobCard(job.id, (key) => void act(job.id, key), step);
  cards.set(job.id, card);
  return card;
}

async function act(id: string, action: string): Promise<void> {
  try {
    await ask("POST", `/api/v1/jobs/${id}/${action}`);
  } catch (error) {
    toast(wordsFor(error));
  }
  refresh();
}

async function move(id: string, place: Place): Promise<void> {
  try {
    await ask("POST", `/api/v1/jobs/${id}/move`, place);
  } catch (error) {
    toast(wordsFor(error));
  }
  refresh();
}

const refresh = throttled(REFRESH_PAUSE_MS, async () => {
  try {
    const pages = await fetchPages<Jobs>("/api/v1/jobs", shownPages);
    jobs = pages.flatMap((page) => page.jobs);
    more.hidden = pages.at(-1)?.next_cursor === null;
    show();
  } catch (error) {
    if (document.body.dataset["loaded"] !== "true") {
      need(document, "#idle-words").textContent = wordsFor(error);
    }
  }
});

async function setPaused(paused: boolean): Promise<void> {
  try {
    await ask("PATCH", "/api/v1/settings", { encoding_paused: paused });
    toast(paused ? "Encoding is paused. Films that are ready keep playing." : "Encoding goes on.");
  } catch (error) {
    if (pause) {
      pause.checked = !paused;
    }
    toast(wordsFor(error));
  }
  show();
  refresh();
}

/** Somebody else may have thrown the switch. */
const heedSettings = throttled(REFRESH_PAUSE_MS, async () => {
  if (pause) {
    const settings = await ask<{ encoding_paused: boolean }>("GET", "/api/v1/settings").catch(
      () => null,
    );
    pause.checked = settings?.encoding_paused ?? pause.checked;
    show();
  }
});

const step = makeSortable(open, (moved, around) => {
  const idOf = (card: HTMLElement | null): string | null => card?.id.replace(/^job-/, "") ?? null;
  const ids = [...open.children].map((card) => idOf(card as HTMLElement));
  const name = jobs.find((job) => job.id === idOf(moved))?.title_name ?? "";
  heard.textContent = `${name} is now number ${ids.indexOf(idOf(moved)) + 1} of ${ids.length}`;
  void move(idOf(moved) ?? "", placeOf(idOf(around.previous), idOf(around.next)));
});
more.addEventListener("click", () => {
  shownPages += 1;
  refresh();
});
pause?.addEventListener("change", () => void setPaused(pause.checked));
listen({ job: refresh, title: refresh, settings: heedSettings, missed: refresh });
refresh();
