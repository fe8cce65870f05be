// What a person is told about a film they have deleted. A pure rule.

import { timeOfDay } from "./jobs/words";

/** The server's answer to deleting a title. */
export interface Deleted {
  /** Until then it can be brought back. */
  undo_until: string;
  /** Its file was uploaded, so that it goes with it. */
  file_goes: boolean;
}

/** Until when it can be taken back, and what becomes of its file. */
export function goneWords({ undo_until: until, file_goes: goes }: Deleted): string {
  const hidden = `The film is hidden for everyone. Until ${timeOfDay(new Date(until))} you can take this back.`;
  return goes
    ? `${hidden} Then it goes for good, and the file that was uploaded with it.`
    : `${hidden} Its file stays where it is.`;
}
