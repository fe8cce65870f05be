// A file on the upload page, from the moment it was dropped until it plays: first what is sent of
// it, then the title it became. It keeps its place and its card throughout.

import type { Video } from "../api";
import { Refusal, fetchVideo } from "../api";
import { wordsFor } from "../ask";
import { need } from "../dom";
import { faceOfVideo } from "../jobs/words";
import { WorkCard } from "../work";
import { Pace } from "./pace";
import type { Stage } from "./queue";
import {
  type Details,
  type ServerUpload,
  describe,
  metadataOf,
  saidAtFirst,
  stillToSay,
} from "./server";
import { thumbnailOf } from "./thumbnail";
import { Transfer } from "./transfer";
import { ACTIONS, factsOf, lineOf } from "./words";

/** What a row asks of its page. */
export interface Page {
  /** Its stage changed: the next one's turn may have come. */
  changed: () => void;
  /** A person wants to choose its file again. */
  choose: (row: Row) => void;
  remove: (row: Row) => void;
}

let count = 0;

export class Row {
  stage: Stage = "waiting";
  readonly card: WorkCard;
  /** The upload's id at the server, once it has one. */
  upload: string | null = null;
  private sent = 0;
  private reason: string | null = null;
  private retryAt = 0;
  private file: File | null = null;
  private transfer: Transfer | null = null;
  private readonly pace = new Pace();
  private thumbnail: string | null = null;
  private removed = false;
  private title: string | null = null;
  private video: Video | null = null;
  /** What the server was told; nothing is known of an upload that was begun before. */
  private told: Partial<Details> = {};
  /** What a person changed on this page. */
  private readonly touched = new Set<keyof Details>();

  private constructor(
    readonly name: string,
    readonly length: number,
    private readonly page: Page,
  ) {
    count += 1;
    this.card = new WorkCard(`upload-${count}`, (key) => this.act(key));
    this.connectDetails();
  }

  /** A file that a person has just brought. */
  static of(file: File, page: Page): Row {
    const row = new Row(file.name, file.size, page);
    row.take(file);
    row.show();
    return row;
  }

  /** An upload that was begun before the page was loaded. */
  static known(upload: ServerUpload, page: Page): Row {
    const row = new Row(upload.file_name, upload.length_bytes ?? 0, page);
    row.upload = upload.id;
    row.stage = "orphaned";
    row.sent = upload.offset_bytes;
    row.hear(upload);
    row.show();
    return row;
  }

  /** A file that is not sent at all. */
  static refused(file: File, reason: string, page: Page): Row {
    const row = new Row(file.name, file.size, page);
    row.stage = "refused";
    row.reason = reason;
    row.show();
    return row;
  }

  /** The browser has the file now. */
  take(file: File): void {
    this.file = file;
    this.stage = "waiting";
    void thumbnailOf(file).then((picture) => {
      this.forgetThumbnail();
      this.thumbnail = picture;
      if (this.removed) {
        this.forgetThumbnail();
      } else {
        this.show();
      }
    });
  }

  /** When the file it holds was changed last. */
  get modified(): number | null {
    return this.file?.lastModified ?? null;
  }

  /** It leaves the page. */
  remove(): void {
    this.removed = true;
    this.card.element.remove();
    this.forgetThumbnail();
  }

  private forgetThumbnail(): void {
    if (this.thumbnail) {
      URL.revokeObjectURL(this.thumbnail);
      this.thumbnail = null;
    }
  }

  /** Its turn has come. Twice is once: beginning one row may begin the next. */
  begin(): void {
    if (!this.file || this.stage !== "waiting") {
      return;
    }
    const said = saidAtFirst(this.details());
    this.transfer ??= new Transfer(this.file, metadataOf(this.file, said), this.upload, {
      progress: (sent) => this.progressed(sent),
      cut: (words, pauseMs) => this.cut(words, pauseMs),
      stopped: (words) => this.become("stuck", words),
      placed: (id, before) => {
        this.upload = id;
        // A place that was there before has heard nothing of what this page says.
        this.told = before ? this.told : { ...said, ...this.told };
      },
      finished: () => this.become("arrived"),
    });
    this.pace.forget();
    this.become("sending");
    void this.transfer.start();
  }

  /** The network is back: there is no need to wait any longer. */
  hurry(): void {
    if (this.stage === "retrying") {
      void this.transfer?.stop().then(() => this.become("waiting"));
    }
  }

  /** What the server says of this upload. */
  hear(upload: ServerUpload): void {
    if (upload.state === "refused" && this.stage !== "refused") {
      this.become("refused", upload.reason);
    } else if (upload.state === "arrived" && this.stage === "orphaned") {
      this.become("arrived");
    } else if (upload.state === "taken" && upload.video && this.title === null) {
      this.title = upload.video;
      this.become("taken");
      void this.tellLate();
      void this.look();
    }
  }

