// Arrow keys as a remote control has them: from one thing that can be chosen to the nearest in that
// direction, on every page. What has arrow keys of its own keeps them.

import { isTyping } from "./dom";

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** Boxes may overlap by so much and still lie beside each other: rings, rounding. */
const SLACK = 4;
/** Straight ahead is worth a longer way. */
const ASIDE = 4;

const CHOOSABLE =
  'a[href], button:not([disabled]), summary, input:not([type="hidden"]):not([disabled]), ' +
  'select:not([disabled]), textarea:not([disabled]), [tabindex="0"]';

/** The index of the box that lies nearest to `from` in `direction`, or -1. */
export function nearest(from: Box, boxes: readonly Box[], direction: Direction): number {
  let [best, least] = [-1, Infinity];
  boxes.forEach((box, index) => {
    const cost = costTo(from, box, direction);
    if (cost < least) {
      [best, least] = [index, cost];
    }
  });
  return best;
}

/** How far it is; `Infinity` where the box does not lie in that direction. */
function costTo(from: Box, box: Box, direction: Direction): number {
  const ahead = {
    ArrowLeft: from.left - box.right,
    ArrowRight: box.left - from.right,
    ArrowUp: from.top - box.bottom,
    ArrowDown: box.top - from.bottom,
  }[direction];
  if (ahead < -SLACK) {
    return Infinity;
  }
  const level = direction === "ArrowLeft" || direction === "ArrowRight";
  const gap = level
    ? Math.max(0, box.top - from.bottom, from.top - box.bottom)
    : Math.max(0, box.left - from.right, from.left - box.right);
  const middles = level
    ? Math.abs(box.top + box.bottom - from.top - from.bottom) / 2
    : Math.abs(box.left + box.right - from.left - from.right) / 2;
  // Sideways one stays in the row.
  return level && gap > 0 ? Infinity : Math.max(0, ahead) + ASIDE * gap + middles / 2;
}

/** Serves the whole page until it goes away. */
export function serveArrows(): void {
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (plain && !event.defaultPrevented && isDirection(event.key) && !hasOwnArrows(event)) {
      if (walk(event.key)) {
        event.preventDefault();
      }
    }
  });
}

function isDirection(key: string): key is Direction {
  return ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key);
}

function hasOwnArrows(event: KeyboardEvent): boolean {
  const own = 'select, [type="radio"], [type="range"], [role="slider"], homereel-player *';
  const target = event.target instanceof Element ? event.target : null;
  // Below a search are its results.
  const leaves = event.key === "ArrowDown" && target?.matches('[type="search"]');
  return (isTyping(event) && !leaves) || (target?.matches(own) ?? false);
}

/** Moves the focus, if there is somewhere to move it to. */
function walk(direction: Direction): boolean {
  const at = document.activeElement;
  if (!(at instanceof HTMLElement) || at === document.body || at.id === "content") {
    return enter(direction);
  }
  // After a click the arrow keys scroll, as people with a mouse expect.
  if (!at.matches(":focus-visible")) {
    return false;
  }
  const others = choosable(at).filter((element) => element !== at);
  const index = nearest(at.getBoundingClientRect(), others.map(boxOf), direction);
  return goTo(others[index]);
}

/** Without a pointer the first arrow leads into the page; with one, only those that never scroll. */
function enter(direction: Direction): boolean {
  const remote = window.matchMedia("(any-pointer: none)").matches;
  const sideways = direction === "ArrowLeft" || direction === "ArrowRight";
  if (!remote && !sideways) {
    return false;
  }
  const content = document.querySelector("main") ?? document.body;
  const seen = choosableIn(content).filter((element) => boxOf(element).bottom > 0);
  return goTo(seen[0]);
}

function goTo(element: HTMLElement | undefined): boolean {
  element?.focus();
  element?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return element !== undefined;
}

/** What can be chosen from where one is: an open dialog or menu is a world of its own. */
function choosable(at: HTMLElement): HTMLElement[] {
  return choosableIn(at.closest("dialog[open], details.menu[open]") ?? document.body);
}

function choosableIn(root: Element): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(CHOOSABLE)].filter(
    (element) => element.tabIndex >= 0 && isShown(element),
  );
}

function isShown(element: HTMLElement): boolean {
  // Safari knows it since 17.4.
  const rendered = element.checkVisibility?.({ checkVisibilityCSS: true }) ?? true;
  return rendered && element.getClientRects().length > 0;
}

function boxOf(element: HTMLElement): Box {
  return element.getBoundingClientRect();
}
