// Watched folders: the list, and the dialog that looks through the server's own folders, since a
// browser cannot name a path of another computer.

import { ask, wordsFor } from "../ask";
import { openDialog } from "../dialog";
import { need } from "../dom";
import { toast } from "../toast";
import { drawIcon } from "../work";
import type { Browsed, Folder } from "./shapes";

export class Folders {
  private readonly list = need<HTMLElement>(document, "#folders");
  private readonly dialog = need<HTMLDialogElement>(document, "#browse");
  private readonly entries = need<HTMLElement>(document, "#browse-folders");
  private readonly crumbs = need<HTMLElement>(document, "#browse-path");
  private readonly trouble = need<HTMLElement>(document, "#browse-trouble");
  private at: Browsed | null = null;

  connect(): void {
    need(document, '[data-action="add-folder"]').addEventListener("click", () => {
      openDialog("browse");
      void this.open("");
    });
    need(this.dialog, '[data-action="choose"]').addEventListener("click", () => void this.add());
    need(this.dialog, '[data-action="up"]').addEventListener("click", () => {
      void this.open(this.at?.parent ?? "");
    });
  }

  /** Asks for the list again. */
  async refresh(): Promise<void> {
    try {
      const { folders } = await ask<{ folders: Folder[] }>("GET", "/api/v1/folders");
      const rows = folders.map((folder) => this.draw(folder));
      this.list.replaceChildren(...(rows.length > 0 ? rows : [plain("No folder is watched yet.")]));
    } catch (error) {
      this.list.replaceChildren(plain(wordsFor(error)));
    }
  }

  private draw(folder: Folder): HTMLElement {
    const template = need<HTMLTemplateElement>(document, "#folder-row");
    const copy = template.content.cloneNode(true) as DocumentFragment;
    const row = need<HTMLElement>(copy, "li");
    row.dataset["online"] = String(folder.online ?? "unknown");
    need(row, "code").textContent = folder.path;
    need(row, '[data-role="state"]').textContent = stateOf(folder);
    const remove = need<HTMLButtonElement>(row, "button");
    remove.setAttribute("aria-label", `Stop watching ${folder.path}`);
    remove.addEventListener("click", () => void this.remove(folder));
    return row;
  }

  private async remove(folder: Folder): Promise<void> {
    try {
      await ask("DELETE", `/api/v1/folders/${folder.id}`);
      toast("The folder is no longer watched. Its films stay.", {
        label: "Undo",
        run: () => void this.addPath(folder.path),
      });
    } catch (error) {
      toast(wordsFor(error));
    }
    await this.refresh();
  }

  private async add(): Promise<void> {
    if (this.at && (await this.addPath(this.at.path))) {
      this.dialog.close();
    }
  }

  private async addPath(path: string): Promise<boolean> {
    try {
      await ask("POST", "/api/v1/folders", { path });
      toast("The folder is watched from now on.");
      await this.refresh();
      return true;
    } catch (error) {
      this.complain(error);
      return false;
    }
  }

  /** Shows what lies in `path`; an empty one is where the server would begin. */
  private async open(path: string): Promise<void> {
    this.trouble.hidden = true;
    try {
      const query = path ? `?${new URLSearchParams({ path }).toString()}` : "";
      this.show(await ask<Browsed>("GET", `/api/v1/folders/browse${query}`));
    } catch (error) {
      this.complain(error);
    }
  }

  private show(at: Browsed): void {
    this.at = at;
    this.crumbs.textContent = at.path;
    const shown = at.folders.map((folder) => this.entry(folder.name, folder.path));
    this.entries.replaceChildren(...(shown.length > 0 ? shown : [plain("No folders in here.")]));
    need<HTMLButtonElement>(this.dialog, '[data-action="up"]').disabled = at.parent === null;
    this.entries.querySelector<HTMLElement>("button")?.focus();
  }

  private complain(error: unknown): void {
    if (this.dialog.open) {
      this.trouble.textContent = wordsFor(error);
      this.trouble.hidden = false;
    } else {
      toast(wordsFor(error));
    }
  }

  private entry(name: string, path: string): HTMLElement {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "browse-folder";
    const label = document.createElement("span");
    label.dir = "auto";
    label.textContent = name;
    button.append(drawIcon("folder"), label, drawIcon("forward"));
    button.addEventListener("click", () => void this.open(path));
    item.append(button);
    return item;
  }
}

function stateOf(folder: Folder): string {
  if (folder.online === null) {
    return "Looking into it";
  }
  return folder.online ? "Watching" : (folder.reason ?? "Not there at the moment");
}

function plain(words: string): HTMLElement {
  const item = document.createElement("li");
  item.className = "row-none";
  item.textContent = words;
  return item;
}
