/** Where storages are shared: every value of random graphs of views, concatenations, in-place chains and states against a plain evaluator. */

import assert from "node:assert/strict";
import test from "node:test";
import { loadModel, random } from "./models.mjs";

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);
const stridesOf = (shape) => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/** An array of a shape, from a function of the index. */
function make(shape, element) {
  const data = Array.from({ length: sizeOf(shape) }, (_, flat) => element(stridesOf(shape).map((stride, axis) => Math.floor(flat / stride) % shape[axis])));
  return { shape, data };
}
const at = ({ shape, data }, index) => data[stridesOf(shape).reduce((sum, stride, axis) => sum + stride * index[axis], 0)];
const spread = (value, index) => at(value, value.shape.map((dim, axis) => (dim === 1 ? 0 : index[axis + index.length - value.shape.length])));
const map = (f) => (values) => {
  const rank = Math.max(...values.map(({ shape }) => shape.length));
  const shape = Array.from({ length: rank }, (_, axis) => Math.max(...values.map((value) => value.shape[axis - rank + value.shape.length] ?? 1)));
  return make(shape, (index) => f(...values.map((value) => spread(value, index))));
};

/** What the operators of these graphs mean; integers, so that float32 is exact. */
const MEANING = {
  neg: map((x) => 0 - x),
  relu: map((x) => Math.max(x, 0)),
  clip: (values, { minimum, maximum }) => map((x) => Math.min(Math.max(x, minimum), maximum))(values),
  add: map((a, b) => a + b),
  sub: map((a, b) => a - b),
  max: map(Math.max),
  reshape: ([x], { shape }) => ({ shape, data: x.data }),
  transpose: ([x], { permutation }) => make(permutation.map((axis) => x.shape[axis]), (index) => at(x, permutation.map((_, axis) => index[permutation.indexOf(axis)]))),
  slice: ([x], { start, size, step }) => make(size, (index) => at(x, index.map((i, axis) => start[axis] + i * step[axis]))),
  expand: ([x], { shape }) => make(shape, (index) => spread(x, index)),
  concat: (values, { axis }) => {
    const parts = values.flatMap((value) => Array.from({ length: value.shape[axis] }, (_, i) => [value, i]));
    return make(values[0].shape.map((dim, i) => (i === axis ? parts.length : dim)), (index) => at(parts[index[axis]][0], index.map((i, k) => (k === axis ? parts[i][1] : i))));
  },
  matmul: ([a, b]) => make([...a.shape.slice(0, -1), b.shape[1]], (index) => Array.from({ length: b.shape[0] }, (_, k) => at(a, [...index.slice(0, -1), k]) * at(b, [k, index.at(-1)])).reduce((x, y) => x + y, 0)),
  reduce_max: ([x], { axes }) => {
    const shape = x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    return make(shape, (index) => Math.max(...make(x.shape.map((dim, axis) => (axes.includes(axis) ? dim : 1)), (inner) => at(x, index.map((i, axis) => i + inner[axis]))).data));
  },
};

/** Values of all names, from those of inputs, constants and states. */
function evaluate(nodes, given) {
  const values = new Map(given);
  for (const [op, from, output, attributes] of nodes) values.set(output, MEANING[op](from.map((name) => values.get(name)), attributes));
  return values;
}

