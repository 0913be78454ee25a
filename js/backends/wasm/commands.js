/** What a plan is made of before its addresses are known: storages, commands, element-wise programs. */

import { DTYPES, sizeOf } from "../../dtypes.js";
import { kernels, opcodes } from "../../generated/kernels.js";
import { contiguousStrides, mergeAxes } from "../../planner/views.js";

/** @typedef {import("../../dtypes.js").Dtype} Dtype */
/** @typedef {import("../../graph.js").Operation} Operation */
/** @typedef {import("../../planner/views.js").View} View */
/** @typedef {import("../../planner/fusion.js").Instruction} Instruction */
/**
 * Some bytes of the memory. `arena` ones are laid out by the planner, `fixed` ones live as long as the model, `data` ones belong to the plan.
 * @typedef {object} Storage
 * @property {"arena" | "fixed" | "data"} kind
 * @property {number} bytes
 * @property {number} [address] once it is known
 * @property {{ storage: Storage, offset: number }} [inside] another storage, of which this one is a part
 * @property {boolean} [input] written before the commands run
 * @property {boolean} [output] read after they have run
 * @property {Int32Array} [content] of a `data` storage
 */
/** @typedef {{ storage: Storage, offset: number }} Reference `offset` in bytes */
/** @typedef {{ storage: Storage, view: View, dtype: Dtype }} Tensor the view counts in elements from the start of the storage */
/**
 * @typedef {object} OperandLayout
 * @property {number} class 0 scalar, 1 contiguous, 2 row broadcast, 3 column broadcast, 4 strided
 * @property {Dtype} dtype
 * @property {Reference | null} address
 * @property {number} bits
 * @property {number[]} strides 6
 */
/**
 * @typedef {object} ProgramLayout
 * @property {Dtype} dtype of the output
 * @property {Reference} output
 * @property {OperandLayout[]} operands
 * @property {Instruction[]} instructions
 * @property {number} result
 * @property {number} columns
 * @property {number[]} dims 6
 */
/** @typedef {number | Reference | ProgramLayout} Field */
/**
 * @typedef {object} Command
 * @property {string} kernel
 * @property {Record<string, Field>} fields
 * @property {Operation[]} operations what it computes
 */

export const MAXIMUM_AXES = 6;
export const REGISTERS = 16;

/**
 * The storage that a storage is a part of in the end, and where in it.
 * @param {Reference} reference
 * @returns {Reference}
 */
export function resolve({ storage, offset }) {
  while (storage.inside) {
    offset += storage.inside.offset;
    storage = storage.inside.storage;
  }
  return { storage, offset };
}

/**
 * @param {Field} field
 * @returns {field is Reference}
 */
export function isReference(field) {
  return typeof field === "object" && "storage" in field;
}

/**
 * Every place that a command reads or writes.
 * @param {Command} command
 * @returns {Reference[]}
 */
export function referencesOf({ fields }) {
  return Object.values(fields).flatMap((field) => {
    if (typeof field === "number") return [];
    if (isReference(field)) return [field];
    return [field.output, ...field.operands.flatMap(({ address }) => address ?? [])];
  });
}

/**
 * How a program of a shape reads its operands.
 * @param {readonly number[]} shape of the output
 * @param {({ tensor: Tensor } | { bits: number, dtype: Dtype })[]} sources tensors of exactly the shape (broadcast by strides), or scalars
 * @returns {{ operands: OperandLayout[], columns: number, dims: number[] } | { unreadable: number }} or the operand that must be made contiguous first
 */
export function layoutOperands(shape, sources) {
  const tensors = sources.flatMap((source, index) => ("tensor" in source ? [{ index, ...source.tensor }] : []));
  const { dims, strides } = mergeAxes(shape, [contiguousStrides(shape), ...tensors.map(({ view }) => view.strides)]);
  if (dims.length > MAXIMUM_AXES) {
    const wanted = contiguousStrides(shape);
    const worst = tensors.find(({ view }) => view.strides.some((stride, axis) => shape[axis] !== 1 && stride !== wanted[axis]));
    return { unreadable: /** @type {{ index: number }} */ (worst).index };
  }
  const rank = dims.length;
  const whole = contiguousStrides(dims);
  const outer = contiguousStrides(dims.slice(0, -1));
  const padded = (/** @type {number[]} */ list, /** @type {number} */ filler) => [...new Array(MAXIMUM_AXES - list.length).fill(filler), ...list];
  const operands = sources.map((source, index) => {
    if (!("tensor" in source)) return { class: 0, dtype: source.dtype, address: null, bits: source.bits, strides: padded([], 0) };
    const { storage, view, dtype } = source.tensor;
    const own = strides[1 + tensors.findIndex((tensor) => tensor.index === index)];
    const offset = view.offset * DTYPES[dtype].size;
    // Only the strided class reads from anywhere; the others begin where a buffer may begin.
    const aligned = offset % 16 === 0;
    let kind = 4;
    if (aligned && own.every((stride, axis) => stride === whole[axis])) kind = 1;
    else if (aligned && rank > 1 && own[rank - 1] === 1 && own.slice(0, -1).every((stride) => stride === 0)) kind = 2;
    else if (aligned && rank > 1 && own[rank - 1] === 0 && own.slice(0, -1).every((stride, axis) => stride === outer[axis])) kind = 3;
    return { class: kind, dtype, address: { storage, offset }, bits: 0, strides: padded(own, 0) };
  });
  return { operands, columns: dims[rank - 1] ?? 1, dims: padded(dims, 1) };
}

