// What a job says of itself, in words, and what can be asked of it. Pure rules.

import type { Job, Strip, Video } from "../api";
import type { Action, Face } from "../work";
import { timeLeft } from "../format";

/** What surrounds a job. */
export interface Around {
  /** How many are before it in the queue; 0 is next. */
  before: number;
  /** Nothing is encoded at present. */
  encodingPaused: boolean;
  /** The person may steer it. */
  steers: boolean;
  now: Date;
}

/** What happens now, in one line. */
export function lineOf(job: Job, around: Around): string {
  switch (job.state) {
    case "done":
      return "Ready to watch";
    case "failed":
      return job.reason ?? "This film can't be prepared.";
    case "cancelled":
      return "Cancelled";
    case "paused":
      return "Paused";
    case "running":
      return isBegun(job) ? runningLine(job, around) : queuedLine(job, around);
    case "queued":
      return queuedLine(job, around);
  }
}

/** Some jobs are taken up before their turn, so that it comes without a pause. */
export function isBegun(job: Job): boolean {
  return job.state === "running" && job.progress.step !== "waiting";
}

function runningLine(job: Job, around: Around): string {
  if (job.progress.step === "inspecting" || !job.strip) {
    return "Reading the file";
  }
  if (around.encodingPaused) {
    return "Encoding is paused";
  }
  if (job.reason) {
    return job.reason;
  }
  return isPlayable(job) ? "Ready to watch, still getting sharper" : "Almost ready to watch";
}

function queuedLine(job: Job, around: Around): string {
  if (job.reason && new Date(job.run_after) > around.now) {
    return `${job.reason} Trying again at ${timeOfDay(new Date(job.run_after))}.`;
  }
  const place = around.before === 0 ? "Next in line" : `Waits for ${count(around.before)}`;
  if (around.encodingPaused) {
    return "Waits until encoding goes on";
  }
  return isPlayable(job) ? `Ready to watch, gets sharper later. ${place}` : place;
}

function count(films: number): string {
  return films === 1 ? "one other film" : `${films} other films`;
}

/** Speed and the time it will be ready, for whom wants to know. */
export function factsOf(job: Job, around: Around): string {
  if (job.state === "done" || job.state === "failed" || job.state === "cancelled") {
    return "";
  }
  const { fraction, speed, seconds_left: left } = job.progress;
  const runs = isBegun(job) && !around.encodingPaused;
  const ready = job.ready_at ?? (left === null ? null : soon(around.now, left));
  const facts = [
    fraction > 0 ? `${Math.floor(fraction * 100)} % done` : "",
    runs ? speedWords(speed) : "",
    runs && ready ? readyWords(new Date(ready), around.now) : "",
  ];
  return facts.filter((fact) => fact !== "").join(" · ");
}

/** `3.2× real time`; nothing while it is not known, or no speed to speak of. */
function speedWords(speed: number): string {
  return speed < 0.05 ? "" : `${speed.toFixed(speed < 9.95 ? 1 : 0)}× real time`;
}

/** `ready about 19:40`; close by, how long; far away, with its day. */
export function readyWords(at: Date, now: Date): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  if (seconds < 55) {
    return timeLeft(Math.max(0, seconds));
  }
  const sameDay = at.toDateString() === now.toDateString();
  const day = sameDay ? "" : `${at.toLocaleDateString([], { weekday: "long" })} `;
  return `ready about ${day}${timeOfDay(at)}`;
}

function soon(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}

export function timeOfDay(at: Date): string {
  return at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** The beginning exists, so a player can begin. */
function isPlayable(job: Job): boolean {
  return beginsIn(job.strip);
}

function beginsIn(strip: Strip | null): boolean {
  return strip?.cells[0]?.lit.some((lit) => lit > 0) ?? false;
}

/** What can be asked of it in its state. */
export function actionsOf(job: Job, around: Around): Action[] {
  const watch: Action = { key: "watch", label: "Play", icon: "play", href: `/watch/${job.title}` };
  const plays = job.state === "done" || (job.state !== "failed" && isPlayable(job));
  const actions: Action[] = plays ? [watch] : [];
  const waits = job.state === "running" && !isBegun(job);
  const steering = STEERING[waits ? "queued" : job.state];
  return around.steers ? [...actions, ...steering(around)] : actions;
}

const ask = (key: string, label: string, icon: string): Action => ({ key, label, icon });
/** Its icon alone would be that of playing. */
const GO_ON: Action = { key: "resume", label: "Go on", icon: "play", wordy: true };

const STEERING: Record<Job["state"], (around: Around) => Action[]> = {
  running: () => [ask("pause", "Pause", "pause"), ask("cancel", "Cancel", "close")],
  queued: ({ before }) => [
    ...(before > 0 ? [ask("boost", "Do this next", "bolt")] : []),
    ask("pause", "Pause", "pause"),
    ask("cancel", "Cancel", "close"),
  ],
  paused: () => [GO_ON, ask("cancel", "Cancel", "close")],
  failed: () => [ask("retry", "Try again", "replay")],
  cancelled: () => [ask("retry", "Start again", "replay")],
  done: () => [],
};

/** The whole card. */
export function faceOf(job: Job, around: Around): Face {
  const runs = isBegun(job) && !around.encodingPaused;
  return {
    stage: job.state,
    name: job.title_name,
    line: lineOf(job, around),
    trouble: job.state === "failed",
    alive: runs,
    facts: factsOf(job, around),
    poster: job.poster,
    rungs: job.rungs,
    strip: job.state === "done" ? null : job.strip,
    sent: null,
    actions: actionsOf(job, around),
  };
}

/** The card of a title whose upload has just ended: the same, told by the title. */
export function faceOfVideo(video: Video, now: Date): Face {
  const lines: Record<Video["state"], string> = {
    waiting: video.reason ?? "Waits its turn",
    processing:
      video.progress.step === "inspecting" ? "Reading the file" : "Almost ready to watch",
    playable: "Ready to watch, still getting sharper",
    ready: "Ready to watch",
    failed: video.reason ?? "This file can't be played.",
  };
  const { speed, seconds_left: left } = video.progress;
  const facts = [
    video.state !== "ready" ? speedWords(speed) : "",
    left !== null ? readyWords(new Date(now.getTime() + left * 1000), now) : "",
  ];
  const plays = video.state === "playable" || video.state === "ready";
  const play: Action = {
    key: "watch",
    label: "Play",
    icon: "play",
    href: `/watch/${video.id}`,
    primary: true,
    wordy: true,
  };
  return {
    stage: video.state,
    name: video.name,
    line: lines[video.state],
    trouble: video.state === "failed",
    alive: ["processing", "playable"].includes(video.state),
    facts: facts.filter((fact) => fact !== "").join(" · "),
    poster: video.poster,
    rungs: video.rungs,
    strip: video.state === "ready" ? null : video.strip,
    sent: null,
    actions: plays ? [play] : [],
  };
}
