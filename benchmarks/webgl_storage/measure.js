/** Checks each case, then times all its variants and tfjs in turns. */

import { cases } from "./cases.js";
import { Device } from "./device.js";

/** @typedef {import("./cases.js").Variant} Variant */
/** @typedef {{ name: string, run: (count: number) => void, count: number, samples: number[], difference: number }} Runner */

const LARGEST_DIFFERENCE = 1e-5;
const BASE = /** @type {const} */ ({ addressing: "rows", numbers: "block", reading: "sample", textures: "array", window: true, inner: "inputs", flat: false });
const tf = /** @type {any} */ (globalThis).tf;

/** @param {ArrayLike<number>} actual @param {ArrayLike<number>} expected */
function difference(actual, expected) {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values where ${expected.length} are expected`);
  let largest = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i++) {
    const here = Math.abs(actual[i] - expected[i]);
    if (!(here <= largest)) largest = here; // NaN stays
    magnitude = Math.max(magnitude, Math.abs(expected[i]));
  }
  return largest / magnitude;
}

/** @param {() => void} work */
function milliseconds(work) {
  const began = performance.now();
  work();
  return performance.now() - began;
}

/** @param {import("./cases.js").Case} one @returns {Runner} */
function tfjsRunner(one) {
  const { gl } = tf.backend().gpgpu;
  const pixel = new Float32Array(4);
  const call = one.tfjs(tf);
  const result = call();
  const values = result.dataSync();
  result.dispose();
  return {
    name: "tfjs",
    count: 0,
    samples: [],
    difference: difference(values, one.reference()),
    run(count) {
      for (let k = 0; k < count; k++) call().dispose();
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.FLOAT, pixel); // its framebuffer still shows the last result
    },
  };
}

/**
 * @param {{ rounds: number, milliseconds: number, layers: number[], only: string, backend: boolean }} plan `backend`: the runtime's, in the place of this folder's kernels; `milliseconds`: what a sample takes at least, about
 */
async function measure({ rounds, milliseconds: sampleTime, layers, only, backend }) {
  const device = new Device();
  await tf.setBackend("webgl");
  await tf.ready();
  const usable = layers.filter((count) => !device.refusal(count));
  const info = device.gl.getExtension("WEBGL_debug_renderer_info");
  /** @type {Map<number, import("./backend.js").Backend>} by R */
  const backends = new Map();
  const { Backend } = backend ? await import("./backend.js") : { Backend: null };
  const backendOf = (/** @type {number} */ count) => backends.get(count) ?? backends.set(count, new Backend(count)).get(count);
  const report = [];
  /** @type {Map<string, Set<string>>} the texts of the programs that a variant uses, by its name */
  const texts = new Map();
  let tfjsFirst = 0;
  for (const one of cases().filter(({ kind, name }) => `${kind} ${name}`.includes(only))) {
    const expected = one.reference();
    const variants = /** @type {Variant[]} */ ([
      ...usable.map((count) => ({ ...BASE, layers: count, name: `R=${count}` })),
      ...(backend ? [] : [{ name: "texelFetch", reading: "fetch" }, ...(one.variants ?? [])]).map((variant) => ({ ...BASE, layers: 4, ...variant })),
    ]);
    tf.engine().startScope();
    const runners = [];
    for (const variant of variants) {
      const { draw, finish, read, text } = backend ? await backendOf(variant.layers).operation(one.graph) : one.ours(device, variant);
      texts.set(variant.name, (texts.get(variant.name) ?? new Set()).add(text));
      const run = (/** @type {number} */ count) => {
        for (let k = 0; k < count; k++) draw();
        finish();
      };
      runners.push(/** @type {Runner} */ ({ name: variant.name, count: 0, samples: [], difference: difference(await read(), expected), run }));
    }
    tfjsFirst += milliseconds(() => runners.push(tfjsRunner(one)));
    for (const runner of runners) {
      if (!(runner.difference <= LARGEST_DIFFERENCE)) throw new Error(`${one.kind} ${one.name}, ${runner.name}: differs by ${runner.difference} of the largest magnitude`);
      let count = 2;
      let took = milliseconds(() => runner.run(count));
      while (took < sampleTime / 4) took = milliseconds(() => runner.run((count *= 4)));
      runner.count = Math.max(1, Math.round((count * sampleTime) / took));
    }
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < runners.length; turn++) {
        const runner = runners[(round + turn) % runners.length];
        runner.run(1); // brings its own memory back into the caches
        runner.samples.push(milliseconds(() => runner.run(runner.count)) / runner.count);
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
    report.push({ kind: one.kind, name: one.name, operations: one.operations, runners: runners.map(({ name, samples, difference }) => ({ name, samples, difference })) });
    tf.engine().endScope();
    device.release();
    backends.forEach((one) => one.release());
  }
  return {
    renderer: info ? device.gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "unknown",
    refused: layers.filter((count) => !usable.includes(count)),
    programs: [...texts].map(([name, used]) => ({ name, compileTimes: [...used].map((text) => device.compileTimes.get(text)) })),
    tfjsPrograms: Object.keys(tf.backend().binaryCache).length,
    tfjsFirst,
    cases: report,
  };
}

Object.assign(globalThis, { measure });
