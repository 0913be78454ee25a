/** What a plan is made of: draws, each a program, an output, textures, and numbers. */

import { sizeOf } from "../../dtypes.js";
import { skeletons } from "../../generated/skeletons.js";
import { expandView, mergeAxes, wholeView } from "../../planner/views.js";

/** @typedef {import("../../graph.js").Operation} Operation */
/** @typedef {import("../../planner/fusion.js").Program} Program */
/** @typedef {import("./programs.js").Recipe} Recipe */
/** @typedef {import("./programs.js").OperandKind} OperandKind */
/** @typedef {import("./storage.js").Layout} Layout */
/** @typedef {import("./weights.js").Storage} Storage */
/** @typedef {{ scalar: number } | { anchor: true } | { storage: Storage }} Operand */
/** @typedef {{ program: Program, operands: Operand[] }} Finish an epilogue and what it reads */
/**
 * @typedef {object} Request
 * @property {string} skeleton
 * @property {Storage} output
 * @property {Storage[]} inputs in the skeleton's order
 * @property {Record<string, number>} [fields]
 * @property {number[][]} [axes] vectors of at most four numbers
 * @property {{ piece: string, storages: Storage[], numbers: number[][] }} [parts]
 * @property {import("./programs.js").Window} [window]
 * @property {import("./programs.js").Fold} [fold]
 * @property {Finish | null} [finish]
 * @property {Operation[]} operations what is computed
 */
/** @typedef {{ recipe: Recipe, output: Storage, textures: Storage[], places: number[], numbers: Int32Array, operations: Operation[] }} Draw `places`: the vector of each texture */

/** The format's largest rank; a padding takes two vectors an axis. Programs of any rank have room for this many. */
const AXIS_VECTORS = 16;
const OPERAND_AXES = 8;
const OUTPUT_VECTORS = 2;
const VECTORS = { anchor: 0, scalar: 1, same: 1, channels: 1, broadcast: 2 + OPERAND_AXES };

const floatBits = new DataView(new ArrayBuffer(4));

/** @param {number} value */
function bitsOf(value) {
  floatBits.setFloat32(0, value);
  return floatBits.getInt32(0);
}

/**
 * What a program must know to read a tensor; the size of its texture follows in `numbersOf`.
 * @param {Layout} layout
 */
function tensorNumbers({ channelBlocks, rowTexels, shift, layers }) {
  return [channelBlocks, (rowTexels << 8) | (shift << 4) | Math.log2(layers)];
}

/**
 * A draw's numbers, with the reciprocals of the sizes of its textures, which are there by now.
 * @param {Draw} draw
 */
export function numbersOf({ numbers, textures, places }) {
  textures.forEach(({ home }, k) => {
    const { width, height } = /** @type {import("./context.js").Surface} */ (home.surface);
    numbers.set([bitsOf(1 / width), bitsOf(1 / height)], places[k] * 4 + 2);
  });
  return numbers;
}

/**
 * @param {Request} request
 * @returns {Draw}
 */
export function createDraw({ skeleton, output, inputs, fields = {}, axes, parts, window, fold, finish = null, operations }) {
  const { fields: names, floats, vectors: own } = skeletons[skeleton];
  const { layout } = output;
  /** @type {number[][]} */
  const numbers = [[layout.channelBlocks, layout.columns, layout.channels, layout.shift], [layout.rowTexels, layout.isFolded ? layout.texels : layout.outer * layout.rowTexels], ...inputs.map((input) => tensorNumbers(input.layout))];
  const words = names.map((name) => {
    if (!(name in fields)) throw new Error(`the draw ${skeleton} lacks its field ${name}`);
    return floats.includes(name) ? bitsOf(fields[name]) : fields[name];
  });
  for (let i = 0; i < words.length; i += 4) numbers.push(words.slice(i, i + 4));
  let at = own;
  if (axes) {
    if (axes.length > AXIS_VECTORS) throw new Error(`the draw ${skeleton} has ${axes.length} vectors of axes`);
    numbers.push(...axes);
    at += AXIS_VECTORS;
  }
  /** @param {number[][]} content @param {number} length */
  const append = (content, length) => {
    while (numbers.length < at) numbers.push([]);
    numbers.push(...content);
    at += length;
    return at - length;
  };
  const partPlaces = parts?.storages.map((storage, k) => append([tensorNumbers(storage.layout), parts.numbers[k]], 2));
  const operands = finish?.operands.map((operand) => {
    const { kind, content } = describeOperand(operand, layout);
    return { kind, at: append(content, VECTORS[kind]) };
  });
  const encoded = new Int32Array(at * 4);
  numbers.forEach((vector, index) => encoded.set(vector, index * 4));
  const textures = [...inputs, ...(parts?.storages ?? []), ...(finish?.operands.flatMap((operand) => ("storage" in operand ? [operand.storage] : [])) ?? [])];
  /** @type {Recipe} */
  const recipe = {
    skeleton,
    layers: layout.layers,
    vectors: at,
    epilogue: finish && operands ? { operands, instructions: finish.program.instructions, result: finish.program.result } : null,
    parts: parts && partPlaces ? { piece: parts.piece, places: partPlaces } : null,
    isFolded: [output, ...textures].some((storage) => storage.layout.isFolded),
    window: window ?? null,
    fold: fold ?? null,
  };
  const operandPlaces = operands?.flatMap(({ kind, at }) => (kind === "anchor" || kind === "scalar" ? [] : [at]));
  const places = [...inputs.map((_, k) => OUTPUT_VECTORS + k), ...(partPlaces ?? []), ...(operandPlaces ?? [])];
  return { recipe, output, textures, places, numbers: encoded, operations };
}

/**
 * How an epilogue reads an operand, and the numbers that it needs.
 * @param {Operand} operand
 * @param {Layout} output
 * @returns {{ kind: OperandKind, content: number[][] }}
 */
function describeOperand(operand, output) {
  if ("anchor" in operand) return { kind: "anchor", content: [] };
  if ("scalar" in operand) return { kind: "scalar", content: [[bitsOf(operand.scalar)]] };
  const { layout } = operand.storage;
  const isWhole = layout.outer === output.outer && layout.columns === output.columns && layout.channels === output.channels;
  if (isWhole) return { kind: "same", content: [tensorNumbers(layout)] };
  if (layout.outer === 1 && layout.columns === 1 && layout.channels === output.channels) return { kind: "channels", content: [tensorNumbers(layout)] };
  const outer = output.shape.slice(0, -2);
  const { strides } = expandView(wholeView(layout.shape.slice(0, -2)), outer);
  const axes = axisNumbers(outer, [strides]);
  const steps = [layout.columns === 1 ? 0 : 1, layout.channels === 1 && output.channels > 1 ? 0 : 1, axes.length];
  return { kind: "broadcast", content: [tensorNumbers(layout), steps, ...axes] };
}

/**
 * Vectors that walk a row-major index: an axis each, from the last, its size and then its stride in each list.
 * @param {readonly number[]} shape
 * @param {readonly (readonly number[])[]} lists
 * @returns {number[][]}
 */
export function axisNumbers(shape, lists) {
  if (sizeOf(shape) === 0) return [];
  const { dims, strides } = mergeAxes(shape, lists);
  return dims.map((dim, axis) => [dim, ...strides.map((list) => list[axis])]).reverse();
}
