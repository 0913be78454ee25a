import assert from "node:assert/strict";
import test from "node:test";
import { WasmBackend } from "../../js/backends/wasm/backend.js";
import { loadModel, modelFiles, random } from "./models.mjs";

const values = (count, seed = 1) => {
  const { next } = random(seed);
  return Array.from({ length: count }, () => Math.fround(next() * 2 - 1));
};

test("run: numbers that can be checked by hand", async () => {
  const model = await loadModel({
    inputs: { a: { shape: [2, 3] }, b: { shape: [3] } },
    constants: { w: { shape: [3, 2], values: [1, 2, 3, 4, 5, 6] } },
    nodes: [["add", ["a", "b"], "s"], ["matmul", ["s", "w"], "m"], ["transpose", ["m"], "t", { permutation: [1, 0] }]],
    outputs: { t: { shape: [2, 2] }, s: { shape: [2, 3] } },
  });
  const { t, s } = await model.run({ a: [[1, 2, 3], [4, 5, 6]], b: Float32Array.of(10, 20, 30) });
  assert.deepEqual([...s], [11, 22, 33, 14, 25, 36]);
  assert.deepEqual([...t], [11 + 66 + 165, 14 + 75 + 180, 22 + 88 + 198, 28 + 100 + 216]);
  assert.deepEqual(t.shape, [2, 2]);
  assert.ok(t instanceof Float32Array);
});

test("plan: a convolution does its clamp and its whole tail in one command, one segment, one call", async () => {
  const conv = { w: { shape: [3, 3, 4, 4], values: values(144) }, bias: { shape: [4], values: values(4) }, slope: { shape: [4], values: values(4) } };
  const model = await loadModel({
    inputs: { x: { shape: [1, 6, 6, 4] } },
    constants: conv,
    nodes: [
      ["conv2d", ["x", "w", "bias"], "c", { padding: [1, 1, 1, 1] }], ["clip", ["c"], "k", { minimum: -0.5, maximum: 6 }],
      ["add", ["k", "x"], "r"], ["prelu", ["r", "slope"], "p"], ["sigmoid", ["p"], "g"], ["mul", ["p", "g"], "y"],
    ],
    outputs: { y: { shape: [1, 6, 6, 4] } },
  });
  assert.equal(model.plan.segments.length, 1);
  assert.deepEqual(model.plan.segments[0], { backend: "wasm", operations: 6, commands: 1 });
  let calls = 0;
  const { invoke } = WasmBackend.prototype;
  WasmBackend.prototype.invoke = function (...range) {
    calls++;
    return invoke.apply(this, range);
  };
  try {
    const inputs = { x: Float32Array.from(values(144, 2)) };
    const { y } = await model.run(inputs);
    assert.equal(calls, 1);
    assert.deepEqual([...y], [...(await model.trace(inputs)).y], "fused and not, the same bits");
  } finally {
    WasmBackend.prototype.invoke = invoke;
  }
});

test("plan: parts of a concatenation are computed in their place; a chain takes no more than its widest pair", async () => {
  const stacked = await loadModel({
    inputs: { x: { shape: [4, 8] } },
    nodes: [["exp", ["x"], "a"], ["sin", ["x"], "b"], ["concat", ["a", "b", "a"], "y", { axis: 0 }]],
    outputs: { y: { shape: [12, 8] } },
  });
  const report = await stacked.profile();
  assert.deepEqual(report.commands.map(({ kernel }) => kernel), ["elementwise", "elementwise", "copy"], "only the repeated part is copied");
  const x = Float32Array.from(values(32));
  const { y } = await stacked.run({ x });
  assert.deepEqual([...y.subarray(0, 32)], [...y.subarray(64)]);
  assert.ok(Math.abs(y[0] - Math.exp(x[0])) < 1e-6 && Math.abs(y[32] - Math.sin(x[0])) < 1e-6);

  const nodes = Array.from({ length: 20 }, (_, i) => ["max_pool2d", [i ? `p${i - 1}` : "x"], `p${i}`, { window: [3, 3], padding: [1, 1, 1, 1] }]);
  const chain = await loadModel({ inputs: { x: { shape: [1, 16, 16, 4] } }, nodes, outputs: { p19: { shape: [1, 16, 16, 4] } } });
  assert.equal(chain.plan.arenaBytes, 2 * 4096);
  assert.equal(chain.plan.intermediateBytes, 21 * 4096);
});

