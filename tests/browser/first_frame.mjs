// Moves a film into the drop folder, opens its player as soon as the server knows it, and reports
// how long after that the first picture moved, and which streams it was taken from.
//
// Input: { url, source, target }: both on one file system; target is a path in the drop folder.
// @ts-check

import { rename } from "node:fs/promises";
import { basename } from "node:path";

import { input, report, withPage } from "./chromium.mjs";

const PATIENCE_MS = 180_000;
const { url, source, target } = input();

const outcome = await withPage(async (page, traffic) => {
  await page.goto(`${url}/`);
  await rename(source, target);
  const droppedAt = Date.now();
  const id = await titleOf(page, basename(target));
  const listedMs = Date.now() - droppedAt;
  await page.goto(`${url}/watch/${id}`, { waitUntil: "commit" });
  await page.waitForFunction(
    () => (document.querySelector("video")?.currentTime ?? 0) > 0,
    undefined,
    { polling: 20 },
  );
  return {
    listedMs,
    firstPictureMs: Date.now() - droppedAt,
    streams: traffic.streams(),
    failures: traffic.failures,
  };
});
report(outcome);

/**
 * The id of the title made from `file`, as soon as the server lists it: its page shows that it is
 * being prepared and starts by itself.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} file
 * @returns {Promise<string>}
 */
async function titleOf(page, file) {
  const giveUpAt = Date.now() + PATIENCE_MS;
  while (Date.now() < giveUpAt) {
    const answer = await page.request.get(`${url}/api/v1/videos`);
    const { videos } = await answer.json();
    const found = videos.find((/** @type {{ file: string }} */ video) => video.file === file);
    if (found) return found.id;
    await page.waitForTimeout(50);
  }
  throw new Error(`${file} never became a title`);
}
