// Walking by arrow keys, as with a remote control.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

/** A grid of three columns, the last row not full. */
const grid = Array.from({ length: 8 }, (_, index) => {
  const [left, top] = [(index % 3) * 120, Math.floor(index / 3) * 100];
  return { left, top, right: left + 100, bottom: top + 80 };
});

test("arrow keys lead to the neighbour, and stay in the row sideways", async () => {
  const { nearest } = await load("client/walk.ts");
  const from = (index, direction) => nearest(grid[index], grid, direction);
  assert.equal(from(4, "ArrowRight"), 5);
  assert.equal(from(4, "ArrowLeft"), 3);
  assert.equal(from(4, "ArrowUp"), 1);
  assert.equal(from(4, "ArrowDown"), 7);
  assert.equal(from(5, "ArrowDown"), 7, "below the gap the nearest is taken");
  assert.equal(from(2, "ArrowRight"), -1, "a row ends");
  assert.equal(from(0, "ArrowUp"), -1);
});

test("a shelf that is scrolled aside leads to what lies nearest below", async () => {
  const { nearest } = await load("client/walk.ts");
  const card = { left: 400, top: 0, right: 500, bottom: 80 };
  assert.equal(nearest(card, grid.map((box) => ({ ...box, top: box.top + 200, bottom: box.bottom + 200 })), "ArrowDown"), 2);
});
