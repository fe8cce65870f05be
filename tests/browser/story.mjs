// The life of a house in a real browser: its owner claims it, adds a folder, invites a viewer,
// uploads a folder with a film, with a pause and a reload in the middle, and watches the job; the
// viewer plays it on a phone and goes on at a desk; the owner deletes it and takes that back.
// Reports what was seen as JSON; judging is left to `e2e/story.rs`.
//
// Input: { url, token, folder, filmFolder, film, name, screenshots }
// @ts-check

import { basename, dirname, join } from "node:path";

import { eventually, input, report, withBrowser } from "./chromium.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1440, height: 900 } };
/** Slow enough that a reload falls into the middle of the upload. */
const UPLOAD_BYTES_PER_SECOND = 1_500_000;
const OWNER = { name: "Ada", password: "a quiet evening at home" };
const VIEWER = { name: "Grandma", password: "knitting while watching" };

const { url, token, folder, filmFolder, film, name, screenshots } = input();

/** @typedef {import("playwright-core").Page} Page */

/** @type {(page: Page, file: string) => Promise<unknown>} */
const shoot = (page, file) => page.screenshot({ path: join(screenshots, `${file}.png`) });

/** @type {(page: Page) => Promise<number>} */
const position = (page) => page.$eval("video", (video) => video.currentTime);

/** @type {(page: Page, seconds: number) => Promise<unknown>} */
const playsPast = (page, seconds) =>
  page.waitForFunction(
    (wanted) => (document.querySelector("video")?.currentTime ?? 0) > wanted,
    seconds,
    { polling: 50 },
  );

/**
 * Fills the visible form and sends it.
 *
 * @param {Page} page
 * @param {Record<string, string>} fields
 * @param {string} button
 */
async function send(page, fields, button) {
  for (const [field, value] of Object.entries(fields)) {
    await page.locator(`input[name="${field}"]:visible`).fill(value);
  }
  await page.getByRole("button", { name: button, exact: true }).click();
}

/**
 * First run, a folder included.
 *
 * @param {Page} page
 */
async function claim(page) {
  await page.goto(`${url}/setup#t=${token}`);
  await shoot(page, "1-claim");
  await send(page, OWNER, "Go on");
  await send(page, { house_name: "Ada’s house" }, "Go on");
  await page.getByRole("button", { name: "Make it mine" }).click();
  await page.locator("homereel-folders [data-role=path]").waitFor();
  await addFolder(page);
  await shoot(page, "2-folders");
  await page.locator('[data-step="folder"]').getByRole("button", { name: "Go on" }).click();
  await page.getByRole("link", { name: "Open the library" }).click();
  await page.waitForURL(`${url}/`);
}

/**
 * Names the folder around it, as a person does who knows where their films are, and walks the last
 * step by hand.
 *
 * @param {Page} page
 */
async function addFolder(page) {
  const chooser = page.locator("homereel-folders");
  const path = chooser.locator("[data-role=path]");
  await path.fill(dirname(folder));
  await path.press("Enter");
  await chooser.locator("[data-role=list] button", { hasText: basename(folder) }).click();
  await page.waitForFunction(
    (wanted) => document.querySelector("homereel-folders [data-role=path]")?.value === wanted,
    folder,
  );
  await chooser.locator("[data-role=choose]").click();
  await page.locator('[data-role="watched"] code', { hasText: folder }).waitFor();
}

/**
 * The link of an invitation for a viewer.
 *
 * @param {Page} page
 */
async function invite(page) {
  await page.goto(`${url}/users`);
  await page.getByRole("button", { name: "Invite somebody" }).click();
  await page.locator("#field-note").fill(VIEWER.name);
  await page.getByRole("button", { name: "Make the link" }).click();
  const link = page.locator("#invite-link");
  await link.filter({ hasText: "#t=" }).waitFor();
  await shoot(page, "3-invitation");
  return (await link.textContent()) ?? "";
}

/**
 * Drops the film onto the page, as a mouse would.
 *
 * @param {Page} page
 */
async function drop(page) {
  await page.evaluate(() => {
    const hand = document.createElement("input");
    hand.type = "file";
    hand.id = "hand";
    document.body.append(hand);
  });
  await page.locator("#hand").setInputFiles(film);
  await page.evaluate(() => {
    const hand = /** @type {HTMLInputElement} */ (document.querySelector("#hand"));
    const transfer = new DataTransfer();
    for (const file of hand.files ?? []) {
      transfer.items.add(file);
    }
    hand.remove();
    for (const type of ["dragenter", "dragover", "drop"]) {
      const event = new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
      document.querySelector("main")?.dispatchEvent(event);
    }
  });
}

/**
 * Waits until the page says that more than `percent` of the film is sent.
 *
 * @param {Page} page
 * @param {number} percent
 */
async function sendsPast(page, percent) {
  await page.waitForFunction(
    (wanted) => {
      const line = document.querySelector('.work [data-role="line"]')?.textContent ?? "";
      return Number(/Sending, (\d+)/.exec(line)?.[1] ?? 0) > wanted;
    },
    percent,
    { polling: 50 },
  );
}

/**
 * Waits until more than `bytes` of the film are safely at the server, and returns how many. A broken
 * connection ends a moment before the server has noticed.
 *
 * @param {Page} page
 * @param {number} bytes
 */
function arrivesPast(page, bytes) {
  return eventually(
    page,
    async (wanted) => {
      const answer = await fetch("/api/v1/uploads");
      const { uploads } = await answer.json();
      const arrived = uploads[0]?.offset_bytes ?? 0;
      return arrived > wanted ? arrived : null;
    },
    bytes,
  );
}

