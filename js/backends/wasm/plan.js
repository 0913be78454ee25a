/** A graph of known sizes → a list of commands, with an address for everything. */

import { planArena } from "../../planner/arena.js";
import { planUnits } from "../../planner/fusion.js";
import { align } from "../../planner/arena.js";
import { DTYPES } from "../../dtypes.js";
import { kernels } from "../../generated/kernels.js";
import { encodeCommand, encodeProgram, isReference, referencesOf, resolve } from "./commands.js";
import { capabilitiesOf, Lowering } from "./lowering.js";

/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("./commands.js").Command} Command */
/** @typedef {import("./commands.js").ProgramLayout} ProgramLayout */
/** @typedef {import("./commands.js").Storage} Storage */
/** @typedef {import("./commands.js").Tensor} Tensor */
/** @typedef {import("./weights.js").Weights} Weights */
/**
 * @typedef {object} Plan
 * @property {StaticGraph} graph
 * @property {Command[]} commands
 * @property {Map<string, Tensor>} inputs
 * @property {Map<string, Tensor>} outputs
 * @property {Storage[]} data
 * @property {Storage[]} storages of the arena
 * @property {number[]} offsets of the storages in the arena
 * @property {{ segments: { backend: string, operations: number, commands: number }[], arenaBytes: number, intermediateBytes: number }} info
 */
/**
 * A plan in the memory: words that lie at `base`, of which the commands are the part from `begin` to `end`.
 * @typedef {{ image: Int32Array, base: number, begin: number, end: number, starts: number[], top: number }} EncodedPlan
 */

/** Bytes after the last buffer that kernels may read. */
const SLACK = 64;

/**
 * @param {StaticGraph} graph
 * @param {Weights} weights
 * @param {ReadonlyMap<string, Storage>} state
 * @param {(name: string) => number | null} scalarOf
 * @param {{ fuse?: boolean, outputs?: string[] }} [options] what to read afterwards; the graph's outputs by default
 * @returns {Plan}
 */
export function planGraph(graph, weights, state, scalarOf, { fuse = true, outputs = graph.outputs } = {}) {
  const units = planUnits({ ...graph, outputs }, capabilitiesOf(graph), { fuse });
  const lowering = new Lowering(graph, weights, state, scalarOf);
  const inputs = new Map(graph.inputs.map((name) => [name, lowering.tensor(name)]));
  for (const unit of units) lowering.lower(unit);
  const read = new Map(outputs.map((name) => [name, lowering.output(name)]));
  lowering.updateState(state);
  const { commands, data } = lowering;
  const apart = new Set(commands.flatMap(referencesOf).flatMap(({ storage }) => (storage.kind === "arena" ? [storage] : [])));
  const intermediateBytes = [...apart].reduce((sum, { bytes }) => sum + bytes, 0);
  shareInPlace(commands);

  const lives = lifetimes(commands, [...inputs.values(), ...read.values()]);
  const storages = [...lives.keys()];
  const { offsets, size } = planArena(storages.map((storage) => ({ size: storage.bytes, .../** @type {Lifetime} */ (lives.get(storage)) })));
  const info = {
    segments: [
      {
        backend: "wasm",
        operations: units.reduce((sum, unit) => sum + (unit.operation ? 1 : 0) + (unit.clamp ? 1 : 0) + (unit.program?.operations.length ?? 0), 0),
        commands: commands.length,
      },
    ],
    arenaBytes: size,
    intermediateBytes,
  };
  return { graph, commands, inputs, outputs: read, data, storages, offsets, info };
}

/** @typedef {{ first: number, last: number }} Lifetime numbers of commands; −1 is before the first */

/**
 * @param {Command[]} commands
 * @param {Iterable<Tensor>} [boundary] inputs and outputs, which need a place even when no command touches them
 * @returns {Map<Storage, Lifetime>} of the storages of the arena that lie in no other
 */
export function lifetimes(commands, boundary = []) {
  /** @type {Map<Storage, Lifetime>} */
  const lives = new Map();
  const touch = (/** @type {Storage} */ part, /** @type {number} */ index) => {
    const { storage } = resolve({ storage: part, offset: 0 });
    if (storage.kind !== "arena") return;
    const life = lives.get(storage) ?? { first: index, last: index };
    life.first = Math.min(life.first, index);
    life.last = Math.max(life.last, index);
    lives.set(storage, life);
    // The flags stand on the part, the life belongs to the whole.
    if (part.input) life.first = -1;
    if (part.output) life.last = commands.length;
  };
  commands.forEach((command, index) => referencesOf(command).forEach(({ storage }) => touch(storage, index)));
  for (const { storage } of boundary) touch(storage, storage.input ? -1 : commands.length);
  return lives;
}

/**
 * Lets element-wise commands write over an operand that nobody reads afterwards.
 * @param {Command[]} commands
 */
function shareInPlace(commands) {
  const lives = lifetimes(commands);
  commands.forEach((command, index) => {
    const program = command.fields.program;
    if (command.kernel !== "elementwise" || typeof program === "number" || isReference(program)) return;
    const target = resolve(program.output);
    const life = lives.get(target.storage);
    if (target.storage.inside || target.offset !== 0 || life?.first !== index) return;
    for (const { address, dtype } of program.operands) {
      if (!address) continue;
      const { storage, offset } = resolve(address);
      const other = lives.get(storage);
      if (!other || storage === target.storage || other.last !== index || storage.bytes !== target.storage.bytes) continue;
      if (offset !== 0 || DTYPES[dtype].size !== DTYPES[program.dtype].size) continue;
      // Everything that the command reads there must be read at the place where it is then written.
      const safe = program.operands.every((operand) => !operand.address || resolve(operand.address).storage !== storage || (operand.class === 1 && resolve(operand.address).offset === 0));
      if (!safe) continue;
      target.storage.inside = { storage, offset: 0 };
      other.last = life.last;
      lives.delete(target.storage);
      return;
    }
  });
}

/**
 * Gives every storage of the plan its address, and writes the commands.
 * @param {Plan} plan
 * @param {number} base the first free byte of the memory
 * @returns {EncodedPlan}
 */
export function encodePlan({ commands, data, storages, offsets, info }, base) {
  let at = align(base);
  const start = at;
  for (const storage of data) {
    storage.address = at;
    at += Math.ceil(storage.bytes / 16) * 16;
  }
  /** @type {Map<ProgramLayout, number>} */
  const programs = new Map();
  for (const { fields } of commands) {
    for (const field of Object.values(fields)) {
      if (typeof field === "number" || isReference(field)) continue;
      programs.set(field, at);
      at += 4 * (12 + 10 * field.operands.length + 5 * field.instructions.length);
    }
  }
  const begin = Math.ceil(at / 16) * 16;
  const starts = [begin];
  for (const { kernel } of commands) starts.push(/** @type {number} */ (starts.at(-1)) + 4 * (kernels[kernel].fields.length + 2));
  const end = /** @type {number} */ (starts.at(-1));
  const arena = align(end);
  storages.forEach((storage, index) => (storage.address = arena + offsets[index]));

  const image = new Int32Array((end - start) / 4);
  for (const { content, address } of data) image.set(/** @type {Int32Array} */ (content), (/** @type {number} */ (address) - start) / 4);
  for (const [program, address] of programs) image.set(encodeProgram(program), (address - start) / 4);
  commands.forEach((command, index) => image.set(encodeCommand(command, programs), (starts[index] - start) / 4));
  return { image, base: start, begin, end, starts, top: arena + info.arenaBytes + SLACK };
}
