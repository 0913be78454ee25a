/** What outputs mean, in the bundles too. That results are those of Python is tested with the tasks. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { results } from "../../js/results/results.js";

const dist = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "dist");
const PICTURE = { type: "picture", width: 8, height: 4 };
const POINT = { type: "keypoints", count: 1, fields: ["x", "y"] };
const described = (outputs, picture = PICTURE) => ({ processing: { inputs: { image: picture, other: { ...picture, width: 4 } }, outputs } });
const tensor = (values, shape = [values.length]) => Object.assign(Float32Array.from(values), { shape });
const pixels = (width, height) => ({ data: new Uint8ClampedArray(4 * width * height), width, height });

test("results: in pixels of the picture that was given, of its region, or of the input", async () => {
  const model = described({ y: POINT });
  const outputs = { y: tensor([4, 2]) };
  const at = async (inputs) => (await results(model, outputs, inputs)).y.points[0];
  assert.deepEqual(await at(undefined), { x: 4, y: 2 });
  assert.deepEqual(await at({ image: new Float32Array(96) }), { x: 4, y: 2 });
  assert.deepEqual(await at({ image: { data: new Float32Array(96), shape: [1, 4, 8, 3] } }), { x: 4, y: 2 });
  assert.deepEqual(await at({ image: pixels(80, 20) }), { x: 40, y: 10 });
  const { x, y } = await at({ image: { picture: pixels(80, 20), region: { x: 30, y: 12, width: 10, height: 10, rotation: 1 } } });
  assert.ok(Math.hypot(x - 30, y - 12) < 1e-9);
  await assert.rejects(at({ picture: pixels(8, 4) }), { name: "InputError", message: /the output "y": .*"image"/ });
});

test("results: an output may be about another picture", async () => {
  const found = await results(described({ y: { ...POINT, input: "other" } }), { y: tensor([1, 1]) }, { image: pixels(8, 4), other: pixels(8, 4) });
  assert.deepEqual(found.y.points, [{ x: 2, y: 1 }]);
});

test("results: an input of its picture's size wants that picture", async () => {
  const model = described({ y: POINT }, { ...PICTURE, width: "W" });
  await assert.rejects(results(model, { y: tensor([1, 1]) }), { name: "InputError", message: /size of its picture/ });
  assert.deepEqual((await results(model, { y: tensor([1, 1]) }, { image: pixels(16, 8) })).y.points, [{ x: 1, y: 2 }]);
});

test("results: of outputs on the device, whose other outputs stay there", async () => {
  let reads = 0;
  const onDevice = (values) => ({ shape: [values.length], data: async () => (reads++, tensor(values)) });
  const kept = onDevice([9]);
  const found = await results(described({ y: { type: "labels", labels: ["a", "b"], top: 1 } }), { y: onDevice([0.25, 0.75]), kept });
  assert.deepEqual(found.y, [{ label: "b", index: 1, score: 0.75 }]);
  assert.equal(found.kept, kept);
  assert.equal(reads, 1);
});

test("results: a model without processing gives its outputs", async () => {
  const outputs = { y: tensor([1]) };
  for (const processing of [null, undefined, {}]) assert.equal((await results({ processing }, outputs)).y, outputs.y);
});

test("results: the script adds them to the runtime, and says when there is none", async () => {
  const [runtime, script] = await Promise.all(["webkiln.min.js", "webkiln.results.min.js"].map((file) => readFile(join(dist, file), "utf8")));
  const context = vm.createContext({});
  assert.throws(() => vm.runInContext(script, context), { name: "WebkilnError", message: /after webkiln\.min\.js/ });
  vm.runInContext(runtime, context);
  vm.runInContext(script, context);
  Object.assign(context, { model: described({ y: POINT }), outputs: { y: tensor([4, 2]) } });
  const found = await vm.runInContext("webkiln.results(model, outputs)", context);
  assert.equal(JSON.stringify(found), '{"y":{"points":[{"x":4,"y":2}],"skeleton":[]}}');
  assert.equal(await vm.runInContext("webkiln.results(model, outputs, {}).catch((error) => error instanceof webkiln.InputError && error.message.includes('image'))", context), true);
});

test("results: the module", async () => {
  const module = await import(join(dist, "webkiln.results.min.mjs"));
  assert.deepEqual(Object.keys(module), ["results"]);
  assert.deepEqual((await module.results(described({ y: POINT }), { y: tensor([4, 2]) })).y.points, [{ x: 4, y: 2 }]);
});
