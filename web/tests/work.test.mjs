// Rules of uploads, jobs, inbox and settings that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const file = (name, type = "", size = 1) => ({ name, type, size });

test("only what is certainly no film is refused before it is sent", async () => {
  const { refusal, isCompanion } = await load("client/upload/kind.ts");
  for (const sent of [
    file("film.mp4", "video/mp4"),
    file("broadcast.ts", "text/vnd.trolltech.linguist"),
    file("without-an-ending"),
    file("song.flac", "audio/flac"),
  ]) {
    assert.equal(refusal(sent), null, `${sent.name} is sent`);
  }
  for (const [refused, why] of [
    [file("notes.txt", "text/plain"), "text file"],
    [file("cover.jpg", "image/jpeg"), "picture"],
    [file("films.zip"), "archive"],
    [file("film.mp4", "video/mp4", 0), "empty"],
  ]) {
    assert.match(refusal(refused) ?? "", new RegExp(why), `${refused.name} is refused in words`);
  }
  assert.equal(isCompanion("film.srt"), true);
  assert.equal(isCompanion(".DS_Store"), true);
  assert.equal(isCompanion("film.mkv"), false);
});

test("two files go at a time, and one that tries again counts", async () => {
  const { next, isBusy } = await load("client/upload/queue.ts");
  const rows = (...stages) => stages.map((stage, index) => ({ stage, index }));
  const begun = (...stages) => next(rows(...stages)).map((row) => row.index);
  assert.deepEqual(begun("waiting", "waiting", "waiting"), [0, 1]);
  assert.deepEqual(begun("sending", "waiting", "waiting"), [1]);
  assert.deepEqual(begun("retrying", "sending", "waiting"), []);
  assert.deepEqual(begun("paused", "orphaned", "stuck", "waiting"), [3]);
  assert.equal(isBusy(rows("arrived", "taken", "refused", "orphaned")), false);
  assert.equal(isBusy(rows("taken", "waiting")), true, "leaving would stop what waits");
});

test("pauses between tries grow and then stay", async () => {
  const { retryDelays, mayHelp } = await load("client/upload/queue.ts");
  const delays = retryDelays();
  assert.deepEqual(delays.slice(0, 4), [0, 1_000, 2_000, 4_000]);
  assert.equal(delays.at(-1), 60_000);
  assert.ok(delays.every((pause, index) => index === 0 || pause >= delays[index - 1]));
  for (const [status, helps] of [
    [0, true],
    [401, false],
    [403, false],
    [409, true],
    [413, false],
    [503, true],
  ]) {
    assert.equal(mayHelp(status), helps, `${status}`);
  }
});

test("the same file goes on with the upload it began", async () => {
  const { continues } = await load("client/upload/queue.ts");
  const rows = [
    { stage: "sending", name: "a.mp4", length: 5 },
    { stage: "orphaned", name: "a.mp4", length: 7 },
  ];
  assert.equal(continues(rows, { name: "a.mp4", size: 7 }), rows[1]);
  assert.equal(continues(rows, { name: "a.mp4", size: 5 }), undefined, "it is being sent already");
  assert.equal(continues(rows, { name: "b.mp4", size: 7 }), undefined);
});

test("speed is smooth, and forgets what was before a pause", async () => {
  const { Pace } = await load("client/upload/pace.ts");
  const pace = new Pace();
  assert.equal(pace.speed(), null, "nothing is known at first");
  for (let at = 0; at <= 5_000; at += 250) {
    pace.note(at * 1_000, at);
  }
  assert.ok(Math.abs(pace.speed() - 1_000_000) < 1, "a megabyte in a second");
  assert.equal(Math.round(pace.secondsFor(30_000_000)), 30);
  pace.note(5_000_000, 5_100);
  assert.ok(pace.speed() > 800_000, "one hiccup does not make it jump");
  pace.note(5_000_000, 60_000);
  assert.equal(pace.speed(), null, "a minute later the old speed says nothing");
});

