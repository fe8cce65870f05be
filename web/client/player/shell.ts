// What surrounds the picture: controls that fade, sheets that open, the full screen.

import { need, setIcon } from "../dom";

/** Controls fade after this long without a movement. */
const IDLE_MS = 2_800;

export class Shell {
  private idleTimer = 0;
  private touched = false;

  /** `mayFade` tells whether nothing needs the controls now. */
  constructor(
    private readonly player: HTMLElement,
    private readonly video: HTMLVideoElement,
    private readonly mayFade: () => boolean,
  ) {
    for (const name of ["pointermove", "pointerdown", "keydown", "focusin"]) {
      document.addEventListener(name, () => this.stayAwake());
    }
    document.addEventListener("fullscreenchange", () => {
      const icon = document.fullscreenElement ? "windowed" : "fullscreen";
      setIcon(need(player, '[data-action="fullscreen"]'), icon);
    });
    for (const dialog of player.querySelectorAll("dialog")) {
      // A click beside the sheet closes it.
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
  }

  /** Shows the controls and lets them fade later. */
  stayAwake(): void {
    this.player.dataset["idle"] = "false";
    window.clearTimeout(this.idleTimer);
    this.idleTimer = window.setTimeout(() => {
      const focused = this.player.querySelector(".player-bottom :focus-visible") !== null;
      const open = this.player.querySelector("dialog[open]") !== null;
      this.player.dataset["idle"] = String(this.mayFade() && !focused && !open);
      this.touched = false;
    }, IDLE_MS);
  }

  /** A second tap on the picture sends the controls away again. */
  tap(): void {
    this.player.dataset["idle"] = String(this.touched && this.mayFade());
    this.touched = !this.touched;
  }

  isOpen(role: string): boolean {
    return this.dialog(role).open;
  }

  /** Opens one sheet and closes the others, or closes it. */
  toggle(role: string): void {
    const wanted = this.dialog(role);
    const wasOpen = wanted.open;
    this.player.querySelectorAll("dialog").forEach((dialog) => dialog.close());
    if (!wasOpen) {
      wanted.showModal();
    }
  }

  async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement) {
      await document.exitFullscreen();
    } else if ("requestFullscreen" in this.player) {
      await this.player.requestFullscreen().catch(() => undefined);
    } else {
      // iPhones only let the video itself fill the screen.
      (this.video as { webkitEnterFullscreen?: () => void }).webkitEnterFullscreen?.();
    }
  }

  private dialog(role: string): HTMLDialogElement {
    return need(this.player, `dialog[data-role="${role}"]`);
  }
}
