/** Which R is the faster one on a device: a little graph, timed at both. */

import { WebglBackend } from "./backend.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */

const DEFAULT = 4;
const LARGER = 8;
/** The larger one must need at most this part of the time of the default: it needs more of everything else. */
const CLEARLY = 0.9;
const ROUNDS = 5;
const SHAPE = [1, 48, 48, 64];
/** 1×1 and depthwise convolutions, of which most models for pages are made. */
const PAIRS = 4;

/** @type {Map<string, number>} R by renderer, for the life of the page */
const known = new Map();

/**
 * Takes R = 8 where that is clearly faster. Costs some tens of milliseconds, once for each renderer.
 * Software renderers keep R = 4, which is measured (docs/architecture.md): there the probe itself would take a second.
 * @param {Context} context
 */
export async function settleLayers(context) {
  const { renderer } = context;
  if (context.layers !== DEFAULT || context.isSoftware || context.limits.attachments < LARGER || !context.canRender(LARGER)) return;
  if (!known.has(renderer)) known.set(renderer, await fasterLayers(context));
  context.layers = known.get(renderer) ?? DEFAULT;
}

/** @param {Context} context */
async function fasterLayers(context) {
  const graph = probeGraph();
  const inputs = new Map([["x0", new Float32Array(SHAPE.reduce((a, b) => a * b, 1)).fill(0.5)]]);
  const trials = [DEFAULT, LARGER].map((layers) => {
    const backend = new WebglBackend(Object.create(context, { layers: { value: layers } }), [], (name) => {
      const { shape } = /** @type {import("../../graph.js").TensorType} */ (graph.types.get(name));
      return { bytes: new Uint8Array(shape.reduce((a, b) => a * b, 4)), storage: "f32", dtype: "f32", shape };
    });
    return { backend, plan: backend.prepare(graph), best: Infinity };
  });
  const { gl } = context;
  const pixel = new Float32Array(4);
  try {
    for (const { backend, plan } of trials) await backend.ready(plan);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const trial of trials) {
        const { backend, plan } = trial;
        if (round === 0) backend.write(plan, inputs);
        const before = performance.now();
        backend.draw(plan);
        // Reading a value of the last result waits for all of them.
        gl.readBuffer(gl.COLOR_ATTACHMENT0);
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.FLOAT, pixel);
        if (round > 0) trial.best = Math.min(trial.best, performance.now() - before);
      }
    }
  } finally {
    for (const { backend } of trials) backend.dispose();
  }
  return trials[1].best < CLEARLY * trials[0].best ? LARGER : DEFAULT;
}

/** @returns {StaticGraph} */
function probeGraph() {
  const channels = SHAPE[3];
  /** @type {StaticGraph["types"]} */
  const types = new Map([
    ["pointwise", { shape: [1, 1, channels, channels], dtype: "f32" }],
    ["depthwise", { shape: [3, 3, 1, channels], dtype: "f32" }],
  ]);
  for (let k = 0; k <= 2 * PAIRS; k++) types.set(`x${k}`, { shape: SHAPE, dtype: "f32" });
  const operations = Array.from({ length: 2 * PAIRS }, (_, index) => {
    const [weights, padding, groups] = index % 2 ? ["depthwise", [1, 1, 1, 1], channels] : ["pointwise", [0, 0, 0, 0], 1];
    return { index, op: "conv2d", name: "", inputs: [`x${index}`, String(weights)], output: `x${index + 1}`, attributes: { padding, groups, stride: [1, 1], dilation: [1, 1] } };
  });
  return { operations, types, inputs: ["x0"], outputs: [`x${2 * PAIRS}`], constants: new Set(["pointwise", "depthwise"]), state: [] };
}
