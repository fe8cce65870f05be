// Bundles scripts, styles, fonts and pictures into dist/ under names that carry a hash of their
// content, so that they can be cached for ever. dist/manifest.json maps plain names to those
// names; dist/icons.svg is the sprite that pages carry inline and is never served by itself.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "dist");
const assets = join(here, "..", "assets");

/** Scripts and styles that pages name, and what they are called in manifest.json. */
const entries = {
  "shell.js": "client/shell.ts",
  "theme.js": "client/theme.ts",
  "entry.js": "client/entry.ts",
  "setup.js": "client/setup.ts",
  "title.js": "client/title.ts",
  "account.js": "client/account.ts",
  "library.js": "client/library.ts",
  "watch.js": "client/watch.ts",
  "doc.js": "client/doc.ts",
  "upload.js": "client/upload.ts",
  "jobs.js": "client/jobs.ts",
  "inbox.js": "client/inbox.ts",
  "settings.js": "client/settings.ts",
  "main.css": "styles/main.css",
  "doc.css": "styles/doc.css",
};

/** Pictures that are served as files. */
const pictures = ["favicon.svg"];

async function bundle() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: Object.values(entries),
    outdir: dist,
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    // What two scripts of a page share exists once, such as the connection for events.
    splitting: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome110", "firefox115", "safari16"],
    loader: { ".woff2": "file" },
    legalComments: "eof",
    metafile: true,
    logLevel: "warning",
  });
  const outputs = Object.entries(result.metafile.outputs);
  return Object.fromEntries(
    Object.entries(entries).map(([name, source]) => {
      const output = outputs.find(([, facts]) => facts.entryPoint === source);
      return [name, basename(output[0])];
    }),
  );
}

async function copyPicture(name) {
  const bytes = await readFile(join(assets, name));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  const hashed = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  await writeFile(join(dist, hashed), bytes);
  return [name, hashed];
}

/** Every file of assets/icons/ as a symbol `icon-NAME`. */
async function sprite() {
  const folder = join(assets, "icons");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".svg")).sort();
  const symbols = await Promise.all(
    names.map(async (name) => {
      const svg = await readFile(join(folder, name), "utf8");
      const inner = svg.slice(svg.indexOf(">") + 1, svg.lastIndexOf("</svg>")).trim();
      return `<symbol id="icon-${basename(name, ".svg")}" viewBox="0 0 20 20">${inner}</symbol>`;
    }),
  );
  return `<svg class="sprite" aria-hidden="true">${symbols.join("")}</svg>\n`;
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const bundled = await bundle();
const copied = Object.fromEntries(await Promise.all(pictures.map(copyPicture)));
await writeFile(join(dist, "icons.svg"), await sprite());
// Written last: a build that stopped half-way has no manifest, and the crate says so.
await writeFile(
  join(dist, "manifest.json"),
  `${JSON.stringify({ ...bundled, ...copied }, null, 2)}\n`,
);
