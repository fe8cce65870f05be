// A first picture of a file that is still on its way, drawn by the browser from the file itself.
// Many formats are none that a browser can read; then there is none.

import { Turns } from "./turns";

const WIDTH = 256;
const PATIENCE_MS = 8_000;
/** Where to look for a picture, as parts of the film. */
const PLACES = [0.1, 0.3, 0.6];
/** A green below this, of 255, is no light. */
const DARK = 40;

/** A folder may hold a thousand films; a browser decodes only a few at a time. */
const AT_ONCE = 2;
const turns = new Turns(AT_ONCE);

/** A picture from near the beginning of `file`, or `null`; whoever asked revokes its address. */
export function thumbnailOf(file: File): Promise<string | null> {
  return turns.take(() => draft(file));
}

async function draft(file: File): Promise<string | null> {
  const address = URL.createObjectURL(file);
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  try {
    const read = heard(video, "loadeddata");
    video.src = address;
    await read;
    for (const part of PLACES) {
      const moved = heard(video, "seeked");
      video.currentTime = (video.duration || 0) * part;
      await moved;
      const picture = draw(video);
      if (picture && (!isDark(picture) || part === PLACES.at(-1))) {
        return await addressOf(picture);
      }
    }
    return null;
  } catch {
    return null;
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  }
}

function heard(video: HTMLVideoElement, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = window.setTimeout(() => reject(new Error("too slow")), PATIENCE_MS);
    const settle = (done: () => void) => () => {
      window.clearTimeout(timer);
      done();
    };
    video.addEventListener(name, settle(resolve), { once: true });
    video.addEventListener("error", settle(() => reject(new Error("not readable"))), { once: true });
  });
}

function draw(video: HTMLVideoElement): HTMLCanvasElement | null {
  if (video.videoWidth === 0) {
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = Math.round((WIDTH * video.videoHeight) / video.videoWidth);
  canvas.getContext("2d", { willReadFrequently: true })?.drawImage(
    video,
    0,
    0,
    canvas.width,
    canvas.height,
  );
  return canvas;
}

/** Films begin in the dark; such a picture tells nothing. */
function isDark(canvas: HTMLCanvasElement): boolean {
  const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
  return !pixels?.some((value, index) => index % 4 === 1 && value > DARK);
}

async function addressOf(canvas: HTMLCanvasElement): Promise<string | null> {
  const blob = await new Promise<Blob | null>((resolve) =>
    canvas.toBlob(resolve, "image/jpeg", 0.8),
  );
  return blob ? URL.createObjectURL(blob) : null;
}
