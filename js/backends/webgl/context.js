/** A WebGL2 context, what it can do, and how many layers its programs write. */

import { ContextLostError, NoWebglError, WebkilnError } from "../../errors.js";
import { Programs } from "./programs.js";
import { isSoftwareRenderer, rendererOf } from "./software.js";

/** @typedef {{ textureSize: number, textureUnits: number, attachments: number }} Limits */
/** @typedef {{ limits?: Partial<Limits>, layers?: number }} ContextOptions smaller limits than the device's, and R, for tests */

/** R to try, the fastest first. */
const LAYERS = [4, 2, 1];
/** Nothing is made larger than this on any device, so that what runs on one runs on all. */
const DESIGN_TEXTURE_SIZE = 2048;
const DESIGN_TEXTURE_UNITS = 16;

export class Context {
  /**
   * @param {ContextOptions} [options]
   * @param {WebGL2RenderingContext} [gl]
   * @throws {NoWebglError} when there is no WebGL2, or it cannot render floats
   */
  constructor({ limits = {}, layers } = {}, gl = createContext()) {
    this.gl = gl;
    if (!gl.getExtension("EXT_color_buffer_float")) {
      throw new NoWebglError('this device\'s WebGL2 cannot render float textures (EXT_color_buffer_float); use the backend "wasm"');
    }
    /** @type {Limits} */
    this.limits = {
      textureSize: Math.min(limits.textureSize ?? Infinity, DESIGN_TEXTURE_SIZE, gl.getParameter(gl.MAX_TEXTURE_SIZE)),
      textureUnits: Math.min(limits.textureUnits ?? Infinity, DESIGN_TEXTURE_UNITS, gl.getParameter(gl.MAX_TEXTURE_IMAGE_UNITS)),
      attachments: Math.min(limits.attachments ?? Infinity, gl.getParameter(gl.MAX_DRAW_BUFFERS), gl.getParameter(gl.MAX_COLOR_ATTACHMENTS)),
    };
    this.alignment = /** @type {number} */ (gl.getParameter(gl.UNIFORM_BUFFER_OFFSET_ALIGNMENT));
    this.layers = this.chooseLayers(layers);
    /** How many times the device has finished what it was told. */
    this.answers = 0;
    /** @type {Promise<void> | undefined} settles R; begun by the first model */
    this.settled = undefined;
    /** Of whatever is read. */
    this.reader = gl.createFramebuffer();
    this.programs = new Programs(gl);
    gl.bindVertexArray(gl.createVertexArray());
    for (const capability of [gl.BLEND, gl.DEPTH_TEST, gl.STENCIL_TEST, gl.SCISSOR_TEST, gl.DITHER, gl.CULL_FACE]) gl.disable(capability);
  }

  /** The name of the renderer, as far as the browser tells it. */
  get renderer() {
    return rendererOf(this.gl);
  }

  /** Whether the processor does the work of a graphics card, which WASM does faster. */
  get isSoftware() {
    return isSoftwareRenderer(this.renderer);
  }

  /**
   * R by what the device accepts, before anything is timed (`probe.js`): the number of its draw buffers says nothing of so many float ones.
   * @param {number} [wanted]
   * @returns {number}
   */
  chooseLayers(wanted) {
    for (const layers of wanted ? [wanted] : LAYERS) if (layers <= this.limits.attachments && this.canRender(layers)) return layers;
    throw wanted
      ? new WebkilnError(`this device cannot write ${wanted} float layers at once`)
      : new NoWebglError('this device\'s WebGL2 renders no RGBA32F texture; use the backend "wasm"');
  }

  /** @param {number} layers */
  canRender(layers) {
    const { gl } = this;
    const surface = this.createSurface(4, 4, layers);
    const complete = gl.checkFramebufferStatus(gl.FRAMEBUFFER) === gl.FRAMEBUFFER_COMPLETE;
    this.deleteSurface(surface);
    return complete && gl.getError() === gl.NO_ERROR;
  }

  /**
   * A texture of layers, and a framebuffer that writes all of them, which is bound afterwards.
   * @param {number} width
   * @param {number} height
   * @param {number} layers
   * @returns {Surface}
   */
  createSurface(width, height, layers) {
    /** @type {Surface} */
    const surface = { texture: this.createTexture(width, height, layers), framebuffer: null, width, height, layers };
    this.attachFramebuffer(surface);
    return surface;
  }

  /**
   * Gives a surface its framebuffer, which is bound afterwards.
   * @param {Surface} surface
   */
  attachFramebuffer(surface) {
    const { gl } = this;
    surface.framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, surface.framebuffer);
    const attachments = Array.from({ length: surface.layers }, (_, layer) => gl.COLOR_ATTACHMENT0 + layer);
    attachments.forEach((attachment, layer) => gl.framebufferTextureLayer(gl.FRAMEBUFFER, attachment, surface.texture, 0, layer));
    gl.drawBuffers(attachments);
  }

  /**
   * Reads the layers of a surface one after another. Not through the framebuffer that draws: of one whose texture had been read by draws in
   * between, llvmpipe gave what it held before the last of them.
   * @param {Surface} surface
   * @param {number} layers
   * @param {(layer: number) => void} read while the layer is the bound framebuffer's
   */
  eachLayer({ texture }, layers, read) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.reader);
    for (let layer = 0; layer < layers; layer++) {
      gl.framebufferTextureLayer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, texture, 0, layer);
      read(layer);
    }
    gl.framebufferTextureLayer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, null, 0, 0);
  }

  /**
   * An RGBA32F texture of zeros, left bound.
   * @param {number} width
   * @param {number} height
   * @param {number} layers
   */
  createTexture(width, height, layers) {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA32F, width, height, layers);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D_ARRAY, filter, gl.NEAREST);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D_ARRAY, wrap, gl.CLAMP_TO_EDGE);
    return /** @type {WebGLTexture} */ (texture);
  }

  /** @param {Surface} surface */
  deleteSurface({ texture, framebuffer }) {
    this.gl.deleteTexture(texture);
    this.gl.deleteFramebuffer(framebuffer);
  }
}

/** @typedef {{ texture: WebGLTexture, framebuffer: WebGLFramebuffer | null, width: number, height: number, layers: number }} Surface without a framebuffer, one that is only read */

/** @returns {WebGL2RenderingContext} */
function createContext() {
  const open = (/** @type {OffscreenCanvas | HTMLCanvasElement | null} */ canvas) =>
    canvas?.getContext("webgl2", { antialias: false, depth: false, stencil: false, powerPreference: "high-performance" });
  // WebKitGTK has OffscreenCanvas, and WebGL only for the element.
  const gl = open(typeof OffscreenCanvas === "function" ? new OffscreenCanvas(1, 1) : null) ?? open(typeof document === "object" ? document.createElement("canvas") : null);
  if (!gl) throw new NoWebglError('there is no WebGL2 here; use the backend "wasm"');
  return /** @type {WebGL2RenderingContext} */ (gl);
}

/** @type {Context | null} */
let shared = null;

/**
 * The page's one context: browsers drop the oldest of more than a few.
 * @returns {Context}
 */
export function sharedContext() {
  if (shared && !shared.gl.isContextLost()) return shared;
  const gl = createContext();
  try {
    shared = new Context({}, gl);
  } catch (error) {
    throw gl.isContextLost() ? new ContextLostError() : error;
  }
  return shared;
}
