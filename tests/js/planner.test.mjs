import assert from "node:assert/strict";
import test from "node:test";
import { align, ALIGNMENT, planArena } from "../../js/planner/arena.js";
import { Queue } from "../../js/backends/mixed/queue.js";
import { partition, residentStates, segmentsOf } from "../../js/planner/segments.js";
import { asMatrix, contiguousStrides, expandView, isContiguous, mergeAxes, reshapeView, sliceView, transposeView, wholeView } from "../../js/planner/views.js";
import { random } from "./models.mjs";

test("arena: no two live buffers overlap, whatever their lives", () => {
  const { integer } = random(5);
  for (let round = 0; round < 300; round++) {
    const intervals = Array.from({ length: integer(0, 60) }, () => {
      const first = integer(-1, 40);
      return { size: integer(0, 3) === 0 ? 0 : integer(1, 5000), first, last: first + integer(0, 12) };
    });
    const { offsets, size } = planArena(intervals);
    let peak = 0;
    for (let step = -1; step < 60; step++) {
      const live = intervals.flatMap((interval, i) => (interval.first <= step && step <= interval.last ? [{ ...interval, begin: offsets[i] }] : []));
      peak = Math.max(peak, live.reduce((sum, buffer) => sum + align(buffer.size), 0));
      live.sort((a, b) => a.begin - b.begin || a.size - b.size);
      for (let i = 1; i < live.length; i++) assert.ok(live[i - 1].begin + live[i - 1].size <= live[i].begin, `round ${round}, step ${step}`);
    }
    offsets.forEach((offset, i) => {
      assert.equal(offset % ALIGNMENT, 0);
      assert.ok(offset >= 0 && offset + intervals[i].size <= size);
    });
    const sum = intervals.reduce((total, interval) => total + align(interval.size), 0);
    assert.ok(size >= peak && size <= sum, `${peak} ≤ ${size} ≤ ${sum}`);
  }
});

test("arena: buffers that follow each other share their bytes", () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ size: 1024, first: i, last: i + 1 }));
  assert.equal(planArena(chain).size, 2048);
});

/** A graph from lines such as "y = relu:a x": the backend that an operator is for follows it. */
function graphOf(lines, { inputs = ["x"], outputs = ["y"], shape = [4], state = [] } = {}) {
  const operations = lines.map((line, index) => {
    const [output, op, ...names] = line.split(/[ =]+/);
    return { index, op: op.split(":")[0], name: "", inputs: names, output, attributes: {}, own: op.split(":")[1] };
  });
  const types = new Map([...inputs, ...state.map(({ input }) => input), ...operations.map(({ output }) => output)].map((name) => [name, { shape, dtype: "f32" }]));
  return { operations, types, inputs, outputs, constants: new Set(), state };
}

const device = { name: "device", runs: ({ own }) => own === "d" };
const fallback = { name: "fallback", runs: ({ own }) => own !== "x" };
const partsOf = (graph, crossing = 0) => partition(graph, device, fallback, crossing).map(({ backend, operations }) => `${backend} ${operations.map(({ output }) => output).join()}`);

test("segments: a backend takes all that is ready before the other has its turn", () => {
  assert.deepEqual(partsOf(graphOf(["a = relu:d x", "b = relu:f a", "c = relu:d x", "e = relu:f c", "y = relu:f e"])), ["device a,c", "fallback b,e,y"]);
  assert.deepEqual(partsOf(graphOf(["a = relu:f x", "b = relu:d x", "c = relu:d a", "y = add:d b c"])), ["fallback a", "device b,c,y"]);
  assert.deepEqual(partsOf(graphOf(["a = relu:d x", "y = relu:d a"])), ["device a,y"]);
  assert.deepEqual(partsOf(graphOf([])), []);
});

test("segments: what moves more than it computes is left to the fallback", () => {
  const chain = (op, shape) => graphOf([`a = ${op}:d x${op === "matmul" ? " x" : ""}`, "y = gather:f a"], { shape });
  assert.deepEqual(partsOf(chain("exp", [2000, 2000]), 1e7), ["fallback a,y"]);
  assert.deepEqual(partsOf(chain("matmul", [64, 64]), 1e7), ["fallback a,y"]);
  assert.deepEqual(partsOf(chain("matmul", [1000, 1000]), 1e7), ["device a", "fallback y"]);
  assert.deepEqual(partsOf(graphOf(["y = exp:d x"]), 1e7), ["device y"]);
});

test("segments: all that no backend runs is named", () => {
  const graph = graphOf(["a = sort:x x", "b = exp:d a", "y = fft:x b"]);
  assert.throws(() => partition(graph, device, fallback), (error) => error.name === "UnsupportedOperatorError" && /sort of f32 to f32 \(a\)\nfft of f32 to f32 \(y\)/.test(error.message));
});

