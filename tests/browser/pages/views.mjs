// Every page of Homereel in the states people meet it in, chapter by chapter of a house's life.
// A view says where to go, what must be there before it is looked at, and what to do first. What
// does not belong here: judging what is seen (`judge.mjs`).
// @ts-check

/** @typedef {import("playwright-core").Page} Page */

/**
 * @typedef {object} View
 * @property {string} name of its picture
 * @property {string} path
 * @property {string} shows a selector of what must be visible before it is looked at
 * @property {(page: Page) => Promise<unknown>} [before] before it is opened
 * @property {(page: Page) => Promise<unknown>} [act] what a person does there first
 * @property {readonly number[]} [expects] answers that are part of what is shown
 * @property {boolean} [screenful] only what fits on the screen is of interest
 */

const click = (/** @type {string} */ selector) => (/** @type {Page} */ page) =>
  page.locator(selector).first().click();

/** @type {(page: Page) => Promise<void>} */
async function next(page) {
  await page.locator("[data-step]:not([hidden]) [type=submit]").click();
}

/** @type {(page: Page) => Promise<void>} */
async function introduce(page) {
  await page.locator("#field-name").fill("Ada");
  await page.locator("#field-password").fill("a quiet evening at home");
  await next(page);
}

/**
 * Nobody has claimed it yet.
 *
 * @param {string} token
 * @returns {View[]}
 */
export function unclaimed(token) {
  const setup = `/setup#t=${token}`;
  return [
    { name: "library-unclaimed", path: "/", shows: ".banner" },
    { name: "setup-missing", path: "/setup", shows: '[data-step="missing"]' },
    { name: "setup-1-you", path: setup, shows: '[data-step="you"]' },
    {
      name: "setup-1-you-wrong",
      path: setup,
      shows: '[data-step="you"]',
      act: next,
    },
    { name: "setup-2-house", path: setup, shows: '[data-step="you"]', act: introduce },
    {
      name: "setup-3-audience",
      path: setup,
      shows: '[data-step="you"]',
      act: async (page) => {
        await introduce(page);
        await next(page);
      },
    },
  ];
}

/** An address as a house in a network has it; the one that is looked at is on its own. */
async function reachable(/** @type {Page} */ page) {
  const urls = ["http://192.168.1.20:8096/", "http://homereel.local:8096/"];
  await page.route("**/api/v1/address", (route) =>
    route.fulfill({ json: { urls, qr_svg_url: "/api/v1/address/qr.svg" } }),
  );
  await page.route("**/api/v1/address/qr.svg", (route) =>
    route.fulfill({ contentType: "image/svg+xml", body: CHECKERED }),
  );
}

const CHECKERED = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29"><path d="${Array.from(
  { length: 420 },
  (_, index) => `M${(index * 2) % 29} ${Math.floor((index * 2) / 29)}h1v1h-1z`,
).join("")}"/></svg>`;

/** The owner has just claimed it, and nothing is in it. @type {View[]} */
export const EMPTY = [
  { name: "setup-4-folder", path: "/setup", shows: "homereel-folders li" },
  {
    name: "setup-5-done",
    path: "/setup",
    shows: '[data-step="folder"]',
    before: reachable,
    act: async (page) => {
      await next(page);
      await page.locator(".setup-urls a").first().waitFor();
    },
  },
  { name: "library-empty", path: "/", shows: "#library .empty" },
  { name: "upload-empty", path: "/upload", shows: ".drop" },
  { name: "inbox-empty", path: "/inbox", shows: "#inbox-empty" },
  { name: "jobs-empty", path: "/jobs", shows: "#idle" },
];