test("a file on its way says what is going on", async () => {
  const { lineOf, factsOf } = await load("client/upload/words.ts");
  const standing = {
    stage: "sending",
    sent: 420_000_000,
    length: 1_000_000_000,
    speed: 10_000_000,
    secondsLeft: 58,
    retryInS: 0,
    reason: null,
  };
  const at = (stage, more = {}) => lineOf({ ...standing, stage, ...more });
  assert.equal(at("sending"), "Sending, 42 %");
  assert.equal(factsOf(standing), "420 MB of 1.0 GB · 10 MB/s · about 1 min left");
  assert.equal(at("orphaned"), "Choose the file again to go on from 42 %");
  assert.equal(at("retrying", { retryInS: 8 }), "The connection is gone. Trying again in 8 s.");
  assert.equal(at("refused", { reason: "It ends in the middle." }), "It ends in the middle.");
});

const NOW = new Date("2025-11-23T19:00:00Z");
const job = (more) => ({
  id: "j",
  title: "t",
  title_name: "Sunday",
  poster: null,
  state: "queued",
  reason: null,
  progress: { step: "waiting", fraction: 0, speed: 0, seconds_left: null },
  rungs: [],
  strip: null,
  run_after: "2025-11-23T18:00:00Z",
  ready_at: null,
  finished_at: null,
  ...more,
});
const around = { before: 0, encodingPaused: false, steers: true, now: NOW };
const begun = { cells: [{ start: 0, end: 1, lit: [1, 0.5] }], working: 0, wished: [] };

test("a job says what happens, and when it will be ready", async () => {
  const { lineOf, factsOf, readyWords } = await load("client/jobs/words.ts");
  assert.equal(lineOf(job(), around), "Next in line");
  assert.equal(lineOf(job(), { ...around, before: 2 }), "Waits for 2 other films");
  const reads = { step: "inspecting", fraction: 0, speed: 0, seconds_left: null };
  assert.equal(lineOf(job({ state: "running", progress: reads }), around), "Reading the file");
  assert.equal(lineOf(job({ state: "running" }), around), "Next in line", "only taken up so far");
  const runs = job({
    state: "running",
    strip: begun,
    progress: { step: "encoding", fraction: 0.42, speed: 3.2, seconds_left: 2_400 },
  });
  assert.equal(lineOf(runs, around), "Ready to watch, still getting sharper");
  assert.match(factsOf(runs, around), /^42 % done · 3\.2× real time · ready about .*40/);
  assert.equal(factsOf(runs, { ...around, encodingPaused: true }), "42 % done");
  assert.equal(readyWords(new Date(NOW.getTime() + 20_000), NOW), "about 20 s left");
});

test("only what makes sense in its state can be asked of a job", async () => {
  const { actionsOf } = await load("client/jobs/words.ts");
  const keys = (more, where = around) => actionsOf(job(more), where).map((action) => action.key);
  assert.deepEqual(keys({}), ["pause", "cancel"], "the next one need not be moved up");
  assert.deepEqual(keys({}, { ...around, before: 1 }), ["boost", "pause", "cancel"]);
  const encodes = { step: "encoding", fraction: 0.4, speed: 3, seconds_left: 9 };
  const runs = { state: "running", strip: begun, progress: encodes };
  assert.deepEqual(keys(runs), ["watch", "pause", "cancel"]);
  assert.deepEqual(keys({ state: "paused" }), ["resume", "cancel"]);
  assert.deepEqual(keys({ state: "failed" }), ["retry"]);
  assert.deepEqual(keys({ state: "done" }), ["watch"]);
  assert.deepEqual(keys({ state: "failed" }, { ...around, steers: false }), []);
});

test("a job's ladder names its qualities", async () => {
  const { faceOf } = await load("client/jobs/words.ts");
  const { describeLadder } = await load("client/ladder.ts");
  const rungs = [
    { stream: 0, name: 360, width: 640, height: 360, ready: 1 },
    { stream: 1, name: 1080, width: 1920, height: 1080, ready: 0.5 },
  ];
  const face = faceOf(job({ state: "running", strip: begun, rungs }), around);
  assert.equal(describeLadder(face.rungs), "Ready in 360p, 1080p (50 %)");
  assert.deepEqual(faceOf(job(), around).rungs, [], "nobody has looked at it");
});