  /** Something about `title` changed; `null` is everything. */
  async heed(title: string | null): Promise<void> {
    if (this.title !== null && (title === null || title === this.title)) {
      await this.look();
    }
  }

  /** Brings the card up to date; the page calls it every second for what time alone changes. */
  show(): void {
    if (this.video) {
      const face = faceOfVideo(this.video, new Date());
      this.card.show({ ...face, poster: face.poster ?? this.thumbnail });
      if (face.poster) {
        this.forgetThumbnail();
      }
      return;
    }
    const left = this.length - this.sent;
    const standing = {
      stage: this.stage,
      sent: this.sent,
      length: this.length,
      speed: this.pace.speed(),
      secondsLeft: this.pace.secondsFor(left),
      retryInS: Math.max(0, Math.ceil((this.retryAt - performance.now()) / 1000)),
      reason: this.reason,
    };
    const ended = this.stage === "refused" || this.stage === "taken";
    this.card.show({
      stage: this.stage,
      name: this.name,
      line: lineOf(standing),
      trouble: this.stage === "refused" || this.stage === "stuck",
      alive: this.stage === "sending",
      facts: factsOf(standing),
      poster: this.thumbnail,
      rungs: [],
      strip: null,
      sent: ended || this.length === 0 ? null : this.sent / this.length,
      actions: ACTIONS[this.stage],
    });
    this.card.part("details").hidden = this.stage === "refused";
  }

  private act(key: string): void {
    const acts: Record<string, () => void> = {
      pause: () => {
        void this.transfer?.stop();
        this.become("paused");
      },
      resume: () => this.become("waiting"),
      cancel: () => void this.cancel(),
      choose: () => this.page.choose(this),
      remove: () => this.page.remove(this),
    };
    acts[key]?.();
  }

  private async cancel(): Promise<void> {
    this.page.remove(this);
    if (this.transfer) {
      await this.transfer.cancel();
    } else if (this.upload) {
      // What expired meanwhile needs no cancelling.
      await fetch(`/api/v1/uploads/${this.upload}`, {
        method: "DELETE",
        headers: { "tus-resumable": "1.0.0" },
      }).catch(() => undefined);
    }
    this.page.changed();
  }

  private become(stage: Stage, reason: string | null = null): void {
    this.stage = stage;
    this.reason = reason;
    if (stage === "arrived") {
      this.sent = this.length;
    }
    this.show();
    this.page.changed();
  }

  private progressed(sent: number): void {
    this.sent = sent;
    this.pace.note(sent, performance.now());
    if (this.stage === "retrying") {
      this.become("sending");
    }
  }

  private cut(words: string | null, pauseMs: number): void {
    this.retryAt = performance.now() + pauseMs;
    this.pace.forget();
    this.become("retrying", words);
  }

  private async look(): Promise<void> {
    try {
      this.video = await fetchVideo(this.title ?? "");
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) {
        this.video = null;
        this.become("refused", "It was taken out of the library again.");
      }
    }
    this.show();
  }

  // What its sender says of it.

  private connectDetails(): void {
    const form = this.card.part<HTMLFormElement>("form");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => {
      const field = event.target instanceof HTMLElement ? event.target.dataset["field"] : undefined;
      if (field) {
        this.touched.add(field as keyof Details);
      }
      void this.tellLate();
    });
    for (const field of form.querySelectorAll<HTMLElement>("[data-field]")) {
      const id = `${this.card.element.id}-${field.dataset["field"] ?? ""}`;
      field.id = id;
      form.querySelector(`[data-for="${field.dataset["field"] ?? ""}"]`)?.setAttribute("for", id);
    }
    need<HTMLInputElement>(form, '[data-field="title"]').placeholder = this.name.replace(
      /\.[^.]+$/,
      "",
    );
  }

  private details(): Details {
    const value = (field: string): string =>
      need<HTMLInputElement>(this.card.element, `[data-field="${field}"]`).value;
    return {
      title: value("title"),
      description: value("description"),
      visibility: value("visibility"),
    };
  }

  /** What was said after the first bytes went is told once there is a title to tell it of. */
  private async tellLate(): Promise<void> {
    const unsaid = stillToSay(this.details(), this.told, this.touched);
    if (this.title === null || Object.keys(unsaid).length === 0) {
      return;
    }
    this.told = { ...this.told, ...unsaid };
    const note = this.card.part("note");
    try {
      await describe(this.title, unsaid);
      note.textContent = "Saved";
    } catch (error) {
      note.textContent = wordsFor(error);
    }
  }
}
