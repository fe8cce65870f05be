// Starts Debian's Chromium with a profile of its own and writes down what its page asks for.
// What does not belong here: what a scenario does on the page.
// @ts-check

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];
/** For everything that is waited for. A healthy machine needs a fraction of it. */
const PATIENCE_MS = 180_000;

/**
 * Opens an empty page, runs `scenario` on it and closes the browser whatever happens.
 *
 * @template Result
 * @param {(page: import("playwright-core").Page, traffic: Traffic) => Promise<Result>} scenario
 * @returns {Promise<Result>}
 */
export async function withPage(scenario) {
  const profile = await mkdtemp(join(tmpdir(), "homereel-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.HOMEREEL_CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    viewport: { width: 1280, height: 800 },
  });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    return await scenario(page, new Traffic(page));
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/**
 * Runs `scenario` with a function that opens a page of its own device and person, and closes the
 * browser whatever happens.
 *
 * @template Result
 * @param {(open: (device: import("playwright-core").BrowserContextOptions) => Promise<import("playwright-core").Page>) => Promise<Result>} scenario
 * @returns {Promise<Result>}
 */
export async function withBrowser(scenario) {
  const browser = await chromium.launch({
    executablePath: process.env.HOMEREEL_CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
  });
  try {
    return await scenario(async (device) => {
      const context = await browser.newContext(device);
      context.setDefaultTimeout(PATIENCE_MS);
      return context.newPage();
    });
  } finally {
    await browser.close();
  }
}

/**
 * Asks the page again and again until `question` has a truthy answer, which is returned. Unlike
 * `waitForFunction`, which takes the promise of an async function for its answer, this waits for
 * what was promised.
 *
 * @template Answer, Argument
 * @param {import("playwright-core").Page} page
 * @param {(argument: Argument) => Promise<Answer>} question runs in the page
 * @param {Argument} argument
 */
export async function eventually(page, question, argument) {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await page.evaluate(/** @type {any} */ (question), argument);
    if (answer) return answer;
    if (Date.now() > giveUpAt) throw new Error(`never true: ${question}`);
    await page.waitForTimeout(100);
  }
}

/** What the page asked for and what went wrong. */
export class Traffic {
  /** @type {{ name: string, status: number }[]} */
  media = [];
  /** Answers 503, which mean that a segment is still being made. */
  held = 0;
  /** Requests that the page itself gave up, as players do on a seek. */
  aborted = 0;
  /** Everything that should not have happened, in words. */
  failures = /** @type {string[]} */ ([]);

  /** @param {import("playwright-core").Page} page */
  constructor(page) {
    page.on("response", (response) => this.#note(response));
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "failed";
      if (reason === "net::ERR_ABORTED") {
        this.aborted += 1;
      } else {
        this.failures.push(`${request.url()}: ${reason}`);
      }
    });
    page.on("pageerror", (error) => this.failures.push(`script: ${error.message}`));
  }

  /** @param {import("playwright-core").Response} response */
  #note(response) {
    const path = new URL(response.url()).pathname;
    const status = response.status();
    if (path.startsWith("/media/")) {
      this.media.push({ name: path.split("/").at(-1) ?? "", status });
    }
    if (status === 503) {
      this.held += 1;
    } else if (status >= 400) {
      this.failures.push(`${path}: ${status}`);
    }
  }

  /**
   * Numbers of the segments that arrived, of pictures or of sound.
   *
   * @param {(stream: number) => boolean} wanted
   */
  segments(wanted) {
    const ofWanted = this.#arrived().filter(({ stream }) => wanted(stream));
    return inOrder(ofWanted.map(({ number }) => number));
  }

  /** The streams of which a segment arrived. */
  streams() {
    return inOrder(this.#arrived().map(({ stream }) => stream));
  }

  #arrived() {
    const segments = [];
    for (const { name, status } of this.media) {
      const [, stream, number] = /^chunk-stream(\d+)-(\d+)\.m4s$/.exec(name) ?? [];
      if (status === 200 && stream !== undefined) {
        segments.push({ stream: Number(stream), number: Number(number) });
      }
    }
    return segments;
  }
}

/** @param {number[]} numbers each of which is wanted once */
function inOrder(numbers) {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** The scenario's input: one JSON object as the only argument. */
export function input() {
  return JSON.parse(process.argv[2] ?? "{}");
}

/**
 * The scenario's outcome, as the last line of the output.
 *
 * @param {unknown} outcome
 */
export function report(outcome) {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
