// The source's own picture where its keyframes are far apart. It has segments of its own, and the
// manifest a set of its own for it, so that no player changes to it in the middle of one by itself.
// What does not belong here: the choice among all qualities (`held`).

/** An element of a manifest, as Shaka hands it to whoever wants to look at it first. */
export interface Element {
  tagName: string;
  attributes: Record<string, string>;
  children: readonly (Element | string)[];
}

/** A rung that must be encoded first is there in about as many seconds. */
const LONGEST_LOAD_SECONDS = 10;
/** What is decoded before the place of a jump is not shown: some hundred pictures a second. */
const LONGEST_RUN_IN_SECONDS = 30;

export class Apart {
  /** `cuts` are seconds, from zero to the end. */
  constructor(
    readonly stream: number,
    private readonly cuts: readonly number[],
  ) {}

  /** Where the segment after that at `seconds` begins. */
  nextCut(seconds: number): number {
    return this.cuts.find((cut) => cut > seconds) ?? Infinity;
  }

  /**
   * Whether its picture at `seconds` is there soon. `load` is how many seconds it takes to load one
   * second of it.
   */
  isSoonAt(seconds: number, load: number): boolean {
    const end = this.nextCut(seconds);
    const begin = this.cuts[this.cuts.indexOf(end) - 1] ?? 0;
    return (
      (end - begin) * load <= LONGEST_LOAD_SECONDS && seconds - begin <= LONGEST_RUN_IN_SECONDS
    );
  }
}

/**
 * What stands apart in a manifest, if anything does. Shaka changes only within one role, so it is
 * given that of all others: this player knows what it is.
 */
export function takeApart(manifest: Element): Apart | null {
  const sets = named(manifest, "Period").flatMap((period) => named(period, "AdaptationSet"));
  for (const set of sets) {
    const role = named(set, "Role").find(({ attributes }) => attributes["value"] === "alternate");
    const [stream] = named(set, "Representation");
    if (set.attributes["contentType"] === "video" && role && stream) {
      role.attributes["value"] = "main";
      return new Apart(Number(stream.attributes["id"]), cutsOf(set));
    }
  }
  return null;
}

function cutsOf(set: Element): number[] {
  const cuts = [0];
  for (const template of named(set, "SegmentTemplate")) {
    const timescale = Number(template.attributes["timescale"]);
    const runs = named(template, "SegmentTimeline").flatMap((line) => named(line, "S"));
    let ticks = 0;
    for (const { attributes } of runs) {
      for (let count = Number(attributes["r"] ?? 0); count >= 0; count -= 1) {
        ticks += Number(attributes["d"]);
        cuts.push(ticks / timescale);
      }
    }
  }
  return cuts;
}

function named(parent: Element, name: string): Element[] {
  return parent.children.filter(
    (child): child is Element => typeof child !== "string" && child.tagName === name,
  );
}
