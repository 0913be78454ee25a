/** Models on the WebGL backend with a chosen R and forced limits: what the session of the runtime drives, under the public `load`. */

import { MixedBackend } from "../js/backends/mixed/backend.js";
import { loadModule } from "../js/backends/wasm/module.js";
import { Context } from "../js/backends/webgl/context.js";
import { WebglBackend } from "../js/backends/webgl/backend.js";
import { loadSources } from "../js/constants.js";
import { readInput } from "../js/dtypes.js";
import { fetchJson } from "../js/fetching.js";
import { readModel } from "../js/format.js";
import { bindSymbols, inferGraph, liveGraph } from "../js/graph.js";
import { createSession } from "../js/session.js";

/** How many objects of the device were made, and how many of each kind are left. */
const counts = { created: 0, left: {} };
for (const kind of ["Texture", "Buffer", "Framebuffer", "Program", "Shader"]) {
  counts.left[kind] = 0;
  for (const [verb, step] of [["create", 1], ["delete", -1]]) {
    const own = WebGL2RenderingContext.prototype[`${verb}${kind}`];
    WebGL2RenderingContext.prototype[`${verb}${kind}`] = function (object) {
      if (step === 1) counts.created++;
      if (step === 1 || object) counts.left[kind] += step;
      return own.apply(this, arguments);
    };
  }
}

/** By their number in the session. */
const models = [];

/** Browsers have few contexts: one for each choice. @type {Map<string, Context>} */
const contexts = new Map();

function contextOf({ layers, limits }) {
  const key = JSON.stringify([layers, limits]);
  if (!contexts.has(key)) contexts.set(key, new Context({ layers, limits }));
  return contexts.get(key);
}

/** `crossing`: the work that a WebGL segment must be worth beside WASM; by default WebGL has whatever it can run; null: the runtime's own default. `symbols`: what is planned first. */
async function load(url, { layers, limits, fuse = true, crossing = 0, symbols = {} }) {
  const base = new URL(url, location.href);
  const description = readModel(await fetchJson(base, {}));
  const [signature] = description.signatures;
  const live = liveGraph(description, signature);
  const sources = await loadSources({ description, base, fetching: {} }, live.constants);
  const context = contextOf({ layers, limits });
  const states = description.state.map(({ input, shape, dtype, initial }) => ({ name: input, shape, dtype, initial }));
  const sourceOf = (name) => sources.get(name);
  let modules = 0;
  const loadWasm = () => {
    modules++;
    return loadModule({});
  };
  const backend = new MixedBackend(new WebglBackend(context, states, sourceOf), states, sourceOf, loadWasm, { crossing: crossing ?? undefined });
  const started = performance.now();
  const plans = new Map();
  const planFor = (symbols) => {
    const key = JSON.stringify([...symbols]);
    // What was planned before a state moved is planned again, as models do.
    if (plans.get(key)?.generation !== backend.generation) plans.set(key, backend.prepare(inferGraph(description, signature, live, symbols), { fuse }));
    return plans.get(key);
  };
  const plan = planFor(new Map(Object.entries(symbols)));
  await backend.ready(plan);
  const compileMilliseconds = performance.now() - started;
  const model = {
    backend: backend.name,
    build: `R${context.layers}`,
    inputs: signature.inputs,
    outputs: signature.outputs,
    plan: {
      ...plan.info,
      programs: new Set((plan.device?.steps ?? []).map(({ program }) => program)).size,
      kernels: plan.commands.map(({ kernel }) => kernel),
      modules,
      renderer: context.renderer,
      compileMilliseconds,
    },
    async run(inputs) {
      const read = new Map(signature.inputs.map((argument) => [argument, readInput(argument.name, inputs[argument.name], argument.dtype, argument.shape)]));
      const shapes = new Map([...read].map(([{ name }, { shape }]) => [name, shape]));
      const values = new Map([...read].map(([{ value }, { data }]) => [value, data]));
      const results = await backend.run(planFor(bindSymbols(signature.inputs, shapes, description.symbols)), values);
      const error = context.gl.getError();
      if (error) throw new Error(`WebGL error ${error}`);
      return Object.fromEntries(signature.outputs.map(({ name, value }) => [name, Object.assign(results.get(value).data, { shape: results.get(value).shape })]));
    },
    reset: () => backend.resetState(),
    dispose: () => backend.dispose(),
  };
  models.push(model);
  return model;
}

/** All runs are asked for before the first has an end; then the inputs are written over. */
async function overlapping({ id, runs }) {
  const given = runs.map((inputs) => Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, (name === "places" ? Int32Array : Float32Array).from(values.flat())])));
  const pending = given.map((inputs) => models[id].run(inputs));
  for (const inputs of given) for (const array of Object.values(inputs)) array.fill(0);
  return Promise.all(pending.map(async (run) => Object.fromEntries(Object.entries(await run).map(([name, tensor]) => [name, [...tensor]]))));
}

export const session = { ...createSession({ webkiln: { load } }), counts: async () => structuredClone(counts), overlapping };
