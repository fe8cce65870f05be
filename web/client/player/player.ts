// The player: one element that joins the video, an engine, the controls of the template and what
// the server says about the title. Its attributes tell its state: `data-state` is `waiting` (not
// playable yet), `loading`, `playing`, `paused`, `buffering`, `ended` or `error`; `data-height` is
// the height of the picture that is shown now.

import type { Video } from "../api";
import { Refusal, fetchVideo, retryJob } from "../api";
import { embedded, need, setIcon } from "../dom";
import { existsAt } from "../filmstrip";
import { clock, clockTimeIn } from "../format";
import { describeLadder, drawLadder } from "../ladder";
import { listen, throttled } from "../live";
import { Captions } from "./captions";
import type { Engine, Trouble } from "./engine";
import { listenToKeys } from "./keys";
import { NativeEngine } from "./native";
import { Offer } from "./offer";
import { Progress } from "./progress";
import type { SeekBar } from "./seek";
import { fillSheet, neighbourSpeed } from "./sheet";
import { Shell } from "./shell";
import { StatusLine } from "./status";
import { StreamingEngine } from "./streaming";

type State = "waiting" | "loading" | "playing" | "paused" | "buffering" | "ended" | "error";

const REMEMBER_EVERY_MS = 10_000;
const REFRESH_PAUSE_MS = 1_000;
/** As long as there is nothing to play, somebody looks at a waiting page. */
const EAGER_PAUSE_MS = 200;

export class Player extends HTMLElement {
  private film!: Video;
  private video!: HTMLVideoElement;
  private seekBar!: SeekBar;
  private shell!: Shell;
  private status!: StatusLine;
  private offer!: Offer;
  private progress!: Progress;
  private engine: Engine | null = null;
  private trouble: Trouble | null = null;
  private loaded = false;
  private readonly captions = new Captions();

  connectedCallback(): void {
    this.film = embedded<Video>("video");
    this.video = need(this, "video");
    this.seekBar = need(this, "homereel-seek");
    this.status = new StatusLine(need(this, '[data-role="status"]'));
    this.shell = new Shell(this, this.video, () => this.state() === "playing");
    this.progress = new Progress(this.film, this.dataset["person"] === "true");
    this.offer = new Offer(this, (startOver) => this.decide(startOver));
    this.seekBar.onseek = (seconds) => this.seek(seconds);
    this.connectVideo();
    this.connectControls();
    this.connectKeys();
    this.connectLife();
    this.apply(this.film);
  }

  // What the server says.

