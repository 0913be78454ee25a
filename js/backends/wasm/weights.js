/** Constants in the memory, each in the forms that kernels want; and the model's other fixed storages. */

import { DTYPES, sizeOf } from "../../dtypes.js";
import { align } from "../../planner/arena.js";

/** @typedef {import("../../dtypes.js").Dtype} Dtype */
/** @typedef {import("./commands.js").Storage} Storage */
/** @typedef {import("../../stored.js").Source} Source */
/**
 * How a constant is laid out for a kernel. Offsets and strides in elements of the constant.
 * @typedef {{ form: "raw" }
 *   | { form: "matrix", offset: number, depth: number, columns: number, rowStride: number, columnStride: number }
 *   | { form: "depthwise", taps: number, channels: number }} Form
 */
/** @typedef {{ name: string, form: Form, storage: Storage }} Weight */

/** What every constant is padded to with zeros, so that a bias may be read in whole vectors. */
const PADDING = 32;

export class Weights {
  constructor() {
    /** @type {Map<string, Weight>} */
    this.wanted = new Map();
    /** @type {Storage} a bias for those that have none */
    this.zeros = { kind: "fixed", bytes: PADDING };
  }

  /**
   * The storage of a constant in some form; it is filled before the plan first runs.
   * @param {string} name
   * @param {{ dtype: Dtype, shape: readonly number[] }} type
   * @param {Form} form
   * @returns {Storage}
   */
  request(name, { dtype, shape }, form) {
    const key = JSON.stringify([name, Object.values(form)]);
    let weight = this.wanted.get(key);
    if (!weight) {
      const bytes = {
        raw: () => sizeOf(shape) * DTYPES[dtype].size,
        matrix: ({ depth, columns } = /** @type {Extract<Form, { form: "matrix" }>} */ (form)) => Math.ceil(columns / 8) * 8 * depth * 4,
        depthwise: ({ taps, channels } = /** @type {Extract<Form, { form: "depthwise" }>} */ (form)) => Math.ceil(channels / 4) * 4 * taps * 4,
      }[form.form]();
      weight = { name, form, storage: { kind: "fixed", bytes: Math.ceil(bytes / PADDING) * PADDING } };
      this.wanted.set(key, weight);
    }
    return weight.storage;
  }

  /**
   * A run of zeros.
   * @param {number} bytes
   * @returns {Storage}
   */
  requestZeros(bytes) {
    if (this.zeros.address === undefined) this.zeros.bytes = Math.max(this.zeros.bytes, Math.ceil(bytes / PADDING) * PADDING);
    else if (bytes > this.zeros.bytes) this.zeros = { kind: "fixed", bytes: Math.ceil(bytes / PADDING) * PADDING };
    return this.zeros;
  }

  /**
   * Gives addresses to the storages that have none.
   * @param {number} begin the first free byte
   * @returns {{ added: Weight[], storages: Storage[], end: number }} what must now be filled; `storages` are theirs and that of zeros
   */
  place(begin) {
    let end = align(begin);
    const added = [...this.wanted.values()].filter(({ storage }) => storage.address === undefined);
    const storages = [this.zeros, ...added.map(({ storage }) => storage)].filter(({ address }) => address === undefined);
    for (const storage of storages) {
      storage.address = end;
      end = align(end + storage.bytes);
    }
    return { added, storages, end };
  }
}

/** Bytes for a command, and what may be read after the last buffer. */
export const STAGING_COMMAND = 256;

/**
 * @param {Source} source
 * @returns {number} bytes of memory needed beside the final place while the constant is prepared; the last ones are for a command
 */
export function stagingBytes({ bytes, storage, dtype, shape }) {
  return (storage === "f16" ? align(bytes.length) : 0) + align(sizeOf(shape) * DTYPES[dtype].size) + STAGING_COMMAND;
}
