// Plays a title from its beginning to its end, faster than people do, and reports how many pictures
// were shown and what failed.
//
// Input: { url, id }.
// @ts-check

import { input, report, withPage } from "./chromium.mjs";

const SPEED = 4;
const PATIENCE_MS = 90_000;
const { url, id } = input();

const outcome = await withPage(async (page, traffic) => {
  await page.goto(`${url}/watch/${id}`);
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 1);
  const pictures = await page.evaluate(
    async ([speed, patience]) => {
      const video = document.querySelector("video");
      if (!video) {
        return 0;
      }
      video.muted = true;
      video.playbackRate = speed;
      const ended = new Promise((resolve) => video.addEventListener("ended", resolve));
      const late = new Promise((_, reject) => setTimeout(reject, patience, "it does not end"));
      await Promise.race([ended, late]);
      return video.getVideoPlaybackQuality().totalVideoFrames;
    },
    /** @type {[number, number]} */ ([SPEED, PATIENCE_MS]),
  );
  return { pictures, failures: traffic.failures };
});
report(outcome);
