// The seek bar: a slider over the film's time whose ground is the filmstrip. Pointer, touch and
// keyboard; where the pointer is, or where a key led to, a bubble shows the picture and the time.

import type { Chapter, Strip, Thumbs } from "../api";
import { need } from "../dom";
import { drawFilmstrip } from "../filmstrip";
import { clock, spoken } from "../format";
import { showThumb, thumbAt } from "../thumbs";

/** How long the bubble stays where a key led to. */
const PEEK_MS = 1_500;

export class SeekBar extends HTMLElement {
  /** Called with seconds when a person chose a place. */
  onseek: (seconds: number) => void = () => undefined;

  private length = 0;
  private chapters: readonly Chapter[] = [];
  private thumbs: Thumbs | null = null;
  private peek = 0;
  private dragged: number | null = null;
  private bubble!: HTMLOutputElement;

  connectedCallback(): void {
    this.bubble = need(this, ".seek-bubble");
    this.addEventListener("pointerdown", (event) => this.begin(event));
    this.addEventListener("pointermove", (event) => this.move(event));
    this.addEventListener("pointerup", (event) => this.end(event));
    this.addEventListener("pointercancel", () => this.forget());
    this.addEventListener("pointerleave", () => this.hideBubble());
  }

  /** Shows a film of `length` seconds at `seconds`, buffered up to `buffered` seconds. */
  show(seconds: number, length: number, buffered: number): void {
    const shown = this.dragged ?? seconds;
    this.place("--played", shown);
    this.place("--buffered", buffered);
    if (length !== this.length) {
      this.length = length;
      this.drawTicks();
    }
    this.setAttribute("aria-valuemax", String(Math.floor(length)));
    this.setAttribute("aria-valuenow", String(Math.floor(shown)));
    const chapter = this.chapterAt(shown);
    const where = chapter?.name ? `, ${chapter.name}` : "";
    this.setAttribute("aria-valuetext", `${spoken(shown)} of ${spoken(length)}${where}`);
  }

  /** Shows which parts of the film exist. */
  showStrip(strip: Strip | null): void {
    this.dataset["complete"] = String(strip === null);
    drawFilmstrip(need<SVGElement>(this, ".filmstrip"), strip);
  }

  /** Shows where chapters begin. */
  showChapters(chapters: readonly Chapter[]): void {
    this.chapters = chapters;
    this.drawTicks();
  }

  /** From now on the bubble shows these, as far as they are made. */
  showThumbs(thumbs: Thumbs | null): void {
    this.thumbs = thumbs;
    const shape = thumbs ? thumbs.width / thumbs.height : 1;
    this.bubble.style.setProperty("--shape", String(shape));
  }

  /** Shows for a moment what is at `seconds`: a key led there. */
  showFor(seconds: number): void {
    window.clearTimeout(this.peek);
    this.point(seconds);
    this.peek = window.setTimeout(() => this.hideBubble(), PEEK_MS);
  }

  private drawTicks(): void {
    const inside = this.chapters.filter(({ start_s }) => start_s > 0 && start_s < this.length);
    const ticks = inside.map(({ start_s }) => {
      const tick = document.createElement("i");
      tick.className = "seek-chapter";
      tick.style.setProperty("--at", String(start_s / this.length));
      return tick;
    });
    need(this, ".seek-chapters").replaceChildren(...ticks);
  }

  private chapterAt(seconds: number): Chapter | undefined {
    return this.chapters.findLast(({ start_s }) => start_s <= seconds);
  }

  private place(property: string, seconds: number): void {
    const part = this.length > 0 ? Math.min(1, Math.max(0, seconds / this.length)) : 0;
    this.style.setProperty(property, String(part));
  }

  private secondsAt(event: PointerEvent): number {
    const box = this.getBoundingClientRect();
    const part = box.width > 0 ? (event.clientX - box.left) / box.width : 0;
    return Math.min(1, Math.max(0, part)) * this.length;
  }

  private begin(event: PointerEvent): void {
    if (event.button !== 0 || this.length <= 0) {
      return;
    }
    this.setPointerCapture(event.pointerId);
    this.dataset["dragging"] = "true";
    this.move(event, true);
  }

  private move(event: PointerEvent, begins = false): void {
    const seconds = this.secondsAt(event);
    if (begins || this.dragged !== null) {
      this.dragged = seconds;
      this.place("--played", seconds);
    }
    window.clearTimeout(this.peek);
    this.point(seconds);
  }

  /** The bubble over a place. */
  private point(seconds: number): void {
    this.bubble.hidden = this.length <= 0;
    const chapter = this.chapterAt(seconds)?.name;
    const words = chapter ? `${chapter} · ${clock(seconds)}` : clock(seconds);
    need(this.bubble, ".seek-words").textContent = words;
    const { thumbs } = this;
    const picture = need<HTMLElement>(this.bubble, ".seek-picture");
    picture.hidden = !thumbs || !showThumb(picture, thumbs, thumbAt(thumbs, seconds));
    this.place("--pointed", seconds);
  }

  private end(event: PointerEvent): void {
    if (this.dragged === null) {
      return;
    }
    const seconds = this.secondsAt(event);
    this.forget();
    // A focused bar keeps the controls from fading, which only a keyboard user wants.
    this.blur();
    this.onseek(seconds);
  }

  private forget(): void {
    this.dragged = null;
    delete this.dataset["dragging"];
    this.hideBubble();
  }

  private hideBubble(): void {
    if (this.dragged === null) {
      this.bubble.hidden = true;
    }
  }
}
