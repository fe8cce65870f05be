// Playing without Media Source Extensions: the browser reads the HLS playlists itself. iPhones
// before iOS 17.1 work this way, and they bring their own menus for sound.

import type { Video } from "../api";
import type { Engine, Events, Quality, Sound, Words } from "./engine";

export class NativeEngine implements Engine {
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly title: Video,
    private readonly events: Events,
  ) {
    video.addEventListener("error", () => this.explain());
  }

  async load(seconds: number | null): Promise<void> {
    this.video.src = this.title.manifest_hls;
    if (seconds !== null) {
      this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = seconds), {
        once: true,
      });
    }
    this.video.load();
  }

  async retry(): Promise<void> {
    await this.load(this.video.currentTime);
  }

  isWaiting(): boolean {
    return false;
  }

  qualities(): Quality[] {
    return [];
  }

  chosenQuality(): number | null {
    return null;
  }

  chooseQuality(): void {
    // The browser alone decides.
  }

  sounds(): Sound[] {
    return [];
  }

  chooseSound(): void {
    // As above.
  }

  words(): Words[] {
    return this.textTracks().map((track, index) => ({
      key: String(index),
      label: track.label || track.language || `Track ${index + 1}`,
      active: track.mode === "showing",
    }));
  }

  chooseWords(key: string | null): void {
    this.textTracks().forEach((track, index) => {
      track.mode = String(index) === key ? "showing" : "disabled";
    });
    this.events.changed();
  }

  private textTracks(): TextTrack[] {
    const tracks = Array.from(this.video.textTracks);
    return tracks.filter(({ kind }) => kind === "subtitles" || kind === "captions");
  }

  private explain(): void {
    const network = this.video.error?.code === MediaError.MEDIA_ERR_NETWORK;
    this.events.failed({
      title: "This film stopped",
      text: network
        ? "Homereel does not answer. Is it still running, and are you in the same network?"
        : "This browser could not play it.",
    });
  }
}
