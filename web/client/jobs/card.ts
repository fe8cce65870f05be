// A job on the jobs page: the shared card, which opens to tell more: the filmstrip at its full
// height, the facts, and a log for whoever wants to know.

import type { Job } from "../api";
import { ask, wordsFor } from "../ask";
import { WorkCard } from "../work";
import { type Around, faceOf, isBegun, timeOfDay } from "./words";

interface LogLine {
  at: string;
  text: string;
}

export class JobCard {
  readonly card: WorkCard;
  private opened: boolean | null = null;

  constructor(
    readonly id: string,
    act: (key: string) => void,
    step: (card: HTMLElement, by: number) => void,
  ) {
    this.card = new WorkCard(`job-${id}`, act);
    this.card.part("toggle").addEventListener("click", () => this.toggle());
    for (const button of this.card.part("order").querySelectorAll<HTMLElement>("button")) {
      button.addEventListener("click", () => step(this.element, Number(button.dataset["step"])));
    }
    const log = this.card.part<HTMLDetailsElement>("log");
    log.addEventListener("toggle", () => log.open && void this.fillLog());
  }

  get element(): HTMLElement {
    return this.card.element;
  }

  show(job: Job, around: Around): void {
    this.card.show(faceOf(job, around));
    const open = this.opened ?? isBegun(job);
    this.element.dataset["open"] = String(open);
    this.card.part("toggle").setAttribute("aria-expanded", String(open));
    this.card.part("body").hidden = !open;
    const grip = this.card.part("grip");
    grip.hidden = job.state !== "queued" || !around.steers;
    this.card.part("order").hidden = grip.hidden;
    this.element.dataset["movable"] = String(!grip.hidden);
    grip.setAttribute("aria-label", `Move ${job.title_name} in the order, with the arrow keys`);
    if (open && this.card.part<HTMLDetailsElement>("log").open) {
      void this.fillLog();
    }
  }

  /** What a person opened or closed stays so. */
  private toggle(): void {
    this.opened = this.element.dataset["open"] !== "true";
    this.element.dataset["open"] = String(this.opened);
    this.card.part("toggle").setAttribute("aria-expanded", String(this.opened));
    this.card.part("body").hidden = !this.opened;
  }

  private async fillLog(): Promise<void> {
    const holder = this.card.part("lines");
    try {
      const { lines } = await ask<{ lines: LogLine[] }>("GET", `/api/v1/jobs/${this.id}/log`);
      const shown = lines.length > 0 ? lines.map(drawLine) : [plain("Nothing was written down yet.")];
      holder.replaceChildren(...shown);
    } catch (error) {
      holder.replaceChildren(plain(wordsFor(error)));
    }
  }
}

function drawLine(line: LogLine): HTMLElement {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = line.at;
  time.textContent = timeOfDay(new Date(line.at));
  time.title = new Date(line.at).toLocaleString();
  const text = document.createElement("span");
  text.textContent = line.text;
  item.append(time, text);
  return item;
}

function plain(words: string): HTMLElement {
  const item = document.createElement("li");
  item.textContent = words;
  return item;
}
