// What is wrong with a page as it stands, in words: it is wider than the screen, a script failed,
// assistive technology would stumble, the keyboard's focus cannot be seen. What does not belong
// here: which pages there are (`views.mjs`).
// @ts-check

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** More stops than a person would make; a long library has hundreds. */
const MOST_STOPS = 60;
const GRAVE = ["serious", "critical"];

/** @typedef {import("playwright-core").Page} Page */

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Notes from now on what a page's scripts complain about; returns what came since the last call.
 *
 * @param {Page} page
 */
export function listenToTrouble(page) {
  /** @type {string[]} */
  let heard = [];
  page.on("pageerror", (error) => heard.push(`a script failed: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") {
      heard.push(`the console says: ${message.text()}`);
    }
  });
  /** @param {readonly number[]} expected answers that belong to what is shown */
  return (expected) => {
    const said = heard;
    heard = [];
    const refusal = (/** @type {string} */ words) =>
      expected.some((status) => words.includes(`status of ${status}`));
    return said.filter((words) => !refusal(words));
  };
}

/**
 * What is wrong with how the page lies on the screen and with what assistive technology gets.
 *
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
export async function judge(page) {
  const [wide, read] = [await tooWide(page), await unreadable(page)];
  return [...wide, ...read];
}

/** @param {Page} page */
async function tooWide(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const beyond = [...document.querySelectorAll("main *")].filter(
      (element) => element.getBoundingClientRect().right > clientWidth + 1,
    );
    const names = beyond.slice(0, 3).map((element) => `${element.tagName}.${element.className}`);
    return [`it is ${scrollWidth} wide on a screen of ${clientWidth}: ${names.join(", ")}`];
  });
}

/** @param {Page} page */
async function unreadable(page) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async (grave) => {
    const { axe } = /** @type {any} */ (window);
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations
      .filter((/** @type {any} */ violation) => grave.includes(violation.impact))
      .map((/** @type {any} */ violation) => {
        const nodes = violation.nodes.slice(0, 3).map((/** @type {any} */ node) => node.target.join(" "));
        const why = violation.nodes[0]?.any[0]?.message ?? "";
        return `${violation.id} (${violation.impact}): ${nodes.join(", ")}; ${why}`;
      });
  }, GRAVE);
  return /** @type {string[]} */ (violations);
}

/**
 * Walks through the page with the Tab key; each stop must be on the screen and look different
 * from how it looks unfocused.
 *
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
export async function walkByKeyboard(page) {
  const wrong = [];
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(standing);
    if (found === null) break;
    if (found !== "") wrong.push(found);
  }
  return wrong;
}

/** Runs in the page: `null` once the walk left it, else what is wrong with where it stands. */
function standing() {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement) || element === document.body) return null;
  if (element.dataset["walked"]) return null;
  element.dataset["walked"] = "true";
  const near = [element, element.parentElement, element.nextElementSibling, ...element.querySelectorAll("*")];
  const look = () =>
    near
      .filter((each) => each !== null)
      .map((each) => {
        const { outline, boxShadow, borderColor, backgroundColor, opacity, transform } =
          getComputedStyle(each);
        return [outline, boxShadow, borderColor, backgroundColor, opacity, transform].join();
      })
      .join();
  const name = `${element.tagName.toLowerCase()} “${(element.ariaLabel ?? element.textContent ?? "").trim().slice(0, 40)}”`;
  const box = element.getBoundingClientRect();
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const focused = look();
  element.blur();
  const plain = look();
  element.focus();
  if (box.width === 0 || !seen) return `the focus on ${name} is out of sight`;
  return focused === plain ? `the focus on ${name} cannot be seen` : "";
}
