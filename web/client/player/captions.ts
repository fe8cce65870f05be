// The key that switches subtitles on and off: those that were shown last, else the first.

import type { Engine } from "./engine";

export class Captions {
  private last: string | null = null;

  /** Switches, and says in words what is shown now. */
  toggle(engine: Engine | null): string {
    const words = engine?.words() ?? [];
    const shown = words.find(({ active }) => active);
    const next = words.find(({ key }) => key === this.last) ?? words[0];
    if (!engine || !next) {
      return "This film has no subtitles";
    }
    this.last = shown?.key ?? next.key;
    engine.chooseWords(shown ? null : next.key);
    return shown ? "Subtitles off" : `Subtitles: ${next.label}`;
  }
}
