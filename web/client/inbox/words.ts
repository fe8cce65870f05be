// What became of a file at a door, in words, and the one thing to do about it. Pure rules.

/** The shape of an entry of `GET /api/v1/inbox`. */
export interface Arrival {
  id: string;
  path: string;
  file: string;
  door: "folder" | "command" | "upload" | "webdav";
  state: "settling" | "admitted" | "duplicate" | "refused" | "ignored" | "removed" | "missing";
  reason: string | null;
  size_bytes: number;
  first_seen_at: string;
  changed_at: string;
  title: string | null;
  /** Whoever looks may decide what becomes of it. */
  may_decide: boolean;
  /** And should. */
  needs_you: boolean;
}

/** The one thing to do: ask the server for `ask`, or go to `href`. */
export interface Step {
  label: string;
  ask?: "retry" | "dismiss" | "take";
  href?: string;
}

const DOORS: Readonly<Record<Arrival["door"], string>> = {
  folder: "Folder",
  command: "Command line",
  upload: "Upload",
  webdav: "Network drive",
};

const DECISIONS: Partial<Record<Arrival["state"], Step>> = {
  refused: { label: "Try again", ask: "retry" },
  removed: { label: "Take it again", ask: "take" },
  missing: { label: "Dismiss", ask: "dismiss" },
};

/** Where it came from, and the folder it lies in. */
export function doorOf(arrival: Arrival): { word: string; folder: string } {
  const parts = arrival.path.split("/");
  const folder = arrival.door === "upload" ? "" : (parts.at(-2) ?? "");
  return { word: DOORS[arrival.door] ?? "Elsewhere", folder };
}

/** Its state in a sentence. */
export function stateOf(arrival: Arrival): string {
  const plain: Record<Arrival["state"], string> = {
    settling: "Still copying",
    admitted: "In the library",
    duplicate: "You have this film already",
    refused: "This file can't become a film.",
    ignored: "Passed over",
    removed: "Its film was deleted",
    missing: "The file is gone; its film keeps playing",
  };
  return arrival.reason ?? plain[arrival.state];
}

/** The one thing to do about it; `null` while there is nothing to do. */
export function stepOf(arrival: Arrival): Step | null {
  const opens = arrival.state === "admitted" || arrival.state === "duplicate";
  if (opens) {
    return arrival.title ? { label: "Open", href: `/title/${arrival.title}` } : null;
  }
  return arrival.may_decide ? (DECISIONS[arrival.state] ?? null) : null;
}

/** How it is marked: alive, in trouble, or at rest. */
export function toneOf(arrival: Arrival): "alive" | "trouble" | "rest" {
  if (arrival.state === "settling") {
    return "alive";
  }
  return arrival.needs_you ? "trouble" : "rest";
}
