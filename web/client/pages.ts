// Listings that come in pages: those that a person has asked for are fetched one after the other, so
// that a list that is looked at again is as long as it was.

import { ask } from "./ask";

/** A page of a listing; `items` are found under a name of the listing's own. */
export interface Page {
  next_cursor: string | null;
}

/** The first `count` pages of `path`, which may have a query. */
export async function fetchPages<P extends Page>(path: string, count: number): Promise<P[]> {
  const pages: P[] = [];
  let cursor: string | null = null;
  do {
    const page: P = await ask<P>("GET", pathOf(path, cursor));
    pages.push(page);
    cursor = page.next_cursor;
  } while (cursor !== null && pages.length < count);
  return pages;
}

/** `path` from `cursor` on. */
export function pathOf(path: string, cursor: string | null): string {
  if (cursor === null) {
    return path;
  }
  return `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;
}
