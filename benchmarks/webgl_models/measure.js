/** One model on WebGL: the time to a first result in a fresh page, the time of later runs, and the programs that a run uses. */

/** @typedef {{ name: string, graph: string | null, shape: number[] }} Pair a folder in the web format, and the same model as a tfjs graph */
/** @typedef {(data: Float32Array) => Promise<ArrayLike<number>[]>} Run from an array to arrays, copies included */

const tf = /** @type {any} */ (globalThis).tf;
const webkiln = /** @type {typeof import("../../js/index.js")} */ (/** @type {any} */ (globalThis).webkiln);

/** Programs that were linked, and those that were used since the last look. */
const programs = { linked: 0, used: new Set() };
const { linkProgram, useProgram } = WebGL2RenderingContext.prototype;
WebGL2RenderingContext.prototype.linkProgram = function (program) {
  programs.linked++;
  return linkProgram.call(this, program);
};
WebGL2RenderingContext.prototype.useProgram = function (program) {
  if (program) programs.used.add(program);
  return useProgram.call(this, program);
};

/** @type {Record<string, (pair: Pair) => Promise<Run>>} */
const LOADERS = {
  async webkiln({ name }) {
    const model = await webkiln.load(`models/${name}/model.json`, { backend: "webgl" });
    const [input] = model.inputs;
    return async (data) => Object.values(await model.run({ [input.name]: data }));
  },
  async tfjs({ graph, shape }) {
    await tf.setBackend("webgl");
    await tf.ready();
    const model = await tf.loadGraphModel(`packages/${graph}`);
    return async (data) => {
      const input = tf.tensor(data, shape);
      const results = [await model.executeAsync(input)].flat();
      const arrays = await Promise.all(results.map((result) => result.data()));
      tf.dispose([input, ...results]);
      return arrays;
    };
  },
};

/** @param {number[]} shape */
function noise(shape) {
  let state = 1;
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
}

function renderer() {
  const gl = /** @type {WebGL2RenderingContext} */ (document.createElement("canvas").getContext("webgl2"));
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

/**
 * From the call of `load` to the first result; only right in a fresh browser, which keeps compiled programs.
 * @param {{ runtime: string, pair: Pair }} plan
 */
async function cold({ runtime, pair }) {
  const data = noise(pair.shape);
  const began = performance.now();
  const run = await LOADERS[runtime](pair);
  const loaded = performance.now();
  await run(data);
  const ended = performance.now();
  programs.used.clear();
  await run(data);
  return { first: ended - began, loading: loaded - began, linked: programs.linked, used: programs.used.size, renderer: renderer() };
}

/**
 * Later runs, in turns.
 * @param {{ pair: Pair, rounds: number, runs: number }} plan
 */
async function steady({ pair, rounds, runs }) {
  const data = noise(pair.shape);
  const runners = [];
  for (const name of ["webkiln", "tfjs"]) runners.push({ name, run: await LOADERS[name](pair), samples: /** @type {number[]} */ ([]) });
  const results = [];
  for (const { run } of runners) {
    await run(data);
    results.push(await run(data));
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const { run, samples } = runners[(round + turn) % runners.length];
      await run(data);
      for (let k = 0; k < runs; k++) {
        const began = performance.now();
        await run(data);
        samples.push(performance.now() - began);
      }
    }
  }
  return { runners: runners.map(({ name, samples }) => ({ name, samples })), difference: difference(results[0], results[1]) };
}

/**
 * The largest difference relative to the largest magnitude of an output; the n-th output of a size is that of the other runtime.
 * @param {ArrayLike<number>[]} actual
 * @param {ArrayLike<number>[]} expected
 */
function difference(actual, expected) {
  const left = [...actual];
  let largest = 0;
  for (const wanted of expected) {
    const index = left.findIndex(({ length }) => length === wanted.length);
    if (index < 0) return Infinity;
    const [found] = left.splice(index, 1);
    let magnitude = 0;
    for (let i = 0; i < wanted.length; i++) magnitude = Math.max(magnitude, Math.abs(wanted[i]));
    for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(found[i] - wanted[i]) / magnitude);
  }
  return largest;
}

Object.assign(globalThis, { cold, steady });
