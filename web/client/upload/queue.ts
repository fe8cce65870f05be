// Where each file stands on its way in, which may go next, and when leaving the page would hurt.
// Pure rules over rows; what sends bytes is `transfer.ts`.

/** Where a file stands. */
export type Stage =
  /** Its turn has not come. */
  | "waiting"
  /** Bytes go. */
  | "sending"
  /** The connection is gone; it is tried again by itself. */
  | "retrying"
  /** Stopped by a person. */
  | "paused"
  /** Stopped by a refusal that trying again may cure. */
  | "stuck"
  /** Begun before the page was loaded; the browser needs the file again. */
  | "orphaned"
  /** All bytes are there; the server looks at it. */
  | "arrived"
  /** It became a title. */
  | "taken"
  /** It cannot become a title. */
  | "refused";

/** Files that are sent at the same time: one alone leaves the line idle between files. */
export const AT_ONCE = 2;

/** The first pauses before trying again; later ones are as long as the last. */
const PAUSES_S = [0, 1, 2, 4, 8, 15, 30, 60];
/** Tries without a byte between them before a person is asked: about a day and a half. */
const TRIES = 2_000;

/** Which rows begin now, in their order. */
export function next<Row extends { stage: Stage }>(rows: readonly Row[]): Row[] {
  const busy = rows.filter((row) => row.stage === "sending" || row.stage === "retrying").length;
  return rows.filter((row) => row.stage === "waiting").slice(0, Math.max(0, AT_ONCE - busy));
}

/** Whether leaving the page would stop something. */
export function isBusy(rows: readonly { stage: Stage }[]): boolean {
  return rows.some((row) => ["waiting", "sending", "retrying"].includes(row.stage));
}

/** Pauses between tries in milliseconds, growing. */
export function retryDelays(): number[] {
  const last = PAUSES_S.at(-1) ?? 60;
  return Array.from({ length: TRIES }, (_, index) => (PAUSES_S[index] ?? last) * 1000);
}

/** Whether trying again by itself may help after this answer; 0 is no answer at all. */
export function mayHelp(status: number): boolean {
  return status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
}

/** Whether a row that is not at its end holds `file` already: it must not be sent twice. */
export function isHeld(
  rows: readonly { stage: Stage; name: string; length: number; modified: number | null }[],
  file: { name: string; size: number; lastModified: number },
): boolean {
  return rows.some(
    (row) =>
      !["taken", "refused"].includes(row.stage) &&
      row.name === file.name &&
      row.length === file.size &&
      row.modified === file.lastModified,
  );
}

/** The row that the chosen `file` goes on with: same name, same length. */
export function continues<Row extends { stage: Stage; name: string; length: number }>(
  rows: readonly Row[],
  file: { name: string; size: number },
): Row | undefined {
  return rows.find(
    (row) => row.stage === "orphaned" && row.name === file.name && row.length === file.size,
  );
}
