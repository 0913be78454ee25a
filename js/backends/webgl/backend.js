/** The WebGL2 backend: weights in textures, a plan of draws, results through a buffer and a fence. */

import { DeviceTensor } from "../../device_tensor.js";
import { sizeOf } from "../../dtypes.js";
import { ContextLostError, WebkilnError } from "../../errors.js";
import { arrayOf, PictureInput } from "../../pictures/input.js";
import { numbersOf } from "./draws.js";
import { PictureLoader } from "./pictures.js";
import { canHold, planGraph, sizeOfShared } from "./plan.js";
import { readTensors } from "./readback.js";
import { HeldSurface } from "./results.js";
import { floatsOf, layoutOf, packBlocks } from "./storage.js";
import { widened } from "../../stored.js";
import { createStorage, uploadOnce, Weights } from "./weights.js";

/** @typedef {import("../../stored.js").Source} Source */
/** @typedef {import("../../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("../wasm/backend.js").StateType} StateType */
/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").Surface} Surface */
/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./programs.js").Program} Program */
/** @typedef {import("./weights.js").Home} Home */
/** @typedef {import("./weights.js").Storage} Storage */
/** @typedef {{ program: Program, surface: Surface, width: number, height: number, textures: WebGLTexture[], offset: number, size: number }} Step a draw with everything looked up */
/**
 * What a plan holds on the device.
 * @typedef {object} Device
 * @property {Step[]} steps
 * @property {Surface[]} surfaces
 * @property {WebGLBuffer} numbers
 * @property {WebGLBuffer[]} pixels buffers for results that no run is using
 * @property {number} pixelBytes
 * @property {Map<string, Float32Array>} staging of the inputs
 * @property {Map<string, PictureLoader>} pictures of the inputs that are described as pictures
 * @property {boolean} isReleased
 */
/** @typedef {{ kernel: string, operations: import("../../graph.js").Operation[] }} Command */
/** @typedef {import("../../pictures/input.js").Input} Input */
/** @typedef {Plan & { device: Device, commands: Command[], generation: number }} ReadyPlan */

export class WebglBackend {
  /**
   * @param {Context} context
   * @param {readonly StateType[]} states
   * @param {(name: string) => Source} sourceOf a constant's bytes; asked for once, while its weights are prepared
   */
  constructor(context, states, sourceOf) {
    this.name = "webgl";
    this.build = /** @type {const} */ ("webgl");
    this.takesPictures = true;
    this.context = context;
    this.states = states.filter((state) => canHold(state, context));
    this.sourceOf = sourceOf;
    this.weights = new Weights(context, sourceOf);
    /** @type {Map<string, Storage>} */
    this.stateStorages = new Map(this.states.map(({ name, shape }) => [name, createStorage("state", layoutOf(shape, context.layers))]));
    /** @type {Set<ReadyPlan>} */
    this.plans = new Set();
    this.isDisposed = false;
    this.hasState = false;
    /** Plans stay right: no other plan moves what they use. */
    this.generation = 0;
  }

  /**
   * Plans a graph, makes its textures and begins to compile its programs.
   * @param {StaticGraph} graph
   * @param {{ fuse?: boolean, outputs?: string[] }} [options]
   * @returns {ReadyPlan}
   */
  prepare(graph, options) {
    return this.guarded(() => this.prepareOnDevice(graph, options));
  }

  /**
   * @param {StaticGraph} graph
   * @param {{ fuse?: boolean, outputs?: string[] }} [options]
   * @returns {ReadyPlan}
   */
  prepareOnDevice(graph, { fuse, outputs } = {}) {
    const { context } = this;
    const plan = planGraph(graph, context, this.weights, this.stateStorages, { fuse, outputs });
    const programs = plan.draws.map(({ recipe }) => context.programs.request(recipe));
    this.weights.fill();
    if (!this.hasState) {
      for (const { home } of this.stateStorages.values()) home.surface = context.createSurface(home.width, home.height, home.layers);
      this.hasState = true;
      this.resetState();
    }
    const commands = plan.draws.map(({ recipe, operations }) => ({ kernel: recipe.skeleton, operations }));
    const ready = Object.assign(plan, { device: this.createDevice(plan, programs), commands, generation: this.generation });
    this.plans.add(ready);
    this.check();
    const error = context.gl.getError();
    if (error !== context.gl.NO_ERROR) {
      this.release(ready);
      const bytes = [...this.weights.wanted.values()].reduce((sum, { storage }) => sum + storage.bytes, plan.info.arenaBytes);
      throw new WebkilnError(`the device gives no room for this model (WebGL error ${error}): it needs ${Math.ceil(bytes / 2 ** 20)} MiB of textures; dispose models that are no longer used, or use the backend "wasm"`);
    }
    return ready;
  }

