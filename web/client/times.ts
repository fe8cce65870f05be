// Times of the page in words that fit now: `5 min ago` when near, the day as the server wrote it
// when far.

import { ago } from "./format";

/** Rewrites every `<time datetime>`; the day is kept beside it. */
export function tellTimes(): void {
  const now = new Date();
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const day = time.getAttribute("data-day") ?? time.textContent ?? "";
    time.setAttribute("data-day", day);
    time.textContent = ago(new Date(time.dateTime), now) ?? day;
  }
}
