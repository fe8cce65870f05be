// Thumbnails: which part of which sheet shows a moment, and how an element shows it.

import type { Thumbs } from "./api";

/** How many thumbnails a sheet holds. */
export function onSheet(thumbs: Thumbs): number {
  return thumbs.columns * thumbs.rows;
}

/** The thumbnail that stands for the moment. */
export function thumbAt(thumbs: Thumbs, seconds: number): number {
  const index = Math.floor(seconds / thumbs.every_s);
  return Math.min(thumbs.count - 1, Math.max(0, index));
}

/** Shows thumbnail `index` as the background of `picture`; false as long as there is none. */
export function showThumb(picture: HTMLElement, thumbs: Thumbs, index: number): boolean {
  const sheet = thumbs.sheets[Math.floor(index / onSheet(thumbs))];
  if (!sheet) {
    return false;
  }
  const column = index % thumbs.columns;
  const row = Math.floor(index / thumbs.columns) % thumbs.rows;
  const place = (at: number, of: number): string => `${of > 1 ? (at / (of - 1)) * 100 : 0}%`;
  picture.style.backgroundImage = `url("${sheet}")`;
  picture.style.backgroundSize = `${thumbs.columns * 100}% ${thumbs.rows * 100}%`;
  picture.style.backgroundPosition = `${place(column, thumbs.columns)} ${place(row, thumbs.rows)}`;
  return true;
}

/** Loads a sheet before it is shown, so that nothing flashes. */
export async function fetchSheet(url: string): Promise<void> {
  const image = new Image();
  image.src = url;
  await image.decode();
}
