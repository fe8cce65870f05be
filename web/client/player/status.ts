// The line of words in the middle of the picture: what is being waited for, and passing remarks.

/** Shorter waits are not worth a word. */
const WORDLESS_MS = 500;
/** How long a remark stays. */
const REMARK_MS = 2_500;

export class StatusLine {
  private timer = 0;
  private remarkUntil = 0;

  constructor(private readonly element: Element) {}

  /** Says `words` if they are still true after a moment; empty words clear the line at once. */
  wait(words: string, urgent: boolean): void {
    if (performance.now() < this.remarkUntil) {
      return;
    }
    window.clearTimeout(this.timer);
    if (words === "" || urgent || this.element.textContent !== "") {
      this.element.textContent = words;
    } else {
      this.timer = window.setTimeout(() => (this.element.textContent = words), WORDLESS_MS);
    }
  }

  /** Says something that needs no answer, for a short while. */
  remark(words: string): void {
    window.clearTimeout(this.timer);
    this.element.textContent = words;
    this.remarkUntil = performance.now() + REMARK_MS;
    this.timer = window.setTimeout(() => (this.element.textContent = ""), REMARK_MS);
  }
}
