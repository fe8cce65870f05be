// Walks the folders of the computer that Homereel runs on and has one of them watched. Dispatches
// `homereel:folder` with what was added.

import { ask, wordsFor } from "./ask";
import { need } from "./dom";

interface Listing {
  path: string;
  parent: string | null;
  folders: { name: string; path: string }[];
}

export interface WatchedFolder {
  id: string;
  path: string;
}

/** `<homereel-folders>`; its markup is in `templates/folders.html`. */
export class FolderChooser extends HTMLElement {
  #path = "";

  connectedCallback(): void {
    if (this.childElementCount > 0) {
      return;
    }
    const markup = need<HTMLTemplateElement>(document, "#folders").content;
    this.append(document.importNode(markup, true));
    this.#role("choose").addEventListener("click", () => void this.#choose());
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
    const query = path === undefined ? "" : `?${new URLSearchParams({ path }).toString()}`;
    try {
      this.#show(await ask<Listing>("GET", `/api/v1/folders/browse${query}`));
      this.#trouble("");
    } catch (error) {
      this.#trouble(wordsFor(error));
    }
  }

  #show({ path, parent, folders }: Listing): void {
    this.#path = path;
    this.#role("path").textContent = path;
    const up = this.#role<HTMLButtonElement>("up");
    up.disabled = parent === null;
    up.dataset["path"] = parent ?? "";
    const row = need<HTMLTemplateElement>(document, "#folders-row").content;
    const rows = folders.map((folder) => {
      const item = document.importNode(row, true);
      need(item, "span").textContent = folder.name;
      need<HTMLButtonElement>(item, "button").dataset["path"] = folder.path;
      return item;
    });
    this.#role("list").replaceChildren(...rows);
    this.#role("list").scrollTop = 0;
  }

  async #choose(): Promise<void> {
    const button = this.#role<HTMLButtonElement>("choose");
    button.disabled = true;
    try {
      const body = { path: this.#path };
      const detail = await ask<WatchedFolder>("POST", "/api/v1/folders", body);
      this.#trouble("");
      this.dispatchEvent(new CustomEvent("homereel:folder", { bubbles: true, detail }));
    } catch (error) {
      this.#trouble(wordsFor(error));
    } finally {
      button.disabled = false;
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

if (!customElements.get("homereel-folders")) {
  customElements.define("homereel-folders", FolderChooser);
}
