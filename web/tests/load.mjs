// Bundles a TypeScript module of the client and imports it, so that its functions can be tested
// without a browser.

import { build } from "esbuild";

/** The exports of `path`, which is relative to the front end's folder. */
export async function load(path) {
  const result = await build({
    entryPoints: [new URL(`../${path}`, import.meta.url).pathname],
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "warning",
  });
  const code = Buffer.from(result.outputFiles[0].contents).toString("base64");
  return import(`data:text/javascript;base64,${code}`);
}
