/** Constants as textures, each in the storage that kernels read it from. */

import { widened } from "../../stored.js";
import { flatShape, flattenWeights, floatsOf, layoutOf, packBlocks } from "./storage.js";

/** @typedef {import("../../stored.js").Source} Source */
/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").Surface} Surface */
/** @typedef {import("./storage.js").Layout} Layout */
/**
 * Where tensors lie. `arena` homes get their surface from the plan, `fixed` ones hold a constant, `state` ones what is kept between runs.
 * @typedef {object} Home
 * @property {"arena" | "fixed" | "state"} kind
 * @property {number} width
 * @property {number} height
 * @property {number} layers
 * @property {Surface} [surface] once it is made
 */
/** @typedef {{ layout: Layout, home: Home, bytes: number }} Storage a home read as some shape */

/**
 * @param {Home["kind"]} kind
 * @param {Layout} layout
 * @returns {Storage}
 */
export function createStorage(kind, layout) {
  const { width, height, layers } = layout;
  const home = { kind, width, height, layers };
  return { layout, home, bytes: bytesOf(home) };
}

/** @param {Home} home */
export function bytesOf({ width, height, layers }) {
  return width * height * layers * 16;
}

/**
 * Fills the texture of a storage.
 * @param {Context} context
 * @param {Storage} storage
 * @param {ArrayLike<number>} data row-major
 */
export function uploadOnce({ gl }, { layout, home }, data) {
  const texels = new Float32Array(floatsOf(layout));
  packBlocks(layout, data, texels);
  gl.bindTexture(gl.TEXTURE_2D_ARRAY, /** @type {Surface} */ (home.surface).texture);
  gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, layout.width, layout.height, layout.layers, gl.RGBA, gl.FLOAT, texels);
}

export class Weights {
  /**
   * @param {Context} context
   * @param {(name: string) => Source} sourceOf
   */
  constructor(context, sourceOf) {
    this.context = context;
    this.sourceOf = sourceOf;
    /** @type {Map<string, { name: string, storage: Storage, isFlat: boolean }>} */
    this.wanted = new Map();
    /** @type {Map<string, number | null>} */
    this.scalars = new Map();
    /** A bias for those that have none. */
    this.zeros = createStorage("fixed", layoutOf([4], 1));
  }

  /**
   * @param {string} name
   * @param {readonly number[]} shape
   * @param {number} layers
   * @param {boolean} [isFlat] whether to lay it out as the weights of a product or convolution
   * @returns {Storage}
   */
  request(name, shape, layers, isFlat = false) {
    const layout = isFlat ? layoutOf(flatShape(shape), 1) : layoutOf(shape, layers);
    const key = `${isFlat} ${layout.layers} ${layout.shape} ${name}`;
    const known = this.wanted.get(key);
    if (known) return known.storage;
    const storage = createStorage("fixed", layout);
    this.wanted.set(key, { name, storage, isFlat });
    return storage;
  }

  /**
   * The value of a constant of one element.
   * @param {string} name
   * @returns {number}
   */
  scalar(name) {
    let value = this.scalars.get(name);
    if (value === undefined || value === null) this.scalars.set(name, (value = widened(this.sourceOf(name))[0]));
    return value;
  }

  /** Makes the textures that were newly asked for. */
  fill() {
    const make = (/** @type {Storage} */ { home }) => {
      home.surface = { texture: this.context.createTexture(home.width, home.height, home.layers), framebuffer: null, width: home.width, height: home.height, layers: home.layers };
    };
    if (!this.zeros.home.surface) make(this.zeros);
    for (const { name, storage, isFlat } of this.wanted.values()) {
      if (storage.home.surface) continue;
      make(storage);
      const source = this.sourceOf(name);
      const data = widened(source);
      uploadOnce(this.context, storage, isFlat ? flattenWeights(source.shape, data) : data);
    }
  }

  dispose() {
    for (const { home } of [this.zeros, ...[...this.wanted.values()].map(({ storage }) => storage)]) {
      if (home.surface) this.context.deleteSurface(home.surface);
      delete home.surface;
    }
    this.wanted.clear();
  }
}
