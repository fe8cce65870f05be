// Changing the order of the queue: by dragging a grip, or by the arrow keys on it. What does not
// belong here: asking the server, which the page does.

/** The cards between which one stands now; `null` at either end. */
export interface Around {
  previous: HTMLElement | null;
  next: HTMLElement | null;
}

/** `moved` now stands somewhere else. */
export type Moved = (moved: HTMLElement, around: Around) => void;

/** A place in the queue as the server takes it. */
export type Place = { before: string } | { after: string } | Record<string, never>;

/**
 * The place between two jobs. At the end it is told by the job before it: the end of the list on the
 * page need not be the end of the queue.
 */
export function placeOf(previous: string | null, next: string | null): Place {
  if (next !== null) {
    return { before: next };
  }
  return previous === null ? {} : { after: previous };
}

/** Moves a card by so many places. */
export type Step = (card: HTMLElement, by: number) => void;

/** The index at which a card belongs whose middle is at `y`, among cards with these middles. */
export function placeAt(middles: readonly number[], y: number): number {
  const at = middles.findIndex((middle) => y < middle);
  return at < 0 ? middles.length : at;
}

/**
 * Lets the cards of `list` that have a grip be moved among each other; the answer moves one by
 * itself.
 */
export function makeSortable(list: HTMLElement, moved: Moved): Step {
  list.addEventListener("pointerdown", (event) => {
    const card = gripped(event.target);
    if (card && event.button === 0) {
      event.preventDefault();
      drag(list, card, event, moved);
    }
  });
  const step = (card: HTMLElement, by: number): void => {
    const focused = document.activeElement;
    if (shift(list, card, by)) {
      (focused as HTMLElement | null)?.focus();
      moved(card, around(list, card));
    }
  };
  list.addEventListener("keydown", (event) => {
    const card = gripped(event.target);
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
    if (card && by !== 0) {
      event.preventDefault();
      step(card, by);
    }
  });
  return step;
}

function gripOf(card: Element): HTMLElement | null {
  return card.querySelector<HTMLElement>('[data-role="grip"]');
}

function gripped(target: EventTarget | null): HTMLElement | null {
  const grip = target instanceof Element ? target.closest('[data-role="grip"]') : null;
  return grip?.closest<HTMLElement>(".work") ?? null;
}

/** Cards that may change places, in their order. */
function movable(list: HTMLElement): HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>(".work")].filter((card) => !gripOf(card)?.hidden);
}

function around(list: HTMLElement, card: HTMLElement): Around {
  const cards = movable(list);
  const at = cards.indexOf(card);
  return { previous: cards[at - 1] ?? null, next: cards[at + 1] ?? null };
}

function shift(list: HTMLElement, card: HTMLElement, step: number): boolean {
  const cards = movable(list);
  const target = cards[cards.indexOf(card) + step];
  if (!target) {
    return false;
  }
  if (step < 0) {
    target.before(card);
  } else {
    target.after(card);
  }
  return true;
}

/** The window listens: a card that changes places in the document loses a captured pointer. */
function drag(list: HTMLElement, card: HTMLElement, begin: PointerEvent, moved: Moved): void {
  const before = around(list, card);
  const over = new AbortController();
  card.dataset["dragging"] = "true";
  const end = (event: PointerEvent): void => {
    over.abort();
    delete card.dataset["dragging"];
    const now = around(list, card);
    const hasMoved = now.next !== before.next || now.previous !== before.previous;
    if (event.type === "pointerup" && hasMoved) {
      moved(card, now);
    }
  };
  const own = (act: (event: PointerEvent) => void) => (event: PointerEvent) => {
    if (event.pointerId === begin.pointerId) {
      act(event);
    }
  };
  const listening = { signal: over.signal };
  window.addEventListener("pointermove", own((event) => settle(list, card, event.clientY)), listening);
  window.addEventListener("pointerup", own(end), listening);
  window.addEventListener("pointercancel", own(end), listening);
}

/** Puts the card where the pointer is. */
function settle(list: HTMLElement, card: HTMLElement, y: number): void {
  const others = movable(list).filter((other) => other !== card);
  const middles = others.map((other) => {
    const box = other.getBoundingClientRect();
    return box.top + box.height / 2;
  });
  const target = others[placeAt(middles, y)];
  if (target && target !== card.nextElementSibling) {
    target.before(card);
  } else if (!target && others.at(-1) !== card.previousElementSibling) {
    others.at(-1)?.after(card);
  }
}
