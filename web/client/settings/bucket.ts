// The form of a bucket: what was typed becomes what the server takes, and what a test of the
// connection found is shown line by line.

import { ask, wordsFor } from "../ask";
import { drawIcon } from "../work";
import type { Bucket, Check } from "./shapes";

/** What stands in the form; a secret that was not typed again stays as the server has it. */
export function bucketIn(data: FormData): Bucket {
  const text = (name: string): string => String(data.get(name) ?? "").trim();
  return {
    endpoint: text("endpoint").replace(/\/+$/, ""),
    name: text("name"),
    region: text("region") || "us-east-1",
    access_key: text("access_key"),
    secret_key: String(data.get("secret_key") ?? "") || null,
    path_style: data.get("path_style") !== null,
    prefix: text("prefix").replace(/^\/+|\/+$/g, ""),
    public_base_url: text("public_base_url").replace(/\/+$/, "") || null,
  };
}

/** Why the form cannot be sent yet; `null` when it can. */
export function missingIn(bucket: Bucket): string | null {
  if (!/^https?:\/\/[^/\s]+/.test(bucket.endpoint)) {
    return "The address begins with http:// or https://, such as http://nas.local:9000.";
  }
  if (bucket.name === "") {
    return "Which bucket? It must exist already.";
  }
  return bucket.access_key === "" ? "The access key is missing." : null;
}

/** Tries the connection, shows each step as a line in `list`, and says whether all of it works. */
export async function test(bucket: Bucket, list: HTMLElement): Promise<boolean> {
  const missing = missingIn(bucket);
  if (missing) {
    list.replaceChildren(line({ what: "Not yet.", ok: false, sentence: missing }));
    return false;
  }
  list.replaceChildren(waiting());
  try {
    const { checks } = await ask<{ checks: Check[] }>("POST", "/api/v1/storage/test", { bucket });
    list.replaceChildren(...checks.map(line));
    return checks.every((check) => check.ok);
  } catch (error) {
    list.replaceChildren(line({ what: "Not tested.", ok: false, sentence: wordsFor(error) }));
    return false;
  }
}

function line(check: Check): HTMLElement {
  const item = document.createElement("li");
  item.className = "check";
  item.dataset["ok"] = String(check.ok);
  const words = document.createElement("span");
  const what = document.createElement("strong");
  what.textContent = check.what;
  words.append(what, ` ${check.sentence}`);
  const said = document.createElement("span");
  said.className = "for-readers";
  said.textContent = check.ok ? "Works: " : "Does not work: ";
  item.append(drawIcon(check.ok ? "check" : "broken"), said, words);
  return item;
}

function waiting(): HTMLElement {
  const item = document.createElement("li");
  item.className = "check";
  item.dataset["ok"] = "waiting";
  item.append(drawIcon("waiting"), "Asking the bucket…");
  return item;
}
