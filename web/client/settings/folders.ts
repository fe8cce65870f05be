// Watched folders: the list, and the dialog with the chooser (`../folders.ts`).

import { ask, wordsFor } from "../ask";
import { openDialog } from "../dialog";
import { need } from "../dom";
import { FolderChooser } from "../folders";
import { toast } from "../toast";
import type { Folder } from "./shapes";

export class Folders {
  private readonly list = need<HTMLElement>(document, "#folders-watched");
  private readonly dialog = need<HTMLDialogElement>(document, "#browse");
  private readonly chooser = need<FolderChooser>(document, "#browse homereel-folders");

  connect(): void {
    need(document, '[data-action="add-folder"]').addEventListener("click", () => {
      openDialog("browse");
      void this.chooser.open();
    });
    this.chooser.addEventListener("homereel:folder", () => {
      this.dialog.close();
      toast("The folder is watched from now on.");
      void this.refresh();
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
        run: () => void this.watchAgain(folder.path),
      });
    } catch (error) {
      toast(wordsFor(error));
    }
    await this.refresh();
  }

  private async watchAgain(path: string): Promise<void> {
    try {
      await ask("POST", "/api/v1/folders", { path });
      toast("The folder is watched again.");
    } catch (error) {
      toast(wordsFor(error));
    }
    await this.refresh();
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
