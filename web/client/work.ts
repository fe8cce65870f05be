// The card of a piece of work: a picture, a name, what happens in words, the ladder, the filmstrip.
// Uploads begin as one and jobs are shown as one, so that neither moves when one becomes the
// other. Its markup is `templates/work.html`; what it shows is decided by `jobs/words.ts` and
// `upload/row.ts`.

import type { Rung, Strip } from "./api";
import { need, setIcon, svg } from "./dom";
import { drawFrames } from "./filmstrip";
import { describeLadder, drawLadder } from "./ladder";

/** Something a person can ask for. */
export interface Action {
  key: string;
  label: string;
  icon: string;
  /** A link instead of a button. */
  href?: string;
  primary?: boolean;
  /** Shows its word beside its icon. */
  wordy?: boolean;
}

/** What a card shows now. */
export interface Face {
  stage: string;
  name: string;
  line: string;
  /** The line tells of trouble. */
  trouble?: boolean;
  /** What is happening is alive: amber. */
  alive?: boolean;
  facts: string;
  poster: string | null;
  rungs: readonly Rung[];
  strip: Strip | null;
  /** A plain progress line in place of the filmstrip: 0 to 1. */
  sent: number | null;
  actions: readonly Action[];
}

export class WorkCard {
  readonly element: HTMLElement;
  private shownActions = "";
  private shownLadder = "";

  /** `act` is called with the key of an action that a person chose. */
  constructor(
    id: string,
    private readonly act: (key: string) => void,
  ) {
    const template = need<HTMLTemplateElement>(document, "#work-card");
    const copy = template.content.cloneNode(true) as DocumentFragment;
    this.element = need<HTMLElement>(copy, ".work");
    this.element.id = id;
  }

  /** Brings the card to `face` with as few changes as possible, so that nothing flickers. */
  show(face: Face): void {
    setData(this.element, "stage", face.stage);
    setData(this.element, "alive", String(face.alive ?? false));
    setData(this.element, "trouble", String(face.trouble ?? false));
    this.text("name", face.name);
    this.part("name").title = face.name;
    this.text("line", face.line);
    this.text("facts", face.facts);
    this.showPoster(face.poster);
    this.showLadder(face.rungs);
    this.showStrip(face);
    this.showActions(face.actions);
  }

  /** The element with this role. */
  part<T extends HTMLElement>(role: string): T {
    return need<T>(this.element, `[data-role="${role}"]`);
  }

  private text(role: string, words: string): void {
    const part = this.part(role);
    if (part.textContent !== words) {
      part.textContent = words;
    }
    part.hidden = words === "";
  }

  private showPoster(poster: string | null): void {
    const image = this.part<HTMLImageElement>("poster");
    if (poster && image.getAttribute("src") !== poster) {
      image.src = poster;
      image.hidden = false;
    }
  }

  private showLadder(rungs: readonly Rung[]): void {
    const drawn = JSON.stringify(rungs.map((rung) => [rung.name, rung.ready]));
    if (drawn === this.shownLadder) {
      return;
    }
    this.shownLadder = drawn;
    const ladder = this.part("ladder");
    const best = rungs.filter((rung) => rung.ready > 0).at(-1);
    const name = document.createElement("span");
    name.textContent = best ? String(best.name) : "";
    ladder.replaceChildren(...(rungs.length > 0 ? [drawLadder(rungs), name] : []));
    ladder.title = rungs.length > 0 ? describeLadder(rungs) : "";
  }

  private showStrip(face: Face): void {
    const strip = this.part("strip");
    strip.hidden = face.sent === null && face.strip === null;
    setData(strip, "kind", face.sent === null ? "strip" : "sent");
    strip.style.setProperty("--sent", String(face.sent ?? 0));
    drawFrames(need<SVGElement>(strip, ".filmstrip"), face.sent === null ? face.strip : null);
    if (face.sent === null) {
      strip.removeAttribute("role");
      strip.removeAttribute("aria-valuenow");
    } else {
      strip.setAttribute("role", "progressbar");
      strip.setAttribute("aria-label", `Sent of ${face.name}`);
      strip.setAttribute("aria-valuenow", String(Math.floor(face.sent * 100)));
    }
  }

  private showActions(actions: readonly Action[]): void {
    const drawn = JSON.stringify(actions);
    if (drawn === this.shownActions) {
      return;
    }
    this.shownActions = drawn;
    const holder = this.part("actions");
    const focused = (document.activeElement as HTMLElement | null)?.dataset?.["key"];
    const hadFocus = holder.contains(document.activeElement);
    holder.replaceChildren(...actions.map((action) => this.button(action)));
    if (hadFocus) {
      const again = holder.querySelector<HTMLElement>(`[data-key="${focused ?? ""}"]`);
      (again ?? (holder.firstElementChild as HTMLElement | null))?.focus();
    }
  }

  private button(action: Action): HTMLElement {
    const element = document.createElement(action.href ? "a" : "button");
    element.className = action.wordy ? "button small" : "icon-button";
    element.classList.toggle("primary", action.primary ?? false);
    element.dataset["key"] = action.key;
    element.append(drawIcon(action.icon));
    if (element instanceof HTMLAnchorElement) {
      element.href = action.href ?? "";
    } else {
      element.setAttribute("type", "button");
      element.addEventListener("click", () => this.act(action.key));
    }
    if (action.wordy) {
      element.append(action.label);
    } else {
      element.setAttribute("aria-label", action.label);
      element.title = action.label;
    }
    return element;
  }
}

/** An icon of the sprite. */
export function drawIcon(name: string): SVGElement {
  const icon = svg("svg", { class: "icon", "aria-hidden": "true" });
  icon.append(svg("use", { href: `#icon-${name}` }));
  setIcon(icon, name);
  return icon;
}

function setData(element: HTMLElement, name: string, value: string): void {
  if (element.dataset[name] !== value) {
    element.dataset[name] = value;
  }
}
