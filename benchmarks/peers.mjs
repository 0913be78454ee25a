/** Runs the same model on the same input in several runtimes of one page, in turns. */

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import * as webkiln from "webkiln";

/** @typedef {{ name: string, run: (data: Float32Array) => Promise<ArrayLike<number>[]> }} Runner from an array to arrays, copies included */

/**
 * @param {string} folder in the web format
 * @param {boolean} relaxed
 * @returns {Promise<Runner>}
 */
async function webkilnRunner(folder, relaxed) {
  const model = await webkiln.load(`${folder}/model.json`, { relaxed });
  if (relaxed && model.build !== "relaxed") throw new Error("this browser has no relaxed SIMD");
  const [{ name }] = model.inputs;
  return { name: `webkiln ${model.build}`, run: async (data) => Object.values(await model.run({ [name]: data })) };
}

/**
 * @param {string} file
 * @param {number[]} shape
 * @returns {Promise<Runner>}
 */
async function litertRunner(file, shape) {
  const model = await loadAndCompile(file, { accelerator: "wasm", cpuOptions: { numThreads: 1 } });
  return {
    name: "LiteRT.js",
    async run(data) {
      const input = new Tensor(data, shape);
      const outputs = await model.run([input]);
      const arrays = outputs.map((output) => output.toTypedArray().slice());
      input.delete();
      for (const output of outputs) output.delete();
      return arrays;
    },
  };
}

/**
 * The largest difference from the first runner's results, relative to the largest magnitude; outputs are told apart by their sizes.
 * @param {ArrayLike<number>[]} actual
 * @param {ArrayLike<number>[]} expected
 */
function difference(actual, expected) {
  let largest = 0;
  for (const wanted of expected) {
    const found = actual.find(({ length }) => length === wanted.length);
    if (!found) throw new Error(`no output of ${wanted.length} elements`);
    let magnitude = 0;
    for (let i = 0; i < wanted.length; i++) magnitude = Math.max(magnitude, Math.abs(wanted[i]));
    for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(found[i] - wanted[i]) / magnitude);
  }
  return largest;
}

/** @param {number} count */
function noise(count) {
  let state = 1;
  return Float32Array.from({ length: count }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
}

/** @param {{ models: { name: string, shape: number[] }[], rounds: number, runs: number }} plan */
async function measure({ models, rounds, runs }) {
  await loadLiteRt("./packages/@litertjs/core/wasm/", { threads: false, jspi: false });
  const report = [];
  for (const { name, shape } of models) {
    const data = noise(shape.reduce((a, b) => a * b, 1));
    const runners = [await webkilnRunner(`models/${name}`, true), await webkilnRunner(`models/${name}`, false), await litertRunner(`models/${name}.tflite`, shape)];
    const samples = new Map(runners.map((runner) => [runner.name, /** @type {number[]} */ ([])]));
    const results = /** @type {ArrayLike<number>[][]} */ ([]);
    for (const runner of runners) {
      for (let k = 0; k < 5; k++) await runner.run(data);
      results.push(await runner.run(data));
    }
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < runners.length; turn++) {
        const runner = runners[(round + turn) % runners.length];
        await runner.run(data); // brings its own memory back into the caches
        for (let k = 0; k < runs; k++) {
          const began = performance.now();
          await runner.run(data);
          samples.get(runner.name)?.push(performance.now() - began);
        }
      }
    }
    report.push({ name, runners: runners.map((runner, k) => ({ name: runner.name, samples: samples.get(runner.name), difference: difference(results[k], results[0]) })) });
  }
  return report;
}

globalThis.measurePeers = measure;
