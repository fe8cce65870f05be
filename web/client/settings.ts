// The settings page. A choice is saved when it is made and can be undone; what is typed is saved by
// its section's button. What the page shows at first was written by the server.

import { Refusal } from "./api";
import { ask, wordsFor } from "./ask";
import { need } from "./dom";
import { size } from "./format";
import { listen, throttled } from "./live";
import { bucketIn, test } from "./settings/bucket";
import { Folders } from "./settings/folders";
import type { Settings, StorageFacts } from "./settings/shapes";
import { toast } from "./toast";

const REFRESH_PAUSE_MS = 1_000;
const folders = new Folders();
/** What the server has, by the name of the setting. */
const saved = new Map<string, unknown>();
const bucketForm = need<HTMLFormElement>(document, "#bucket");

type Patch = Partial<Record<keyof Settings, unknown>>;

/** Saves and tells; `undo` puts back what was there before. */
async function save(patch: Patch, undo: Patch | null): Promise<boolean> {
  try {
    await ask("PATCH", "/api/v1/settings", patch);
    const back = undo && { label: "Undo", run: () => void putBack(undo) };
    toast("Saved", back ?? undefined);
    return true;
  } catch (error) {
    toast(wordsFor(error));
    return false;
  }
}

async function putBack(patch: Patch): Promise<void> {
  if (await save(patch, null)) {
    for (const [name, value] of Object.entries(patch)) {
      choose(name, value);
    }
  }
}

/** Shows `value` in the controls called `name`, and remembers it as what the server has. */
function choose(name: string, value: unknown): void {
  saved.set(name, value);
  for (const input of choices(name)) {
    input.checked = input.type === "radio" ? input.value === String(value) : value === true;
  }
  const typed = document.querySelector<HTMLInputElement>(`#house [name="${name}"]`);
  if (typed) {
    typed.value = String(value);
  }
}

/** Radio buttons and switches that save themselves; all of them, or those called `name`. */
function choices(name?: string): HTMLInputElement[] {
  const inputs = document.querySelectorAll<HTMLInputElement>("[data-autosave] input");
  return [...inputs].filter(
    (input) =>
      ["radio", "checkbox"].includes(input.type) &&
      !bucketForm.contains(input) &&
      (name === undefined || input.name === name),
  );
}

function connectChoices(): void {
  for (const input of choices()) {
    if (input.type === "checkbox" || input.checked) {
      saved.set(input.name, valueOf(input));
    }
    input.addEventListener("change", () => void changed(input));
  }
}

async function changed(input: HTMLInputElement): Promise<void> {
  const [name, now, before] = [input.name, valueOf(input), saved.get(input.name)];
  const kept =
    name === "place"
      ? await changePlace(now, before)
      : await save({ [name]: now }, { [name]: before });
  choose(name, kept ? now : before);
}

function valueOf(input: HTMLInputElement): unknown {
  if (input.type === "checkbox") {
    return input.checked;
  }
  return input.name === "top_rung" ? Number(input.value) : input.value;
}

/** A bucket has to be there before films can go to it. */
async function changePlace(now: unknown, before: unknown): Promise<boolean> {
  showBucket(now === "bucket");
  if (now === "bucket" && bucketForm.dataset["known"] !== "true") {
    toast("Fill in the bucket and save it; new films go there from then on.");
    return true;
  }
  const kept = await save({ place: now }, { place: before });
  showBucket((kept ? now : before) === "bucket");
  return kept;
}

function showBucket(shown: boolean): void {
  bucketForm.hidden = !shown;
}

/** What is typed is saved on demand. */
function connectName(): void {
  const form = need<HTMLFormElement>(document, "#house");
  const field = need<HTMLInputElement>(form, "input");
  const button = need<HTMLButtonElement>(form, "button");
  saved.set(field.name, field.value);
  field.addEventListener("input", () => {
    button.hidden = field.value.trim() === "" || field.value === saved.get(field.name);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void saveName(field).then(() => (button.hidden = true));
  });
}

async function saveName(field: HTMLInputElement): Promise<void> {
  const [now, before] = [field.value.trim(), saved.get(field.name)];
  if (now !== "" && (await save({ house_name: now }, { house_name: before }))) {
    choose("house_name", now);
  }
}

function connectBucket(): void {
  const checks = need<HTMLElement>(document, "#checks");
  const tried = (): Promise<boolean> => test(bucketIn(new FormData(bucketForm)), checks);
  need(bucketForm, '[data-action="test"]').addEventListener("click", () => void tried());
  bucketForm.addEventListener("submit", (event) => {
    event.preventDefault();
    void tried().then((works) => saveBucket(works));
  });
}

