/** What `backend: "auto"` means on this device, for one model. */

import { keep, openCache } from "../fetching.js";
import { readyContext } from "./webgl/index.js";

/** @typedef {import("../model.js").LoadedParts} LoadedParts */
/** @typedef {import("../model.js").Model} Model */
/** @typedef {"wasm" | "webgl"} Name */
/** @typedef {{ backend: Name, reason: string }} Choice */

/** @type {Map<string, Choice>} what was measured, for the life of the page */
const measured = new Map();

/** Runs that are timed, after one that is not. */
const RUNS = 2;

/**
 * WASM where WebGL2 is missing or runs on the processor, else the faster one. What one backend cannot run goes to the other.
 * @param {LoadedParts} parts
 * @param {(name: Name) => Promise<Model>} start makes a model that is ready to run
 * @returns {Promise<Model>} with its reason
 */
export async function chooseModel(parts, start) {
  /** @type {import("./webgl/context.js").Context} */
  let context;
  try {
    context = await readyContext();
  } catch (error) {
    return because(await start("wasm"), String(/** @type {Error} */ (error).message).split(";")[0]);
  }
  const { renderer, isSoftware } = context;
  const address = new URL(parts.base);
  address.searchParams.set("webkiln-backend", [parts.signature.name, parts.description.shards[0]?.sha256, renderer].join());
  const known = isSoftware ? { backend: "wasm", reason: `the renderer ${renderer} runs on the processor` } : await recall(address, parts.fetching.cache);

  /** @type {Model[]} */
  const models = [];
  /** @type {Error | undefined} */
  let failure;
  for (const name of /** @type {Name[]} */ (known?.backend === "webgl" ? ["webgl", "wasm"] : ["wasm", "webgl"])) {
    try {
      models.push(await start(name));
      if (known && !failure) return because(models[0], known.reason);
    } catch (error) {
      failure ??= /** @type {Error} */ (error);
    }
  }
  if (failure) {
    if (!models.length) throw failure;
    return because(models[0], `the other backend cannot run this model: ${failure.message}`);
  }
  const times = await timesOf(models);
  if (!times) {
    models[1].dispose();
    return because(models[0], "the model cannot be timed before the sizes of its inputs are known");
  }
  const winner = times[1] < times[0] ? 1 : 0;
  const [better, worse] = [models[winner], models[1 - winner]];
  const reason = `${times[winner].toFixed(1)} ms against ${times[1 - winner].toFixed(1)} ms (${worse.backend})`;
  worse.dispose();
  await store(address, parts.fetching.cache, { backend: /** @type {Name} */ (better.backend), reason });
  return because(better, reason);
}

/**
 * @param {Model} model
 * @param {string} reason
 */
function because(model, reason) {
  model.backendReason = `${model.backend}: ${reason}`;
  return model;
}

/**
 * The shortest of some warm runs of each, which take turns.
 * @param {Model[]} models
 * @returns {Promise<number[] | null>} milliseconds; null when nothing is known to run them on
 */
async function timesOf(models) {
  const inputs = models[0]._sample();
  if (!inputs) return null;
  const times = models.map(() => Infinity);
  for (let run = 0; run <= RUNS; run++) {
    for (const [index, model] of models.entries()) {
      const begin = performance.now();
      await model.warmup(inputs);
      if (run) times[index] = Math.min(times[index], performance.now() - begin);
    }
  }
  return times;
}

/**
 * @param {URL} address under which the choice is kept
 * @param {string | undefined} cache
 * @returns {Promise<Choice | undefined>}
 */
async function recall(address, cache) {
  const found = measured.get(address.href) ?? (await (await openCache(cache))?.match(address.href))?.json().catch(() => undefined);
  return (await found)?.reason ? found : undefined;
}

/**
 * @param {URL} address
 * @param {string | undefined} cache
 * @param {Choice} choice
 */
async function store(address, cache, choice) {
  measured.set(address.href, choice);
  await keep(await openCache(cache), address, JSON.stringify(choice));
}