/**
 * Sends the folder that the film lies in, pauses, goes on, and reloads in the middle; returns what
 * was said and how much was there.
 *
 * @param {Page} page
 */
async function upload(page) {
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  const limit = (/** @type {number} */ uploadThroughput) =>
    network.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    });
  await limit(UPLOAD_BYTES_PER_SECOND);
  await page.goto(`${url}/upload`);
  await page.locator("#pick-folder").setInputFiles(filmFolder);
  const work = page.locator(".work").first();
  await work.waitFor();
  const leftOut = await page.locator("#upload-note").textContent();
  await sendsPast(page, 4);
  await work.getByRole("button", { name: "Pause" }).click();
  await work.getByText("Paused at").waitFor();
  const pausedAt = await arrivesPast(page, 0);
  await work.getByRole("button", { name: "Go on" }).click();
  await sendsPast(page, 20);
  await shoot(page, "4-uploading");
  page.once("dialog", (dialog) => void dialog.accept());
  await page.reload();
  const before = await arrivesPast(page, pausedAt);
  await page.getByText("Choose the file again").first().waitFor();
  await shoot(page, "5-after-the-reload");
  await limit(-1);
  await drop(page);
  await eventually(page, countsFilms, 1);
  await shoot(page, "6-uploaded");
  return { leftOut, pausedAt, before, uploads: await page.locator(".work").count() };
}

/**
 * Nothing is encoded until the owner says so; then the job is watched from its first percent to its
 * last. Returns everything its card said of its progress.
 *
 * @param {Page} page
 */
async function watchJob(page) {
  await page.goto(`${url}/jobs`);
  const card = page.locator(".work", { hasText: name });
  await card.getByText("encoding goes on").or(card.getByText("Encoding is paused")).waitFor();
  await page.evaluate(() => {
    const said = /** @type {string[]} */ ([]);
    Object.assign(window, { said });
    const facts = () => document.querySelector('#open .work [data-role="facts"]')?.textContent;
    new MutationObserver(() => said.push(facts() ?? "")).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
    });
  });
  await page.locator("#encoding-paused").click();
  await page.waitForFunction(() => /real time/.test(document.querySelector("#open")?.textContent ?? ""));
  await shoot(page, "7-job");
  await page.locator("#past .work", { hasText: name }).waitFor();
  const said = await page.evaluate(() => /** @type {any} */ (window).said);
  return [...new Set(said)].filter((facts) => facts !== "");
}

/**
 * Stops all encoding before there is any, so that the job can be seen from its beginning.
 *
 * @param {Page} page
 */
async function pauseEncoding(page) {
  await page.goto(`${url}/jobs`);
  await page.locator("#encoding-paused").click();
  await page.locator("#paused-note").waitFor();
}

/** Runs in the page: whether the library has so many films. */
async function countsFilms(/** @type {number} */ wanted) {
  const answer = await fetch("/api/v1/videos");
  return (await answer.json()).videos.length === wanted;
}

/**
 * The title as the API has it for whoever looks.
 *
 * @param {Page} page
 */
async function title(page) {
  const answer = await page.request.get(`${url}/api/v1/videos`);
  const { videos } = await answer.json();
  return videos[0];
}

const outcome = await withBrowser(async (open) => {
  const owner = await open(DESK);
  await claim(owner);
  await shoot(owner, "2-library");
  const link = await invite(owner);
  await pauseEncoding(owner);
  const uploaded = await upload(owner);
  const jobSaid = await watchJob(owner);

  const phone = await open(PHONE);
  await phone.goto(link);
  await send(phone, VIEWER, "Make my account");
  await phone.waitForURL(`${url}/`);
  await shoot(phone, "8-library-on-the-phone");
  await phone.locator(".card-link", { hasText: name }).first().click();
  // Less than a quarter of a minute is a glance, and nothing to go on with.
  await playsPast(phone, 18);
  await shoot(phone, "9-playing-on-the-phone");
  await phone.keyboard.press("k");
  const left = await position(phone);
  await eventually(
    phone,
    async (wanted) => {
      const answer = await fetch("/api/v1/videos/continue");
      return (await answer.json()).videos.length === wanted;
    },
    1,
  );
  await phone.goto(`${url}/`);
  const adminPage = (await phone.request.get(`${url}/users`)).status();
  const adminCall = (await phone.request.get(`${url}/api/v1/users`)).status();

  const desk = await open(DESK);
  await desk.goto(`${url}/sign-in`);
  await send(desk, { credential: VIEWER.name, password: VIEWER.password }, "Sign in");
  await desk.waitForURL(`${url}/`);
  const continued = await desk.locator("#continue .card", { hasText: name }).count();
  await shoot(desk, "10-continue-watching");
  await desk.locator("#continue .card-link", { hasText: name }).click();
  await desk.locator('[data-action="resume"]').click();
  await playsPast(desk, 0.5);
  const resumed = await position(desk);
  await shoot(desk, "11-resumed");

  const film = await title(owner);
  await owner.goto(`${url}/title/${film.id}`);
  await shoot(owner, "12-title");
  await owner.locator("summary[aria-label='More']").click();
  await owner.getByRole("button", { name: "Delete" }).click();
  await owner.locator(".toast-undo").waitFor();
  const whileDeleted = (await title(desk)) ?? null;
  await shoot(owner, "13-deleted");
  await owner.locator(".toast-undo").click();
  await owner.locator("#title").waitFor();
  await eventually(owner, countsFilms, 1);
  const back = (await title(desk)) ?? null;
  return {
    link,
    uploaded,
    jobSaid,
    left,
    adminPage,
    adminCall,
    continued,
    resumed,
    owner: film.owner?.name ?? null,
    deletedFor: whileDeleted === null,
    back: back?.id === film.id,
  };
});

report(outcome);
