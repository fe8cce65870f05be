// How files find their way in: what a drop holds, what goes on after a cut, what is said of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const fileEntry = (name) => ({
  isFile: true,
  name,
  file: (found, failed) => (name === "gone.mp4" ? failed() : found({ name })),
});

/** A folder that hands out its children a few at a time, as browsers do. */
const folderEntry = (name, children, atOnce = 2) => ({
  isFile: false,
  name,
  createReader: () => {
    let given = 0;
    return {
      readEntries: (found) => {
        const some = children.slice(given, given + atOnce);
        given += some.length;
        found(some);
      },
    };
  },
});

/** What a drop of these entries hands over. */
const transferOf = (entries) => ({
  items: entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry })),
  files: entries.map((entry) => ({ name: entry?.name ?? "loose.mp4" })),
});

test("a dropped folder is walked to its last corner, in the order of its names", async () => {
  const { dropped } = await load("client/upload/gather.ts");
  const tree = folderEntry("Holidays", [
    fileEntry("10.mp4"),
    fileEntry("9.mp4"),
    folderEntry("2025", [fileEntry("gone.mp4"), fileEntry("beach.mp4")], 1),
    fileEntry("8.mp4"),
  ]);
  const found = await dropped(transferOf([tree, fileEntry("single.mp4")]));
  assert.deepEqual(
    found.map(({ path }) => path),
    [
      "Holidays/8.mp4",
      "Holidays/9.mp4",
      "Holidays/10.mp4",
      "Holidays/2025/beach.mp4",
      "single.mp4",
    ],
    "a file that went away is left out, the rest is there",
  );
});

test("a drop without entries is taken as its files", async () => {
  const { dropped } = await load("client/upload/gather.ts");
  const found = await dropped(transferOf([null]));
  assert.deepEqual(
    found.map(({ path }) => path),
    ["loose.mp4"],
  );
});

test("a folder that leads into itself ends", async () => {
  const { dropped } = await load("client/upload/gather.ts");
  const deep = folderEntry("a", []);
  deep.createReader = folderEntry("a", [deep, fileEntry("film.mp4")]).createReader;
  const found = await dropped(transferOf([deep]));
  assert.ok(found.length > 0 && found.length < 100, `${found.length} files`);
});

test("a file that a row holds already is not sent twice", async () => {
  const { isHeld } = await load("client/upload/queue.ts");
  const row = (stage) => ({ stage, name: "a.mp4", length: 5, modified: 7 });
  const file = { name: "a.mp4", size: 5, lastModified: 7 };
  for (const stage of ["waiting", "sending", "retrying", "paused", "stuck", "arrived"]) {
    assert.equal(isHeld([row(stage)], file), true, stage);
  }
  assert.equal(isHeld([row("taken")], file), false, "what is over may be sent again");
  assert.equal(isHeld([row("sending")], { ...file, lastModified: 8 }), false, "another version");
});

test("what is said late leaves alone what was said before", async () => {
  const { stillToSay } = await load("client/upload/server.ts");
  const said = { title: "Sunday", description: "", visibility: "everyone" };
  const none = new Set();
  assert.deepEqual(stillToSay(said, said, none), {}, "everything is known");
  assert.deepEqual(stillToSay({ ...said, description: "Rain." }, said, none), {
    description: "Rain.",
  });
  assert.deepEqual(
    stillToSay(said, {}, none),
    {},
    "a form that nobody touched does not undo what an earlier page said",
  );
  assert.deepEqual(stillToSay({ ...said, visibility: "only_me" }, {}, new Set(["visibility"])), {
    visibility: "only_me",
  });
});

test("only two pieces of work are at it, and the others get their turns", async () => {
  const { Turns } = await load("client/upload/turns.ts");
  const turns = new Turns(2);
  let [busy, most] = [0, 0];
  const done = [];
  const work = (name) => async () => {
    busy += 1;
    most = Math.max(most, busy);
    await new Promise((resolve) => setImmediate(resolve));
    busy -= 1;
    done.push(name);
    if (name === "b") {
      throw new Error("b fails");
    }
  };
  const asked = ["a", "b", "c", "d"].map((name) => turns.take(work(name)));
  const outcomes = await Promise.allSettled(asked);
  assert.equal(most, 2);
  assert.deepEqual(done, ["a", "b", "c", "d"]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled"],
    "one that fails gives its place on",
  );
});

/** A server of one upload, as far as tus-js-client asks it. */
class FakeServer {
  asked = [];
  /** Answers in the order they are given; afterwards everything works. */
  refusals = [];
  offset = 4;

  answer(method, headers) {
    this.asked.push(method);
    const refusal = this.refusals.shift();
    if (refusal) {
      return { status: refusal, headers: {} };
    }
    if (method === "POST") {
      this.offset = 0;
      return { status: 201, headers: { location: "/api/v1/uploads/new" } };
    }
    if (method === "PATCH") {
      assert.equal(Number(headers["upload-offset"]), this.offset, "it goes on where it stopped");
      this.offset = 10;
    }
    const known = { "upload-offset": String(this.offset), "upload-length": "10" };
    return { status: method === "PATCH" ? 204 : 200, headers: known };
  }
}

/** XMLHttpRequest over a `FakeServer`. */
const requests = (server) =>
  class {
    upload = {};
    headers = {};

    open(method) {
      this.method = method;
    }

    setRequestHeader(name, value) {
      this.headers[name.toLowerCase()] = value;
    }

    send() {
      const { status, headers } = server.answer(this.method, this.headers);
      this.status = status;
      this.responseText = "";
      this.getResponseHeader = (name) => headers[name.toLowerCase()] ?? null;
      setImmediate(() => this.onload());
    }

    abort() {}
  };

/** Sends ten bytes to `server`, going on with what it has; returns what was reported. */
async function send(server) {
  globalThis.location = new URL("http://house/upload");
  globalThis.XMLHttpRequest = requests(server);
  const { Transfer } = await load("client/upload/transfer.ts");
  const told = [];
  await new Promise((over) => {
    const transfer = new Transfer(new File(["0123456789"], "a.mp4"), {}, "old", {
      progress: () => undefined,
      cut: () => told.push("cut"),
      stopped: () => over(told.push("stopped")),
      placed: (id, before) => told.push(`${id}${before ? " before" : ""}`),
      finished: () => over(told.push("finished")),
    });
    void transfer.start();
  });
  return told;
}

test("an upload goes on after a server's trouble, and keeps what was sent", async () => {
  const server = new FakeServer();
  server.refusals = [503, 429];
  assert.deepEqual(await send(server), ["cut", "cut", "old before", "finished"]);
  assert.deepEqual(server.asked, ["HEAD", "HEAD", "HEAD", "PATCH"]);
});

test("somebody who was signed out keeps what was sent", async () => {
  const server = new FakeServer();
  server.refusals = [401];
  assert.deepEqual(await send(server), ["stopped"]);
  assert.deepEqual(server.asked, ["HEAD"], "nothing is begun anew");
});

test("only an upload that the server has no more begins from zero", async () => {
  const server = new FakeServer();
  server.refusals = [404];
  assert.deepEqual(await send(server), ["new", "finished"]);
  assert.deepEqual(server.asked, ["HEAD", "POST", "PATCH"]);
});

test("uploads that get lost again and again stop", async () => {
  const server = new FakeServer();
  server.refusals = Array.from({ length: 20 }, () => 410);
  assert.deepEqual(await send(server), ["stopped"]);
  assert.ok(server.asked.length < 10, `${server.asked.length} requests`);
});