test("segments: each has what others give it, and gives what others want", () => {
  const state = [{ input: "s", output: "t" }, { input: "u", output: "b" }];
  const graph = graphOf(["a = add:d x s", "t = neg:d a", "b = add:f a u", "y = add:d b a"], { state });
  const parts = partition(graph, device, fallback, 0);
  const resident = residentStates(graph, parts, graph.outputs, "device");
  assert.deepEqual([...resident.keys()], ["s"]);
  const told = segmentsOf(graph, parts, { resident }).map(({ backend, graph: { inputs, outputs, state: own } }) => [backend, inputs.join(), outputs.join(), own.length]);
  assert.deepEqual(told, [["device", "x", "a", 1], ["fallback", "a,u", "b", 0], ["device", "b,a", "y", 0]]);
  assert.equal(residentStates(graph, parts, ["s"], "device").size, 0);
});

test("queue: tasks follow each other, whatever becomes of those before", async () => {
  const queue = new Queue();
  const seen = [];
  const task = (name, fails = false) => async () => {
    seen.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 2));
    seen.push(`${name} ends`);
    if (fails) throw new Error(name);
    return name;
  };
  const results = [queue.add(task("a")), queue.add(task("b", true)), queue.add(task("c"))];
  assert.deepEqual(seen, ["a begins"]);
  assert.deepEqual((await Promise.allSettled(results)).map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.deepEqual(seen, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(queue.isBusy, false);
  await assert.rejects(queue.add(() => { throw new Error("at once"); }), /at once/);
});

/** The elements of a view of the tensor 0, 1, 2, … */
function elements({ offset, shape, strides }) {
  const found = [];
  const visit = (axis, at) => {
    if (axis === shape.length) found.push(at);
    else for (let i = 0; i < shape[axis]; i++) visit(axis + 1, at + i * strides[axis]);
  };
  visit(0, offset);
  return found;
}

function randomView({ integer, pick }) {
  let view = wholeView(Array.from({ length: integer(1, 5) }, () => integer(1, 5)));
  for (let i = integer(0, 4); i > 0; i--) {
    const { shape } = view;
    const axes = shape.map((_, axis) => axis);
    const kind = pick(["transpose", "slice", "expand"]);
    if (kind === "transpose") view = transposeView(view, axes.sort(() => integer(0, 3) - 1));
    else if (kind === "expand") view = expandView(view, [integer(1, 3), ...shape.map((dim) => (dim === 1 ? integer(1, 4) : dim))]);
    else {
      const step = shape.map(() => pick([1, 1, 2, -1]));
      const size = shape.map((dim, axis) => integer(1, Math.ceil(dim / Math.abs(step[axis])) + 1));
      const start = shape.map((dim, axis) => (step[axis] > 0 ? integer(0, dim - (size[axis] - 1) * step[axis]) : integer(size[axis] - 1, dim)));
      view = sliceView(view, start, size, step);
    }
  }
  return view;
}

test("views: reshape keeps the order of the elements, or says that it cannot", () => {
  const source = random(11);
  let possible = 0;
  for (let round = 0; round < 2000; round++) {
    const view = randomView(source);
    const count = view.shape.reduce((a, b) => a * b, 1);
    const target = [];
    for (let rest = count; rest > 1 || source.integer(0, 3) === 0; ) {
      const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0);
      const dim = source.pick(divisors);
      target.push(dim);
      rest /= dim;
      if (target.length > 6) {
        target.push(rest);
        break;
      }
    }
    const result = reshapeView(view, target);
    if (isContiguous(view)) assert.ok(result, "a contiguous view always has another shape");
    if (!result) continue;
    possible++;
    assert.deepEqual(result.shape, target);
    assert.deepEqual(elements(result), elements(view));
  }
  assert.ok(possible > 500, `${possible} were possible`);
});

test("views: contiguous means in order", () => {
  const source = random(12);
  for (let round = 0; round < 1000; round++) {
    const view = randomView(source);
    const list = elements(view);
    assert.equal(isContiguous(view), list.every((at, i) => at === list[0] + i));
  }
});

test("views: merged axes walk the same elements", () => {
  const source = random(13);
  for (let round = 0; round < 1000; round++) {
    const view = randomView(source);
    const { dims, strides } = mergeAxes(view.shape, [view.strides, contiguousStrides(view.shape)]);
    assert.deepEqual(elements({ offset: view.offset, shape: dims, strides: strides[0] }), elements(view));
    const columnAxes = source.integer(0, view.shape.length + 1);
    const matrix = asMatrix(view, columnAxes);
    if (matrix) {
      const { rows, columns, rowStride, columnStride } = matrix;
      assert.deepEqual(elements({ offset: view.offset, shape: [rows, columns], strides: [rowStride, columnStride] }), elements(view));
    }
  }
});
