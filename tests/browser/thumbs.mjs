// Points at the seek bar, goes along it by keys, and rests on a card of the library.
//
// Input: { url, id, screenshots }
// @ts-check

import { eventually, input, report, withPage } from "./chromium.mjs";

const { url, id, screenshots } = input();

const outcome = await withPage(async (page, traffic) => {
  await page.goto(`${url}/watch/${id}`);
  await page.waitForSelector('[data-state="playing"]');
  await page.evaluate(() => document.querySelector("video")?.pause());
  const bar = page.locator("homereel-seek");
  const length = Number(await bar.getAttribute("aria-valuemax"));
  const box = await bar.boundingBox();
  if (!box) throw new Error("the seek bar is not shown");
  const picture = page.locator(".seek-picture");
  const shown = () => picture.evaluate((element) => element.style.backgroundPosition);
  const pointed = [];
  for (const second of [5, 15, 33]) {
    await page.mouse.move(box.x + (box.width * second) / length, box.y + box.height / 2);
    await picture.waitFor();
    pointed.push(await shown());
    await page.screenshot({ path: `${screenshots}/thumbs-${second}.png` });
  }
  await page.mouse.move(10, 10);
  await picture.waitFor({ state: "hidden" });
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video) video.currentTime = 20;
  });
  await page.evaluate(notePicture);
  await page.keyboard.press("ArrowRight");
  const byKey = await eventually(page, async () => /** @type {any} */ (window).noted, null);

  await page.goto(url);
  const card = page.locator(`[data-title="${id}"] .card-link`).first();
  await card.hover();
  const preview = page.locator(".card-preview > div");
  await preview.waitFor();
  await page.screenshot({ path: `${screenshots}/thumbs-card.png` });
  const played = new Set();
  const position = () => preview.evaluate((element) => element.style.backgroundPosition);
  played.add(await position());
  await page.waitForFunction(
    (first) => {
      const now = /** @type {HTMLElement | null} */ (document.querySelector(".card-preview > div"));
      return now && now.style.backgroundPosition !== first;
    },
    [...played][0],
  );
  played.add(await position());
  await page.mouse.move(1, 1);
  await preview.waitFor({ state: "detached" });

  // The sheet is in the browser's cache now: it would be shown at once if it were shown.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await card.hover();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 700)));
  const still = await preview.count();
  return { pointed, byKey, played: [...played], still, failures: traffic.failures };
});
report(outcome);

/** Runs in the page: notes which picture the bubble shows. It is there for a moment only. */
function notePicture() {
  const bubble = /** @type {HTMLElement} */ (document.querySelector(".seek-bubble"));
  const picture = /** @type {HTMLElement} */ (document.querySelector(".seek-picture"));
  new MutationObserver(() => {
    if (!bubble.hidden && !picture.hidden) {
      Object.assign(window, { noted: picture.style.backgroundPosition });
    }
  }).observe(bubble, { subtree: true, attributes: true });
}
