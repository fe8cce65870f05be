// Playing with Shaka over Media Source Extensions: the DASH manifest, a choice of quality by
// measured bandwidth, patience for parts that are still being encoded.

import shaka from "shaka-player/dist/shaka-player.dash-es2021.js";

import type { Video } from "../api";
import { type Apart, type Element, takeApart } from "./apart";
import type { Engine, Events, Quality, Sound, Trouble, Words } from "./engine";
import { HoldAwareAbr, noteHeld } from "./held";

/** Longer than the 20 s for which the server holds a request. */
const REQUEST_TIMEOUT_MS = 30_000;
/** What stays buffered when a quality is chosen by hand, so that the picture never stops. */
const KEPT_ON_SWITCH_SECONDS = 4;
/** The same where the new picture is cut nowhere before: longer would look as if nothing happened. */
const LONGEST_KEPT_SECONDS = 10;
/** So that what follows the cut is loaded next, and not what is before it. */
const KEPT_BEHIND_CUT_SECONDS = 0.1;

const PATIENCE = {
  maxAttempts: 12,
  baseDelay: 500,
  backoffFactor: 1.5,
  fuzzFactor: 0.3,
  timeout: REQUEST_TIMEOUT_MS,
  // A held request sends nothing until its answer is complete, so silence is no sign of trouble.
  stallTimeout: 0,
  connectionTimeout: 0,
};

const CONFIGURATION = {
  manifest: {
    retryParameters: { ...PATIENCE, maxAttempts: 4 },
    // `minBufferTime` would delay the first picture; the network here is the one at home.
    dash: { ignoreMinBufferTime: true },
  },
  streaming: {
    retryParameters: PATIENCE,
    bufferingGoal: 24,
    bufferBehind: 60,
    rebufferingGoal: 0.5,
    // The manifest is exact. The default of 2 s fetches the segment before a seek's target too,
    // and that one may have to be encoded first.
    inaccurateManifestTolerance: 0,
  },
  abr: {
    // A home network carries any rung; start sharp and step down only if measured otherwise.
    defaultBandwidthEstimate: 12_000_000,
    useNetworkInformation: false,
    switchInterval: 4,
  },
};

/** What changes the menus. */
const CHANGES = [
  "trackschanged",
  "variantchanged",
  "adaptation",
  "audiotrackschanged",
  "textchanged",
  "texttrackvisibility",
];

interface ErrorEvent extends Event {
  detail: shaka.util.Error;
}

export class StreamingEngine implements Engine {
  private readonly player = new shaka.Player();
  private chosen: number | null = null;
  /** The source's own picture, once this browser stopped at its damage. */
  private readonly refused = new Set<number>();
  /** As the last picture left it; trouble itself stops the element. Films begin by themselves. */
  private isPlaying = true;
  /** Where the film was to begin: a retry before the first picture begins there, too. */
  private begunAt: number | null = null;
  /** The source's own picture, if it has segments of its own. */
  private apart: Apart | null = null;
  private abr: HoldAwareAbr | null = null;

