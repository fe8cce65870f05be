// Sends forms and buttons that say in their markup where to (`data-send="METHOD /path"`), and does
// what they say follows (`data-then`): `close` the dialog, `reset` the form, `refresh` the regions,
// `reload`, `go=/path`, `show=dialog` filled with the answer. `data-said` is shown when it worked;
// `data-undo="METHOD /path"` offers the way back. A form with `data-on-change` has no button: every
// choice is sent at once. Pages listen to `homereel:sent` for the rest.

import { Refusal } from "./api";
import { ask, wordsFor } from "./ask";
import { closeAround, openDialog } from "./dialog";
import { addressOfHouse } from "./elsewhere";
import { isField, toJson, troubleWith, valuesOf } from "./fields";
import { refreshRegions } from "./page";
import { toast } from "./toast";

/** Serves every form and button of the page, also those that come later. */
export function serveForms(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form instanceof HTMLFormElement && form.dataset["send"]) {
      event.preventDefault();
      void sendForm(form);
    }
  });
  document.addEventListener("change", (event) => {
    const field = event.target instanceof Element ? event.target : null;
    const form = field?.closest<HTMLFormElement>("form[data-on-change]");
    if (form) {
      void sendLatest(form);
    }
  });
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const button = target?.closest<HTMLButtonElement>("button[data-send]");
    if (button) {
      void sendButton(button);
    }
    const reveal = target?.closest<HTMLButtonElement>("button[data-reveals]");
    if (reveal) {
      revealPassword(reveal);
    }
  });
  // A field that was wrong is looked at again as soon as it changes.
  document.addEventListener("input", (event) => {
    if (event.target instanceof Element && isField(event.target)) {
      tell(event.target, "");
    }
  });
}

/** Sends `form` if its fields are right; says inline what is wrong with them if not. */
export async function sendForm(form: HTMLFormElement): Promise<void> {
  if (form.getAttribute("aria-busy") === "true" || !checkForm(form)) {
    return;
  }
  const submit = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const body = toJson(valuesOf(form));
  setBusy(form, submit, true);
  try {
    const answer = await ask<unknown>(...address(form), body);
    setBusy(form, submit, false);
    follow(form, answer);
  } catch (error) {
    setBusy(form, submit, false);
    refuse(form, error);
  }
}

/** What is chosen while the choice before is on its way is sent after it. */
async function sendLatest(form: HTMLFormElement): Promise<void> {
  form.dataset["onChange"] = "again";
  if (form.getAttribute("aria-busy") === "true") {
    return;
  }
  while (form.dataset["onChange"] === "again") {
    form.dataset["onChange"] = "";
    await sendForm(form);
  }
}

async function sendButton(button: HTMLButtonElement): Promise<void> {
  if (isBusy(button)) {
    return;
  }
  markBusy(button, true);
  try {
    const body = button.dataset["body"];
    const answer = await ask<unknown>(
      ...address(button),
      body === undefined ? undefined : JSON.parse(body),
    );
    follow(button, answer);
  } catch (error) {
    toast(wordsFor(error));
  } finally {
    markBusy(button, false);
  }
}

/** Not `disabled`: that would take the focus away from whoever pressed it with the keyboard. */
export function markBusy(button: HTMLButtonElement, busy: boolean): void {
  if (busy) {
    button.setAttribute("aria-disabled", "true");
  } else {
    button.removeAttribute("aria-disabled");
  }
}

function isBusy(button: HTMLButtonElement): boolean {
  return button.getAttribute("aria-disabled") === "true";
}

function address(element: HTMLElement): [string, string] {
  const [method = "POST", path = ""] = (element.dataset["send"] ?? "").split(" ");
  return [method, path];
}