/** Somebody without an account. @type {View[]} */
export const GUEST = [
  { name: "library-guest", path: "/", shows: "#grid .card" },
  { name: "sign-in", path: "/sign-in", shows: "form.panel" },
  {
    name: "sign-in-wrong",
    path: "/sign-in",
    shows: "form.panel",
    expects: [401],
    act: async (page) => {
      await page.locator("#field-credential").fill("Ada");
      await page.locator("#field-password").fill("not her password");
      await page.locator("[type=submit]").click();
      await page.locator(".form-trouble").waitFor();
    },
  },
  { name: "join", path: "/join#t=an-invitation", shows: "form.panel" },
  { name: "join-incomplete", path: "/join", shows: "[data-token-missing]" },
  { name: "reset", path: "/reset#t=a-secret", shows: "form.panel" },
  { name: "reset-incomplete", path: "/reset", shows: "[data-token-missing]" },
  { name: "enter-incomplete", path: "/enter", shows: "[data-token-missing]" },
  { name: "problem-signed-out", path: "/account", shows: "h1", expects: [401] },
];

/**
 * What is being made, while it is.
 *
 * @type {View[]}
 */
export const WORK = [
  { name: "jobs-running", path: "/jobs", shows: "#open .work", act: openLog },
  { name: "library-working", path: "/", shows: "#grid .card" },
  { name: "inbox", path: "/inbox", shows: "#arrivals tr" },
  { name: "inbox-needs-you", path: "/inbox#needs-you", shows: "#arrivals tr" },
];

/** @type {(page: Page) => Promise<void>} */
async function openLog(page) {
  await page.locator("#open [data-role=log] > summary").first().click();
  await page.locator("#open [data-role=lines] li").first().waitFor();
}

/** Stands still in the middle of a film, with the controls on the picture. */
async function pausePlayer(/** @type {Page} */ page) {
  await page.locator('homereel-player[data-state="playing"]').waitFor();
  await page.keyboard.press("k");
  await page.locator('homereel-player[data-state="paused"]').waitFor();
}

/**
 * @param {string} key
 * @returns {(page: Page) => Promise<void>}
 */
const pausedThen = (key) => async (page) => {
  await pausePlayer(page);
  await page.keyboard.press(key);
};

/** Segments that never come: the film is not there to be played. */
const noManifest = (/** @type {Page} */ page) =>
  page.route("**/*.mpd", (route) => route.fulfill({ status: 404, body: "" }));

/**
 * A house with films in every state.
 *
 * @param {{ ready: string, long: string, hebrew: string, growing: string, failed: string }} ids
 * @param {string} film a file that is sent again
 * @returns {View[]}
 */
export function lived({ ready, long, hebrew, growing, failed }, film) {
  return [
    { name: "library", path: "/", shows: "#grid .card" },
    { name: "library-menu", path: "/", shows: "#grid .card", act: openMenu, screenful: true },
    { name: "library-found", path: "/?q=the", shows: "#grid .card" },
    { name: "library-nothing-found", path: "/?q=zebra", shows: "#library .empty" },
    { name: "title", path: `/title/${ready}`, shows: "#title" },
    { name: "title-menu", path: `/title/${ready}`, shows: "#title", act: click(".title-menu > summary"), screenful: true },
    { name: "title-edit", path: `/title/${ready}`, shows: "#title", act: openEdit, screenful: true },
    { name: "title-long", path: `/title/${long}`, shows: "#title" },
    { name: "title-hebrew", path: `/title/${hebrew}`, shows: "#title" },
    { name: "title-growing", path: `/title/${growing}`, shows: "#title" },
    { name: "title-failed", path: `/title/${failed}`, shows: "#title" },
    { name: "player", path: `/watch/${hebrew}#t=1`, shows: "video", act: pausePlayer, screenful: true },
    { name: "player-growing", path: `/watch/${growing}#t=2`, shows: "video", act: pausePlayer, screenful: true },
    { name: "player-sheet", path: `/watch/${growing}#t=2`, shows: "video", act: pausedThen("q"), screenful: true },
    { name: "player-keys", path: `/watch/${growing}#t=2`, shows: "video", act: pausedThen("?"), screenful: true },
    { name: "player-offer", path: `/watch/${ready}`, shows: '[data-role="offer"]', screenful: true },
    { name: "player-failed", path: `/watch/${failed}`, shows: '[data-role="trouble"]', screenful: true },
    { name: "title-share", path: `/title/${ready}`, shows: "#title", act: click('[data-opens="share"]'), screenful: true },
    {
      name: "player-broken",
      path: `/watch/${hebrew}`,
      before: noManifest,
      shows: '[data-role="trouble"]',
      expects: [404],
      screenful: true,
    },
    {
      name: "player-mended",
      path: `/watch/${hebrew}#t=1`,
      before: noManifest,
      shows: '[data-role="trouble"]',
      expects: [404],
      act: async (page) => {
        await page.unrouteAll();
        await page.locator('[data-action="retry"]').click();
        await pausePlayer(page);
      },
      screenful: true,
    },
    { name: "upload", path: "/upload", shows: ".drop", before: holdUploads, act: uploadSome(film) },
    { name: "jobs-paused", path: "/jobs", shows: "#open .work" },
    ...HOUSE,
  ];
}

