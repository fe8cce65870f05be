// The filmstrip: what of a film exists, over its time, filled from the bottom by quality. It draws
// what the server's rows say and nothing else: on the seek bar as a mask of what is missing, on
// cards of work as what is there. Cards of the library have the same strip in
// `templates/parts.html`.

import type { Cell, Strip } from "./api";
import { svg } from "./dom";

/**
 * Draws `strip` into `drawing`, an SVG of 1000 by 100 units, as a mask: what is missing, the gaps
 * between frames, what is being made, who waits. `null` means all of it exists.
 */
export function drawFilmstrip(drawing: SVGElement, strip: Strip | null): void {
  const shapes = (strip?.cells ?? []).flatMap((cell, index) => [
    ...drawMissing(cell),
    drawGap(cell),
    ...(index === strip?.working ? [drawWhole(cell, "working")] : []),
    ...(strip?.wished.includes(index) ? [drawWish(cell)] : []),
  ]);
  drawing.replaceChildren(...shapes);
}

/**
 * Draws `strip` into `drawing` as cells that fill up. What is drawn already is changed in place,
 * so that the cell that is being made goes on pulsing.
 */
export function drawFrames(drawing: SVGElement, strip: Strip | null): void {
  const shapes = (strip?.cells ?? []).flatMap((cell, index) => [
    drawWhole(cell, index === strip?.working ? "cell working" : "cell"),
    ...drawLit(cell),
    ...(strip?.wished.includes(index) ? [drawWish(cell)] : []),
  ]);
  shapes.forEach((shape, index) => {
    const old = drawing.children[index];
    if (!old) {
      drawing.append(shape);
      return;
    }
    for (const { name, value } of shape.attributes) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
      }
    }
  });
  while (drawing.children.length > shapes.length) {
    drawing.lastElementChild?.remove();
  }
}

/** What a cell has, a layer for each quality from the bottom; two units are the gap. */
function drawLit(cell: Cell): SVGElement[] {
  const width = Math.max(1, (cell.end - cell.start) * 1000 - 2);
  const height = 100 / Math.max(1, cell.lit.length);
  return cell.lit.map((lit, rung) =>
    svg("rect", {
      class: "frame",
      x: cell.start * 1000,
      y: 100 - height * (rung + 1),
      width: width * lit,
      height,
    }),
  );
}

/** What a cell lacks, a layer for each quality from the bottom. */
function drawMissing(cell: Cell): SVGElement[] {
  const width = (cell.end - cell.start) * 1000;
  const height = 100 / Math.max(1, cell.lit.length);
  return cell.lit.flatMap((lit, rung) =>
    lit < 1
      ? [
          svg("rect", {
            class: "missing",
            x: cell.start * 1000 + width * lit,
            y: 100 - height * (rung + 1),
            width: width * (1 - lit),
            height,
          }),
        ]
      : [],
  );
}

/** The line between two frames, two units wide. */
function drawGap(cell: Cell): SVGElement {
  return svg("rect", { class: "gap", x: cell.end * 1000 - 2, y: 0, width: 2, height: 100 });
}

function drawWhole(cell: Cell, name: string): SVGElement {
  const width = Math.max(1, (cell.end - cell.start) * 1000 - 2);
  return svg("rect", { class: name, x: cell.start * 1000, y: 0, width, height: 100 });
}

/** A notch where somebody waits. */
function drawWish(cell: Cell): SVGElement {
  return svg("rect", { class: "wish", x: cell.start * 1000, y: 0, width: 5, height: 100 });
}

/** Whether the film exists at `place` (a fraction of its length) in every quality. */
export function existsAt(strip: Strip | null, place: number): boolean {
  if (!strip) {
    return true;
  }
  const cell = strip.cells.find((candidate) => place < candidate.end);
  return cell?.lit.every((lit) => lit >= 1) ?? false;
}
