// Keeps waiting out of the bandwidth estimate. A segment that is still being encoded is answered
// when it exists; to an estimator that looks like a very slow network, and it would drop to the
// lowest quality on the fastest one.

import shaka from "shaka-player/dist/shaka-player.dash-es2021.js";

/** Time the server held each request, until it is subtracted. */
const heldMs = new WeakMap<object, number>();

/** Reads `Server-Timing: held;dur=1234`, which the server adds to answers it had to hold. */
export function noteHeld(request: object, headers: Record<string, string>): void {
  const duration = /\bheld;dur=(\d+)/.exec(headers["server-timing"] ?? "")?.[1];
  if (duration !== undefined) {
    heldMs.set(request, Number(duration));
  }
}

/** Shaka's own choice of quality, fed with transfer times only. */
export class HoldAwareAbr extends shaka.abr.SimpleAbrManager {
  override segmentDownloaded(
    deltaTimeMs: number,
    numBytes: number,
    allowSwitch: boolean,
    request?: shaka.extern.Request,
    context?: shaka.extern.RequestContext,
  ): void {
    const held = request ? (heldMs.get(request) ?? 0) : 0;
    if (request) {
      heldMs.delete(request);
    }
    const transferMs = Math.max(1, deltaTimeMs - held);
    super.segmentDownloaded(transferMs, numBytes, allowSwitch, request, context);
  }
}
