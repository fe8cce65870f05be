// Walks the folders of the computer that Homereel runs on, since a browser cannot name a path of
// another computer, and has one of them watched. Dispatches `homereel:folder` with what was added.

import { ask, wordsFor } from "./ask";
import { need } from "./dom";
import { markBusy } from "./form";

interface Named {
  name: string;
  path: string;
}

interface Listing {
  path: string;
  parent: string | null;
  folders: Named[];
  /** There are more than are listed. */
  more: boolean;
  /** Where people keep films. */
  places: Named[];
}

export interface WatchedFolder {
  id: string;
  path: string;
}

/** `<homereel-folders>`; its markup is in `templates/folders.html`. */
export class FolderChooser extends HTMLElement {
  connectedCallback(): void {
    if (this.childElementCount > 0) {
      return;
    }
    const markup = need<HTMLTemplateElement>(document, "#folders").content;
    this.append(document.importNode(markup, true));
    this.#role("choose").addEventListener("click", () => void this.#choose());
    this.#role("path").addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        // The form around it is not sent by looking into a folder.
        event.preventDefault();
        void this.open(this.#typed());
      }
    });
    this.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      const path = button?.dataset["path"];
      if (path !== undefined) {
        void this.open(path);
      }
    });
  }

  /** Shows the folder at `path`; without one, where films are most likely. */
  async open(path?: string): Promise<void> {
    const query = path ? `?${new URLSearchParams({ path }).toString()}` : "";
    try {
      this.#show(await ask<Listing>("GET", `/api/v1/folders/browse${query}`));
      this.#trouble("");
    } catch (error) {
      this.#trouble(wordsFor(error));
    }
  }

  #typed(): string {
    return this.#role<HTMLInputElement>("path").value.trim();
  }

  #show({ path, parent, folders, more, places }: Listing): void {
    const list = this.#role("list");
    const walked = list.contains(document.activeElement);
    this.#role<HTMLInputElement>("path").value = path;
    const up = this.#role<HTMLButtonElement>("up");
    up.disabled = parent === null;
    up.dataset["path"] = parent ?? "";
    list.replaceChildren(...folders.map((folder) => entry("#folders-row", folder)));
    list.scrollTop = 0;
    this.#role("places").replaceChildren(...places.map((place) => entry("#folders-place", place)));
    this.#role("more").hidden = !more;
    if (walked) {
      (list.querySelector<HTMLElement>("button") ?? this.#role("choose")).focus();
    }
  }

  async #choose(): Promise<void> {
    const button = this.#role<HTMLButtonElement>("choose");
    markBusy(button, true);
    try {
      const body = { path: this.#typed() };
      const detail = await ask<WatchedFolder>("POST", "/api/v1/folders", body);
      this.#trouble("");
      this.dispatchEvent(new CustomEvent("homereel:folder", { bubbles: true, detail }));
    } catch (error) {
      this.#trouble(wordsFor(error));
    } finally {
      markBusy(button, false);
    }
  }

  #trouble(words: string): void {
    const place = this.#role("trouble");
    place.textContent = words;
    place.hidden = words === "";
  }

  #role<T extends HTMLElement = HTMLElement>(name: string): T {
    return need<T>(this, `[data-role="${name}"]`);
  }
}

/** A button that leads to a folder, drawn from the template `markup`. */
function entry(markup: string, { name, path }: Named): DocumentFragment {
  const item = document.importNode(need<HTMLTemplateElement>(document, markup).content, true);
  const button = need<HTMLButtonElement>(item, "button");
  (button.querySelector("span") ?? button).textContent = name;
  button.dataset["path"] = path;
  button.title = path;
  return item;
}

if (!customElements.get("homereel-folders")) {
  customElements.define("homereel-folders", FolderChooser);
}
