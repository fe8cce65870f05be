// Which files are worth sending. Only what is certainly no film is refused here, in words; the
// server looks into everything else. A pure rule.

/** Endings of films and music, whatever the browser takes them for. */
const MEDIA = new Set(
  ("mp4 m4v mov mkv webm avi mpg mpeg m2v ts mts m2ts vob wmv asf flv f4v 3gp 3g2 ogv ogg mxf dv " +
    "rm rmvb divx m4a m4b mp3 flac wav aac opus oga wma aiff").split(" "),
);

/** What lies beside films in folders and stays where it is without a word for each. */
const COMPANIONS = new Set(
  ("srt ass ssa vtt sub idx nfo jpg jpeg png gif webp txt url db ini part partial crdownload tmp " +
    "ds_store").split(" "),
);

/** What other files are, by ending, with the article. */
const FOREIGN: Readonly<Record<string, string>> = {
  zip: "an archive",
  rar: "an archive",
  "7z": "an archive",
  tar: "an archive",
  gz: "an archive",
  pdf: "a document",
  doc: "a document",
  docx: "a document",
  odt: "a document",
  xls: "a table",
  xlsx: "a table",
  exe: "a program",
  msi: "a program",
  apk: "a program",
  iso: "a disc image",
  torrent: "a torrent file",
  srt: "a subtitle file",
  ass: "a subtitle file",
  vtt: "a subtitle file",
};

/** What a rule needs to know of a file. */
export interface Facts {
  name: string;
  type: string;
  size: number;
}

/** Why `file` is not sent, in a sentence that stands beside its name; `null` to send it. */
export function refusal(file: Facts): string | null {
  if (file.size === 0) {
    return "This file is empty.";
  }
  const ending = endingOf(file.name);
  if (MEDIA.has(ending)) {
    return null;
  }
  const what = FOREIGN[ending] ?? byType(file.type);
  return what ? `This is ${what}, not a film. Homereel takes videos and music.` : null;
}

/** Whether a file found in a folder is passed over without a word. */
export function isCompanion(name: string): boolean {
  return name.startsWith(".") || name.endsWith("~") || COMPANIONS.has(endingOf(name));
}

function endingOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1).toLowerCase();
}

function byType(type: string): string | undefined {
  const kinds: [string, string][] = [
    ["image/", "a picture"],
    ["text/", "a text file"],
    ["font/", "a font"],
    ["application/pdf", "a document"],
    ["application/zip", "an archive"],
    ["application/json", "a text file"],
  ];
  return kinds.find(([start]) => type.startsWith(start))?.[1];
}
