// Plays a title whose original picture is damaged, in a browser that would rather have that one,
// and reports which streams of the picture it asked for and whether it played on.
//
// Input: { url, id, original }: original is the stream of the copied picture.
// @ts-check

import { input, report, withPage } from "./chromium.mjs";

const PLAY_UNTIL_S = 3;
const { url, id, original } = input();

const outcome = await withPage(async (page, traffic) => {
  // Bandwidth decides which one the player takes; this makes the original the best.
  await page.route("**/manifest.mpd", async (route) => {
    const answer = await route.fetch();
    const wanted = new RegExp(`(<Representation id="${original}" bandwidth=)"\\d+"`);
    const body = (await answer.text()).replace(wanted, '$1"5000000"');
    await route.fulfill({ response: answer, body });
  });
  await page.goto(`${url}/watch/${id}`);
  await page.waitForFunction(
    (until) => (document.querySelector("video")?.currentTime ?? 0) > until,
    PLAY_UNTIL_S,
  );
  return {
    original: traffic.segments((stream) => stream === original).length,
    encoded: traffic.segments((stream) => stream < original).length,
    failures: traffic.failures,
  };
});
report(outcome);
