// The keyboard while watching. One table, which the sheet under `?` repeats in words.

import { isTyping } from "../dom";

export interface Commands {
  toggle(): void;
  by(seconds: number): void;
  toPart(part: number): void;
  louder(by: number): void;
  mute(): void;
  fullscreen(): void;
  captions(): void;
  speed(step: 1 | -1): void;
  sheet(): void;
  keys(): void;
}

/** What a key does, or `null` where it is not ours. */
function commandOf(key: string, commands: Commands): (() => void) | null {
  if (/^[0-9]$/.test(key)) {
    return () => commands.toPart(Number(key) / 10);
  }
  const table: Record<string, () => void> = {
    " ": () => commands.toggle(),
    k: () => commands.toggle(),
    ArrowLeft: () => commands.by(-5),
    ArrowRight: () => commands.by(5),
    j: () => commands.by(-10),
    l: () => commands.by(10),
    ArrowUp: () => commands.louder(0.1),
    ArrowDown: () => commands.louder(-0.1),
    Home: () => commands.toPart(0),
    End: () => commands.toPart(1),
    m: () => commands.mute(),
    f: () => commands.fullscreen(),
    c: () => commands.captions(),
    "<": () => commands.speed(-1),
    ">": () => commands.speed(1),
    q: () => commands.sheet(),
    "?": () => commands.keys(),
  };
  return table[key.length === 1 ? key.toLowerCase() : key] ?? null;
}

/** Listens on the whole page until it goes away. */
export function listenToKeys(commands: Commands): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) {
      return;
    }
    const open = document.querySelector("dialog[open]");
    // Inside a sheet only the keys that opened it work; arrows and space belong to its buttons.
    if (open && !["q", "?"].includes(event.key)) {
      return;
    }
    // Space on a focused button presses that button.
    if (event.key === " " && event.target instanceof HTMLButtonElement) {
      return;
    }
    // Arrows on the volume slider move that slider.
    if (event.target instanceof HTMLInputElement && event.key.startsWith("Arrow")) {
      return;
    }
    const command = commandOf(event.key, commands);
    if (command) {
      event.preventDefault();
      command();
    }
  });
}