  /**
   * @param {Plan} plan
   * @param {Program[]} programs of the draws
   * @returns {Device}
   */
  createDevice({ graph, draws, tables, shared, inputs, outputs }, programs) {
    const { context } = this;
    const { gl } = context;
    const surfaces = shared.map((homes) => {
      const { width, height, layers } = sizeOfShared(homes);
      const surface = context.createSurface(width, height, layers);
      homes.forEach((home) => (home.surface = surface));
      return surface;
    });
    for (const [storage, rows] of tables) {
      const { width, height, layers } = storage.home;
      const surface = { texture: context.createTexture(width, height, layers), framebuffer: null, width, height, layers };
      storage.home.surface = surface;
      surfaces.push(surface);
      uploadOnce(context, storage, rows);
    }

    let end = 0;
    const offsets = draws.map(({ numbers }) => {
      const offset = end;
      end = Math.ceil((offset + numbers.byteLength) / context.alignment) * context.alignment;
      return offset;
    });
    const content = new Int32Array(Math.max(4, end / 4));
    draws.forEach((draw, index) => content.set(numbersOf(draw), offsets[index] / 4));
    const buffer = /** @type {WebGLBuffer} */ (gl.createBuffer());
    gl.bindBuffer(gl.UNIFORM_BUFFER, buffer);
    gl.bufferData(gl.UNIFORM_BUFFER, content, gl.STATIC_DRAW);

    const steps = draws.map(({ output, textures, numbers }, index) => ({
      program: programs[index],
      surface: surfaceOf(output),
      width: output.layout.width,
      height: output.layout.height,
      textures: textures.map((storage) => surfaceOf(storage).texture),
      offset: offsets[index],
      size: numbers.byteLength,
    }));
    const pixelBytes = [...outputs.values()].reduce((sum, { layout }) => sum + floatsOf(layout) * 4, 0);
    const pictures = new Map([...inputs].flatMap(([name, storage]) => {
      const isPlanar = graph.pictures?.get(name);
      return isPlanar === undefined || !storage.layout.texels ? [] : [[name, new PictureLoader(context, storage, isPlanar)]];
    }));
    const staging = new Map([...inputs].map(([name, { layout }]) => [name, new Float32Array(floatsOf(layout))]));
    return { steps, surfaces, numbers: buffer, pixels: [createPixels(gl, pixelBytes)], pixelBytes, staging, pictures, isReleased: false };
  }

  /**
   * Waits until the programs of a plan are compiled.
   * @param {ReadyPlan} plan
   * @param {(done: number, all: number) => void} [onProgress] programs
   */
  async ready(plan, onProgress) {
    const programs = new Set([...plan.device.steps, ...plan.device.pictures.values()].map(({ program }) => program));
    try {
      await this.context.programs.ready(programs, (done) => onProgress?.(done, programs.size));
    } finally {
      this.check();
    }
  }