test("a job at the end of a page is put behind the one before it, not at the queue's end", async () => {
  const { placeOf } = await load("client/jobs/order.ts");
  assert.deepEqual(placeOf("a", "b"), { before: "b" });
  assert.deepEqual(placeOf(null, "b"), { before: "b" });
  assert.deepEqual(placeOf("a", null), { after: "a" });
  assert.deepEqual(placeOf(null, null), {}, "it is alone");
});

test("a long list is looked at again as far as it was shown", async () => {
  const { fetchPages } = await load("client/pages.ts");
  const asked = [];
  const real = globalThis.fetch;
  globalThis.fetch = async (path) => {
    asked.push(path);
    const next = asked.length < 3 ? `at.${asked.length}` : null;
    return new Response(JSON.stringify({ items: asked.length, next_cursor: next }));
  };
  try {
    const two = await fetchPages("/list?x=1", 2);
    assert.deepEqual(
      two.map((page) => page.items),
      [1, 2],
    );
    assert.deepEqual(asked, ["/list?x=1", "/list?x=1&cursor=at.1"]);
    asked.length = 0;
    const all = await fetchPages("/list", 9);
    assert.equal(all.length, 3, "there are no more");
    assert.deepEqual(asked.slice(1), ["/list?cursor=at.1", "/list?cursor=at.2"]);
  } finally {
    globalThis.fetch = real;
  }
});

test("a server that only its machine reaches offers nothing to scan", async () => {
  const { shownOf } = await load("client/address.ts");
  const own = "http://127.0.0.1:8096";
  const alone = { urls: [own], picture: null };
  assert.deepEqual(shownOf({ urls: [], qr_svg_url: null }, own), alone);
  assert.deepEqual(shownOf(null, own), alone, "it did not answer");
  const reached = { urls: ["http://nas:8096"], qr_svg_url: "/qr.svg" };
  assert.deepEqual(shownOf(reached, own), { urls: reached.urls, picture: "/qr.svg" });
});

test("counts end where the server ends them", async () => {
  const { counted } = await load("client/format.ts");
  assert.equal(counted(999), "999");
  assert.equal(counted(1_000), "1,000+");
});

test("who deletes a film is told until when, and what becomes of its file", async () => {
  const { goneWords } = await load("client/gone.ts");
  const { timeOfDay } = await load("client/jobs/words.ts");
  const undo_until = "2025-11-23T19:40:00Z";
  const until = timeOfDay(new Date(undo_until));
  const theirs = goneWords({ undo_until, file_goes: false });
  assert.ok(theirs.includes(`Until ${until} `), theirs);
  assert.match(theirs, /Its file stays where it is\.$/);
  const uploaded = goneWords({ undo_until, file_goes: true });
  assert.match(uploaded, /the file that was uploaded/);
  assert.doesNotMatch(uploaded, /stays/);
});

test("an open house does not tell people without a link that they are invited", async () => {
  const { openWithoutInvitation } = await load("client/invited.ts");
  const part = (when) => ({ hidden: when === "open", dataset: { when } });
  const parts = [part("invited"), part("open")];
  const form = { hidden: false, dataset: { send: "POST /join", withoutToken: "POST /signup" } };
  assert.equal(openWithoutInvitation(form, parts), true);
  assert.equal(form.dataset.send, "POST /signup");
  assert.deepEqual(
    parts.map((each) => each.hidden),
    [true, false],
  );
  const closed = { hidden: false, dataset: { send: "POST /join" } };
  assert.equal(openWithoutInvitation(closed, []), false);
});

test("an emptied field is sent as it is unless it says otherwise", async () => {
  const { toJson } = await load("client/fields.ts");
  const field = (empty) => toJson([{ name: "description", value: "", type: "text", empty }]);
  assert.deepEqual(field("keep"), { description: "" });
  assert.deepEqual(field("null"), { description: null });
  assert.deepEqual(field("omit"), {});
});

