// What became of a file at a door, in words, and the one thing to do about it. Pure rules.

/** The shape of an entry of `GET /api/v1/inbox`. */
export interface Arrival {
  id: string;
  path: string;
  file: string;
  door: "folder" | "command" | "upload" | "webdav";
  state: "settling" | "admitted" | "duplicate" | "refused" | "ignored" | "missing";
  reason: string | null;
  size_bytes: number;
  first_seen_at: string;
  changed_at: string;
  title: string | null;
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
    missing: "The file is gone; its film keeps playing",
  };
  return arrival.reason ?? plain[arrival.state];
}

/** Whether a person has to decide something. */
export function needsYou(arrival: Arrival): boolean {
  return arrival.state === "refused" || isRemoved(arrival);
}

/** A film was deleted, and its file still lies there. */
function isRemoved(arrival: Arrival): boolean {
  return arrival.state === "ignored" && (arrival.reason ?? "").startsWith("You removed");
}

/** The one thing to do about it; `null` while there is nothing to do. */
export function stepOf(arrival: Arrival): Step | null {
  if (isRemoved(arrival)) {
    return { label: "Take it again", ask: "take" };
  }
  switch (arrival.state) {
    case "admitted":
    case "duplicate":
      return arrival.title ? { label: "Open", href: `/title/${arrival.title}` } : null;
    case "refused":
      return { label: "Try again", ask: "retry" };
    case "missing":
      return { label: "Dismiss", ask: "dismiss" };
    default:
      return null;
  }
}

/** How it is marked: alive, in trouble, or at rest. */
export function toneOf(arrival: Arrival): "alive" | "trouble" | "rest" {
  if (arrival.state === "settling") {
    return "alive";
  }
  return needsYou(arrival) ? "trouble" : "rest";
}
