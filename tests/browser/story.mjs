// The life of a house in a real browser: its owner claims it, adds a folder, invites a viewer,
// uploads a film with a reload in the middle and watches the job; the viewer plays it on a phone
// and goes on at a desk; the owner deletes it and takes that back. Reports what was seen as JSON;
// judging is left to `e2e/story.rs`.
//
// Input: { url, token, folder, film, name, screenshots }
// @ts-check

import { join } from "node:path";

import { input, report, withBrowser } from "./chromium.mjs";

const PATIENCE_MS = 180_000;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1440, height: 900 } };
/** Slow enough that a reload falls into the middle of the upload. */
const UPLOAD_BYTES_PER_SECOND = 1_500_000;
const OWNER = { name: "Ada", password: "a quiet evening at home" };
const VIEWER = { name: "Grandma", password: "knitting while watching" };

const { url, token, folder, film, name, screenshots } = input();

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
    { timeout: PATIENCE_MS, polling: 50 },
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
 * Walks to the folder and chooses it, as a person does who starts anywhere.
 *
 * @param {Page} page
 */
async function addFolder(page) {
  const chooser = page.locator("homereel-folders");
  const path = chooser.locator("[data-role=path]");
  while ((await path.textContent()) !== "/") {
    const before = await path.textContent();
    await chooser.locator("[data-role=up]").click();
    await page.waitForFunction(
      (old) => document.querySelector("homereel-folders [data-role=path]")?.textContent !== old,
      before,
    );
  }
  let reached = "";
  for (const step of folder.split("/").slice(1)) {
    await chooser.locator("li button", { hasText: new RegExp(`^\\s*${step}\\s*$`) }).click();
    reached += `/${step}`;
    await path.filter({ hasText: new RegExp(`^${reached}$`) }).waitFor();
  }
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
 * What of the film is safely at the server.
 *
 * @param {Page} page
 * @returns {Promise<number>}
 */
async function arrived(page) {
  const answer = await page.request.get(`${url}/api/v1/uploads`);
  const { uploads } = await answer.json();
  return uploads[0]?.offset_bytes ?? 0;
}

/**
 * Uploads with a reload in the middle; returns how much was there before and after the reload.
 *
 * @param {Page} page
 */
async function upload(page) {
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: UPLOAD_BYTES_PER_SECOND,
  });
  await page.goto(`${url}/upload`);
  await drop(page);
  await page.locator(".work").first().waitFor();
  await page.waitForFunction(
    async () => {
      const answer = await fetch("/api/v1/uploads");
      const { uploads } = await answer.json();
      return (uploads[0]?.offset_bytes ?? 0) > 2_000_000;
    },
    null,
    { timeout: PATIENCE_MS, polling: 200 },
  );
  await shoot(page, "4-uploading");
  page.once("dialog", (dialog) => void dialog.accept());
  await page.reload();
  const before = await arrived(page);
  await page.getByText("Choose the file again").first().waitFor();
  await shoot(page, "5-after-the-reload");
  await network.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  });
  await drop(page);
  await page.getByRole("link", { name: "Play" }).or(page.getByText("Ready to watch")).first().waitFor({
    timeout: PATIENCE_MS,
  });
  await shoot(page, "6-uploaded");
  return { before, uploads: await page.locator(".work").count() };
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
  const uploaded = await upload(owner);
  await owner.goto(`${url}/jobs`);
  const jobShown = await owner.locator(".work", { hasText: name }).count();
  await shoot(owner, "7-job");

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
  await phone.waitForFunction(async () => {
    const answer = await fetch("/api/v1/videos/continue");
    return (await answer.json()).videos.length === 1;
  });
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
  await owner.waitForFunction(async () => {
    const answer = await fetch("/api/v1/videos");
    return (await answer.json()).videos.length === 1;
  });
  const back = (await title(desk)) ?? null;
  return {
    link,
    uploaded,
    jobShown,
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
