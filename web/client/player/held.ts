// The choice of quality, and how it takes that segments are still being encoded. Such a one is
// answered when it exists; to an estimator of bandwidth that looks like a very slow network, and it
// would drop to the lowest quality on the fastest one.

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

/** Shaka's own choice of quality, with what only Homereel knows. */
export class HoldAwareAbr extends shaka.abr.SimpleAbrManager {
  private hasBegun = false;
  private variants: readonly shaka.extern.Variant[] = [];

  /**
   * `ready` are the streams of the picture of which something exists, `refused` those that this
   * browser could not play.
   */
  constructor(
    private readonly ready: ReadonlySet<number>,
    private readonly refused: ReadonlySet<number>,
  ) {
    super();
  }

  override setVariants(variants: shaka.extern.Variant[], isLowLatency: boolean): void {
    const left = variants.filter(({ video }) => !this.refused.has(Number(video?.originalId)));
    this.variants = left.length > 0 ? left : variants;
    super.setVariants([...this.variants], isLowLatency);
  }

  /**
   * Until a picture has arrived, one that need not be waited for, where there is one: Shaka asks
   * several times before that, and takes the last answer.
   */
  override chooseVariant(preferFastSwitching?: boolean): shaka.extern.Variant {
    const own = this.sharpest(super.chooseVariant(preferFastSwitching));
    return this.hasBegun ? own : (this.readyLike(own) ?? own);
  }

  /**
   * Where a larger picture asks for no more of the network than `wanted`, that. A rung that does
   * not exist yet is announced with the most it may take, and the source's own picture is leaner.
   */
  private sharpest(wanted: shaka.extern.Variant): shaka.extern.Variant {
    const height = ({ video }: shaka.extern.Variant): number => video?.height ?? 0;
    return this.variants
      .filter(({ audio, bandwidth }) => audio === wanted.audio && bandwidth <= wanted.bandwidth)
      .reduce((best, other) => (height(other) > height(best) ? other : best), wanted);
  }

  /** What exists and is nearest in rate to `wanted`; nothing if that exists itself. */
  private readyLike(wanted: shaka.extern.Variant): shaka.extern.Variant | undefined {
    const isReady = ({ video }: shaka.extern.Variant): boolean =>
      this.ready.has(Number(video?.originalId));
    if (isReady(wanted)) {
      return undefined;
    }
    const distance = ({ bandwidth }: shaka.extern.Variant): number =>
      Math.abs(bandwidth - wanted.bandwidth);
    return this.variants
      .filter((variant) => isReady(variant) && variant.audio === wanted.audio)
      .sort((a, b) => distance(a) - distance(b))[0];
  }

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
    this.hasBegun ||= isPicture(context);
    super.segmentDownloaded(transferMs, numBytes, allowSwitch, request, context);
  }
}

/** Whether what arrived is a segment of the picture. Init segments are there from the beginning. */
function isPicture(context?: shaka.extern.RequestContext): boolean {
  const { MEDIA_SEGMENT } = shaka.net.NetworkingEngine.AdvancedRequestType;
  return context?.type === MEDIA_SEGMENT && context.stream?.type === "video";
}