  /**
   * Sends the inputs to their textures.
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, Input>} inputs by value
   */
  write({ inputs: storages, device: { staging, pictures } }, inputs) {
    this.check();
    const { gl } = this.context;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
    for (const [name, storage] of storages) {
      const { layout } = storage;
      if (!layout.texels) continue;
      const given = inputs.get(name);
      if (given instanceof PictureInput && pictures.get(name)?.load(given)) continue;
      if (given instanceof DeviceTensor && given.held instanceof HeldSurface && given.held.copyTo(this, storage)) continue;
      const texels = /** @type {Float32Array} */ (staging.get(name));
      packBlocks(layout, arrayOf(/** @type {Input} */ (given)), texels);
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, surfaceOf(storage).texture);
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, layout.width, layout.height, layout.layers, gl.RGBA, gl.FLOAT, texels);
    }
  }

  /** @param {ReadyPlan} plan */
  draw({ device: { steps, numbers } }) {
    for (const step of steps) this.drawStep(step, numbers);
  }

  /**
   * @param {Step} step
   * @param {WebGLBuffer} numbers
   */
  drawStep({ program, surface, width, height, textures, offset, size }, numbers) {
    const { gl, programs } = this.context;
    programs.check(program);
    gl.useProgram(program.handle);
    gl.bindFramebuffer(gl.FRAMEBUFFER, surface.framebuffer);
    gl.viewport(0, 0, width, height);
    textures.forEach((texture, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    });
    gl.bindBufferRange(gl.UNIFORM_BUFFER, 0, numbers, offset, size);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /**
   * Runs a plan. The device is told everything before this returns, so that runs follow each other in the order of the calls.
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, Input>} inputs by value, read before this returns
   * @returns {Promise<Map<string, { data: ArrayLike<number>, shape: number[] }>>} outputs by value
   */
  run(plan, inputs) {
    this.start(plan, inputs);
    return this.read(plan);
  }

  /**
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, Input>} inputs by value, read before this returns
   */
  start(plan, inputs) {
    this.guarded(() => {
      this.write(plan, inputs);
      this.draw(plan);
      this.copy(plan);
    });
  }

  /**
   * Runs a plan whose outputs stay here.
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, Input>} inputs by value, read before this returns
   * @returns {Map<string, HeldSurface>} outputs by value
   */
  runOnDevice(plan, inputs) {
    this.start(plan, inputs);
    return this.guarded(() => new Map([...plan.outputs].map(([name, storage]) => [name, new HeldSurface(this, storage)])));
  }

  /**
   * What follows the draws: states change.
   * @param {ReadyPlan} plan
   */
  copy({ copies }) {
    for (const { from, to } of copies) this.copySurface(surfaceOf(from), surfaceOf(to));
  }

  /**
   * @param {ReadyPlan} plan
   * @returns {Promise<Map<string, { data: ArrayLike<number>, shape: number[] }>>}
   */
  async read({ graph, outputs, device }) {
    const { gl } = this.context;
    const pixels = device.pixels.pop() ?? createPixels(gl, device.pixelBytes);
    const tensors = [...outputs].map(([name, storage]) => ({
      name,
      layout: storage.layout,
      surface: surfaceOf(storage),
      isBoolean: graph.types.get(name)?.dtype === "bool",
    }));
    try {
      return await readTensors(this.context, tensors, pixels);
    } finally {
      if (device.isReleased) gl.deleteBuffer(pixels);
      else device.pixels.push(pixels);
    }
  }

  /**
   * The time of each draw, the device waited for after each.
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, Input>} inputs by value
   * @returns {number[]} milliseconds
   */
  time(plan, inputs) {
    return this.guarded(() => this.timeOnDevice(plan, inputs));
  }

  /**
   * @param {ReadyPlan} plan
   * @param {ReadonlyMap<string, Input>} inputs by value
   * @returns {number[]} milliseconds
   */
  timeOnDevice(plan, inputs) {
    this.write(plan, inputs);
    const { gl } = this.context;
    const pixel = new Float32Array(4);
    const wait = (/** @type {Step} */ { surface }) => {
      gl.bindFramebuffer(gl.FRAMEBUFFER, surface.framebuffer);
      gl.readBuffer(gl.COLOR_ATTACHMENT0);
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.FLOAT, pixel);
    };
    const { steps, numbers } = plan.device;
    if (steps.length) wait(steps[0]);
    return steps.map((step) => {
      const before = performance.now();
      this.drawStep(step, numbers);
      wait(step);
      return performance.now() - before;
    });
  }

  /**
   * @param {Surface} from
   * @param {Surface} to at least as large
   */
  copySurface(from, to) {
    const { gl } = this.context;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, to.texture);
    const [width, height] = [Math.min(from.width, to.width), Math.min(from.height, to.height)];
    this.context.eachLayer(from, to.layers, (layer) => gl.copyTexSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, layer, 0, 0, width, height));
  }

  /** Puts the initial values into the state. */
  resetState() {
    if (!this.hasState) return;
    for (const { name, shape, initial } of this.states) {
      const data = initial === "zeros" ? new Float32Array(sizeOf(shape)) : widened(this.sourceOf(initial));
      uploadOnce(this.context, /** @type {Storage} */ (this.stateStorages.get(name)), data);
    }
  }

  /**
   * The state, to be put back by `restoreState`.
   * @returns {Surface[]}
   */
  saveState() {
    if (!this.hasState) return [];
    return this.states.map(({ name }) => {
      const surface = surfaceOf(/** @type {Storage} */ (this.stateStorages.get(name)));
      const saved = this.context.createSurface(surface.width, surface.height, surface.layers);
      this.copySurface(surface, saved);
      return saved;
    });
  }

  /** @param {Surface[]} saved */
  restoreState(saved) {
    if (!saved.length) this.resetState();
    saved.forEach((surface, index) => {
      this.copySurface(surface, surfaceOf(/** @type {Storage} */ (this.stateStorages.get(this.states[index].name))));
      this.context.deleteSurface(surface);
    });
  }

  /**
   * Deletes what a plan holds on the device.
   * @param {ReadyPlan} plan
   */
  release(plan) {
    if (!this.plans.delete(plan)) return;
    const { gl } = this.context;
    plan.device.surfaces.forEach((surface) => this.context.deleteSurface(surface));
    gl.deleteBuffer(plan.device.numbers);
    plan.device.pixels.forEach((buffer) => gl.deleteBuffer(buffer));
    plan.device.pictures.forEach((picture) => picture.dispose());
    plan.device.isReleased = true;
  }

  check() {
    if (this.context.gl.isContextLost()) throw new ContextLostError();
    if (this.isDisposed) throw new WebkilnError("the model was disposed");
  }

  /**
   * Does what needs the device. Whatever goes wrong on a lost one goes wrong because it is lost.
   * @template T
   * @param {() => T} task
   * @returns {T}
   */
  guarded(task) {
    this.check();
    try {
      return task();
    } finally {
      this.check();
    }
  }

  dispose() {
    this.isDisposed = true;
    this.plans.forEach((plan) => this.release(plan));
    this.weights.dispose();
    for (const { home } of this.stateStorages.values()) if (home.surface) this.context.deleteSurface(home.surface);
  }
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {number} bytes
 */
function createPixels(gl, bytes) {
  const buffer = /** @type {WebGLBuffer} */ (gl.createBuffer());
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.bufferData(gl.PIXEL_PACK_BUFFER, bytes, gl.STREAM_READ);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  return buffer;
}

/**
 * @param {Storage} storage
 * @returns {Surface}
 */
function surfaceOf({ home }) {
  if (!home.surface) throw new Error("a storage has no texture yet");
  return home.surface;
}
