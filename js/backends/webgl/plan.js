/** A graph of known sizes → draws, and a texture for every value: those that do not live at the same time share one. */

import { planUnits } from "../../planner/fusion.js";
import { capabilities, DTYPES, fits, isLowerable, Lowering } from "./lowering.js";
import { bytesOf } from "./weights.js";

/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./draws.js").Draw} Draw */
/** @typedef {import("./weights.js").Home} Home */
/** @typedef {import("./weights.js").Storage} Storage */
/** @typedef {import("./weights.js").Weights} Weights */
/**
 * @typedef {object} Plan
 * @property {StaticGraph} graph
 * @property {Draw[]} draws
 * @property {{ from: Storage, to: Storage }[]} copies that follow the draws
 * @property {Map<string, Storage>} inputs
 * @property {Map<string, Storage>} outputs
 * @property {Map<Storage, Float32Array>} tables
 * @property {Home[][]} shared homes that have the same texture, each list in the order of their lives
 * @property {{ segments: { backend: string, operations: number, commands: number }[], arenaBytes: number, intermediateBytes: number }} info
 */

/** A texture may be this many times as large as a value needs. */
const LARGEST_WASTE = 2;

/**
 * Whether a texture of the device holds a value as it is.
 * @param {import("../../graph.js").TensorType | import("../wasm/backend.js").StateType} type
 * @param {Context} context
 */
export function canHold({ shape, dtype }, { layers, limits: { textureSize } }) {
  return DTYPES.has(dtype) && fits(shape, layers, textureSize);
}

/**
 * Whether the device runs an operation of a graph.
 * @param {import("../../graph.js").Operation} operation
 * @param {StaticGraph} graph
 * @param {Context} context
 */
export function canRun(operation, graph, context) {
  const holds = (/** @type {string} */ name) => canHold(/** @type {import("../../graph.js").TensorType} */ (graph.types.get(name)), context);
  return isLowerable(operation, graph) && [...operation.inputs, operation.output].every((name) => name === "" || holds(name));
}

/**
 * @param {StaticGraph} graph each of its operations one that `canRun`
 * @param {Context} context
 * @param {Weights} weights
 * @param {ReadonlyMap<string, Storage>} state
 * @param {{ fuse?: boolean, outputs?: string[] }} [options] what to read afterwards; the graph's outputs by default
 * @returns {Plan}
 */
export function planGraph(graph, context, weights, state, { fuse = true, outputs = graph.outputs } = {}) {
  const units = planUnits({ ...graph, outputs }, capabilities(), { fuse });
  // A state that the graph has as an input comes with the others: it lies elsewhere.
  const own = new Map([...state].filter(([name]) => !graph.inputs.includes(name)));
  const lowering = new Lowering(graph, context.layers, context.limits.textureUnits, weights, own);
  const inputs = new Map(graph.inputs.map((name) => [name, lowering.buffer(name)]));
  for (const unit of units) lowering.lower(unit);
  const read = new Map(outputs.map((name) => [name, lowering.output(name)]));
  lowering.updateState(state);
  const { draws, copies, tables } = lowering;

  const lives = lifetimes(draws, copies, [...inputs.values()], [...read.values()]);
  const shared = shareTextures(lives);
  const info = {
    segments: [{ backend: "webgl", operations: units.reduce((sum, { operation, program }) => sum + (operation ? 1 : 0) + (program?.operations.length ?? 0), 0), commands: draws.length }],
    arenaBytes: shared.reduce((sum, homes) => sum + bytesOf(sizeOfShared(homes)), 0),
    intermediateBytes: [...lives.keys()].reduce((sum, home) => sum + bytesOf(home), 0),
  };
  return { graph, draws, copies, inputs, outputs: read, tables, shared, info };
}

/** @typedef {{ first: number, last: number }} Lifetime numbers of draws; −1 is before the first */

/**
 * @param {Draw[]} draws
 * @param {{ from: Storage, to: Storage }[]} copies
 * @param {Storage[]} inputs
 * @param {Storage[]} outputs
 * @returns {Map<Home, Lifetime>} of the homes of the arena
 */
function lifetimes(draws, copies, inputs, outputs) {
  /** @type {Map<Home, Lifetime>} */
  const lives = new Map();
  const touch = (/** @type {Storage} */ { home }, /** @type {number} */ index) => {
    if (home.kind !== "arena") return;
    const { first, last } = lives.get(home) ?? { first: index, last: index };
    lives.set(home, { first: Math.min(first, index), last: Math.max(last, index) });
  };
  for (const storage of inputs) touch(storage, -1);
  draws.forEach(({ output, textures }, index) => [output, ...textures].forEach((storage) => touch(storage, index)));
  for (const { from, to } of copies) [from, to].forEach((storage) => touch(storage, draws.length));
  for (const storage of outputs) touch(storage, draws.length);
  return lives;
}

/**
 * @param {Map<Home, Lifetime>} lives
 * @returns {Home[][]}
 */
function shareTextures(lives) {
  /** @type {{ homes: Home[], last: number }[]} */
  const textures = [];
  for (const [home, { first, last }] of [...lives].sort(([, a], [, b]) => a.first - b.first)) {
    let best;
    let least = Infinity;
    for (const texture of textures) {
      if (texture.last >= first || texture.homes[0].layers !== home.layers) continue;
      const bytes = bytesOf(sizeOfShared([...texture.homes, home]));
      const growth = bytes - bytesOf(sizeOfShared(texture.homes));
      if (growth >= least || bytes > LARGEST_WASTE * Math.min(...[...texture.homes, home].map(bytesOf))) continue;
      best = texture;
      least = growth;
    }
    if (best) {
      best.homes.push(home);
      best.last = last;
    } else textures.push({ homes: [home], last });
  }
  return textures.map(({ homes }) => homes);
}

/**
 * @param {Home[]} homes
 * @returns {Home}
 */
export function sizeOfShared(homes) {
  return { ...homes[0], width: Math.max(...homes.map(({ width }) => width)), height: Math.max(...homes.map(({ height }) => height)) };
}