function randomGraph(seed) {
  const { integer, pick, next } = random(seed);
  const numbers = (shape) => ({ shape, data: Array.from({ length: sizeOf(shape) }, () => integer(-4, 5)) });
  const shapes = [[4, 4], [8, 4], [2, 4, 4], [4], [3, 5]];
  const inputs = { x: numbers(pick(shapes)), z: numbers(pick(shapes)) };
  const constants = { k: numbers([4, 4]), w: numbers([4, 8]), e: numbers([8, 4]) };
  const states = {};
  for (const name of ["h", "g"].slice(0, integer(0, 3))) states[name] = numbers(pick([[4, 4], [4, 4], [8, 4]]));
  const known = new Map(Object.entries({ ...inputs, ...constants, ...states }));
  const nodes = [];
  const emit = (op, from, attributes = {}) => {
    const name = `v${nodes.length}`;
    const result = MEANING[op](from.map((value) => known.get(value)), attributes);
    if (sizeOf(result.shape) > 2000 || result.data.some((value) => Math.abs(value) > 2 ** 20)) return;
    nodes.push([op, from, name, attributes]);
    known.set(name, result);
  };
  for (let i = integer(3, 26); i > 0; i--) {
    const names = [...known.keys()];
    const name = next() < 0.5 ? names.at(-1) : pick(names);
    const { shape } = known.get(name);
    const alike = names.filter((other) => known.get(other).shape.join() === shape.join());
    const kind = pick(["unary", "unary", "binary", "binary", "row", "concat", "concat", "reshape", "transpose", "slice", "half", "expand", "matmul", "reduce"]);
    if (kind === "unary") emit(...pick([["neg", [name]], ["relu", [name]], ["clip", [name], { minimum: -5, maximum: 9 }]]));
    else if (kind === "binary") emit(pick(["add", "sub", "max"]), [name, pick(alike)]);
    else if (kind === "row") {
      const rows = names.filter((other) => known.get(other).shape.join() === String(shape.at(-1)));
      if (rows.length) emit("add", [pick(rows), name]);
    } else if (kind === "concat" && shape.length) {
      const axis = next() < 0.7 ? 0 : integer(0, shape.length);
      const fits = names.filter((other) => known.get(other).shape.length === shape.length && known.get(other).shape.every((dim, k) => k === axis || dim === shape[k]));
      emit("concat", [name, ...Array.from({ length: integer(1, 4) }, () => pick(fits))], { axis });
    } else if (kind === "reshape") emit("reshape", [name], { shape: pick([[sizeOf(shape)], [1, ...shape], shape.length > 1 ? [shape[0], sizeOf(shape) / shape[0]] : [...shape, 1]]) });
    else if (kind === "transpose") emit("transpose", [name], { permutation: shape.map((_, axis) => axis).reverse() });
    else if (kind === "slice" && shape.length) {
      const start = shape.map((dim) => integer(0, dim));
      emit("slice", [name], { start, size: shape.map((dim, axis) => integer(1, dim - start[axis] + 1)), step: shape.map(() => 1) });
    } else if (kind === "half" && shape.length && shape[0] > 1) {
      const low = Math.floor(shape[0] / 2);
      const size = [low, ...shape.slice(1)];
      emit("slice", [name], { start: shape.map((_, axis) => (axis === 0 ? pick([0, shape[0] - low]) : 0)), size, step: shape.map(() => 1) });
    } else if (kind === "expand") emit("expand", [name], { shape: shape.map((dim) => (dim === 1 ? integer(1, 5) : dim)) });
    else if (kind === "matmul" && shape.length > 1 && (shape.at(-1) === 4 || shape.at(-1) === 8)) {
      const right = names.filter((other) => known.get(other).shape.length === 2 && known.get(other).shape[0] === shape.at(-1));
      emit("matmul", [name, pick(right)]);
      emit("clip", [[...known.keys()].at(-1)], { minimum: -20, maximum: 20 });
    } else if (kind === "reduce") emit("reduce_max", [name], { axes: shape.flatMap((_, axis) => (next() < 0.5 ? [axis] : [])), keep_dims: true });
  }
  const names = [...known.keys()];
  // Whatever exists may be an output: inputs, constants, states, views of them, the same storage twice.
  const outputs = [...new Set([names.at(-1), ...Array.from({ length: integer(1, 6) }, () => pick(names))])];
  const state = Object.entries(states).map(([input, { shape }]) => {
    const fits = names.filter((name) => known.get(name).shape.join() === shape.join());
    return { input, output: next() < 0.5 ? fits.at(-1) : pick(fits), initial: `${input} at first`, shape, dtype: "f32" };
  });
  for (const [input, value] of Object.entries(states)) constants[`${input} at first`] = value;
  return { nodes, inputs, constants, states, state, outputs, known };
}

test("aliasing: a value that is read in another order is not overwritten", async () => {
  const n = 40;
  const model = await loadModel({
    inputs: { x: { shape: [n, n] } },
    nodes: [["neg", ["x"], "v"], ["transpose", ["v"], "t", { permutation: [1, 0] }], ["slice", ["v"], "row", { start: [3, 0], size: [1, n], step: [1, 1] }], ["add", ["v", "row"], "z"], ["sub", ["v", "t"], "y"]],
    outputs: { y: { shape: [n, n] }, z: { shape: [n, n] } },
  });
  const x = Float32Array.from({ length: n * n }, (_, i) => (i * 31) % 97);
  const { y, z } = await model.run({ x });
  assert.ok(y.every((value, i) => value === x[(i % n) * n + Math.floor(i / n)] - x[i]));
  assert.ok(z.every((value, i) => value === -x[i] - x[3 * n + (i % n)]));
});

test("aliasing: shared storages never show, whatever is fused, viewed, concatenated, kept or given back", async () => {
  let shared = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const { nodes, inputs, constants, states, state, outputs, known } = randomGraph(seed);
    const model = await loadModel({
      inputs: Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, { shape }])),
      constants: Object.fromEntries(Object.entries(constants).map(([name, { shape, data }]) => [name, { shape, values: data }])),
      nodes,
      outputs: Object.fromEntries(outputs.map((name) => [name, { shape: known.get(name).shape }])),
      state,
    });
    const fed = Object.fromEntries(Object.entries(inputs).map(([name, { data, shape }]) => [name, { data, shape }]));
    let kept = new Map(Object.entries(states));
    for (let run = 0; run < 3; run++) {
      const values = evaluate(nodes, [...Object.entries({ ...inputs, ...constants }), ...kept]);
      const results = await model.run(fed);
      for (const name of outputs) assert.deepEqual([...results[name]].map((value) => value + 0), values.get(name).data.map((value) => value + 0), `seed ${seed}, run ${run}, ${name} of ${JSON.stringify({ nodes, outputs, state })}`);
      kept = new Map(state.map(({ input, output }) => [input, values.get(output)]));
    }
    shared += model.plan.arenaBytes < model.plan.intermediateBytes ? 1 : 0;
    model.dispose();
  }
  assert.ok(shared > 100, `${shared} graphs shared storages`);
});
