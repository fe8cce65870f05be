// Watches a title as a person would while its ladder is still filling: library, play past several
// joins, seek far ahead, change the quality by the menu, wait for the full ladder. Reports what it
// measured as JSON; judging is left to `e2e/playback.rs`.
//
// Input: { url, id, name, screenshots, videoStreams, playUntil, seekPart }
// @ts-check

import { join } from "node:path";

import { input, report, withPage } from "./chromium.mjs";

const { url, id, name, screenshots, videoStreams, playUntil, seekPart } = input();

/** @type {(page: import("playwright-core").Page, file: string) => Promise<unknown>} */
const shoot = (page, file) => page.screenshot({ path: join(screenshots, `${file}.png`) });

/** @type {(page: import("playwright-core").Page) => Promise<number>} */
const position = (page) => page.$eval("video", (video) => video.currentTime);

/**
 * Waits until the video has moved past `seconds`.
 *
 * @param {import("playwright-core").Page} page
 * @param {number} seconds
 */
async function playsPast(page, seconds) {
  await page.waitForFunction(
    (wanted) => (document.querySelector("video")?.currentTime ?? 0) > wanted,
    seconds,
    { polling: 50 },
  );
}

/**
 * Holes in the buffer between two positions, as [start, end] in seconds.
 *
 * @param {import("playwright-core").Page} page
 * @param {number} from
 * @param {number} to
 */
function holes(page, from, to) {
  return page.$eval(
    "video",
    (video, [begin, end]) => {
      const found = [];
      let reached = begin;
      for (let index = 0; index < video.buffered.length; index += 1) {
        const [start, stop] = [video.buffered.start(index), video.buffered.end(index)];
        if (stop <= reached || start >= end) continue;
        if (start > reached) found.push([reached, start]);
        reached = stop;
      }
      if (reached < end) found.push([reached, end]);
      return found;
    },
    [from, to],
  );
}

/**
 * The title's rungs as the API has them now.
 *
 * @param {import("playwright-core").Page} page
 * @returns {Promise<{ height: number, width: number, original: boolean, ready: number }[]>}
 */
async function rungs(page) {
  const answer = await page.request.get(`${url}/api/v1/videos/${id}`);
  return (await answer.json()).rungs;
}

/**
 * Chooses a quality by the menu and waits until the picture has it.
 *
 * @param {import("playwright-core").Page} page
 * @param {{ height: number, width: number, original: boolean }} rung
 */
async function switchTo(page, rung) {
  const began = Date.now();
  await page.keyboard.press("q");
  const label = `${Math.min(rung.width, rung.height)}p${rung.original ? " original" : ""}`;
  const choices = page.locator('[data-role="qualities"] .choice');
  await choices.filter({ has: page.getByText(label, { exact: true }) }).click();
  await page.keyboard.press("Escape");
  await page.waitForFunction(
    (height) => document.querySelector("video")?.videoHeight === height,
    rung.height,
    { polling: 50 },
  );
  await playsPast(page, (await position(page)) + 1);
  return { wanted: rung.height, tookMs: Date.now() - began };
}

const outcome = await withPage(async (page, traffic) => {
  await page.goto(`${url}/`);
  await page.waitForSelector(`#title-${id}`);
  const cardShown = await page.locator(`#title-${id}`, { hasText: name }).count();
  await shoot(page, "library");

  await page.goto(`${url}/watch/${id}`);
  await playsPast(page, playUntil);
  const played = await position(page);
  const holesPlayed = await holes(page, 0, played);
  const picturesPlayed = traffic.segments((stream) => stream < videoStreams);
  const soundPlayed = traffic.segments((stream) => stream >= videoStreams);
  await shoot(page, "playing");

  const rungsAtSeek = await rungs(page);
  const duration = await page.$eval("video", (video) => video.duration);
  const target = duration * seekPart;
  const seekBegan = Date.now();
  await page.keyboard.press(String(Math.round(seekPart * 10)));
  await playsPast(page, target + 0.2);
  const seekMs = Date.now() - seekBegan;
  await playsPast(page, target + 3);
  await shoot(page, "after-seek");
  const holesAfterSeek = await holes(page, target + 0.2, await position(page));

  const switches = [
    await switchTo(page, rungsAtSeek[0]),
    await switchTo(page, rungsAtSeek.at(-1)),
  ];
  const holesAfterSwitch = await holes(page, target + 0.2, await position(page));
  await shoot(page, "after-switch");

  await page.waitForSelector('homereel-player[data-growing="false"]');
  const badge = await page.$eval('[data-role="badge"]', (element) => ({
    rungs: element.querySelectorAll(".rung:not(.lit)").length,
    lit: element.querySelectorAll(".rung.lit").length,
    words: element.getAttribute("aria-label"),
  }));
  await shoot(page, "full-ladder");
  const quality = await page.$eval("video", (video) => {
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    return { totalVideoFrames, droppedVideoFrames };
  });
  return {
    cardShown,
    duration,
    played,
    holesPlayed,
    picturesPlayed,
    soundPlayed,
    rungsAtSeek,
    target,
    seekMs,
    holesAfterSeek,
    switches,
    holesAfterSwitch,
    badge,
    quality,
    held: traffic.held,
    aborted: traffic.aborted,
    failures: traffic.failures,
  };
});
report(outcome);