/** How the house is looked after. @type {View[]} */
const HOUSE = [
  { name: "settings", path: "/settings", shows: "#folders-watched .row, #folders-watched .row-none" },
  { name: "settings-reachable", path: "/settings", shows: "#reachable", before: reachable },
  { name: "settings-bucket", path: "/settings", shows: "#folders-watched", act: chooseBucket },
  {
    name: "settings-folders",
    path: "/settings",
    shows: "#folders-watched",
    act: async (page) => {
      await page.locator('[data-action="add-folder"]').click();
      await page.locator("dialog[open] li button").first().waitFor();
    },
    screenful: true,
  },
  { name: "people", path: "/users", shows: "#content .row" },
  { name: "people-menu", path: "/users", shows: "#content .row", act: click(".row .menu > summary"), screenful: true },
  { name: "people-invite", path: "/users", shows: "#content .row", act: click('[data-opens="invite"]'), screenful: true },
  {
    name: "people-invited",
    path: "/users",
    shows: "#content .row",
    act: async (page) => {
      await page.locator('[data-opens="invite"]').click();
      await page.locator("#invite [type=submit]").click();
      await page.locator("#invite-link").filter({ hasText: "#t=" }).waitFor();
    },
    screenful: true,
  },
  { name: "account", path: "/account", shows: "#content .row" },
  { name: "account-secret", path: "/account", shows: "#content .row", act: click('[data-opens="new-token"]'), screenful: true },
  { name: "api", path: "/doc/", shows: ".doc-operation" },
  { name: "api-operation", path: "/doc/", shows: ".doc-operation", act: click(".doc-operation > summary"), screenful: true },
  { name: "problem-not-there", path: "/no/such/page", shows: "h1", expects: [404] },
];

async function openMenu(/** @type {Page} */ page) {
  const card = page.locator("#grid .card").first();
  await card.hover();
  await card.locator("summary").click();
}

async function openEdit(/** @type {Page} */ page) {
  await page.locator(".title-menu > summary").click();
  await page.locator('[data-opens="edit"]').first().click();
}

async function chooseBucket(/** @type {Page} */ page) {
  await page.locator('input[name="place"][value="bucket"]').check({ force: true });
  await page.locator("#bucket").scrollIntoViewIfNeeded();
}

/** Bytes of uploads stay on their way. */
const holdUploads = (/** @type {Page} */ page) =>
  page.route("**/api/v1/uploads/*", (route) =>
    route.request().method() === "PATCH" ? undefined : route.continue(),
  );

/** @type {(film: string) => (page: Page) => Promise<void>} */
const uploadSome = (film) => async (page) => {
  const notes = { name: "packing list.txt", mimeType: "text/plain", buffer: Buffer.from("socks") };
  await page.locator("#pick-files").setInputFiles(notes);
  await page.locator("#pick-files").setInputFiles(film);
  await page.locator('.work[data-stage="sending"]').waitFor();
  await page.locator('.work[data-stage="sending"] img:not([hidden])').waitFor();
};
