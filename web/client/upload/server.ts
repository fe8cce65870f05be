// Uploads as the server tells of them, and titles that became of them.

import { ask } from "../ask";

/** The shape of `GET /api/v1/uploads`. */
export interface ServerUpload {
  id: string;
  file_name: string;
  length_bytes: number | null;
  offset_bytes: number;
  state: "receiving" | "arrived" | "taken" | "refused";
  /** The title it became, or is a copy of. */
  video: string | null;
  /** Why it cannot become a title. */
  reason: string | null;
}

/** What its sender says of a film. */
export interface Details {
  title: string;
  description: string;
  visibility: string;
}

export async function fetchUploads(): Promise<ServerUpload[]> {
  const answer = await ask<{ uploads: ServerUpload[] }>("GET", "/api/v1/uploads");
  return answer.uploads;
}

/** Says afterwards what was not said at the beginning. */
export async function describe(title: string, details: Partial<Details>): Promise<void> {
  const name = details.title?.trim();
  const description = details.description?.trim();
  const { visibility } = details;
  await ask("PATCH", `/api/v1/videos/${title}`, {
    ...(name ? { name } : {}),
    ...(description === undefined ? {} : { description }),
    ...(visibility === undefined ? {} : { visibility }),
  });
}

/**
 * What the server does not know yet: what differs from what it was told, and, where nothing was,
 * what a person `touched`. Fields that nobody touched must not undo what was said before.
 */
export function stillToSay(
  details: Details,
  told: Partial<Details>,
  touched: ReadonlySet<keyof Details>,
): Partial<Details> {
  const names = Object.keys(details) as (keyof Details)[];
  const unsaid = names.filter((name) =>
    told[name] === undefined ? touched.has(name) : told[name] !== details[name],
  );
  return Object.fromEntries(unsaid.map((name) => [name, details[name]]));
}

/** Longest description that goes with the first request; its header must not grow too long. */
const DESCRIPTION_AT_FIRST = 1_000;

/** What is said with the first bytes; the rest is told once there is a title. */
export function saidAtFirst(details: Details): Details {
  const long = details.description.length > DESCRIPTION_AT_FIRST;
  return long ? { ...details, description: "" } : details;
}

/** As tus carries them; what was not said is left out. */
export function metadataOf(file: File, details: Details): Record<string, string> {
  const said: [string, string][] = [
    ["filename", file.name],
    ["filetype", file.type],
    ["title", details.title.trim()],
    ["description", details.description.trim()],
    ["visibility", details.visibility],
  ];
  return Object.fromEntries(said.filter(([, words]) => words !== ""));
}