/** Does what the element says follows. */
function follow(element: HTMLElement, answer: unknown): void {
  const sent = new CustomEvent("homereel:sent", { bubbles: true, detail: answer });
  element.dispatchEvent(sent);
  const steps = (element.dataset["then"] ?? "").split(" ").filter(Boolean);
  for (const step of steps) {
    const [name, value = ""] = step.split("=");
    if (name === "close") {
      closeAround(element);
    } else if (name === "reset" && element instanceof HTMLFormElement) {
      element.reset();
    } else if (name === "show") {
      void fill(openDialog(value), answer);
    } else if (name === "refresh") {
      void refreshRegions().catch(() => undefined);
    } else if (name === "reload") {
      location.reload();
    } else if (name === "go") {
      location.assign(value);
    }
  }
  const said = element.dataset["said"];
  if (said) {
    toast(said, undoOf(element));
  }
}

/** The way back, if the element names one. */
function undoOf(element: HTMLElement): { label: string; run: () => void } | undefined {
  const [method, path] = (element.dataset["undo"] ?? "").split(" ");
  if (!method || !path) {
    return undefined;
  }
  const run = (): void => {
    ask(method, path)
      .then(() => {
        document.dispatchEvent(new Event("homereel:undone"));
        return refreshRegions();
      })
      .catch((error: unknown) => toast(wordsFor(error)));
  };
  return { label: "Undo", run };
}

/**
 * Puts the fields of `answer` where the dialog wants them (`data-answer="token.label"`). A path of
 * ours becomes a link for other devices with `data-before="address"`.
 */
async function fill(dialog: HTMLDialogElement | null, answer: unknown): Promise<void> {
  for (const place of dialog?.querySelectorAll<HTMLElement>("[data-answer]") ?? []) {
    const value = (place.dataset["answer"] ?? "")
      .split(".")
      .reduce<unknown>((part, key) => (part as Record<string, unknown> | null)?.[key], answer);
    const before = place.dataset["before"] === "address" ? await addressOfHouse() : "";
    const text = typeof value === "string" ? before + value : "";
    if (place instanceof HTMLImageElement) {
      place.src = text;
      place.hidden = text === "";
    } else {
      place.textContent = text;
    }
  }
}

/** Marks what is wrong; the first wrong field is focused. */
export function checkForm(form: HTMLFormElement): boolean {
  showTrouble(form, "");
  const fields = [...form.elements].filter(isField);
  const wrong = fields.filter((field) => {
    const label = form.querySelector(`label[for="${CSS.escape(field.id)}"]`)?.textContent ?? "";
    const limits = {
      min: Number(field.getAttribute("minlength")),
      max: Number(field.getAttribute("maxlength")),
    };
    const trouble = field.willValidate ? troubleWith(field.validity, label.trim(), limits) : "";
    tell(field, trouble);
    return trouble !== "";
  });
  wrong[0]?.focus();
  return wrong.length === 0;
}

/** Shows what is wrong with a field under it. */
function tell(field: Element, trouble: string): void {
  const place = document.getElementById(`trouble-${field.id.replace(/^field-/, "")}`);
  if (!place) {
    return;
  }
  place.textContent = trouble;
  place.hidden = trouble === "";
  if (trouble) {
    field.setAttribute("aria-invalid", "true");
  } else {
    field.removeAttribute("aria-invalid");
  }
}

/** A refusal that names a field is shown there, any other above the button. */
function refuse(form: HTMLFormElement, error: unknown): void {
  const name = error instanceof Refusal ? error.field : undefined;
  const field = name ? form.elements.namedItem(name) : null;
  if (field instanceof Element && isField(field)) {
    tell(field, wordsFor(error));
    field.focus();
  } else {
    showTrouble(form, wordsFor(error));
  }
}

export function showTrouble(form: HTMLFormElement, words: string): void {
  const place = form.querySelector<HTMLElement>(".form-trouble");
  if (place) {
    place.textContent = words;
    place.hidden = words === "";
  } else if (words) {
    toast(words);
  }
}

function setBusy(form: HTMLFormElement, submit: HTMLButtonElement | null, busy: boolean): void {
  form.setAttribute("aria-busy", String(busy));
  if (submit) {
    markBusy(submit, busy);
  }
}

function revealPassword(button: HTMLButtonElement): void {
  const field = document.getElementById(button.dataset["reveals"] ?? "");
  if (field instanceof HTMLInputElement) {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", shown ? "Hide the password" : "Show the password");
  }
}
