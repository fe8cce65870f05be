// The choice of quality, and how it takes that segments are still being encoded. Such a one is
// answered when it exists; to an estimator of bandwidth that looks like a very slow network, and it
// would drop to the lowest quality on the fastest one.

import shaka from "shaka-player/dist/shaka-player.dash-es2021.js";

import type { Apart } from "./apart";

/**
 * What arrives before the first picture is little sound, which measures a network badly: what was
 * begun with is given up only if it seems to take so many times as long as it may.
 */
const DOUBT_BEFORE_PICTURE = 3;
/** How much of the measured bandwidth a quality may take to be kept, as Shaka has it. */
const KEPT_SHARE = 0.95;

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
  /** Of what is cut alike. */
  private variants: readonly shaka.extern.Variant[] = [];
  /** Of the source's own picture where that stands apart. */
  private variantsApart: readonly shaka.extern.Variant[] = [];
  /** That is what plays by our choice. */
  private isApart = false;

  /**
   * `ready` are the streams of the picture of which something exists, `whole` those that exist to
   * their end, `refused` those that this browser could not play; `apart` is what stands apart,
   * `beginning` where the film will begin.
   */
  constructor(
    private readonly ready: ReadonlySet<number>,
    private readonly whole: ReadonlySet<number>,
    private readonly refused: ReadonlySet<number>,
    private readonly apart: () => Apart | null,
    private readonly beginning: () => number,
  ) {
    super();
  }

  override setVariants(variants: shaka.extern.Variant[], isLowLatency: boolean): void {
    const left = variants.filter((variant) => !this.refused.has(streamOf(variant)));
    const playable = left.length > 0 ? left : variants;
    const apart = this.apart()?.stream;
    this.variants = playable.filter((variant) => streamOf(variant) !== apart);
    this.variantsApart = playable.filter((variant) => streamOf(variant) === apart);
    super.setVariants([...this.variants], isLowLatency);
  }

  /**
   * Until a picture has arrived, one that need not be waited for, where there is one: Shaka asks
   * several times before that, and takes the last answer.
   */
  override chooseVariant(preferFastSwitching?: boolean): shaka.extern.Variant {
    const own = this.sharpest(super.chooseVariant(preferFastSwitching));
    const rung = this.hasBegun ? own : (this.readyLike(own) ?? own);
    const apart = this.variantsApart.find(({ audio }) => audio === own.audio);
    this.isApart = apart !== undefined && this.wantsApart(apart, rung);
    return apart && this.isApart ? apart : rung;
  }

  /**
   * A film begins with what stands apart while the ladder is being made, if it is there soon. It is
   * left when the network does not carry it, and for good: whoever came back in the middle of one of
   * its segments would load all of that.
   */
  private wantsApart(apart: shaka.extern.Variant, rung: shaka.extern.Variant): boolean {
    const bandwidth = Number(this.getBandwidthEstimate());
    if (this.hasBegun) {
      return this.isApart && apart.bandwidth <= bandwidth * KEPT_SHARE;
    }
    const doubt = this.isApart ? DOUBT_BEFORE_PICTURE : 1;
    return (
      this.ready.has(streamOf(apart)) &&
      !this.whole.has(streamOf(rung)) &&
      this.isSoonAt(this.beginning(), apart, doubt)
    );
  }

  private isSoonAt(seconds: number, { bandwidth }: shaka.extern.Variant, doubt = 1): boolean {
    const load = bandwidth / Number(this.getBandwidthEstimate());
    return this.apart()?.isSoonAt(seconds, load / doubt) ?? false;
  }

  /** A viewer jumps to a place that is not loaded: not with a segment that takes long to load. */
  jumpsTo(seconds: number): void {
    const [apart] = this.variantsApart;
    if (this.isApart && apart && !this.isSoonAt(seconds, apart)) {
      this.isApart = false;
      this.hasBegun = true;
      this.trySuggestStreams();
    }
  }

  /** Another quality is chosen by hand. */
  override disable(): void {
    this.isApart = false;
    super.disable();
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
    const isReady = (variant: shaka.extern.Variant): boolean => this.ready.has(streamOf(variant));
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

/** The number of its picture's stream, by which the manifest calls it. */
function streamOf({ video }: shaka.extern.Variant): number {
  return Number(video?.originalId);
}

/** Whether what arrived is a segment of the picture. Init segments are there from the beginning. */
function isPicture(context?: shaka.extern.RequestContext): boolean {
  const { MEDIA_SEGMENT } = shaka.net.NetworkingEngine.AdvancedRequestType;
  return context?.type === MEDIA_SEGMENT && context.stream?.type === "video";
}
