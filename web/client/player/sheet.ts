// The sheet with everything one can choose while watching: quality, sound, subtitles, speed.

import type { Rung } from "../api";
import { need } from "../dom";
import { rungName } from "../ladder";
import type { Engine } from "./engine";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

interface Choice {
  label: string;
  /** A quiet word beside the label. */
  note?: string;
  chosen: boolean;
  choose: () => void;
}

/** The next slower or faster speed of the list. */
export function neighbourSpeed(speed: number, step: 1 | -1): number {
  const at = SPEEDS.findIndex((candidate) => candidate >= speed - 0.001);
  const index = Math.min(SPEEDS.length - 1, Math.max(0, (at < 0 ? SPEEDS.length : at) + step));
  return SPEEDS[index] ?? 1;
}

/** Fills `sheet` with what can be chosen now. */
export function fillSheet(
  sheet: HTMLElement,
  engine: Engine,
  rungs: readonly Rung[],
  video: HTMLVideoElement,
): void {
  fill(sheet, "qualities", qualityChoices(engine, rungs, video));
  const sounds = engine.sounds();
  const soundChoices = sounds.map((sound) => ({
    label: sound.label,
    chosen: sound.active,
    choose: () => engine.chooseSound(sound.key),
  }));
  fill(sheet, "tracks", sounds.length > 1 ? soundChoices : []);
  fill(sheet, "words", wordsChoices(engine));
  fill(
    sheet,
    "speeds",
    SPEEDS.map((speed) => ({
      label: speed === 1 ? "Normal" : `${speed}×`,
      chosen: Math.abs(video.playbackRate - speed) < 0.01,
      choose: () => (video.playbackRate = speed),
    })),
  );
}

function wordsChoices(engine: Engine): Choice[] {
  const words = engine.words();
  if (words.length === 0) {
    return [];
  }
  const off: Choice = {
    label: "Off",
    chosen: !words.some(({ active }) => active),
    choose: () => engine.chooseWords(null),
  };
  const tracks = words.map(({ key, label, active }) => ({
    label,
    chosen: active,
    choose: () => engine.chooseWords(key),
  }));
  return [off, ...tracks];
}

function qualityChoices(
  engine: Engine,
  rungs: readonly Rung[],
  video: HTMLVideoElement,
): Choice[] {
  const qualities = engine.qualities();
  if (qualities.length === 0) {
    return [];
  }
  const chosen = engine.chosenQuality();
  const now = Math.min(video.videoWidth, video.videoHeight);
  const automatic: Choice = {
    label: "Auto",
    ...(chosen === null && now > 0 ? { note: `${now}p now` } : {}),
    chosen: chosen === null,
    choose: () => engine.chooseQuality(null),
  };
  const manual = qualities.map(({ stream, width, height }) => {
    const rung = rungs.find((candidate) => candidate.stream === stream);
    return {
      label: rung ? rungName(rung) : `${Math.min(width, height)}p`,
      ...readiness(rung),
      chosen: chosen === stream,
      choose: () => engine.chooseQuality(stream),
    };
  });
  return [automatic, ...manual.reverse()];
}

/** A rung that is not complete says how far it is. */
function readiness(rung: Rung | undefined): { note?: string } {
  if (!rung || rung.ready >= 1) {
    return {};
  }
  return { note: rung.ready > 0 ? `${Math.floor(rung.ready * 100)} % ready` : "not ready yet" };
}

function fill(sheet: HTMLElement, role: string, choices: readonly Choice[]): void {
  const section = need<HTMLElement>(sheet, `[data-role="${role}"]`);
  section.hidden = choices.length === 0;
  const group = need<HTMLElement>(section, ".choices");
  const focused = [...group.children].indexOf(document.activeElement as Element);
  group.replaceChildren(...choices.map((choice) => button(choice)));
  (group.children[focused] as HTMLElement | undefined)?.focus();
}

function button(choice: Choice): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "choice";
  element.setAttribute("role", "radio");
  element.setAttribute("aria-checked", String(choice.chosen));
  const label = document.createElement("span");
  label.textContent = choice.label;
  element.append(label);
  if (choice.note) {
    const note = document.createElement("small");
    note.textContent = choice.note;
    element.append(note);
  }
  element.addEventListener("click", choice.choose);
  element.addEventListener("keydown", (event) => walk(element, event));
  return element;
}

/** Arrow keys go from choice to choice, as people know it from radio buttons. */
function walk(element: HTMLElement, event: KeyboardEvent): void {
  const forward = ["ArrowDown", "ArrowRight"].includes(event.key);
  const back = ["ArrowUp", "ArrowLeft"].includes(event.key);
  const next = forward ? element.nextElementSibling : back ? element.previousElementSibling : null;
  if (forward || back) {
    event.preventDefault();
    (next as HTMLElement | null)?.focus();
  }
}