test("plan: views cost no command where the consumer can read them", async () => {
  const model = await loadModel({
    inputs: { x: { shape: [2, 3, 4] } },
    nodes: [
      ["transpose", ["x"], "t", { permutation: [2, 0, 1] }], ["slice", ["t"], "s", { start: [3, 0, 0], size: [2, 2, 3], step: [-2, 1, 1] }],
      ["reshape", ["x"], "f", { shape: [24] }], ["slice", ["f"], "g", { start: [4], size: [12], step: [1] }], ["reshape", ["g"], "h", { shape: [2, 2, 3] }],
      ["add", ["s", "h"], "y"],
    ],
    outputs: { y: { shape: [2, 2, 3] } },
  });
  assert.deepEqual((await model.profile()).commands.map(({ kernel }) => kernel), ["elementwise"]);
  const { y } = await model.run({ x: Array.from({ length: 24 }, (_, i) => i) });
  const wanted = [];
  for (const k of [3, 1]) for (let n = 0; n < 2; n++) for (let m = 0; m < 3; m++) wanted.push(n * 12 + m * 4 + k + 4 + wanted.length);
  assert.deepEqual([...y], wanted);
});

/** A random graph over pictures and vectors; every value is f32. */
function randomGraph(seed) {
  const { integer, pick, next } = random(seed);
  const constants = {};
  const nodes = [];
  const known = [["x", [1, integer(3, 9), integer(3, 9), pick([1, 3, 4, 8, 12])]]];
  const inputs = { x: { shape: known[0][1] } };
  const constant = (shape) => {
    const name = `w${Object.keys(constants).length}`;
    constants[name] = { shape, values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(next() - 0.5)) };
    return name;
  };
  const emit = (op, from, shape, attributes) => {
    const name = `v${nodes.length}`;
    nodes.push([op, from, name, attributes]);
    known.push([name, shape]);
  };
  for (let i = integer(4, 22); i > 0; i--) {
    const [name, shape] = pick(known.slice(-4));
    const picture = shape.length === 4;
    const kind = pick(["unary", "unary", "binary", "binary", "same", "conv", "conv1", "depthwise", "pool", "concat", "view", "reduce", "pad", "resize", "matmul", "clip", "gather"]);
    if (kind === "unary") emit(pick(["sigmoid", "relu", "abs", "neg", "tanh", "hard_swish"]), [name], shape);
    else if (kind === "clip") emit("clip", [name], shape, { minimum: -0.3, maximum: pick([0.4, "Infinity"]) });
    else if (kind === "binary") emit(pick(["add", "mul", "sub", "max", "prelu"]), [name, constant(pick([[shape.at(-1)], [1], shape, shape.map((dim, axis) => (axis === shape.length - 1 ? 1 : dim))]))], shape);
    else if (kind === "same") {
      const [other] = pick(known.filter((value) => value[1].join() === shape.join()));
      emit(pick(["add", "mul", "sub", "min"]), next() < 0.5 ? [name, other] : [other, name], shape);
    } else if (kind === "conv1" && picture) {
      const out = pick([3, 4, 8]);
      emit("conv2d", [name, constant([1, 1, shape[3], out]), constant([out])], [...shape.slice(0, 3), out]);
    } else if (kind === "conv" && picture && shape[1] > 2 && shape[2] > 2) {
      const out = pick([2, 4, 5, 8]);
      emit("conv2d", [name, constant([3, 3, shape[3], out])], [shape[0], Math.floor((shape[1] - 1) / 2) + 1, Math.floor((shape[2] - 1) / 2) + 1, out], { stride: [2, 2], padding: [1, 1, 1, 1] });
    } else if (kind === "depthwise" && picture && shape[3] > 1) {
      emit("conv2d", [name, constant([3, 3, 1, shape[3]]), constant([shape[3]])], shape, { padding: [1, 1, 1, 1], groups: shape[3] });
    } else if (kind === "pool" && picture && shape[1] > 1 && shape[2] > 1) {
      emit(pick(["max_pool2d", "average_pool2d"]), [name], [shape[0], shape[1] - 1, shape[2] - 1, shape[3]], { window: [2, 2] });
    } else if (kind === "concat") {
      const axis = integer(0, shape.length);
      const others = known.filter((value) => value[1].length === shape.length && value[1].every((dim, i) => i === axis || dim === shape[i])).slice(-3);
      emit("concat", others.map((value) => value[0]), shape.map((dim, i) => (i === axis ? others.reduce((sum, value) => sum + value[1][axis], 0) : dim)), { axis });
    } else if (kind === "view") {
      const which = pick(["reshape", "transpose", "slice", "expand"]);
      if (which === "reshape") emit("reshape", [name], [shape.reduce((a, b) => a * b, 1) / shape.at(-1), shape.at(-1)], { shape: [shape.reduce((a, b) => a * b, 1) / shape.at(-1), shape.at(-1)] });
      else if (which === "transpose") {
        const permutation = shape.map((_, axis) => axis).reverse();
        emit("transpose", [name], permutation.map((axis) => shape[axis]), { permutation });
      } else if (which === "slice") {
        const start = shape.map((dim) => integer(0, dim));
        const size = shape.map((dim, axis) => integer(1, dim - start[axis] + 1));
        emit("slice", [name], size, { start, size, step: shape.map(() => 1) });
      } else emit("expand", [name], shape.map((dim) => (dim === 1 ? 2 : dim)), { shape: shape.map((dim) => (dim === 1 ? 2 : dim)) });
    } else if (kind === "reduce") {
      const axes = shape.flatMap((_, axis) => (next() < 0.5 ? [axis] : []));
      emit(pick(["reduce_sum", "reduce_mean", "reduce_max"]), [name], shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)), { axes, keep_dims: true });
    } else if (kind === "pad") {
      const low = shape.map(() => integer(0, 2));
      const interior = shape.map(() => integer(0, 2));
      emit("pad", [name], shape.map((dim, axis) => low[axis] + dim + (dim - 1) * interior[axis]), { low, high: shape.map(() => 0), interior, value: 0.25 });
    } else if (kind === "resize" && picture) {
      emit("resize", [name], [shape[0], 5, 7, shape[3]], { size: [5, 7], mode: pick(["linear", "nearest"]) });
    } else if (kind === "matmul" && shape.length >= 2) {
      const other = next() < 0.5 ? constant([shape.at(-1), 5]) : known.find((value) => value[1].length >= 2 && value[1].at(-2) === shape.at(-1) && value[1].slice(0, -2).every((dim) => dim === 1))?.[0];
      if (other) emit("matmul", [name, other], [...shape.slice(0, -1), other.startsWith("w") ? 5 : known.find((value) => value[0] === other)[1].at(-1)]);
      if (other && known.at(-1)[1].length < (known.find((value) => value[0] === other)?.[1].length ?? 0)) {
        nodes.pop(); // the batch of the right side would show: not what this generator keeps books of
        known.pop();
      }
    } else if (kind === "gather") {
      constants.indices ??= { dtype: "i32", shape: [3], values: [1, 0, 99] };
      emit("gather", [name, "indices"], [...shape.slice(0, -1), 3], { axis: shape.length - 1 });
    }
    if (known.at(-1)[1].reduce((a, b) => a * b, 1) > 20_000) break;
  }
  if (!nodes.length) emit("abs", ["x"], inputs.x.shape);
  const outputs = Object.fromEntries([known.at(-1), pick(known.slice(1)), known[1]].map(([name, shape]) => [name, { shape }]));
  return { inputs, constants, nodes, outputs };
}

