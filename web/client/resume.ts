// Where a person stopped watching, kept in this browser until there are accounts.

const KEY = "homereel.positions";
/** More than a household watches at a time; keeps the stored text small. */
const KEPT = 200;
/** Shorter than this is a glance, not watching. */
const FIRST_SECONDS = 15;
/** What is left of a film when people stop: the credits. */
const LAST_PART = 0.96;

interface Position {
  id: string;
  seconds: number;
  part: number;
}

function read(): Position[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(stored) ? (stored as Position[]) : [];
  } catch {
    // Storage may be forbidden or hold something else; watching works without it.
    return [];
  }
}

/** Remembers how far `id` was watched; forgets it near the beginning and the end. */
export function remember(id: string, seconds: number, length: number): void {
  const part = length > 0 ? seconds / length : 0;
  const others = read().filter((position) => position.id !== id);
  const worth = seconds >= FIRST_SECONDS && part < LAST_PART;
  const kept = worth ? [{ id, seconds, part }, ...others] : others;
  try {
    localStorage.setItem(KEY, JSON.stringify(kept.slice(0, KEPT)));
  } catch {
    // As above.
  }
}

/** Seconds at which to go on, or `null` to start at the beginning. */
export function positionOf(id: string): number | null {
  return read().find((position) => position.id === id)?.seconds ?? null;
}

/** How much of each title was watched, 0 to 1. */
export function watchedParts(): Map<string, number> {
  return new Map(read().map((position) => [position.id, position.part]));
}
