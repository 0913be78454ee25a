/** Hostile models, failures in the middle, and places where numbers grow large: a clear error or the right answer, soon. */

import assert from "node:assert/strict";
import test from "node:test";
import { WasmBackend } from "../../js/backends/wasm/backend.js";
import { evaluateDim, symbolsOf } from "../../js/dims.js";
import { load } from "../../js/index.js";
import { ADDRESS, fetchFrom, loadModel, modelFiles, wasmFiles } from "./models.mjs";

const SMALL = { inputs: { x: { shape: [4] } }, nodes: [["neg", ["x"], "y"]], outputs: { y: { shape: [4] } } };

/** Runs a part with something of an object replaced. */
async function replacing(object, name, replacement, part) {
  const original = object[name];
  object[name] = replacement;
  try {
    return await part(original);
  } finally {
    object[name] = original;
  }
}

test("hostile: expressions of thousands of terms", () => {
  const long = Array.from({ length: 2400 }, () => "N*2").join("+");
  assert.equal(evaluateDim(long, new Map([["N", 1]])), 4800);
  assert.deepEqual([...symbolsOf(long)], ["N"]);
  assert.equal(evaluateDim(`min(${Array.from({ length: 3000 }, (_, i) => (i === 1234 ? 7 : 88)).join(",")})`, new Map()), 7);
  assert.throws(() => evaluateDim(`${"(".repeat(3000)}1${")".repeat(3000)}`, new Map()), { name: "FormatError" });
  assert.throws(() => evaluateDim(Array.from({ length: 60 }, () => "1000000").join("*"), new Map()), { name: "FormatError", message: /cannot be computed/ });
});

