// Chooses subtitles in the player's sheet, reads what is shown, points at the seek bar.
//
// Input: { url, id, screenshots }
// @ts-check

import { input, report, withPage } from "./chromium.mjs";

const { url, id, screenshots } = input();

const outcome = await withPage(async (page, traffic) => {
  await page.goto(`${url}/watch/${id}`);
  await page.waitForSelector('[data-state="playing"]');
  await page.evaluate(() => document.querySelector("video")?.pause());
  await page.keyboard.press("q");
  const section = page.locator('[data-role="words"]');
  await section.getByRole("radio", { name: "English" }).click();
  const offered = await section.getByRole("radio").allTextContents();
  await page.keyboard.press("q");
  await seekTo(1.5);
  const shown = await page.waitForFunction(activeWords);
  await page.screenshot({ path: `${screenshots}/words.png` });
  await page.keyboard.press("c");
  await page.waitForFunction(() =>
    [...(document.querySelector("video")?.textTracks ?? [])].every(
      (track) => track.mode !== "showing" || !track.activeCues?.length,
    ),
  );
  const hidden = await page.evaluate(
    () => document.querySelectorAll(".shaka-text-container span").length,
  );
  const bar = page.locator("homereel-seek");
  const box = await bar.boundingBox();
  if (!box) throw new Error("the seek bar is not shown");
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height / 2);
  const bubble = await page.locator(".seek-bubble").textContent();
  const ticks = await page.locator(".seek-chapter").count();
  return {
    offered,
    shown: await shown.jsonValue(),
    hidden,
    ticks,
    bubble,
    failures: traffic.failures,
  };

  /** @param {number} seconds */
  async function seekTo(seconds) {
    await page.evaluate((to) => {
      const video = document.querySelector("video");
      if (video) video.currentTime = to;
    }, seconds);
  }
});
report(outcome);

/** What the browser shows of the tracks that are on, without tags; nothing until there is some. */
function activeWords() {
  const tracks = [...(document.querySelector("video")?.textTracks ?? [])];
  const cues = tracks
    .filter((track) => track.mode === "showing")
    .flatMap((track) => [...(track.activeCues ?? [])]);
  const words = cues.map((cue) => /** @type {VTTCue} */ (cue).getCueAsHTML().textContent);
  return words.length > 0 ? words : null;
}