/** Saves a bucket only once it answered: films must not go where they cannot come back from. */
async function saveBucket(works: boolean): Promise<void> {
  if (!works) {
    toast("Not saved: the connection does not work yet.");
    return;
  }
  await keepBucket(false);
}

/** With `force`, films that lie in the bucket before are left behind. */
async function keepBucket(force: boolean): Promise<void> {
  const bucket = bucketIn(new FormData(bucketForm));
  try {
    await ask("PATCH", "/api/v1/settings", { bucket, place: "bucket", ...(force ? { force } : {}) });
  } catch (error) {
    const other = error instanceof Refusal && error.status === 409 && !force;
    toast(
      other ? "Films lie in the bucket before and would not play any more." : wordsFor(error),
      other ? { label: "Leave them behind", run: () => void keepBucket(true) } : undefined,
    );
    return;
  }
  toast("Saved. New films go to the bucket.");
  bucketForm.dataset["known"] = "true";
  choose("place", "bucket");
  need<HTMLInputElement>(bucketForm, '[name="secret_key"]').value = "";
  refresh();
}

/** Used and free space, and whether the bucket answers. */
function showStorage(facts: StorageFacts): void {
  const { used_bytes: used, free_bytes: free } = facts.local;
  const room = free === null ? "" : `, ${size(free)} free`;
  need(document, "#local-space").textContent = `${size(used)} used${room}`;
  const meter = need<HTMLElement>(document, "#local-meter");
  meter.hidden = free === null;
  meter.style.setProperty("--used", String(used / Math.max(1, used + (free ?? 0))));
  const bucket = need<HTMLElement>(document, "#bucket-state");
  bucket.hidden = facts.bucket === null;
  need(bucket, ".quiet").textContent = facts.bucket?.reachable
    ? `${size(facts.bucket.used_bytes)} used`
    : (facts.bucket?.reason ?? "Does not answer. Films on this computer keep playing.");
}

const refresh = throttled(REFRESH_PAUSE_MS, async () => {
  await folders.refresh();
  try {
    showStorage(await ask<StorageFacts>("GET", "/api/v1/storage"));
  } catch (error) {
    need(document, "#local-space").textContent = wordsFor(error);
  }
  // Without the list there is still the picture of the address.
  await showAddresses().catch(() => undefined);
});

/** Somebody else may have decided otherwise. What is being typed here is left alone. */
const heed = throttled(REFRESH_PAUSE_MS, async () => {
  const settings = await ask<Settings>("GET", "/api/v1/settings").catch(() => null);
  for (const [name, value] of Object.entries(settings ?? {})) {
    if (saved.has(name) && saved.get(name) !== value && !isPending(name)) {
      choose(name, value);
      if (name === "place") {
        showBucket(value === "bucket");
      }
    }
  }
  refresh();
});

/** A person is at it: a name that is not saved yet, a bucket that is not filled in. */
function isPending(name: string): boolean {
  if (name === "place") {
    return !bucketForm.hidden && bucketForm.dataset["known"] !== "true";
  }
  const field = document.querySelector<HTMLInputElement>(`#house [name="${name}"]`);
  return field !== null && field.value !== String(saved.get(name));
}

/** Addresses at which others reach this server, each to be copied. */
async function showAddresses(): Promise<void> {
  const template = need<HTMLTemplateElement>(document, "#address-row");
  const { urls } = await ask<{ urls: string[] }>("GET", "/api/v1/address");
  const rows = urls.map((url, index) => {
    const copy = template.content.cloneNode(true) as DocumentFragment;
    const text = need<HTMLElement>(copy, "code");
    text.id = `address-${index}`;
    text.textContent = url;
    need<HTMLElement>(copy, "button").dataset["copies"] = text.id;
    return copy;
  });
  need(document, "#addresses").replaceChildren(...rows);
  need<HTMLElement>(document, "#reachable").hidden = urls.length === 0;
  need<HTMLElement>(document, "#unreachable").hidden = urls.length > 0;
  const code = need<HTMLImageElement>(document, "#address-code");
  if (urls.length > 0 && !code.src) {
    code.src = "/api/v1/address/qr.svg";
  }
}

folders.connect();
connectChoices();
connectName();
connectBucket();
listen({ settings: heed, missed: heed });
refresh();
