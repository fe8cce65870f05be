// What a file on its way says of itself, and what can be asked of it. Pure rules.

import type { Action } from "../work";
import { percent, size, timeLeft } from "../format";
import type { Stage } from "./queue";

/** What the words depend on. */
export interface Standing {
  stage: Stage;
  sent: number;
  length: number;
  /** Bytes in a second, once that is known. */
  speed: number | null;
  secondsLeft: number | null;
  /** Until it is tried again. */
  retryInS: number;
  /** Why it waits or was refused, in the server's words. */
  reason: string | null;
}

export function lineOf(standing: Standing): string {
  const part = percent(standing.length > 0 ? standing.sent / standing.length : 0);
  switch (standing.stage) {
    case "waiting":
      return standing.sent > 0 ? `Waits to go on from ${part}` : "Waits its turn";
    case "sending":
      return `Sending, ${part}`;
    case "retrying":
      return retryWords(standing);
    case "paused":
      return `Paused at ${part}`;
    case "stuck":
      return standing.reason ?? "This did not work.";
    case "orphaned":
      return `Choose the file again to go on from ${part}`;
    case "arrived":
      return "All of it is here, looking into it";
    case "taken":
      return "It is in the library";
    case "refused":
      return standing.reason ?? "This file can't become a film.";
  }
}

function retryWords({ reason, retryInS }: Standing): string {
  const why = reason ?? "The connection is gone.";
  return retryInS > 1 ? `${why} Trying again in ${retryInS} s.` : `${why} Trying again.`;
}

export function factsOf(standing: Standing): string {
  const { stage, sent, length, speed, secondsLeft } = standing;
  const begun = sent > 0 && sent < length;
  const facts = [
    begun ? `${size(sent)} of ${size(length)}` : size(length),
    stage === "sending" && speed !== null ? `${size(speed)}/s` : "",
    stage === "sending" && secondsLeft !== null ? timeLeft(secondsLeft) : "",
  ];
  return facts.filter((fact) => fact !== "").join(" · ");
}

const PAUSE: Action = { key: "pause", label: "Pause", icon: "pause" };
const RESUME: Action = { key: "resume", label: "Go on", icon: "play" };
const AGAIN: Action = { key: "resume", label: "Try again", icon: "replay", wordy: true };
const CANCEL: Action = { key: "cancel", label: "Cancel", icon: "close" };
const CHOOSE: Action = { key: "choose", label: "Choose file", icon: "folder", wordy: true };
const REMOVE: Action = { key: "remove", label: "Remove from this list", icon: "close" };

/** What can be asked of a file in its stage. */
export const ACTIONS: Readonly<Record<Stage, readonly Action[]>> = {
  waiting: [PAUSE, CANCEL],
  sending: [PAUSE, CANCEL],
  retrying: [PAUSE, CANCEL],
  paused: [RESUME, CANCEL],
  stuck: [AGAIN, CANCEL],
  orphaned: [CHOOSE, CANCEL],
  arrived: [],
  taken: [],
  refused: [REMOVE],
};