  /** Whether this browser can play this way. */
  static works(): boolean {
    return shaka.Player.isBrowserSupported();
  }

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly title: Video,
    private readonly events: Events,
  ) {
    this.player.configure(CONFIGURATION);
    this.player.configure({
      abrFactory: () => this.newAbr(),
      manifest: {
        dash: {
          manifestPreprocessorTXml: (manifest: Element) => {
            this.apart = takeApart(manifest);
          },
        },
      },
    });
    this.player.addEventListener("error", (event) => this.explain((event as ErrorEvent).detail));
    for (const name of CHANGES) {
      this.player.addEventListener(name, () => events.changed());
    }
    video.addEventListener("timeupdate", () => {
      this.isPlaying = !video.paused;
    });
    video.addEventListener("seeking", () => this.jump());
    // While it waits, Shaka stops the video by its rate, which the video element calls playing.
    this.player.addEventListener("buffering", () => events.waiting());
    this.player.addEventListener("downloadheadersreceived", (event) => {
      const { request, headers } = event as unknown as {
        request: object;
        headers: Record<string, string>;
      };
      noteHeld(request, headers);
    });
    this.player
      .getNetworkingEngine()
      ?.addEventListener("retry", (event) => stopWhereHopeless(event));
  }

  /** What Shaka refuses to load it throws, without an event: it is told here as others are. */
  async load(seconds: number | null): Promise<void> {
    this.begunAt = seconds;
    try {
      await this.player.attach(this.video);
      await this.player.load(this.title.manifest_dash, seconds);
    } catch (error) {
      if (this.canDoWithoutOriginal(error)) {
        return this.load(seconds);
      }
      this.events.failed(troubleOf(error));
      throw error;
    }
  }

  async retry(): Promise<void> {
    if (!this.player.retryStreaming()) {
      const reached = this.video.currentTime;
      await this.load(reached > 0 ? reached : this.begunAt);
    }
  }

  isWaiting(): boolean {
    return this.player.isBuffering();
  }

  /** Two rungs may be of one size: the manifest's own ids tell them apart. */
  qualities(): Quality[] {
    const rungs = this.player.getVariantTracks().map(({ originalVideoId, width, height }) => ({
      stream: Number(originalVideoId),
      width: width ?? 0,
      height: height ?? 0,
    }));
    const first = ({ stream }: Quality, index: number): boolean =>
      rungs.findIndex((other) => other.stream === stream) === index;
    return rungs.filter(first).sort((a, b) => a.stream - b.stream);
  }

  chosenQuality(): number | null {
    return this.chosen;
  }

  chooseQuality(stream: number | null): void {
    this.chosen = stream;
    this.player.configure({ abr: { enabled: stream === null } });
    const variant = this.player
      .getVariantTracks()
      .find(({ originalVideoId }) => Number(originalVideoId) === stream);
    const track = this.player
      .getVideoTracks()
      .find(
        ({ width, height, bandwidth }) =>
          width === variant?.width &&
          height === variant?.height &&
          bandwidth === variant?.videoBandwidth,
      );
    if (track && !track.active) {
      this.player.selectVideoTrack(track, true, this.keptSeconds(stream));
    }
    this.events.changed();
  }

  private newAbr(): HoldAwareAbr {
    this.abr = new HoldAwareAbr(
      readyStreams(this.title),
      wholeStreams(this.title),
      this.refused,
      () => this.apart,
      () => this.begunAt ?? 0,
    );
    return this.abr;
  }

  /** Before Shaka hears of it, because it was told later to listen. */
  private jump(): void {
    if (!this.isLoaded(this.video.currentTime)) {
      this.abr?.jumpsTo(this.video.currentTime);
    }
  }

  private isLoaded(seconds: number): boolean {
    const { buffered } = this.video;
    const parts = Array.from({ length: buffered.length }, (_, index) => index);
    return parts.some((part) => buffered.start(part) <= seconds && seconds < buffered.end(part));
  }

  /**
   * How much of the present picture stays when that of `stream` is chosen. What stands apart begins
   * only where it is cut: if that is near, the picture goes on until there, else it stops for as long
   * as the other one loads, because a browser would not show the middle of a segment that it did not
   * begin.
   */
  private keptSeconds(stream: number | null): number {
    if (this.apart === null || stream !== this.apart.stream) {
      return KEPT_ON_SWITCH_SECONDS;
    }
    const now = this.video.currentTime;
    const kept = this.apart.nextCut(now) - now + KEPT_BEHIND_CUT_SECONDS;
    return kept <= LONGEST_KEPT_SECONDS && this.isLoaded(now + kept) ? kept : 0;
  }

  sounds(): Sound[] {
    return this.player.getAudioTracks().map((track, index) => ({
      key: soundKey(track),
      label: soundLabel(track, index),
      active: track.active,
    }));
  }

  chooseSound(key: string): void {
    const track = this.player.getAudioTracks().find((candidate) => soundKey(candidate) === key);
    if (track) {
      this.player.selectAudioTrack(track);
    }
  }

  words(): Words[] {
    return this.player.getTextTracks().map((track, index) => ({
      key: String(track.id),
      label: trackLabel(track, index) + wordsNote(track),
      active: track.active,
    }));
  }

  chooseWords(key: string | null): void {
    const tracks = this.player.getTextTracks();
    const track = tracks.find((candidate) => String(candidate.id) === key);
    this.player.selectTextTrack(track ?? null);
    this.events.changed();
  }

  private explain(error: shaka.util.Error): void {
    if (error.severity !== shaka.util.Error.Severity.CRITICAL) {
      return;
    }
    if (this.canDoWithoutOriginal(error)) {
      void this.goOnWithout();
      return;
    }
    this.events.failed(troubleOf(error));
  }

  /**
   * A copied picture has the damage of its source, at which browsers stop; what was encoded from
   * it does not. Whether the trouble may be that, and there is something else to play.
   */
  private canDoWithoutOriginal(error: unknown): boolean {
    const { category } = error as Partial<shaka.util.Error>;
    const original = this.title.rungs.find((rung) => rung.original);
    if (
      category !== shaka.util.Error.Category.MEDIA ||
      original === undefined ||
      this.title.rungs.length === 1 ||
      this.refused.has(original.stream)
    ) {
      return false;
    }
    this.refused.add(original.stream);
    return true;
  }

  private async goOnWithout(): Promise<void> {
    const reached = this.video.currentTime;
    const goesOn = this.isPlaying;
    this.chosen = null;
    this.player.configure({ abr: { enabled: true } });
    try {
      await this.load(reached > 0 ? reached : this.begunAt);
    } catch {
      // Told already.
      return;
    }
    if (goesOn) {
      await this.video.play().catch(() => undefined);
    }
  }
}

