// How far somebody watched: kept by the account, so that every screen of the house goes on where
// another stopped; in this browser alone for guests. What does not belong here: what is asked
// before it goes on (`offer.ts`).

import type { Video } from "../api";
import { positionOf, remember } from "../resume";

/** A person's place in a film as the server keeps it. */
export interface Watched {
  position_s: number;
  finished: boolean;
}

/** Shorter than this is a glance, not watching. */
const FIRST_SECONDS = 15;

/** Where to begin, and whether to ask first. */
export interface Beginning {
  seconds: number | null;
  ask: boolean;
}

/**
 * Where a film begins: at the place its address names (`#t=754`), which somebody chose already;
 * else where it was left, if they want to.
 */
export function beginning(hash: string, left: number | null): Beginning {
  const named = /^#t=(\d{1,6})$/.exec(hash)?.[1];
  if (named !== undefined) {
    return { seconds: Number(named) || null, ask: false };
  }
  return { seconds: left, ask: left !== null };
}

/** Where the account stopped; a glance and a finished film begin anew. */
export function leftAt(watched: Watched | null | undefined): number | null {
  const worth = watched && !watched.finished && watched.position_s >= FIRST_SECONDS;
  return worth ? watched.position_s : null;
}

export class Progress {
  private told = -1;

  constructor(
    private readonly film: Video,
    private readonly signedIn: boolean,
  ) {}

  /** Where to begin. */
  beginning(): Beginning {
    const left = this.signedIn ? leftAt(this.film.watched) : positionOf(this.film.id);
    return beginning(location.hash, left);
  }

  /** It stands at `seconds` of `length` now. Also said while the page goes away. */
  note(seconds: number, length: number): void {
    const whole = Math.floor(seconds);
    if (whole === this.told || length <= 0) {
      return;
    }
    this.told = whole;
    if (this.signedIn) {
      this.send(seconds, length);
    } else {
      remember(this.film.id, seconds, length);
    }
  }

  /** `keepalive` lets it arrive although the page is gone. A lost one is made good by the next. */
  private send(seconds: number, length: number): void {
    void fetch(`/api/v1/videos/${this.film.id}/progress`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ position_s: seconds, duration_s: length }),
      keepalive: true,
    }).catch(() => undefined);
  }
}
