// Pages that are opened by a link with a secret behind its #, which no server and no log sees.

import { sendForm } from "./form";
import { openWithoutInvitation } from "./invited";

const secrets = new URLSearchParams(location.hash.slice(1));

for (const field of document.querySelectorAll<HTMLInputElement>("input[data-fragment]")) {
  const secret = secrets.get(field.dataset["fragment"] ?? "") ?? "";
  const form = field.form;
  field.value = secret;
  if (!secret && form) {
    withoutSecret(form);
  }
}

/** Some pages work without a link; the others say that it is not complete. */
function withoutSecret(form: HTMLFormElement): void {
  const parts = form.querySelectorAll<HTMLElement>("[data-when]");
  if (openWithoutInvitation(form, parts)) {
    return;
  }
  form.hidden = true;
  for (const place of document.querySelectorAll<HTMLElement>("[data-token-missing]")) {
    place.hidden = false;
  }
}

const atOnce = document.querySelector<HTMLFormElement>("form[data-at-once]:not([hidden])");
if (atOnce) {
  void sendForm(atOnce);
}

document.querySelector<HTMLInputElement>("form:not([hidden]) .field input")?.focus();
