import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine, completeOptions } from "../../js/tasks/engine.js";
import { KINDS } from "../../js/tasks/kinds.js";
import { NetworkSpec } from "../../js/tasks/network.js";
import { Tracker } from "../../js/tasks/tracking.js";

const REGION = { x: 5, y: 5, width: 4, height: 4, rotation: 0 };
const FRAME = /** @type {any} */ ({ width: 10, height: 10 });

test("the module finds its runtime in Node", async () => {
  const bundled = await import("../../dist/webkiln.tasks.min.mjs");
  await assert.rejects(bundled.pose({ models: "/nowhere/at/all" }), { name: "FetchError" });
});

test("options: what is received, what is wanted", async () => {
  const { pose } = await import("../../js/tasks/index.js");
  await assert.rejects(pose(/** @type {any} */ (undefined)), /wants the option models.*got undefined/);
  const complete = (/** @type {any} */ options) => completeOptions("pose", KINDS.pose, options);
  assert.equal(complete({ models: new URL("https://example.com/models") }).models, "https://example.com/models");
  assert.deepEqual(complete({ models: { detector: new URL("https://example.com/d.json") } }).models, { detector: "https://example.com/d.json" });
  assert.throws(() => complete({ models: "m", numPeople: 0 }), /numPeople .* got 0/);
  assert.throws(() => complete({ models: "m", people: 2 }), /does not know the option people; it knows models/);
});

test("a region that cannot be looked at does not end the film", async () => {
  const looked = [];
  const tracker = new Tracker({
    most: 1,
    smoothing: null,
    find: async () => [REGION],
    async look(_, region) {
      looked.push(region.width);
      if (!region.width) throw new Error("nothing to look at");
      return { thing: { score: 1 }, next: { ...region, width: region.width - 4 } };
    },
  });
  assert.equal((await tracker.follow(FRAME, 1)).length, 1);
  await assert.rejects(tracker.follow(FRAME, 2), /nothing to look at/);
  assert.equal((await tracker.follow(FRAME, 3)).length, 1);
  assert.deepEqual(looked, [4, 0, 4]);
});

test("what was loaded is let go when a task cannot be made", async () => {
  let disposed = 0;
  const model = { backend: "wasm", processing: { inputs: { x: { type: "picture" } }, outputs: { y: { type: "mask" } } }, dispose: () => disposed++ };
  const runtime = /** @type {any} */ ({ load: async () => model });
  const made = { options: {}, networks: () => ({ one: new NetworkSpec("m", "the model", ["mask"]) }), create() { throw new Error("no"); } };
  await assert.rejects(Engine.open(made, { models: "m" }, runtime), /no/);
  assert.equal(disposed, 1);
  const lost = { ...model, backend: "webgl", warmup: async () => { throw new Error("lost"); } };
  await assert.rejects(Engine.open({ ...made, create: () => /** @type {any} */ ({}) }, { models: "m" }, /** @type {any} */ ({ load: async () => lost })), /lost/);
  assert.equal(disposed, 2);
});
