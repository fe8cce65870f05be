// The inbox: every file that was seen at a door, and the one thing to do about each. Rows are kept
// from one look to the next, so that nothing jumps under a pointer.

import { ask, wordsFor } from "./ask";
import { need } from "./dom";
import { ago, counted, size } from "./format";
import { type Arrival, doorOf, stateOf, stepOf, toneOf } from "./inbox/words";
import { listen, throttled } from "./live";
import { type Page, fetchPages } from "./pages";
import { toast } from "./toast";

const REFRESH_PAUSE_MS = 1_000;
const AGES_EVERY_MS = 30_000;

/** The server's answer. */
interface Inbox extends Page {
  arrivals: Arrival[];
  total: number;
  needs_you: number;
}

const list = need<HTMLElement>(document, "#arrivals");
const more = need<HTMLElement>(document, "#more");
const rows = new Map<string, HTMLElement>();
let arrivals: Arrival[] = [];
/** Pages that are shown. */
let shownPages = 1;

const onlyMine = (): boolean => location.hash === "#needs-you";

/** Shows what came, in the server's order. */
function show(): void {
  const ids = new Set(arrivals.map((arrival) => arrival.id));
  for (const [id, row] of rows) {
    if (!ids.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  let at: Element | null = list.firstElementChild;
  for (const arrival of arrivals) {
    const row = rowOf(arrival);
    fill(row, arrival);
    if (row === at) {
      at = at.nextElementSibling;
    } else {
      list.insertBefore(row, at);
    }
  }
}

/** The filter with its counts, what stands in an empty table, and the way to more. */
function showAround({ total, needs_you: mine }: Inbox, isCut: boolean): void {
  need(document, "#count-mine").textContent = counted(mine);
  if (!onlyMine()) {
    need(document, "#count-all").textContent = counted(total);
  }
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".filter a")) {
    const chosen = (link.hash === "#needs-you") === onlyMine();
    link.setAttribute("aria-current", chosen ? "true" : "false");
  }
  const isEmpty = arrivals.length === 0;
  need<HTMLElement>(document, "#inbox-table").hidden = isEmpty;
  need<HTMLElement>(document, "#inbox-empty").hidden = !isEmpty || onlyMine();
  need<HTMLElement>(document, "#inbox-clear").hidden = !isEmpty || !onlyMine();
  more.hidden = !isCut;
  document.body.dataset["loaded"] = "true";
}

function rowOf(arrival: Arrival): HTMLElement {
  const known = rows.get(arrival.id);
  if (known) {
    return known;
  }
  const template = need<HTMLTemplateElement>(document, "#arrival-row");
  const copy = template.content.cloneNode(true) as DocumentFragment;
  const row = need<HTMLElement>(copy, "tr");
  row.id = `arrival-${arrival.id}`;
  rows.set(arrival.id, row);
  return row;
}

function fill(row: HTMLElement, arrival: Arrival): void {
  const drawn = JSON.stringify(arrival);
  if (row.dataset["drawn"] === drawn) {
    return;
  }
  row.dataset["drawn"] = drawn;
  row.dataset["tone"] = toneOf(arrival);
  const door = doorOf(arrival);
  text(row, "file", arrival.file).title = arrival.path;
  text(row, "size", arrival.size_bytes > 0 ? size(arrival.size_bytes) : "");
  text(row, "door", door.word);
  text(row, "folder", door.folder).title = arrival.path;
  text(row, "state", stateOf(arrival));
  showAge(row, arrival);
  const step = stepOf(arrival);
  const holder = need(row, '[data-role="step"]');
  holder.replaceChildren(...(step ? [drawStep(arrival, step)] : []));
  const dismiss = need<HTMLButtonElement>(row, '[data-role="dismiss"]');
  dismiss.hidden = !arrival.needs_you;
  dismiss.setAttribute("aria-label", `Dismiss ${arrival.file}`);
  dismiss.onclick = () => void act(arrival, "dismiss");
}

function text(row: HTMLElement, role: string, words: string): HTMLElement {
  const part = need<HTMLElement>(row, `[data-role="${role}"]`);
  part.textContent = words;
  return part;
}

function showAge(row: HTMLElement, arrival: Arrival): void {
  const at = new Date(arrival.changed_at);
  const age = need<HTMLTimeElement>(row, "time");
  age.dateTime = arrival.changed_at;
  age.textContent = ago(at, new Date()) ?? at.toLocaleDateString([], { dateStyle: "medium" });
  age.title = `First seen ${new Date(arrival.first_seen_at).toLocaleString()}`;
}

function drawStep(arrival: Arrival, step: NonNullable<ReturnType<typeof stepOf>>): HTMLElement {
  if (step.href) {
    const link = document.createElement("a");
    link.className = "button small";
    link.href = step.href;
    link.textContent = step.label;
    link.setAttribute("aria-label", `${step.label} ${arrival.file}`);
    return link;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.textContent = step.label;
  button.setAttribute("aria-label", `${step.label}: ${arrival.file}`);
  button.addEventListener("click", () => void act(arrival, step.ask ?? "dismiss"));
  return button;
}

async function act(arrival: Arrival, action: "retry" | "dismiss" | "take"): Promise<void> {
  const said = {
    retry: `Looking at ${arrival.file} again.`,
    dismiss: `${arrival.file} is off the list. The file stays where it is.`,
    take: `${arrival.file} becomes a film again.`,
  };
  try {
    await ask("POST", `/api/v1/inbox/${arrival.id}/${action}`);
    toast(said[action]);
  } catch (error) {
    toast(wordsFor(error));
  }
  refresh();
}

const refresh = throttled(REFRESH_PAUSE_MS, async () => {
  const path = onlyMine() ? "/api/v1/inbox?needs_you=true" : "/api/v1/inbox";
  try {
    const pages = await fetchPages<Inbox>(path, shownPages);
    arrivals = pages.flatMap((page) => page.arrivals);
    show();
    const [first, last] = [pages[0], pages.at(-1)];
    if (first && last) {
      showAround(first, last.next_cursor !== null);
    }
  } catch (error) {
    if (document.body.dataset["loaded"] !== "true") {
      toast(wordsFor(error));
    }
  }
});

more.addEventListener("click", () => {
  shownPages += 1;
  refresh();
});
window.addEventListener("hashchange", () => {
  shownPages = 1;
  refresh();
});
window.setInterval(() => {
  for (const arrival of arrivals) {
    const row = rows.get(arrival.id);
    if (row) {
      showAge(row, arrival);
    }
  }
}, AGES_EVERY_MS);
listen({ inbox: refresh, title: refresh, missed: refresh });
refresh();