test("plan: random graphs give the same bits fused in one arena as operator by operator with nothing shared", async () => {
  let fused = 0;
  for (let seed = 1; seed <= 250; seed++) {
    const graph = randomGraph(seed);
    const model = await loadModel(graph);
    const inputs = { x: Float32Array.from(values(graph.inputs.x.shape.reduce((a, b) => a * b, 1), seed)) };
    const first = await model.run(inputs);
    const traced = await model.trace(inputs);
    for (const [name, array] of Object.entries(first)) {
      assert.deepEqual(array.shape, graph.outputs[name].shape);
      assert.deepEqual(new Uint32Array(array.buffer), new Uint32Array(traced[name].buffer), `seed ${seed}, output ${name}: ${JSON.stringify(graph.nodes)}`);
    }
    const again = await model.run(inputs);
    for (const name of Object.keys(first)) assert.deepEqual(again[name], first[name], `seed ${seed}: a second run`);
    fused += model.plan.segments[0]?.operations > model.plan.segments[0]?.commands ? 1 : 0;
    model.dispose();
  }
  assert.ok(fused > 100, `${fused} graphs had something to fuse`);
});

test("dtypes: integers and booleans at the boundary and inside", async () => {
  const model = await loadModel({
    inputs: { long: { dtype: "i32", source: "int64", shape: [3] }, byte: { dtype: "u8", shape: [3] }, flag: { dtype: "bool", shape: [3] }, wide: { dtype: "f32", source: "float64", shape: [3] } },
    nodes: [
      ["cast", ["byte"], "b", { to: "i32" }], ["add", ["long", "b"], "sum"], ["less", ["long", "b"], "smaller"], ["logical_and", ["smaller", "flag"], "both"],
      ["cast", ["sum"], "f", { to: "f32" }], ["mul", ["f", "wide"], "product"], ["cast", ["sum"], "narrow", { to: "u8" }],
    ],
    outputs: { sum: { dtype: "i32", source: "int64", shape: [3] }, both: { dtype: "bool", shape: [3] }, product: { shape: [3] }, narrow: { dtype: "u8", shape: [3] } },
  });
  const given = { byte: [1, 2, 255], flag: [true, false, true], wide: Float64Array.of(0.5, 2, -1) };
  for (const long of [BigInt64Array.of(-5n, 7n, 100n), Int32Array.of(-5, 7, 100), [-5, 7, 100], [-5n, 7n, 100n]]) {
    const { sum, both, product, narrow } = await model.run({ ...given, long });
    assert.deepEqual([...sum], [-4, 9, 355]);
    assert.ok(sum instanceof Int32Array);
    assert.deepEqual([...both], [1, 0, 1]);
    assert.ok(both instanceof Uint8Array);
    assert.deepEqual([...product], [-2, 18, -355]);
    assert.deepEqual([...narrow], [252, 9, 99]);
  }
  const refused = async (inputs, message) => assert.rejects(model.run({ ...given, long: [1, 2, 3], ...inputs }), { name: "InputError", message });
  await refused({ long: BigInt64Array.of(1n, 2n ** 40n, 3n) }, /"long": element 1 is 1099511627776; wanted int64/);
  await refused({ long: Float32Array.of(1, 2, 3) }, /"long": wanted int64, got a Float32Array/);
  await refused({ long: [1, 2.5, 3] }, /element 1 is 2.5/);
  await refused({ byte: [1, 2, 256] }, /"byte": element 2 is 256; wanted uint8, integers from 0 to 255/);
  await refused({ wide: BigInt64Array.of(1n, 2n, 3n) }, /"wide": wanted float64, got a BigInt64Array/);
});