test("a dragged card lands between the middles of its neighbours", async () => {
  const { placeAt } = await load("client/jobs/order.ts");
  assert.equal(placeAt([100, 200], 50), 0);
  assert.equal(placeAt([100, 200], 150), 1);
  assert.equal(placeAt([100, 200], 250), 2);
  assert.equal(placeAt([], 10), 0);
});

test("the inbox names one thing to do", async () => {
  const { stepOf, toneOf, doorOf } = await load("client/inbox/words.ts");
  const arrival = (state, reason = null, title = null, may_decide = true) => ({
    may_decide,
    needs_you: may_decide && ["refused", "removed"].includes(state),
    door: "folder",
    path: "/films/Holidays/a.mp4",
    state,
    reason,
    title,
  });
  assert.equal(stepOf(arrival("settling")), null, "a copy in progress needs nobody");
  assert.equal(stepOf(arrival("refused", "It is empty.")).ask, "retry");
  assert.equal(stepOf(arrival("removed", "Somebody says so.")).ask, "take");
  assert.equal(stepOf(arrival("ignored", "You removed this film.")), null, "words decide nothing");
  assert.equal(stepOf(arrival("refused", null, "x", false)), null, "it is somebody else's");
  assert.equal(stepOf(arrival("admitted", null, "x")).href, "/title/x");
  assert.equal(toneOf(arrival("refused")), "trouble");
  assert.equal(toneOf(arrival("refused", null, "x", false)), "rest");
  assert.deepEqual(doorOf(arrival("admitted")), { word: "Folder", folder: "Holidays" });
});

test("a bucket is read from its form as the server takes it", async () => {
  const { bucketIn, missingIn } = await load("client/settings/bucket.ts");
  const form = new FormData();
  form.set("endpoint", " http://nas.local:9000/ ");
  form.set("name", "films");
  form.set("access_key", "me");
  form.set("prefix", "/homereel/");
  form.set("path_style", "on");
  const bucket = bucketIn(form);
  assert.equal(bucket.endpoint, "http://nas.local:9000");
  assert.equal(bucket.prefix, "homereel");
  assert.equal(bucket.region, "us-east-1");
  assert.equal(bucket.secret_key, null, "the server keeps the one it has");
  assert.equal(bucket.path_style, true);
  assert.equal(missingIn(bucket), null);
  assert.match(missingIn({ ...bucket, endpoint: "nas.local" }), /http/);
});

test("a film begins where somebody chose, else where it was left, after asking", async () => {
  const { beginning, leftAt } = await load("client/player/progress.ts");
  assert.deepEqual(beginning("", 760), { seconds: 760, ask: true });
  assert.deepEqual(beginning("", null), { seconds: null, ask: false });
  assert.deepEqual(beginning("#t=0", 760), { seconds: null, ask: false });
  assert.deepEqual(beginning("#t=754", null), { seconds: 754, ask: false });
  assert.deepEqual(beginning("#t=x", 760), { seconds: 760, ask: true }, "nonsense chooses nothing");
  assert.equal(leftAt({ position_s: 760, finished: false }), 760);
  assert.equal(leftAt({ position_s: 5, finished: false }), null, "five seconds are a glance");
  assert.equal(leftAt({ position_s: 760, finished: true }), null);
  assert.equal(leftAt(undefined), null);
});

test("what is said of a film fits its first request; a long text follows", async () => {
  const { metadataOf, saidAtFirst } = await load("client/upload/server.ts");
  const said = { title: " Sunday ", description: "", visibility: "members" };
  assert.deepEqual(metadataOf(file("a.mp4", "video/mp4"), said), {
    filename: "a.mp4",
    filetype: "video/mp4",
    title: "Sunday",
    visibility: "members",
  });
  assert.equal(saidAtFirst({ ...said, description: "x".repeat(5_000) }).description, "");
  assert.equal(saidAtFirst({ ...said, description: "short" }).description, "short");
});
