// One file on its way to the server by tus: begun, stopped, gone on with after a reload or a cut.
// The only module that knows tus-js-client.

import { type DetailedError, Upload } from "tus-js-client";

import { mayHelp, retryDelays } from "./queue";

const ENDPOINT = "/api/v1/uploads";

export interface Reports {
  progress: (sent: number, total: number) => void;
  /** It is cut off; `pauseMs` from now it is tried again. */
  cut: (words: string | null, pauseMs: number) => void;
  /** It will not go on by itself. */
  stopped: (words: string) => void;
  /** The server has a place for it, under this id; whether it is one that was there before. */
  placed: (id: string, before: boolean) => void;
  finished: () => void;
}

/** So often a place at the server may get lost before a person is asked. */
const MOST_LOST = 3;

export class Transfer {
  private readonly upload: Upload;
  private finding: Promise<void> | null = null;
  private lost = 0;
  /** Its place was made before this page was loaded. */
  private goesOn: boolean;

  /** `id` names an upload that the server knows already, to go on with. */
  constructor(
    private readonly file: File,
    metadata: Record<string, string>,
    id: string | null,
    reports: Reports,
  ) {
    const delays = retryDelays();
    this.goesOn = id !== null;
    this.upload = new Upload(file, {
      endpoint: endpoint(),
      uploadUrl: id ? new URL(`${ENDPOINT}/${id}`, location.href).href : null,
      metadata,
      retryDelays: delays,
      removeFingerprintOnSuccess: true,
      onProgress: (sent, total) => reports.progress(sent, total),
      onShouldRetry: (error, attempt) => {
        const again = mayHelp(statusOf(error));
        if (again) {
          reports.cut(detailOf(error), delays[attempt] ?? 0);
        }
        return again;
      },
      onUploadUrlAvailable: () => {
        this.keepPlace();
        reports.placed(idIn(this.upload.url ?? ""), this.goesOn);
      },
      onError: (error) => {
        if (isLost(statusOf(error)) && this.lost < MOST_LOST) {
          this.beginAnew();
        } else {
          reports.stopped(wordsOf(error));
        }
      },
      onSuccess: () => reports.finished(),
    });
  }

  /** Begins, or goes on where it stopped: here, or before the page was loaded. */
  async start(): Promise<void> {
    if (!this.upload.url && !this.upload.options.uploadUrl) {
      this.finding ??= this.findEarlier();
      await this.finding;
    }
    if (this.upload.url ?? this.upload.options.uploadUrl) {
      this.keepPlace();
    }
    this.upload.start();
  }

  /**
   * tus-js-client takes every refusal of a question for the end of an upload and begins a new one
   * where it knows an endpoint: a restarted server, or a person who is signed out, would cost all
   * that was sent. Without an endpoint it asks again.
   */
  private keepPlace(): void {
    this.upload.options.endpoint = null;
  }

  /** The server has no such upload any more: only then is it begun from zero. */
  private beginAnew(): void {
    this.lost += 1;
    this.goesOn = false;
    this.upload.url = null;
    this.upload.options.uploadUrl = null;
    this.upload.options.endpoint = endpoint();
    this.upload.start();
  }

  /** Stops; what was sent stays. */
  async stop(): Promise<void> {
    await this.upload.abort();
  }

  /** Stops and has the server forget what was sent. */
  async cancel(): Promise<void> {
    // Without an answer the server drops it when it expires.
    await this.upload.abort(true).catch(() => undefined);
  }

  /** What this browser sent of the same file before. */
  private async findEarlier(): Promise<void> {
    const earlier = await this.upload.findPreviousUploads().catch(() => []);
    const last = earlier.filter((previous) => previous.size === this.file.size).at(-1);
    if (last) {
      this.goesOn = true;
      this.upload.resumeFromPreviousUpload(last);
    }
  }
}

function endpoint(): string {
  return new URL(ENDPOINT, location.href).href;
}

/** Whether an answer says that there is no such upload any more. */
function isLost(status: number): boolean {
  return status === 404 || status === 410;
}

/** The id at the end of an upload's address. */
export function idIn(url: string): string {
  return new URL(url, "http://here").pathname.split("/").at(-1) ?? "";
}

function statusOf(error: Error): number {
  return (error as Partial<DetailedError>).originalResponse?.getStatus() ?? 0;
}

/** The server's own sentence (RFC 9457), if it sent one. */
function detailOf(error: Error): string | null {
  const body = (error as Partial<DetailedError>).originalResponse?.getBody() ?? "";
  try {
    const detail = (JSON.parse(body) as { detail?: unknown } | null)?.detail;
    return typeof detail === "string" ? detail : null;
  } catch {
    return null;
  }
}

function wordsOf(error: Error): string {
  return detailOf(error) ?? fallback(statusOf(error));
}

/** For answers without a sentence, as proxies give them. */
function fallback(status: number): string {
  const known: Record<number, string> = {
    0: "The file can't be read, or the connection is gone. Try again?",
    401: "You are signed out. Sign in and try again: it goes on where it stopped.",
    403: "You may not add films in this house.",
    404: "The server no longer has what was sent. Try again from the beginning?",
    413: "This file is larger than the server takes.",
    507: "There is no room left on the server.",
  };
  return known[status] ?? `The server does not take it (${status}). Try again?`;
}