  private connectLife(): void {
    const pauseMs = (): number => (this.engine ? REFRESH_PAUSE_MS : EAGER_PAUSE_MS);
    const refresh = throttled(pauseMs, async () => {
      try {
        this.apply(await fetchVideo(this.film.id));
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) {
          this.fail({ title: "This film is gone", text: "It was taken out of the library." });
        }
      }
    });
    listen({ title: (id) => id === this.film.id && refresh(), missed: refresh });
    window.setInterval(() => this.rememberPosition(), REMEMBER_EVERY_MS);
    window.addEventListener("pagehide", () => this.rememberPosition());
  }

  /** Shows what is known of the title now, and starts once there is something to play. */
  private apply(film: Video): void {
    if (film.generation !== this.film.generation && this.engine) {
      // Its file was replaced: what this player knows of it is void.
      location.reload();
      return;
    }
    this.film = film;
    this.seekBar.showStrip(film.strip);
    this.seekBar.showChapters(film.chapters ?? []);
    this.seekBar.showThumbs(film.thumbs);
    this.showBadge();
    this.showTime();
    if (this.shell.isOpen("sheet")) {
      this.fillSheet();
    }
    const planned = film.rungs.length + film.audio.length > 0;
    if (film.state === "failed" && !this.isPlaying()) {
      this.fail({ title: "This film can't be played", text: film.reason ?? "" });
    } else if (planned && film.state !== "failed" && !this.engine) {
      void this.start();
    }
    this.showState();
  }

  private async start(): Promise<void> {
    const events = {
      changed: () => this.shell.isOpen("sheet") && this.fillSheet(),
      waiting: () => this.showState(),
      failed: (trouble: Trouble) => this.fail(trouble),
    };
    this.trouble = null;
    this.engine = StreamingEngine.works()
      ? new StreamingEngine(this.video, this.film, events)
      : new NativeEngine(this.video, this.film, events);
    const { seconds, ask } = this.progress.beginning();
    try {
      await this.engine.load(seconds);
      this.loaded = true;
      if (ask && seconds !== null) {
        this.offer.show(seconds);
      } else {
        await this.play();
      }
    } catch {
      // The engine has reported what matters through `failed`.
    }
    this.showState();
  }

  /** Goes on where it was left, or from the beginning. */
  private decide(startOver: boolean): void {
    if (startOver) {
      this.seek(0);
    }
    this.offer.hide();
    void this.play();
  }

  private fail(trouble: Trouble): void {
    this.trouble = trouble;
    const failed = this.film.state === "failed";
    const shown = failed && this.film.reason ? { ...trouble, text: this.film.reason } : trouble;
    need(this, '[data-role="trouble-title"]').textContent = shown.title;
    need(this, '[data-role="trouble-text"]').textContent = shown.text;
    need<HTMLElement>(this, '[data-action="retry"]').hidden = failed && !this.film.job;
    this.showState();
  }

  /** A failed title is prepared again; a broken stream is asked for again. */
  private async retry(): Promise<void> {
    this.trouble = null;
    this.showState();
    try {
      if (this.film.state === "failed" && this.film.job) {
        await retryJob(this.film.job);
        location.reload();
      } else if (this.engine) {
        await this.engine.retry();
        this.loaded = true;
        await this.play();
      }
    } catch (error) {
      if (error instanceof Refusal) {
        this.fail({ title: "That did not work", text: error.message });
      }
    }
    this.showState();
  }

  // The video.

  private connectVideo(): void {
    const video = this.video;
    for (const name of ["play", "playing", "pause", "waiting", "seeking", "seeked", "ended", "canplay"]) {
      video.addEventListener(name, () => this.showState());
    }
    for (const name of ["timeupdate", "durationchange", "progress", "seeking"]) {
      video.addEventListener(name, () => this.showTime());
    }
    video.addEventListener("resize", () => {
      this.dataset["height"] = String(video.videoHeight || "");
      this.showBadge();
    });
    video.addEventListener("volumechange", () => this.showVolume());
    video.addEventListener("pause", () => this.rememberPosition());
    video.addEventListener("play", () => this.offer.hide());
    video.addEventListener("ratechange", () => this.shell.isOpen("sheet") && this.fillSheet());
    video.addEventListener("click", (event) => this.tapped(event));
    video.addEventListener("dblclick", () => void this.shell.toggleFullscreen());
  }

  private async play(): Promise<void> {
    try {
      await this.video.play();
    } catch {
      // Browsers want a tap before sound; the big button asks for it.
    }
  }

  private toggle(): void {
    if (this.video.paused || this.video.ended) {
      void this.play();
    } else {
      this.video.pause();
    }
  }

  private seek(seconds: number): void {
    if (this.loaded) {
      this.video.currentTime = Math.min(this.length(), Math.max(0, seconds));
      this.showTime();
    }
  }

  private seekByKey(seconds: number): void {
    this.seek(seconds);
    if (this.loaded) {
      this.seekBar.showFor(this.video.currentTime);
    }
  }

  /** The plan knows the length before the video does. */
  private length(): number {
    const own = this.video.duration;
    return Number.isFinite(own) && own > 0 ? own : (this.film.duration_s ?? 0);
  }

  private isPlaying(): boolean {
    return this.loaded && !this.trouble && this.video.readyState >= this.video.HAVE_FUTURE_DATA;
  }

  private rememberPosition(): void {
    if (this.loaded && this.video.currentTime > 0) {
      this.progress.note(this.video.currentTime, this.length());
    }
  }

  // What is shown.

  private state(): State {
    const { video } = this;
    if (this.trouble) {
      return "error";
    }
    if (!this.engine) {
      return "waiting";
    }
    if (!this.loaded) {
      return "loading";
    }
    if (video.ended) {
      return "ended";
    }
    const starved = video.readyState < video.HAVE_FUTURE_DATA || this.engine.isWaiting();
    if (video.seeking || (starved && !video.paused)) {
      return "buffering";
    }
    return video.paused ? "paused" : "playing";
  }

  private showState(): void {
    const state = this.state();
    this.dataset["state"] = state;
    need<HTMLElement>(this, '[data-role="trouble"]').hidden = state !== "error";
    const toggle = need<HTMLElement>(this, '[data-action="toggle"]');
    const goes = state === "playing" || state === "buffering";
    setIcon(toggle, state === "ended" ? "replay" : goes ? "pause" : "play");
    toggle.setAttribute("aria-label", goes ? "Pause" : "Play");
    setIcon(need(this, ".player-big"), state === "ended" ? "replay" : "play");
    this.status.wait(this.statusWords(state), state === "waiting");
    if (state !== "playing") {
      this.shell.stayAwake();
    }
  }

  private statusWords(state: State): string {
    const { film } = this;
    if (state === "waiting") {
      return film.reason ?? (film.state === "waiting" ? "Waiting its turn…" : "Reading the file…");
    }
    if (state !== "buffering" && state !== "loading") {
      return "";
    }
    // The part that is waited for begins where the buffer ends, give or take a frame.
    const needed = this.bufferedUntil() + 0.05;
    const place = this.length() > 0 ? Math.min(needed / this.length(), 0.9999) : 0;
    return existsAt(film.strip, place) ? "Loading…" : "Getting this part ready…";
  }

  private showTime(): void {
    this.seekBar.show(this.video.currentTime, this.length(), this.bufferedUntil());
    need(this, '[data-role="current"]').textContent = clock(this.video.currentTime);
    need(this, '[data-role="duration"]').textContent = clock(this.length());
  }

  /** How far it can play from here without another byte, in seconds. */
  private bufferedUntil(): number {
    const { buffered, currentTime } = this.video;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) <= currentTime + 0.1 && buffered.end(index) > currentTime) {
        return buffered.end(index);
      }
    }
    return currentTime;
  }

  private showBadge(): void {
    const { rungs, progress, state } = this.film;
    const badge = need<HTMLElement>(this, '[data-role="badge"]');
    badge.hidden = rungs.length === 0;
    const short = Math.min(this.video.videoWidth, this.video.videoHeight);
    const name = document.createElement("span");
    name.textContent = short > 0 ? `${short}` : "";
    badge.replaceChildren(drawLadder(rungs), name);
    const left = state === "playable" ? progress.seconds_left : null;
    const ready = left !== null ? `, all of it about ${clockTimeIn(left)}` : "";
    badge.title = describeLadder(rungs) + ready;
    badge.setAttribute("aria-label", badge.title);
    this.dataset["growing"] = String(state !== "ready");
  }

  private showVolume(): void {
    const silent = this.video.muted || this.video.volume === 0;
    const mute = need<HTMLElement>(this, '[data-action="mute"]');
    setIcon(mute, silent ? "muted" : "volume");
    mute.setAttribute("aria-label", silent ? "Sound on" : "Mute");
    const volume = need<HTMLInputElement>(this, '[data-role="volume"]');
    volume.value = String(silent ? 0 : this.video.volume);
  }

  // The controls.

  private connectControls(): void {
    const actions: Record<string, () => void> = {
      play: () => void this.play(),
      toggle: () => this.toggle(),
      "back-10": () => this.seek(this.video.currentTime - 10),
      "forward-10": () => this.seek(this.video.currentTime + 10),
      mute: () => this.toggleMute(),
      fullscreen: () => void this.shell.toggleFullscreen(),
      sheet: () => this.openSheet(),
      keys: () => this.shell.toggle("keys"),
      retry: () => void this.retry(),
    };
    for (const button of this.querySelectorAll<HTMLElement>("[data-action]")) {
      button.addEventListener("click", () => actions[button.dataset["action"] ?? ""]?.());
    }
    need<HTMLInputElement>(this, '[data-role="volume"]').addEventListener("input", (event) => {
      this.video.volume = Number((event.target as HTMLInputElement).value);
      this.video.muted = false;
    });
  }

  private connectKeys(): void {
    const { video } = this;
    listenToKeys({
      toggle: () => this.toggle(),
      by: (seconds) => this.seekByKey(video.currentTime + seconds),
      toPart: (part) => this.seekByKey(this.length() * part),
      louder: (by) => {
        video.muted = false;
        video.volume = Math.min(1, Math.max(0, video.volume + by));
        this.status.remark(`Volume ${Math.round(video.volume * 100)} %`);
      },
      mute: () => this.toggleMute(),
      fullscreen: () => void this.shell.toggleFullscreen(),
      captions: () => this.status.remark(this.captions.toggle(this.engine)),
      speed: (step) => {
        video.playbackRate = neighbourSpeed(video.playbackRate, step);
        this.status.remark(`Speed ${video.playbackRate}×`);
      },
      sheet: () => this.openSheet(),
      keys: () => this.shell.toggle("keys"),
    });
  }

  private toggleMute(): void {
    this.video.muted = !this.video.muted;
  }

  private openSheet(): void {
    this.fillSheet();
    this.shell.toggle("sheet");
  }

  private fillSheet(): void {
    if (this.engine) {
      const sheet = need<HTMLElement>(this, '[data-role="sheet"]');
      fillSheet(sheet, this.engine, this.film.rungs, this.video);
    }
  }

  /** A mouse click plays and pauses; a tap brings the controls back, or sends them away. */
  private tapped(event: MouseEvent): void {
    if ((event as PointerEvent).pointerType === "touch") {
      this.shell.tap();
    } else {
      this.toggle();
    }
  }
}
