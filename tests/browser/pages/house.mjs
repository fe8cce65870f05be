// The house whose pages are looked at: who lives there, what it holds, and what is going wrong in
// it. Filled through its doors: the drop folder and the API. What does not belong here: looking.
// @ts-check

import { appendFile, copyFile, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

const PATIENCE_MS = 300_000;
export const OWNER = { name: "Ada", password: "a quiet evening at home" };
const VIEWER = { name: "Grandma Augusta", password: "knitting while watching" };
export const LONG_NAME = `How we ${"went over the pass and ".repeat(13)}came home`.slice(0, 300);
export const HEBREW_NAME = "מסע ארוך הביתה, חלק ראשון (2024)";
const STORY =
  "Two weeks in September, all of it by train.\n\nThe second half is mostly rain, and all the better for it.";

/** @typedef {import("playwright-core").Page} Page */

/**
 * Asks the server as the page's person would.
 *
 * @param {Page} page a page of the house
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function ask(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const request = body === undefined ? {} : { body, headers: { "content-type": "application/json" } };
      const answer = await fetch(/** @type {string} */ (path), { method, ...request });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : null;
    },
    [method, path, body === undefined ? undefined : JSON.stringify(body)],
  );
}

/**
 * The owner claims the house; the page is theirs from then on.
 *
 * @param {Page} page
 * @param {string} token
 */
export async function claim(page, token) {
  const claim = { token, ...OWNER, house_name: "Ada’s house", audience: "anyone" };
  await ask(page, "POST", "/api/v1/setup", claim);
}

/**
 * Fills the house and waits until its films stand as they should.
 *
 * @param {Page} page the owner's
 * @param {{ drop: string, films: string[], long: string }} things
 */
export async function fill(page, { drop, films, long }) {
  for (const film of films) {
    await copyFile(film, join(drop, basename(film)));
  }
  await until(page, (videos) => videos.filter((video) => video.state === "ready").length === films.length);
  const [first, second, third, fourth] = films;
  await copyFile(long, join(drop, "The long way home.mp4"));
  await breakThings(drop, first);
  const videos = await until(
    page,
    (all) =>
      all.some((video) => video.file === "The long way home.mp4" && video.state === "playable") &&
      all.some((video) => video.state === "failed"),
  );
  const named = (/** @type {string} */ file) =>
    videos.find((video) => video.file === basename(file)) ?? videos[0];
  const change = (/** @type {string} */ file, /** @type {object} */ facts) =>
    ask(page, "PATCH", `/api/v1/videos/${named(file).id}`, facts);
  await change(first, { description: STORY });
  await change(second, { name: LONG_NAME });
  await change(third, { name: HEBREW_NAME, visibility: "only_me" });
  for (const film of [first, fourth]) {
    const length = named(film).duration_s;
    await ask(page, "PUT", `/api/v1/videos/${named(film).id}/progress`, {
      position_s: length * 0.6,
      duration_s: length,
    });
  }
  await copyFile(first, join(drop, "A copy.mp4"));
  await inhabit(page);
  return {
    ready: named(first).id,
    long: named(second).id,
    hebrew: named(third).id,
    growing: named("The long way home.mp4").id,
    failed: videos.find((video) => video.state === "failed")?.id,
  };
}

/**
 * A file that ends in the middle, and one that is no film.
 *
 * @param {string} drop
 * @param {string} film
 */
async function breakThings(drop, film) {
  const whole = await readFile(film);
  await writeFile(join(drop, "Cut off.mp4"), whole.subarray(0, Math.floor(whole.length * 0.6)));
  await writeFile(join(drop, "Shopping list.mp4"), "bread, milk, candles\n".repeat(200));
}

/**
 * A file that goes on growing until the returned function is called.
 *
 * @param {string} drop
 */
export function keepCopying(drop) {
  const path = join(drop, "Still on its way.mkv");
  const some = Buffer.alloc(64 * 1024, 7);
  const timer = setInterval(() => void appendFile(path, some), 400);
  return () => clearInterval(timer);
}

/**
 * Somebody who came by invitation, one who has not come yet, and a program with a secret.
 *
 * @param {Page} page
 */
async function inhabit(page) {
  const invite = (/** @type {object} */ facts) => ask(page, "POST", "/api/v1/invites", facts);
  await ask(page, "POST", "/api/v1/users", { ...VIEWER, role: "viewer" });
  await invite({ note: "Uncle Otto", role: "uploader", days: 7 });
  await ask(page, "POST", "/api/v1/account/tokens", { label: "Backup script", scope: "upload", days: 30 });
}

/**
 * Waits until all titles together satisfy `wanted`, and returns them.
 *
 * @param {Page} page
 * @param {(videos: any[]) => boolean} wanted
 */
export async function until(page, wanted) {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const { videos } = await ask(page, "GET", "/api/v1/videos?per_page=100");
    if (wanted(videos)) return videos;
    if (Date.now() > giveUpAt) {
      const states = videos.map((/** @type {any} */ video) => `${video.file}: ${video.state}`);
      throw new Error(`the films do not get there: ${states.join(", ")}`);
    }
    await page.waitForTimeout(200);
  }
}