test("inputs: they also go by the names of their values in the graph", async () => {
  const files = modelFiles({ inputs: { a: { shape: [2] }, b: { shape: [2] }, c: { shape: [2] } }, nodes: [["sub", ["a", "b"], "d"], ["mul", ["d", "c"], "y"]], outputs: { y: { shape: [2] } } });
  const json = JSON.parse(files.get("model.json"));
  // "b" is the name of one input and the value of another: a name in the signature comes first.
  ["left", "c", "b"].forEach((name, index) => (json.signatures[0].inputs[index].name = name));
  const model = await loadModel(files.set("model.json", JSON.stringify(json)));
  const [left, b, c] = [[5, 7], [10, 100], [1, 2]];
  const y = [(5 - 1) * 10, (7 - 2) * 100];
  for (const given of [{ left, b, c }, { a: left, b, c }]) {
    assert.deepEqual([...(await model.run(given)).y], y);
    await model.warmup(given);
    assert.ok((await model.profile(given, { runs: 1 })).runs);
    assert.deepEqual([...(await model.trace(given)).d], [4, 5]);
  }
  await assert.rejects(model.run({ a: left, left, b, c }), { name: "InputError", message: /"left" is given twice, as "a" too/ });
  await assert.rejects(model.run({ d: left, b, c }), { name: "InputError", message: /missing: "left"; unknown: "d"/ });
});

