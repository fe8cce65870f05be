// The server's JSON as the scripts use it, and the requests that fetch it. The shapes are those of
// `server/crates/delivery/src/api/dto.rs`; only what is read here is written down.

export type VideoState = "waiting" | "processing" | "playable" | "ready" | "failed";

export interface Rung {
  stream: number;
  name: number;
  width: number;
  height: number;
  /** The source's own picture, not encoded again. */
  original: boolean;
  /** Part of the film that exists in this quality, 0 to 1. */
  ready: number;
}

export interface AudioTrack {
  stream: number;
  language: string;
  name: string | null;
  channels: number;
  default: boolean;
}

export interface Chapter {
  start_s: number;
  name: string | null;
}

/** A part of the film on the filmstrip; places are fractions of its length. */
export interface Cell {
  start: number;
  end: number;
  /** How much of the cell exists, 0 to 1, for each quality from the lowest. */
  lit: number[];
}

export interface Strip {
  cells: Cell[];
  /** The cell that is being encoded now. */
  working: number | null;
  /** Cells that a viewer waits for. */
  wished: number[];
}

export interface Progress {
  step: "waiting" | "inspecting" | "encoding" | "finished";
  fraction: number;
  /** Seconds of film made in a second. */
  speed: number;
  seconds_left: number | null;
}

/** Small pictures of the whole film on large ones, row by row. */
export interface Thumbs {
  width: number;
  height: number;
  columns: number;
  rows: number;
  every_s: number;
  count: number;
  /** Where each sheet is found; `null` as long as it is not made. */
  sheets: (string | null)[];
}

export interface Video {
  id: string;
  name: string;
  state: VideoState;
  reason: string | null;
  /** Counts how often its preparation was begun anew. */
  generation: number;
  duration_s: number | null;
  progress: Progress;
  poster: string | null;
  thumbs: Thumbs | null;
  rungs: Rung[];
  audio: AudioTrack[];
  strip: Strip | null;
  /** Only where one title was asked for. */
  chapters?: Chapter[];
  manifest_dash: string;
  manifest_hls: string;
  job: string | null;
  /** How far whoever asks watched it. */
  watched?: { position_s: number; finished: boolean } | null;
}

/** A refusal of the server in its own words (RFC 9457). */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
    /** The field of the request that is wrong, where it is one. */
    readonly field?: string,
  ) {
    super(detail);
  }
}

export interface Job {
  id: string;
  title: string;
  title_name: string;
  poster: string | null;
  state: "queued" | "running" | "paused" | "done" | "failed" | "cancelled";
  reason: string | null;
  progress: Progress;
  /** None until the film was looked at. */
  rungs: Rung[];
  strip: Strip | null;
  run_after: string;
  /** When it will be ready at the present speed. */
  ready_at: string | null;
  finished_at: string | null;
}

export async function fetchVideo(id: string): Promise<Video> {
  const response = await fetch(`/api/v1/videos/${id}`, { cache: "no-store" });
  return (await accepted(response)).json() as Promise<Video>;
}

export async function retryJob(id: string): Promise<void> {
  await accepted(await fetch(`/api/v1/jobs/${id}/retry`, { method: "POST" }));
}

async function accepted(response: Response): Promise<Response> {
  if (response.ok) {
    return response;
  }
  const problem = (await response.json().catch(() => ({}))) as { detail?: unknown };
  const detail = typeof problem.detail === "string" ? problem.detail : "The server did not answer.";
  throw new Refusal(response.status, detail);
}