test("hostile: structures nested or repeated many times are refused, or planned, soon", { timeout: 30_000 }, async () => {
  const deep = `{"format":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  await assert.rejects(loadModel(new Map([["model.json", deep]])), { name: "FormatError", message: /nested too deeply/ });
  const count = 30_000;
  const unknown = { ...SMALL, nodes: Array.from({ length: count }, (_, i) => ["zap", ["x"], `v${i}`]) };
  await assert.rejects(loadModel(unknown), { name: "UnsupportedOperatorError", message: /"zap" \(30000×/ });

  const chain = Array.from({ length: 5000 }, (_, i) => ["neg", [i ? `v${i - 1}` : "x"], `v${i}`]);
  const { v4999 } = await (await loadModel({ ...SMALL, nodes: chain, outputs: { v4999: { shape: [4] } } })).run({ x: [1, 2, 3, 4] });
  assert.deepEqual([...v4999], [1, 2, 3, 4]);

  const fan = [["abs", ["x"], "a"], ...Array.from({ length: 5000 }, (_, i) => ["add", ["a", i ? `v${i - 1}` : "x"], `v${i}`])];
  const sum = await (await loadModel({ ...SMALL, nodes: fan, outputs: { v4999: { shape: [4] } } })).run({ x: [1, 2, 3, 4] });
  assert.deepEqual([...sum.v4999], [5001, 10002, 15003, 20004]);

  const wide = [["neg", ["x"], "a"], ["concat", Array.from({ length: 150_000 }, () => "a"), "y", { axis: 0 }]];
  const { y } = await (await loadModel({ ...SMALL, nodes: wide, outputs: { y: { shape: [600_000] } } })).run({ x: [1, 2, 3, 4] });
  assert.deepEqual([y.length, y[599_996], y[599_999]], [600_000, -1, -4]);
});

test("hostile: sizes whose products do not fit", async () => {
  const big = 2 ** 31 - 1;
  const padded = {
    inputs: { x: { shape: [1, 5, 1, 1] } }, constants: { w: { shape: [3, 1, 1, 1], values: [1, 10, 100] } },
    nodes: [["conv2d", ["x", "w"], "y", { padding: [big, 0, big, 0], dilation: [big, 1] }]], outputs: { y: { shape: [1, 5, 1, 1] } },
  };
  await assert.rejects(loadModel(padded), { name: "FormatError", message: /padded picture of y.*2³¹ − 1/ });
  const expanded = { inputs: { x: { shape: [1] } }, nodes: [["expand", ["x"], "e", { shape: [50_000, 60_000] }]], outputs: { e: { shape: [50_000, 60_000] } } };
  await assert.rejects(loadModel(expanded), { name: "FormatError", message: /2³¹ − 1/ });
  const many = { inputs: { x: { shape: [300_000, 1, 1] } }, nodes: [["matmul", ["x", "x"], "y"]], outputs: { y: { shape: [300_000, 1, 1] } } };
  await assert.rejects(loadModel(many), { name: "WebkilnError", message: /a batch of 300000 products.*at most 262144/ });
});

test("hostile: windows and dilations far larger than the picture cost nothing", { timeout: 10_000 }, async () => {
  const picture = { x: { shape: [1, 4, 4, 1] } };
  const far = 2 ** 27;
  const pool = { window: [2 * far - 1, 1], padding: [far, 0, far, 0] };
  const nodes = [["max_pool2d", ["x"], "most", pool], ["average_pool2d", ["x"], "mean", pool], ["conv2d", ["x", "w"], "y", { dilation: [far, 1], padding: [far, 0, far, 0] }]];
  const outputs = { most: { shape: [1, 6, 4, 1] }, mean: { shape: [1, 6, 4, 1] }, y: { shape: [1, 4, 4, 1] } };
  const model = await loadModel({ inputs: picture, constants: { w: { shape: [3, 1, 1, 1], values: [2, 1, 2] } }, nodes, outputs });
  const x = Array.from({ length: 16 }, (_, i) => i);
  const { most, y } = await model.run({ x });
  assert.deepEqual([...y], x); // only the middle of the window meets the picture
  assert.deepEqual([...most.slice(8, 12)], [12, 13, 14, 15]);
});

test("hostile: inputs that are larger than any memory are not generated", { timeout: 10_000 }, async () => {
  // What a run computes decides on a size, so that nothing is planned, and refused, when the model is loaded.
  const parts = {
    inputs: { x: { dtype: "i32", shape: ["N"] } }, symbols: { N: { minimum: 2 ** 31 - 1 }, count: { minimum: 0 } }, constants: { one: { shape: [1], values: [1] } },
    nodes: [["reduce_sum", ["x"], "how_many", { axes: [0] }], ["expand", ["one"], "y", { shape: ["count"] }]], outputs: { y: { shape: ["count"] } },
    more: { elements: { how_many: ["count"] }, requires: ["elements"] },
  };
  const model = await loadModel(parts);
  await assert.rejects(model.warmup(), { name: "WebkilnError", message: /2147483647 elements is not generated/ });
  await assert.rejects(model.profile(), { name: "WebkilnError", message: /not generated/ });
  model.dispose();
});

test("ranks above that of the kernels: few commands, whatever the order of the axes", async () => {
  const shape = [3000, 2, 2, 2, 2, 2, 2, 2];
  const permutation = [0, 7, 6, 5, 4, 3, 2, 1];
  const model = await loadModel({ inputs: { x: { shape } }, nodes: [["transpose", ["x"], "y", { permutation }]], outputs: { y: { shape } } });
  assert.equal(model.plan.segments[0].commands, 4);
  const x = Float32Array.from({ length: 3000 * 128 }, (_, i) => i);
  const { y } = await model.run({ x });
  const reversed = (i) => (i & ~127) | parseInt((i & 127).toString(2).padStart(7, "0").split("").reverse().join(""), 2);
  assert.ok(y.every((value, i) => value === reversed(i)));
});

test("products of many matrices: each with its own, repeated in order, repeated in turn", async () => {
  const values = (count) => Array.from({ length: count }, (_, i) => ((i * 7) % 11) - 5);
  const [a, b] = [values(24), values(8)];
  const product = (i, j) => [0, 1, 2, 3].map((place) => [0, 1].reduce((sum, k) => sum + a[i * 4 + (place >> 1) * 2 + k] * b[j * 4 + k * 2 + (place & 1)], 0));
  const run = async (shapeA, shapeB, nodes) => {
    const model = await loadModel({ inputs: { a: { shape: shapeA }, b: { shape: shapeB } }, nodes, outputs: { y: { shape: [...(shapeA.length === 4 ? [3, 2] : [6]), 2, 2] } } });
    const { y } = await model.run({ a: { data: a, shape: shapeA }, b: { data: b, shape: shapeB } });
    return [...y].map((value) => value + 0);
  };
  const inTurn = [0, 1, 2, 3, 4, 5].flatMap((i) => product(i, i % 2)).map((value) => value + 0);
  const inOrder = [0, 1, 2, 3, 4, 5].flatMap((i) => product(i, Math.floor(i / 3) % 2)).map((value) => value + 0);
  assert.deepEqual(await run([3, 2, 2, 2], [2, 2, 2], [["matmul", ["a", "b"], "y"]]), inTurn);
  assert.deepEqual(await run([3, 2, 2, 2], [1, 2, 2, 2], [["expand", ["b"], "e", { shape: [3, 2, 2, 2] }], ["matmul", ["a", "e"], "y"]]), inTurn);
  assert.deepEqual(await run([6, 2, 2], [2, 1, 2, 2], [["expand", ["b"], "e", { shape: [2, 3, 2, 2] }], ["reshape", ["e"], "r", { shape: [6, 2, 2] }], ["matmul", ["a", "r"], "y"]]), inOrder);
});

test("names of values never meet names of the planner; nothing has no order", async () => {
  const biased = await loadModel({
    inputs: { x: { shape: [1, 2] }, b: { shape: [2] } }, constants: { w: { shape: [2, 2], values: [1, 0, 0, 1] } },
    nodes: [["neg", ["b"], "the product"], ["matmul", ["x", "w", "the product"], "y"]], outputs: { y: { shape: [1, 2] } },
  });
  assert.deepEqual([...(await biased.run({ x: [[1, 2]], b: [10, 20] })).y], [-9, -18]);
  const empty = await loadModel({
    inputs: { x: { shape: [0, 3, 2] } }, constants: { w: { shape: [0, 4], values: [] } },
    nodes: [["transpose", ["x"], "t", { permutation: [2, 1, 0] }], ["matmul", ["t", "w"], "y"]], outputs: { y: { shape: [2, 3, 4] } },
  });
  assert.deepEqual([...(await empty.run({ x: { data: [], shape: [0, 3, 2] } })).y], new Array(24).fill(0));
});

test("addresses above 2 GiB are addresses", async () => {
  const values = (count) => Array.from({ length: count }, (_, i) => Math.sin(i));
  const parts = {
    inputs: { x: { shape: [1, 9, 7, 6] }, rows: { shape: [3, "N"] } },
    symbols: { N: { minimum: 1 } },
    constants: {
      w: { shape: [3, 3, 6, 10], values: values(540) }, bias: { shape: [10], values: values(10) }, d: { shape: [3, 3, 1, 10], values: values(90) },
      g: { shape: [1, 1, 5, 4], values: values(20) }, slope: { shape: [4], values: values(4) }, index: { dtype: "i32", shape: [2], values: [1, 0] },
    },
    nodes: [
      ["conv2d", ["x", "w", "bias"], "c", { padding: [1, 1, 1, 1] }], ["hard_swish", ["c"], "s"], ["conv2d", ["s", "d"], "dw", { groups: 10, padding: [1, 1, 1, 1], stride: [2, 2] }],
      ["conv2d", ["dw", "g"], "grouped", { groups: 2 }], ["prelu", ["grouped", "slope"], "p"], ["max_pool2d", ["p"], "m", { window: [2, 2] }],
      ["resize", ["m"], "r", { size: [7, 5] }], ["pad", ["r"], "padded", { low: [0, 1, 0, 0], high: [0, 0, 2, 0], interior: [0, 0, 0, 0] }],
      ["transpose", ["padded"], "t", { permutation: [0, 3, 1, 2] }], ["reduce_mean", ["t"], "mean", { axes: [1], keep_dims: true }], ["gather", ["mean", "index"], "y", { axis: 2 }],
      ["matmul", ["rows", "turned"], "square"],
    ],
    outputs: { y: { shape: [1, 1, 2, 7] }, square: { shape: [3, 3] } },
  };
  parts.nodes.splice(0, 0, ["transpose", ["rows"], "turned", { permutation: [1, 0] }]);
  const inputs = { x: values(378), rows: { data: values(15), shape: [3, 5] } };
  const wanted = await (await loadModel(parts)).run(inputs);
  const high = await replacing(WasmBackend.prototype, "placeState", function (begin) {
    return originalPlace.call(this, Math.max(begin, 2 ** 31 + 4096));
  }, () => loadModel(parts));
  const received = await high.run(inputs);
  assert.deepEqual([...received.y], [...wanted.y]);
  assert.deepEqual([...received.square], [...wanted.square]);
  high.dispose();
});
const originalPlace = WasmBackend.prototype.placeState;

test("kernels that stop: the error says so, and so does every later use, until dispose", async () => {
  const model = await loadModel(SMALL);
  const { write } = WasmBackend.prototype;
  await replacing(WasmBackend.prototype, "write", function (plan, inputs) {
    write.call(this, plan, inputs);
    new Int32Array(this.memory.buffer)[plan.encoded.begin / 4] = 12345; // no such kernel
  }, () => assert.rejects(model.run({ x: [1, 2, 3, 4] }), { name: "WebkilnError", message: /kernels of the plain build stopped: RuntimeError.*please report/ }));
  await assert.rejects(model.run({ x: [1, 2, 3, 4] }), { name: "WebkilnError", message: /earlier call .* failed .*load it again/ });
  await assert.rejects(model.profile(), { name: "WebkilnError", message: /earlier call/ });
  model.dispose();
  await assert.rejects(model.run({ x: [1, 2, 3, 4] }), { name: "WebkilnError", message: /disposed/ });
});

test("memory that is refused once: the next run has all its weights, and earlier plans notice", async () => {
  // The zeros that stand for a bias are as many as there are rows, so that larger inputs bring new weights.
  const model = await loadModel({
    inputs: { x: { shape: ["N", 2] } }, symbols: { N: { minimum: 1 } },
    constants: { w: { shape: [2, 2], values: [1, 1, 0, 1] } },
    nodes: [["transpose", ["x"], "t", { permutation: [1, 0] }], ["matmul", ["x", "w"], "m"], ["matmul", ["m", "t"], "y"]],
    outputs: { y: { shape: ["N", "N"] } },
  });
  const x = Array.from({ length: 120 }, (_, i) => (i % 13) - 6);
  const run = async (rows) => (await model.run({ x: { data: x.slice(0, 2 * rows), shape: [rows, 2] } })).y;
  const check = async (rows) => {
    const wanted = Array.from({ length: rows * rows }, (_, at) => {
      const [i, j] = [Math.floor(at / rows), at % rows];
      return x[2 * i] * x[2 * j] + (x[2 * i] + x[2 * i + 1]) * x[2 * j + 1];
    });
    assert.deepEqual([...(await run(rows))].map((value) => value + 0), wanted.map((value) => value + 0));
  };
  const { grow } = WasmBackend.prototype;
  for (const [failing, rows] of [[0, 9], [1, 17], [0, 33], [1, 60]]) {
    await check(1);
    await check(rows - 1 > 8 ? 8 : 2);
    let calls = 0;
    await replacing(WasmBackend.prototype, "grow", function (top) {
      if (calls++ === failing) throw new RangeError("no memory");
      grow.call(this, top);
    }, () => assert.rejects(run(rows), /no memory/));
    for (const again of [1, rows, 1, rows]) await check(again);
  }
});

test("a state is set up before the first plan of a model without one", async () => {
  const model = await loadModel({
    inputs: { x: { shape: ["N"] } }, symbols: { N: { minimum: 1 } }, constants: { start: { shape: [1], values: [5] } },
    // The smallest size does not fit, so that nothing is planned when the model is loaded.
    nodes: [["reshape", ["x"], "pairs", { shape: ["floordiv(N, 2)", 2] }], ["add", ["h", "h"], "next"], ["add", ["pairs", "h"], "y"]],
    outputs: { y: { shape: ["floordiv(N, 2)", 2] } }, state: [{ input: "h", output: "next", initial: "start", shape: [1], dtype: "f32" }],
  });
  await model.warmup({ x: [1, 2] });
  assert.deepEqual([...(await model.run({ x: [1, 2] })).y], [6, 7]);
  assert.deepEqual([...(await model.run({ x: [1, 2, 3, 4] })).y], [11, 12, 13, 14]);
});

test("abort: whatever stage hangs, loading ends with the reason", async () => {
  const wasm = await wasmFiles();
  for (const hanging of ["model.json", "weights-00000.safetensors"]) {
    const files = modelFiles({ ...SMALL, constants: { w: { shape: [4], values: [1, 2, 3, 4] } }, nodes: [["add", ["x", "w"], "y"]] });
    const serve = fetchFrom(files);
    const controller = new AbortController();
    // A fetch that does not look at its signal.
    const fetch = (address) => (address.endsWith(hanging) ? new Promise(() => queueMicrotask(() => controller.abort(new Error("enough")))) : serve(address));
    await assert.rejects(load(ADDRESS, { fetch, wasm, signal: controller.signal }), /enough/);
  }
});

test("loads at the same time share one compilation, and one that is aborted takes no other with it", async () => {
  const controller = new AbortController();
  const files = modelFiles(SMALL);
  const { readFile } = await import("node:fs/promises");
  const module = await readFile(new URL("../../dist/webkiln-plain.wasm", import.meta.url));
  let compilations = 0;
  const serve = async (address, options) => {
    if (!address.endsWith(".wasm")) return fetchFrom(files)(address, options);
    compilations++;
    await new Promise((resolve) => setTimeout(resolve, 20));
    options?.signal?.throwIfAborted();
    return new Response(module, { headers: { "content-type": "application/wasm" } });
  };
  await replacing(globalThis, "fetch", serve, async () => {
    const options = { wasm: "http://models.test/shared/", relaxed: false };
    const first = load(ADDRESS, { ...options, signal: controller.signal });
    const others = [load(ADDRESS, options), load(ADDRESS, options)];
    setTimeout(() => controller.abort(new Error("not this one")), 5);
    await assert.rejects(first, /not this one/);
    for (const model of await Promise.all(others)) assert.deepEqual([...(await model.run({ x: [1, 2, 3, 4] })).y], [-1, -2, -3, -4]);
    assert.equal(compilations, 2);
  });
});

test("what is no WebAssembly, served as if it were, is told", async () => {
  const files = fetchFrom(modelFiles(SMALL));
  const fetch = async (address, options) => (address.endsWith(".wasm") ? new Response("nonsense", { headers: { "content-type": "application/wasm" } }) : files(address, options));
  await assert.rejects(load(ADDRESS, { fetch, wasm: "http://models.test/bad/" }), { name: "WebkilnError", message: /webkiln-\w+\.wasm\) does not compile here/ });
});

test("onProgress that throws is not taken for a broken connection", async () => {
  const onProgress = ({ stage }) => {
    if (stage === "weights") throw new TypeError("a fault of the page");
  };
  await assert.rejects(loadModel({ ...SMALL, constants: { w: { shape: [4], values: [1, 2, 3, 4] } }, nodes: [["add", ["x", "w"], "y"]] }, { onProgress }), { name: "TypeError", message: "a fault of the page" });
});

test("arguments of the wrong kind", async () => {
  await assert.rejects(load(ADDRESS, null), { name: "WebkilnError", message: /options as an object, got null/ });
  await assert.rejects(load("http://"), { name: "WebkilnError", message: /"http:\/\/" is no address/ });
  const model = await loadModel(SMALL);
  await assert.rejects(model.run({ x: { data: [1, 2, 3, 4], shape: 4 } }), { name: "InputError", message: /"x".*shape must be an array.*number/ });
  for (const runs of [0, -1, 1.5, "3"]) await assert.rejects(model.profile(undefined, { runs }), { name: "InputError", message: /number of runs/ });
});
