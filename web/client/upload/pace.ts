// How fast bytes go, smoothly, and how long the rest will take. A pure rule over samples; time is
// given by the caller.

/** Samples older than this say nothing about now. */
const WINDOW_MS = 10_000;
/** Less than this is too short to judge by. */
const JUDGE_AFTER_MS = 1_000;
/** Part of a new measurement that enters the shown speed. */
const WEIGHT = 0.3;

export class Pace {
  private samples: { at: number; bytes: number }[] = [];
  private shown: number | null = null;

  /** `bytes` in all have been sent at `at` milliseconds. */
  note(bytes: number, at: number): void {
    const last = this.samples.at(-1);
    if (last && (bytes < last.bytes || at - last.at > WINDOW_MS)) {
      // It began anew, or stood still: the past is no measure.
      this.forget();
    }
    if (!last || at - last.at >= 200 || this.samples.length === 0) {
      this.samples.push({ at, bytes });
    }
    this.samples = this.samples.filter((sample) => at - sample.at <= WINDOW_MS);
    this.measure(bytes, at);
  }

  private measure(bytes: number, at: number): void {
    const first = this.samples[0];
    if (!first || at - first.at < JUDGE_AFTER_MS) {
      return;
    }
    const now = ((bytes - first.bytes) / (at - first.at)) * 1000;
    this.shown = this.shown === null ? now : this.shown + (now - this.shown) * WEIGHT;
  }

  /** Forgets the past, as after a pause. */
  forget(): void {
    this.samples = [];
    this.shown = null;
  }

  /** Bytes in a second, once that is known. */
  speed(): number | null {
    return this.shown !== null && this.shown > 0 ? this.shown : null;
  }

  /** Seconds until `left` more bytes are sent, once that is known. */
  secondsFor(left: number): number | null {
    const speed = this.speed();
    return speed === null ? null : left / speed;
  }
}
