// Rules of the client that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

test("lengths read as on a player", async () => {
  const { clock, spoken } = await load("client/format.ts");
  const cases = [
    [0, "0:00"],
    [7.9, "0:07"],
    [247, "4:07"],
    [3723.4, "1:02:03"],
    [Number.NaN, "0:00"],
    [-1, "0:00"],
  ];
  for (const [seconds, expected] of cases) {
    assert.equal(clock(seconds), expected, `${seconds} s`);
  }
  assert.equal(spoken(3661), "1 hour 1 minute 1 second");
  assert.equal(spoken(0), "the beginning");
});

test("times are relative when near and absolute when far", async () => {
  const { ago } = await load("client/format.ts");
  const now = new Date("2025-11-23T19:40:00Z");
  const before = (minutes) => new Date(now.getTime() - minutes * 60_000);
  assert.equal(ago(before(0), now), "just now");
  assert.equal(ago(before(5), now), "5 min ago");
  assert.equal(ago(before(200), now), "3 h ago");
  assert.equal(ago(before(1_500), now), "yesterday");
  assert.equal(ago(before(5_000), now), null, "a date says it better");
});

test("a part exists once every quality of it is whole", async () => {
  const { existsAt } = await load("client/filmstrip.ts");
  const strip = {
    cells: [
      { start: 0, end: 0.5, lit: [1, 1] },
      { start: 0.5, end: 1, lit: [1, 0.5] },
    ],
    working: 1,
    wished: [],
  };
  assert.equal(existsAt(strip, 0.2), true);
  assert.equal(existsAt(strip, 0.7), false);
  assert.equal(existsAt(strip, 1), false, "behind the end there is nothing");
  assert.equal(existsAt(null, 0.7), true, "a finished film exists everywhere");
});

test("the ladder is described in words", async () => {
  const { describeLadder } = await load("client/ladder.ts");
  const rungs = [
    { name: 360, ready: 1 },
    { name: 480, ready: 0.42 },
    { name: 720, ready: 0 },
  ];
  assert.equal(describeLadder(rungs), "Ready in 360p, 480p (42 %)");
  assert.equal(describeLadder([]), "No quality is ready yet");
});

test("a film goes on where it was left, but not in its credits", async () => {
  const stored = new Map();
  globalThis.localStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
  };
  const { remember, positionOf, watchedParts } = await load("client/resume.ts");
  remember("a", 600, 1200);
  remember("b", 5, 1200);
  assert.equal(positionOf("a"), 600);
  assert.equal(positionOf("b"), null, "five seconds are a glance");
  assert.deepEqual([...watchedParts()], [["a", 0.5]]);
  remember("a", 1190, 1200);
  assert.equal(positionOf("a"), null, "the credits are the end");
  stored.set("homereel.positions", "not json");
  assert.equal(positionOf("a"), null, "foreign text does no harm");
});

test("speeds step through a list", async () => {
  const { neighbourSpeed } = await load("client/player/sheet.ts");
  assert.equal(neighbourSpeed(1, 1), 1.25);
  assert.equal(neighbourSpeed(1, -1), 0.75);
  assert.equal(neighbourSpeed(2, 1), 2, "the list ends");
  assert.equal(neighbourSpeed(0.5, -1), 0.5, "the list ends");
});

test("events are gathered, and work never runs twice at a time", async () => {
  globalThis.window = globalThis;
  const { throttled } = await load("client/live.ts");
  let running = 0;
  let runs = 0;
  const finished = new Promise((resolve) => {
    const ask = throttled(1, async () => {
      running += 1;
      assert.equal(running, 1, "one look at a time");
      await Promise.resolve();
      running -= 1;
      runs += 1;
      if (runs === 2) {
        resolve();
      }
    });
    ask();
    ask();
    ask();
  });
  await finished;
  assert.equal(runs, 2, "the first at once, the others together");
});

test("what stands apart is found in the manifest and given the role of the others", async () => {
  const { takeApart } = await load("client/player/apart.ts");
  const element = (tagName, attributes, ...children) => ({ tagName, attributes, children });
  const set = (contentType, role, id, ...runs) =>
    element(
      "AdaptationSet",
      { contentType },
      "\n",
      element("Role", { value: role }),
      element(
        "SegmentTemplate",
        { timescale: "10" },
        element("SegmentTimeline", {}, ...runs.map((run) => element("S", run))),
      ),
      element("Representation", { id }),
    );
  const manifest = (...sets) => element("MPD", {}, element("Period", {}, ...sets));
  const ladder = set("video", "main", "0", { d: "40", r: "9" });
  const sound = set("audio", "alternate", "2", { d: "40", r: "9" });
  assert.equal(takeApart(manifest(ladder, sound)), null);
  const copy = set("video", "alternate", "1", { t: "0", d: "200", r: "1" }, { d: "55" });
  const apart = takeApart(manifest(ladder, copy, sound));
  assert.equal(apart.stream, 1);
  const cuts = [0, 19.9, 20, 45.4, 45.5].map((seconds) => apart.nextCut(seconds));
  assert.deepEqual(cuts, [20, 20, 40, 45.5, Infinity]);
  assert.equal(copy.children[1].attributes.value, "main");
});

test("what takes long to load or to decode is not there soon", async () => {
  const { Apart } = await load("client/player/apart.ts");
  const apart = new Apart(1, [0, 20, 80]);
  const cases = [
    [0, 0.4, true, "eight seconds to load"],
    [0, 0.6, false, "twelve seconds to load"],
    [25, 0.1, true, "six seconds to load"],
    [50, 0.1, true, "half a minute that nobody sees"],
    [55, 0.1, false, "more than that"],
  ];
  for (const [seconds, rate, expected, what] of cases) {
    assert.equal(apart.isSoonAt(seconds, rate), expected, what);
  }
});
