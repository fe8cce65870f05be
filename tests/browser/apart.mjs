// Watches a film whose original stands apart, as if nothing of it were encoded yet: from its
// beginning, after a jump, over a cut, and with each quality chosen by hand. Reports which streams
// it was taken from and what the picture showed; judging is left to `e2e/copied.rs`.
//
// Input: { url, id, original, rung }: streams of the picture. The strip above the film's picture
// turns from black to white in `brightens` seconds.
// @ts-check

import { input, report, withPage } from "./chromium.mjs";

const { url, id, original, rung, brightens } = input();

/** @typedef {import("playwright-core").Page} Page */

/**
 * Waits until the video has moved past `seconds`, and tells when the picture was shown that is there
 * then, and when one of its brightness should be.
 *
 * @param {Page} page
 * @param {string} what
 * @param {number} seconds
 */
async function look(page, what, seconds) {
  await page.waitForFunction(
    (wanted) => (document.querySelector("video")?.currentTime ?? 0) > wanted,
    seconds,
    { polling: 50 },
  );
  const seen = await page.$eval(
    "video",
    (video, full) =>
      new Promise((resolve) => {
        video.requestVideoFrameCallback((_now, { mediaTime }) => {
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 1;
          const context = canvas.getContext("2d");
          const [width, height] = [video.videoWidth / 2, video.videoHeight / 12];
          context?.drawImage(video, width / 2, height / 2, width, height, 0, 0, 1, 1);
          const [brightness] = context?.getImageData(0, 0, 1, 1).data ?? [0];
          resolve({ at: mediaTime, shows: ((brightness ?? 0) / 255) * full });
        });
      }),
    brightens,
  );
  return { what, .../** @type {{ at: number, shows: number }} */ (seen) };
}

/** @type {(page: Page) => Promise<number>} */
const position = (page) => page.$eval("video", (video) => video.currentTime);

/** @type {(page: Page, seconds: number) => Promise<void>} */
const jump = (page, seconds) =>
  page.$eval(
    "video",
    (video, target) => {
      video.currentTime = target;
    },
    seconds,
  );

/**
 * Chooses what the menu calls `label`.
 *
 * @param {Page} page
 * @param {string | RegExp} label
 */
async function choose(page, label) {
  await page.keyboard.press("q");
  const choices = page.locator('[data-role="qualities"] .choice');
  await choices.filter({ has: page.getByText(label) }).click();
  await page.keyboard.press("Escape");
}

const outcome = await withPage(async (page, traffic) => {
  await page.route(`**/watch/${id}`, async (route) => {
    const answer = await route.fetch();
    const begun = /("original": ?false, ?"ready": ?)[\d.]+/g;
    const body = (await answer.text()).replace(begun, (_all, name) => `${name}0`);
    await route.fulfill({ response: answer, body });
  });
  const pictures = () => traffic.streams().filter((stream) => stream <= original);
  await page.goto(`${url}/watch/${id}`);
  const looks = [await look(page, "the beginning", 3)];
  const atFirst = pictures();

  await jump(page, 52);
  looks.push(await look(page, "after a jump", 53));
  const afterJump = pictures();

  await jump(page, 37);
  looks.push(await look(page, "before a cut", 38));
  looks.push(await look(page, "behind a cut", 41));
  const overCut = pictures();

  await jump(page, 22);
  await look(page, "somewhere", 23);
  await choose(page, new RegExp(`^${rung.label}$`));
  await page.waitForFunction(
    (height) => document.querySelector("video")?.videoHeight === height,
    rung.height,
    { polling: 50 },
  );
  looks.push(await look(page, "a rung by hand", (await position(page)) + 1));

  await choose(page, /original$/);
  await page.waitForFunction(
    (height) => document.querySelector("video")?.videoHeight !== height,
    rung.height,
    { polling: 50 },
  );
  looks.push(await look(page, "the original by hand", (await position(page)) + 1));

  await jump(page, 34);
  await choose(page, new RegExp(`^${rung.label}$`));
  await jump(page, 34);
  await look(page, "just before a cut", 35);
  await choose(page, /original$/);
  looks.push(await look(page, "the original behind the next cut", 41));

  await choose(page, /^Auto$/);
  await jump(page, 5);
  looks.push(await look(page, "left to itself", 8));
  return { looks, atFirst, afterJump, overCut, failures: traffic.failures };
});
report(outcome);
