// The upload page: files and folders come by drop or by dialog, a row each, two at a time. What
// was begun before the page was loaded waits here for its file.

import { wordsFor } from "./ask";
import { need } from "./dom";
import { listen, throttled } from "./live";
import { type Found, chosen, dropped } from "./upload/gather";
import { isCompanion, refusal } from "./upload/kind";
import { continues, isBusy, isHeld, next } from "./upload/queue";
import { Row } from "./upload/row";
import { type ServerUpload, fetchUploads } from "./upload/server";

const LOOK_PAUSE_MS = 1_000;
/** While the server looks into a file and an event was missed. */
const LOOK_AGAIN_MS = 5_000;

const list = need<HTMLElement>(document, "#uploads");
const say = need<HTMLElement>(document, "#upload-note");
const pickFiles = need<HTMLInputElement>(document, "#pick-files");
const pickFolder = need<HTMLInputElement>(document, "#pick-folder");
const rows: Row[] = [];
/** Uploads that were given up here; the server may still list them for a moment. */
const givenUp = new Set<string>();
/** The row whose file is being chosen again. */
let choosing: Row | null = null;

const page = {
  changed: () => schedule(),
  choose: (row: Row) => {
    choosing = row;
    pickFiles.click();
  },
  remove: (row: Row) => {
    rows.splice(rows.indexOf(row), 1);
    givenUp.add(row.upload ?? "");
    row.remove();
    schedule();
  },
};

function schedule(): void {
  document.body.dataset["empty"] = String(rows.length === 0);
  next(rows).forEach((row) => row.begin());
}

function add(row: Row): void {
  rows.push(row);
  list.append(row.card.element);
}

/** Takes what was dropped or chosen. Companions of films in folders stay where they are. */
function takeAll(found: readonly Found[]): void {
  let [passed, held] = [0, 0];
  for (const { file, path } of found) {
    const inFolder = path.includes("/");
    const why = refusal(file);
    const known = continues(rows, file);
    if (inFolder && (isCompanion(file.name) || why !== null)) {
      passed += 1;
    } else if (why !== null) {
      add(Row.refused(file, why, page));
    } else if (known) {
      known.take(file);
      known.show();
    } else if (isHeld(rows, file)) {
      held += 1;
    } else {
      add(Row.of(file, page));
    }
  }
  say.textContent = [passedWords(passed, found.length), heldWords(held)].join(" ").trim();
  schedule();
}

function passedWords(passed: number, all: number): string {
  if (all === 0) {
    return "There was no file in it.";
  }
  if (passed === 0) {
    return "";
  }
  const what = passed === 1 ? "One file that is no film stays" : `${passed} files that are no films stay`;
  return `${what} where ${passed === 1 ? "it is" : "they are"}.`;
}

function heldWords(held: number): string {
  if (held === 0) {
    return "";
  }
  return held === 1 ? "One of them is on its way already." : `${held} of them are on their way already.`;
}

/** Takes the file a person chose for a row that waits for it, or says why it is another one. */
function takeAgain(row: Row, file: File): void {
  if (file.name === row.name && file.size === row.length) {
    row.take(file);
    row.show();
    schedule();
  } else {
    say.textContent = `“${file.name}” is another file. Choose “${row.name}” to go on.`;
  }
}

function connectPicking(): void {
  pickFiles.addEventListener("change", () => {
    const files = chosen(pickFiles.files ?? new DataTransfer().files);
    const first = files[0];
    if (choosing && first) {
      takeAgain(choosing, first.file);
    } else {
      takeAll(files);
    }
    choosing = null;
    pickFiles.value = "";
  });
  pickFiles.addEventListener("cancel", () => (choosing = null));
  pickFolder.addEventListener("change", () => {
    takeAll(chosen(pickFolder.files ?? new DataTransfer().files));
    pickFolder.value = "";
  });
  need(document, '[data-action="files"]').addEventListener("click", () => {
    choosing = null;
    pickFiles.click();
  });
  need(document, '[data-action="folder"]').addEventListener("click", () => pickFolder.click());
}

/** The whole page takes files; what is not a file, such as a link, is left alone. */
function connectDropping(): void {
  let depth = 0;
  const carriesFiles = (event: DragEvent): boolean =>
    event.dataTransfer?.types.includes("Files") ?? false;
  const lit = (over: boolean): void => {
    document.body.dataset["dropping"] = String(over);
  };
  window.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      depth += 1;
      lit(true);
    }
  });
  window.addEventListener("dragover", (event) => {
    if (carriesFiles(event) && event.dataTransfer) {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    }
  });
  window.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    lit(depth > 0);
  });
  window.addEventListener("drop", (event) => {
    depth = 0;
    lit(false);
    if (carriesFiles(event) && event.dataTransfer) {
      event.preventDefault();
      void dropped(event.dataTransfer).then(takeAll);
    }
  });
}

/** What the server says of uploads: those this page does not know were begun before. */
const look = throttled(LOOK_PAUSE_MS, async () => {
  try {
    for (const upload of await fetchUploads()) {
      const row = rows.find((candidate) => candidate.upload === upload.id);
      if (row) {
        row.hear(upload);
      } else if (isForgotten(upload)) {
        add(Row.known(upload, page));
      }
    }
    schedule();
  } catch (error) {
    say.textContent = rows.length === 0 ? wordsFor(error) : "";
  }
});

/** An unfinished upload that no row of this page makes. */
function isForgotten(upload: ServerUpload): boolean {
  const open = upload.state === "receiving" || upload.state === "arrived";
  // A row that begins has no id before the answer is there.
  const mayBe = (row: Row): boolean => row.upload === null && row.name === upload.file_name;
  return open && !givenUp.has(upload.id) && !rows.some(mayBe);
}

function connectLife(): void {
  window.addEventListener("online", () => rows.forEach((row) => row.hurry()));
  window.addEventListener("beforeunload", (event) => {
    if (isBusy(rows)) {
      event.preventDefault();
    }
  });
  window.setInterval(() => rows.forEach((row) => row.show()), 1_000);
  window.setInterval(() => rows.some((row) => row.stage === "arrived") && look(), LOOK_AGAIN_MS);
  listen({
    title: (id) => rows.forEach((row) => void row.heed(id)),
    inbox: look,
    missed: () => {
      look();
      rows.forEach((row) => void row.heed(null));
    },
  });
}

connectPicking();
connectDropping();
connectLife();
look();