test("inputs: errors say which, what was wanted and what was given", async () => {
  const model = await loadModel({ inputs: { image: { shape: [1, 2, 2] }, scale: { shape: [] } }, nodes: [["mul", ["image", "scale"], "y"]], outputs: { y: { shape: [1, 2, 2] } } });
  const refused = async (inputs, message) => assert.rejects(model.run(inputs), { name: "InputError", message });
  const image = new Float32Array(4).fill(2);
  assert.deepEqual([...(await model.run({ image, scale: 3 })).y], [6, 6, 6, 6]);
  assert.deepEqual([...(await model.run({ image: { data: image, shape: [1, 2, 2] }, scale: [3] })).y], [6, 6, 6, 6]);
  await refused(undefined, /must be an object.*"image": float32 \[1, 2, 2\]/);
  await refused(image, /must be an object.*got Float32Array/);
  await refused({ image }, /missing: "scale"/);
  await refused({ image, scale: 1, picture: 1 }, /unknown: "picture"/);
  await refused({ image: new Float32Array(5), scale: 1 }, /"image": wanted float32 \[1, 2, 2\], got 5 elements/);
  await refused({ image: { data: image, shape: [2, 2] }, scale: 1 }, /got the shape \[2, 2\]/);
  await refused({ image: { data: image, shape: [1, 2, 3] }, scale: 1 }, /does not fit the 4 elements/);
  await refused({ image: [[[1, 2], [3]]], scale: 1 }, /ragged/);
  await refused({ image: [[["a", 2], [3, 4]]], scale: 1 }, /holds a string/);
  await refused({ image: "pixels", scale: 1 }, /got string/);
  await refused({ image: null, scale: 1 }, /got null/);
  await refused({ image: { tagName: "VIDEO" }, scale: 1 }, /give a typed array/);
});

test("inputs are read at the call, results stay as they are, calls keep their order", async () => {
  const model = await loadModel({ inputs: { x: { shape: [2] } }, nodes: [["neg", ["x"], "y"]], outputs: { y: { shape: [2] } } });
  const x = Float32Array.of(1, 2);
  const first = model.run({ x });
  x.fill(7);
  const second = model.run({ x });
  assert.deepEqual([...(await first).y], [-1, -2]);
  assert.deepEqual([...(await second).y], [-7, -7]);
  assert.deepEqual([...(await first).y], [-1, -2]);
  const chained = await model.run({ x: (await second).y });
  assert.deepEqual([...chained.y], [7, 7]);
});

const RECURRENT = {
  inputs: { x: { shape: [2] } },
  constants: { start: { shape: [2], values: [10, 20] } },
  nodes: [["add", ["h", "x"], "next"], ["mul", ["next", "next"], "y"]],
  outputs: { y: { shape: [2] }, h: { shape: [2] } },
  state: [{ input: "h", output: "next", initial: "start", shape: [2], dtype: "f32" }],
};

test("state is kept from run to run, reset forgets it, warmup, profile and verify leave it alone", async () => {
  const model = await loadModel(RECURRENT);
  const run = async () => {
    const { y, h } = await model.run({ x: [1, 2] });
    return [...y, ...h];
  };
  assert.deepEqual(await run(), [121, 484, 10, 20]);
  await model.warmup();
  await model.profile();
  await model.trace({ x: [5, 5] });
  assert.deepEqual(await run(), [144, 576, 11, 22]);
  model.reset();
  assert.deepEqual(await run(), [121, 484, 10, 20]);
});

test("states that change places do not overwrite each other", async () => {
  const state = (input, output, initial) => ({ input, output, initial, shape: [1], dtype: "f32" });
  const model = await loadModel({
    inputs: { x: { shape: [1] } }, constants: { one: { shape: [1], values: [1] }, two: { shape: [1], values: [2] } },
    nodes: [["reshape", ["a"], "to_b", { shape: [1] }], ["reshape", ["b"], "to_a", { shape: [1] }], ["add", ["a", "x"], "y"]],
    outputs: { y: { shape: [1] } }, state: [state("a", "to_a", "one"), state("b", "to_b", "two")],
  });
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push((await model.run({ x: [0] })).y[0]);
  assert.deepEqual(seen, [1, 2, 1, 2]);
});

