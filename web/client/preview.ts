// A card under the mouse plays a few thumbnails of its film. Nothing is loaded before the mouse has
// rested; neither touch nor people who want less motion get any of it.

import type { Thumbs } from "./api";
import { fetchSheet, onSheet, showThumb } from "./thumbs";

const REST_MS = 350;
const EACH_MS = 800;
/** More would be a film. */
const MOST_PICTURES = 8;

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

let card: Element | null = null;
let timer = 0;

/** Spread over what the first sheet shows, without the very beginning, which is often black. */
function chosen(thumbs: Thumbs): number[] {
  const count = Math.min(thumbs.count, onSheet(thumbs));
  const pictures = Math.min(MOST_PICTURES, count);
  return Array.from({ length: pictures }, (_, index) => Math.floor(((index + 0.5) * count) / pictures));
}

async function begin(under: Element): Promise<void> {
  const holder = under.querySelector<HTMLElement>(".card-picture[data-thumbs]");
  const thumbs = JSON.parse(holder?.dataset["thumbs"] ?? "null") as Thumbs | null;
  const sheet = thumbs?.sheets[0];
  if (!holder || !thumbs || !sheet || thumbs.count < 2) {
    return;
  }
  try {
    await fetchSheet(sheet);
  } catch {
    return;
  }
  // The mouse may have gone on while the sheet was loading.
  if (card === under) {
    play(holder, thumbs);
  }
}

function play(holder: HTMLElement, thumbs: Thumbs): void {
  const preview = document.createElement("div");
  preview.className = "card-preview";
  const picture = document.createElement("div");
  picture.style.setProperty("--shape", String(thumbs.width / thumbs.height));
  preview.append(picture);
  holder.querySelector(".card-preview")?.remove();
  holder.querySelector("img")?.after(preview);
  const pictures = chosen(thumbs);
  let turn = 0;
  const show = (): void => {
    showThumb(picture, thumbs, pictures[turn % pictures.length] ?? 0);
    turn += 1;
  };
  show();
  timer = window.setInterval(show, EACH_MS);
}

function end(): void {
  window.clearTimeout(timer);
  window.clearInterval(timer);
  card?.querySelector(".card-preview")?.remove();
  card = null;
}

/** Plays whatever card the mouse rests on, now and later. */
export function previewCards(): void {
  document.addEventListener("pointerover", (event) => {
    const under = event.target instanceof Element ? event.target.closest(".card-link") : null;
    if (under === card) {
      return;
    }
    end();
    if (under && event.pointerType === "mouse" && !still.matches) {
      card = under;
      timer = window.setTimeout(() => void begin(under), REST_MS);
    }
  });
  document.addEventListener("pointerleave", end);
}
