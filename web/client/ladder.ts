// The ladder of light as a badge that climbs while rungs fill. One drawing, the same as in
// `templates/parts.html`.

import type { Rung } from "./api";
import { svg } from "./dom";

/** The drawing for these rungs, lowest first; none for a single one that is whole. */
export function drawLadder(rungs: readonly Rung[]): SVGElement {
  const drawing = svg("svg", { class: "ladder", viewBox: "0 0 20 20", "aria-hidden": "true" });
  drawing.toggleAttribute("hidden", rungs.length === 1 && (rungs[0]?.ready ?? 0) >= 1);
  rungs.forEach((rung, index) => {
    const x = 6.75 - 1.25 * index;
    const y = 8 + 2 * rungs.length - 4 * index;
    const width = 20 - 2 * x;
    drawing.append(svg("path", { class: "rung", d: `M${x} ${y}h${width}` }));
    if (rung.ready > 0) {
      drawing.append(svg("path", { class: "rung lit", d: `M${x} ${y}h${width * rung.ready}` }));
    }
  });
  return drawing;
}

/** What people call a quality. */
export function rungName({ name, original }: Rung): string {
  return original ? `${name}p original` : `${name}p`;
}

/** What the ladder shows, in words. */
export function describeLadder(rungs: readonly Rung[]): string {
  const done = rungs.filter((rung) => rung.ready >= 1).map(rungName);
  const growing = rungs
    .filter((rung) => rung.ready > 0 && rung.ready < 1)
    .map((rung) => `${rungName(rung)} (${Math.floor(rung.ready * 100)} %)`);
  const words = [...done, ...growing];
  return words.length > 0 ? `Ready in ${words.join(", ")}` : "No quality is ready yet";
}
