// First run: walks through five steps. The house is made after the third, because folders and
// addresses are for its admin.

import { type Address, shownOf } from "./address";
import { ask, wordsFor } from "./ask";
import { need } from "./dom";
import { toJson, valuesOf } from "./fields";
import { FolderChooser, type WatchedFolder } from "./folders";
import { checkForm, markBusy, showTrouble } from "./form";

const STEPS = ["you", "house", "audience", "folder", "done"] as const;
type Step = (typeof STEPS)[number];

/** The folder that `path` is in. */
function around(path: string): string {
  return path.replace(/\/[^/]*$/, "") || "/";
}

class Setup extends HTMLElement {
  #at: Step = "you";

  connectedCallback(): void {
    const token = new URLSearchParams(location.hash.slice(1)).get("t");
    const claimed = this.dataset["claimed"] === "true";
    if (!claimed && !token) {
      this.#step("missing").hidden = false;
      return;
    }
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      if (event.target instanceof HTMLFormElement && checkForm(event.target)) {
        void this.#next(event.target, token ?? "");
      }
    });
    this.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest('[data-walk="back"]')) {
        this.#show(STEPS[STEPS.indexOf(this.#at) - 1] ?? "you");
      }
    });
    this.addEventListener("homereel:folder", () => void this.#listFolders());
    this.#show(claimed ? "folder" : "you");
  }

  async #next(form: HTMLFormElement, token: string): Promise<void> {
    if (this.#at === "audience" && !(await this.#claim(form, token))) {
      return;
    }
    this.#show(STEPS[STEPS.indexOf(this.#at) + 1] ?? "done");
  }

  /** Makes the house; whoever asked is signed in then. */
  async #claim(form: HTMLFormElement, token: string): Promise<boolean> {
    const forms = [...this.querySelectorAll<HTMLFormElement>("form")].slice(0, 3);
    const button = need<HTMLButtonElement>(form, "button[type=submit]");
    markBusy(button, true);
    try {
      const body = { token, ...toJson(forms.flatMap(valuesOf)) };
      await ask("POST", "/api/v1/setup", body);
      // The secret is used up; a reload goes on with the folder.
      history.replaceState(null, "", location.pathname);
      return true;
    } catch (error) {
      showTrouble(form, wordsFor(error));
      return false;
    } finally {
      markBusy(button, false);
    }
  }

  #show(step: Step): void {
    this.#at = step;
    for (const section of this.querySelectorAll<HTMLElement>("[data-step]")) {
      section.hidden = section.dataset["step"] !== step;
    }
    const number = STEPS.indexOf(step) + 1;
    const ladder = need(this, ".setup-ladder");
    ladder.setAttribute("aria-label", `Step ${number} of ${STEPS.length}`);
    ladder.querySelectorAll(".rung").forEach((rung, index) => {
      rung.classList.toggle("lit", index < number);
    });
    const section = this.#step(step);
    (section.querySelector<HTMLElement>(".field input") ?? section).focus();
    if (step === "folder") {
      void this.#listFolders();
      const first = section.querySelector("[data-role=watched] code")?.textContent;
      void need<FolderChooser>(section, "homereel-folders").open(first ? around(first) : undefined);
    } else if (step === "done") {
      void this.#showAddress();
    }
  }

  async #listFolders(): Promise<void> {
    const { folders } = await ask<{ folders: WatchedFolder[] }>("GET", "/api/v1/folders");
    const markup = need<HTMLTemplateElement>(document, "#folder-row").content;
    const list = need<HTMLElement>(this, '[data-role="watched"]');
    const shown = new Set([...list.querySelectorAll("code")].map((code) => code.textContent));
    const added = folders.filter((folder) => !shown.has(folder.path));
    const rows = added.map((folder) => {
      const row = document.importNode(markup, true);
      need(row, "code").textContent = folder.path;
      return row;
    });
    list.append(...rows);
    list.hidden = list.childElementCount === 0;
  }

  async #showAddress(): Promise<void> {
    const address = await ask<Address>("GET", "/api/v1/address").catch(() => null);
    const { urls, picture } = shownOf(address, location.origin);
    const items = urls.map((url) => {
      const [item, link] = [document.createElement("li"), document.createElement("a")];
      link.href = url;
      link.textContent = url;
      item.append(link);
      return item;
    });
    need(this, '[data-role="urls"]').replaceChildren(...items);
    const image = need<HTMLImageElement>(this, '[data-role="qr"]');
    image.hidden = picture === null;
    if (picture !== null) {
      image.src = picture;
    }
  }

  #step(name: string): HTMLElement {
    return need<HTMLElement>(this, `[data-step="${name}"]`);
  }
}

customElements.define("homereel-setup", Setup);
