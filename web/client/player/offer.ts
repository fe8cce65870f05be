// Before a film goes on: where it was left, or from the beginning. The film stands there already,
// so that either is instant.

import { need } from "../dom";
import { clock } from "../format";

export class Offer {
  private readonly element: HTMLElement;

  /** `go` is called with whether to start over. */
  constructor(player: HTMLElement, go: (startOver: boolean) => void) {
    this.element = need(player, '[data-role="offer"]');
    need(player, '[data-action="resume"]').addEventListener("click", () => go(false));
    need(player, '[data-action="start-over"]').addEventListener("click", () => go(true));
  }

  /** Offers to go on at `seconds`. */
  show(seconds: number): void {
    need(this.element, '[data-role="offer-time"]').textContent = clock(seconds);
    this.element.hidden = false;
    need<HTMLElement>(this.element, '[data-action="resume"]').focus();
  }

  /** It was decided, by whatever way. */
  hide(): void {
    this.element.hidden = true;
  }
}