/** The rungs of which something exists; before anything does, the one that is only copied. */
function readyStreams({ rungs }: Video): ReadonlySet<number> {
  const begun = rungs.filter(({ ready }) => ready > 0);
  const first = begun.length > 0 ? begun : rungs.filter(({ original }) => original);
  return new Set(first.map(({ stream }) => stream));
}

/** The rungs that exist to their end. */
function wholeStreams({ rungs }: Video): ReadonlySet<number> {
  return new Set(rungs.filter(({ ready }) => ready >= 1).map(({ stream }) => stream));
}

/** A part that does not exist and never will is not worth asking for again. */
function stopWhereHopeless(event: Event): void {
  const { error } = event as unknown as { error: shaka.util.Error | null };
  if (error?.code === shaka.util.Error.Code.BAD_HTTP_STATUS && error.data[1] === 404) {
    event.preventDefault();
  }
}

function soundKey(track: shaka.extern.AudioTrack): string {
  return [track.language, track.label, track.roles.join(), track.channelsCount, track.id].join("|");
}

function soundLabel(track: shaka.extern.AudioTrack, index: number): string {
  const label = trackLabel(track, index);
  return (track.channelsCount ?? 0) > 2 ? `${label}, 5.1` : label;
}

/** What kind of subtitles they are, where that is not plain. */
function wordsNote(track: shaka.extern.TextTrack): string {
  if (track.forced) {
    return " (forced)";
  }
  return track.roles.includes("caption") ? " (for the deaf)" : "";
}

/** The track's own name, else its language in words. */
function trackLabel(
  track: { label: string | null; language: string },
  index: number,
): string {
  if (track.label) {
    return track.label;
  }
  if (!track.language || track.language === "und") {
    return `Track ${index + 1}`;
  }
  try {
    return new Intl.DisplayNames([], { type: "language" }).of(track.language) ?? track.language;
  } catch {
    return track.language;
  }
}

/** What went wrong, in words about the film. */
function troubleOf(error: unknown): Trouble {
  const { Category, Code } = shaka.util.Error;
  if (!(error instanceof shaka.util.Error)) {
    return { title: "This film can't be played here", text: "The browser could not begin with it." };
  }
  if (error.category === Category.NETWORK) {
    const status: unknown = error.code === Code.BAD_HTTP_STATUS ? error.data[1] : null;
    return refusalOf(Number(status ?? 0));
  }
  return {
    title: "This film can't be played here",
    text: `The browser refused a part of it (Shaka ${error.category}/${error.code}).`,
  };
}

/** What an answer of the server means to whoever watches; 0 is no answer. */
function refusalOf(status: number): Trouble {
  const known: Record<number, Trouble> = {
    0: {
      title: "The film stopped arriving",
      text: "Homereel does not answer. Is it still running, and are you in the same network?",
    },
    401: { title: "You are signed out", text: "Sign in again, and it goes on where it stopped." },
    404: {
      title: "This film is not there",
      text: "It may have been taken out of the library, or is being prepared anew.",
    },
    503: {
      title: "This part is not ready yet",
      text: "It takes longer than usual to prepare. It keeps being worked on.",
    },
  };
  return (
    known[status] ?? {
      title: "The film stopped arriving",
      text: `Homereel could not send it (${status}). What helps may stand in its log.`,
    }
  );
}
