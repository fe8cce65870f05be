// The frame around every page: dialogs, forms, copying, shortcuts, and the signs of life in the
// rail.

import type { Job } from "./api";
import { ask, wordsFor } from "./ask";
import { serveDialogs } from "./dialog";
import { isTyping } from "./dom";
import { serveForms } from "./form";
import { counted } from "./format";
import { listen, throttled } from "./live";
import { tellTimes } from "./times";
import { toast } from "./toast";
import { serveArrows } from "./walk";

/** Pause between two looks at the work; the rail need not be to the second. */
const LOOK_PAUSE_MS = 3_000;

serveDialogs();
serveForms();
serveArrows();

document.addEventListener("keydown", (event) => {
  const search = document.querySelector<HTMLInputElement>("#search");
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented;
  if (event.key === "/" && plain && search && !isTyping(event)) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest<HTMLElement>("[data-copies]");
  const source = document.getElementById(button?.dataset["copies"] ?? "");
  if (source) {
    void copy(source);
  }
});

/** Copies the text of `source`. A page without https may not use the clipboard: select instead. */
async function copy(source: HTMLElement): Promise<void> {
  const text = source instanceof HTMLInputElement ? source.value : (source.textContent ?? "");
  try {
    await navigator.clipboard.writeText(text.trim());
    toast("Copied.");
  } catch {
    toast(selectAndCopy(source) ? "Copied." : "It is selected: copy it with Ctrl C.");
  }
}

function selectAndCopy(source: HTMLElement): boolean {
  if (source instanceof HTMLInputElement) {
    source.select();
  } else {
    window.getSelection()?.selectAllChildren(source);
  }
  return document.execCommand("copy");
}

/** Lights the rail's ladder as far as the first running job has come. */
function drawJobs(first: Job | undefined): void {
  const running = first?.state === "running" ? first : null;
  const ladder = document.getElementById("jobs-ladder");
  if (!ladder) {
    return;
  }
  ladder.setAttribute("data-busy", String(running !== null));
  const part = running?.progress.fraction ?? 0;
  ladder.querySelectorAll(".lit").forEach((rung, index) => {
    const lit = Math.min(1, Math.max(0, part * 4 - index));
    const x = 6.75 - 1.25 * index;
    rung.setAttribute("d", `M${x} ${16 - 4 * index}h${(20 - 2 * x) * lit}`);
    rung.setAttribute("visibility", lit > 0 ? "visible" : "hidden");
  });
}

function drawInbox(count: number): void {
  const place = document.getElementById("inbox-count");
  if (place) {
    place.hidden = count === 0;
    const [shown, said] = place.children;
    if (shown && said) {
      shown.textContent = counted(count);
      said.textContent = `, ${counted(count)} to look at`;
    }
  }
}

if (document.getElementById("jobs-ladder")) {
  const look = throttled(LOOK_PAUSE_MS, async () => {
    try {
      // Running jobs come first, so one tells.
      const { jobs } = await ask<{ jobs: Job[] }>("GET", "/api/v1/jobs?open=true&limit=1");
      drawJobs(jobs[0]);
      const inbox = "/api/v1/inbox?needs_you=true&limit=1";
      drawInbox((await ask<{ needs_you: number }>("GET", inbox)).needs_you);
    } catch (error) {
      // The next event brings another chance.
      console.info(wordsFor(error));
    }
  });
  listen({ job: look, inbox: look, missed: look });
}

tellTimes();
document.addEventListener("homereel:refreshed", tellTimes);