/**
 * Commands that copy one view to another of the same shape, both of `size` bytes an element.
 * @param {Tensor} source
 * @param {Tensor} target
 * @param {Operation[]} operations
 * @returns {Command[]}
 */
export function copyCommands(source, target, operations) {
  const size = DTYPES[source.dtype].size;
  const merged = mergeAxes(source.view.shape, [source.view.strides, target.view.strides]);
  // More axes than the kernel has become one command for each index of the shortest ones.
  const shortest = merged.dims.map((_, axis) => axis).sort((a, b) => merged.dims[a] - merged.dims[b]).slice(0, Math.max(0, merged.dims.length - MAXIMUM_AXES));
  const order = [...shortest, ...merged.dims.map((_, axis) => axis).filter((axis) => !shortest.includes(axis))];
  const [dims, from, to] = [merged.dims, ...merged.strides].map((list) => order.map((axis) => list[axis]));
  /** @type {Command[]} */
  const commands = [];
  if (sizeOf(source.view.shape) === 0) return commands;
  const loops = shortest.length;
  const inner = dims.slice(loops);
  const rank = inner.length;
  const count = sizeOf(dims.slice(0, loops));
  for (let i = 0; i < count; i++) {
    let x = source.view.offset;
    let y = target.view.offset;
    for (let axis = loops - 1, rest = i; axis >= 0; axis--) {
      const index = rest % dims[axis];
      rest = (rest - index) / dims[axis];
      x += index * from[axis];
      y += index * to[axis];
    }
    /** @type {Record<string, Field>} */
    const fields = {
      x: { storage: source.storage, offset: x * size },
      y: { storage: target.storage, offset: y * size },
      element_size: size,
    };
    for (let k = 0; k < MAXIMUM_AXES; k++) {
      const axis = k - (MAXIMUM_AXES - rank);
      fields[`dims${k}`] = axis < 0 ? 1 : inner[axis];
      fields[`x_strides${k}`] = axis < 0 ? 0 : from[loops + axis];
      fields[`y_strides${k}`] = axis < 0 ? 0 : to[loops + axis];
    }
    commands.push({ kernel: "copy", fields, operations });
  }
  return commands;
}

const floatBits = new DataView(new ArrayBuffer(4));

/**
 * The bits of a number as float32.
 * @param {number} value
 */
export function bitsOf(value) {
  floatBits.setFloat32(0, value);
  return floatBits.getInt32(0);
}

/**
 * @param {Reference} reference
 * @returns {number} bytes into the memory
 */
export function addressOf(reference) {
  const { storage, offset } = resolve(reference);
  if (storage.address === undefined) throw new Error("a storage has no address yet");
  return storage.address + offset;
}

/**
 * @param {ProgramLayout} program
 * @returns {number[]} words
 */
export function encodeProgram(program) {
  const { dtype, output, operands, instructions, result, columns, dims } = program;
  return [
    DTYPES[dtype].code, addressOf(output), operands.length, instructions.length, result, columns, ...dims,
    ...operands.flatMap((operand) => [operand.class, DTYPES[operand.dtype].code, operand.address ? addressOf(operand.address) : 0, operand.bits, ...operand.strides]),
    ...instructions.flatMap(({ opcode, operands: [a = 0, b = 0, c = 0], destination }) => {
      if (!Object.hasOwn(opcodes, opcode)) throw new Error(`the kernels have no opcode ${opcode}`);
      return [opcodes[opcode], a, b, c, destination];
    }),
  ];
}

/**
 * @param {Command} command
 * @param {ReadonlyMap<ProgramLayout, number>} programs their addresses
 * @returns {number[]} words
 */
export function encodeCommand({ kernel, fields }, programs) {
  const { id, fields: names, floats } = kernels[kernel];
  const words = names.map((name) => {
    const field = fields[name];
    if (field === undefined) throw new Error(`the command ${kernel} lacks its field ${name}`);
    if (typeof field === "number") return floats.includes(name) ? bitsOf(field) : field;
    return isReference(field) ? addressOf(field) : /** @type {number} */ (programs.get(field));
  });
  return [id, words.length + 2, ...words];
}
