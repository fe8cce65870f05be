// Looks at every page of Homereel, on a telephone and a desk, dark and light, in the states people
// meet it in: takes its picture, and reports in words what is wrong with it. Judging by eye is left
// to whoever looks at the pictures.
//
// Input: { url, token, drop, films, long, pictures }
// @ts-check

import { join } from "node:path";

import { input, report, withBrowser } from "./chromium.mjs";
import * as house from "./pages/house.mjs";
import { judge, listenToTrouble, walkByKeyboard } from "./pages/judge.mjs";
import { EMPTY, GUEST, WORK, lived, unclaimed } from "./pages/views.mjs";

const SCREENS = {
  phone: {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
  },
  desk: { viewport: { width: 1440, height: 900 } },
};

const { url, token, drop, films, long, pictures } = input();

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./pages/views.mjs").View} View */
/** @typedef {import("playwright-core").BrowserContextOptions} Device */

let looked = 0;
/** @type {string[]} */
const wrong = [];

/**
 * Looks at `views` on every screen and in both themes, as the person whose cookies these are.
 *
 * @param {(device: Device) => Promise<Page>} open
 * @param {readonly View[]} views
 * @param {Device["storageState"]} [person]
 */
async function look(open, views, person) {
  for (const [screen, device] of Object.entries(SCREENS)) {
    for (const colorScheme of /** @type {const} */ (["dark", "light"])) {
      const page = await open({
        ...device,
        colorScheme,
        reducedMotion: "reduce",
        ...(person ? { storageState: person } : {}),
      });
      for (const view of views) {
        await lookAt(page, view, `${screen}-${colorScheme}`);
      }
      await page.context().close();
    }
  }
}

/**
 * @param {Page} page
 * @param {View} view
 * @param {string} where the screen and the theme
 */
async function lookAt(page, view, where) {
  const trouble = (heard.get(page) ?? remember(page))(view.expects ?? []);
  await view.before?.(page);
  await page.goto("about:blank");
  await page.goto(`${url}${view.path}`);
  await page.locator(view.shows).first().waitFor();
  await view.act?.(page);
  await settle(page);
  await takePicture(page, join(pictures, `${view.name}-${where}.png`), view.screenful ?? false);
  const found = [...trouble, ...(heard.get(page)?.(view.expects ?? []) ?? []), ...(await judge(page))];
  if (where === "desk-dark") {
    found.push(...(await walkByKeyboard(page)));
  }
  wrong.push(...found.map((words) => `${view.name}, ${where}: ${words}`));
  looked += 1;
  await page.unrouteAll({ behavior: "ignoreErrors" });
}

/** @type {WeakMap<Page, ReturnType<typeof listenToTrouble>>} */
const heard = new WeakMap();

/** @param {Page} page */
function remember(page) {
  const listening = listenToTrouble(page);
  heard.set(page, listening);
  return listening;
}

/** A long page is seen whole on a screen as high as it: what sticks to an edge stays there. */
const HIGHEST = 6_000;

/**
 * @param {Page} page
 * @param {string} path
 * @param {boolean} screenful
 */
async function takePicture(page, path, screenful) {
  const screen = page.viewportSize();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  if (!screenful && screen && height > screen.height) {
    await page.setViewportSize({ ...screen, height: Math.min(height, HIGHEST) });
    await settle(page);
  }
  await page.screenshot({ path, animations: "disabled" });
  if (screen) {
    await page.setViewportSize(screen);
  }
}

/**
 * Waits for fonts and for the pictures that are on the screen.
 *
 * @param {Page} page
 */
async function settle(page) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    const seen = [...document.images].filter((image) => {
      const { top, bottom } = image.getBoundingClientRect();
      return image.src && bottom > 0 && top < innerHeight;
    });
    // A picture that a page replaces while it loads is never decoded.
    const enough = new Promise((resolve) => setTimeout(resolve, 3_000));
    const decoded = seen.map((image) => image.decode().catch(() => undefined));
    await Promise.race([Promise.all(decoded), enough]);
  });
}

await withBrowser(async (open) => {
  await look(open, unclaimed(token));
  const owner = await open(SCREENS.desk);
  await owner.goto(`${url}/setup`);
  await house.claim(owner, token);
  const person = await owner.context().storageState();
  await look(open, EMPTY, person);
  const ids = await house.fill(owner, { drop, films, long });
  const stopCopying = house.keepCopying(drop);
  await look(open, WORK, person);
  stopCopying();
  await house.ask(owner, "PATCH", "/api/v1/settings", { encoding_paused: true });
  await look(open, lived(ids, films[0]), person);
  await look(open, GUEST);
});

report({ looked, wrong });
