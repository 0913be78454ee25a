import assert from "node:assert/strict";
import test from "node:test";
import { align, ALIGNMENT, planArena } from "../../js/planner/arena.js";
import { splitSegments } from "../../js/planner/segments.js";
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

test("segments: one for each run on one backend", () => {
  const units = ["a", "a", "b", "a"].map((output) => ({ operation: null, clamp: null, program: null, output }));
  const split = (list) => splitSegments(list, ({ output }) => output).map((segment) => [segment.backend, segment.units.length]);
  assert.deepEqual(split(units), [["a", 2], ["b", 1], ["a", 1]]);
  assert.deepEqual(split([]), []);
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
