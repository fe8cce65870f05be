// Files out of what a person dropped or chose: single ones, and whole folders with what lies in
// them. What does not belong here: which of them are films.

/** A file and where it lay, `Holidays/2025/beach.mp4`. */
export interface Found {
  file: File;
  path: string;
}

/** More than this is a disk, not a folder of films. */
const MOST_FILES = 5_000;
const DEEPEST = 32;

/** Everything in `transfer`. Its entries are asked for at once: later they are gone. */
export async function dropped(transfer: DataTransfer): Promise<Found[]> {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry());
  const loose = [...transfer.files];
  const found: Found[] = [];
  if (entries.every((entry) => entry === null)) {
    return loose.map((file) => ({ file, path: file.name }));
  }
  for (const entry of entries) {
    if (entry) {
      await walk(entry, "", 0, found);
    }
  }
  return found;
}

/** Everything a person chose in a dialog. */
export function chosen(files: FileList): Found[] {
  return [...files]
    .slice(0, MOST_FILES)
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

async function walk(
  entry: FileSystemEntry,
  above: string,
  depth: number,
  found: Found[],
): Promise<void> {
  if (found.length >= MOST_FILES || depth > DEEPEST) {
    return;
  }
  const path = above ? `${above}/${entry.name}` : entry.name;
  if (entry.isFile) {
    const file = await fileOf(entry as FileSystemFileEntry);
    if (file) {
      found.push({ file, path });
    }
    return;
  }
  for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) {
    await walk(child, path, depth + 1, found);
  }
}

/** `null` for a file that went away, or that may not be read. */
function fileOf(entry: FileSystemFileEntry): Promise<File | null> {
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

/** Browsers hand out a hundred at a time, and an empty list at the end. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (some.length === 0 || all.length >= MOST_FILES) {
      return all.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    }
    all.push(...some);
  }
}