test("symbolic shapes: any size that the symbols allow, more sizes than plans are kept", async () => {
  const model = await loadModel({
    inputs: { x: { shape: ["N", "2*M"] }, bias: { shape: ["2*M"] } },
    constants: { w: { shape: [1, 6], values: [1, 2, 3, 4, 5, 6] } },
    nodes: [
      ["add", ["x", "bias"], "s"], ["reshape", ["s"], "r", { shape: ["2*M*N", 1] }], ["matmul", ["r", "w"], "m"],
      ["slice", ["w"], "cut", { start: [0, "M - 1"], size: [1, 1], step: [1, 1] }], ["add", ["m", "cut"], "y"],
    ],
    outputs: { y: { shape: ["2*M*N", 6] } },
    symbols: { N: { minimum: 1, maximum: 50 }, M: { minimum: 1, maximum: 5 } },
  });
  for (const [n, m] of [[1, 1], [3, 2], [50, 5], [2, 1], [7, 4], [3, 2], [1, 1], [20, 3], [50, 5]]) {
    const x = values(2 * n * m, n);
    const bias = values(2 * m, m);
    const { y } = await model.run({ x: { data: x, shape: [n, 2 * m] }, bias });
    assert.deepEqual(y.shape, [2 * n * m, 6]);
    const wanted = x.flatMap((value, i) => [1, 2, 3, 4, 5, 6].map((w) => Math.fround(Math.fround(Math.fround(value + bias[i % (2 * m)]) * w) + m)));
    assert.deepEqual([...y], wanted);
  }
  await assert.rejects(model.run({ x: { data: [1, 2], shape: [1, 2] }, bias: [1, 2, 3, 4] }), { name: "InputError", message: /"bias".*wanted 2/ });
  await assert.rejects(model.run({ x: { data: values(102), shape: [51, 2] }, bias: [1, 2] }), { name: "InputError", message: /N, is 51; wanted at most 50/ });
});

test("dispose: any further use says so", async () => {
  const model = await loadModel(RECURRENT);
  model.dispose();
  model.dispose();
  for (const use of [() => model.run({ x: [1, 2] }), () => model.warmup(), () => model.verify(), async () => model.reset(), () => model.trace({ x: [1, 2] })]) {
    await assert.rejects(use, { name: "WebkilnError", message: /disposed/ });
  }
});

test("memory: a static model asks for no more than it needs", async () => {
  const asked = [];
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(limits) {
      super(limits);
      asked.push({ limits, memory: this });
    }
  };
  try {
    const model = await loadModel({ inputs: { x: { shape: [1000, 1000] } }, nodes: [["exp", ["x"], "e"], ["concat", ["e", "x"], "y", { axis: 1 }]], outputs: { y: { shape: [1000, 2000] } } });
    await model.run({ x: new Float32Array(1e6) });
    const [{ limits, memory }] = asked;
    const needed = model.plan.arenaBytes + model.plan.weightBytes;
    assert.ok(limits.maximum * 65536 >= needed && limits.maximum * 65536 < needed + 2 ** 21, `${limits.maximum} pages for ${needed} bytes`);
    assert.ok(memory.buffer.byteLength <= limits.maximum * 65536);
  } finally {
    WebAssembly.Memory = Memory;
  }
});

test("memory: what WebAssembly cannot hold is refused with its size", async () => {
  const loading = loadModel({ inputs: { x: { shape: [40000, 50000] } }, nodes: [["transpose", ["x"], "t", { permutation: [1, 0] }], ["exp", ["t"], "y"]], outputs: { y: { shape: [50000, 40000] } } });
  await assert.rejects(loading, { name: "WebkilnError", message: /needs \d+ MiB/ });
});

test("names from the model are only names", async () => {
  const model = await loadModel({ inputs: JSON.parse('{"__proto__": {"shape": [2]}}'), nodes: [["neg", ["__proto__"], "constructor"]], outputs: { constructor: { shape: [2] } } });
  const results = await model.run(JSON.parse('{"__proto__": [1, 2]}'));
  assert.deepEqual([...results.constructor], [-1, -2]);
  assert.equal({}.polluted, undefined);
});
