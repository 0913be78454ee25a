/** Pictures before other backgrounds on the graphics card: what `webkiln.tasks.composite` says. */

import { WebkilnError } from "../errors.js";
import { compositing } from "../generated/compositing.js";
import { sizeOfPicture } from "../pictures/sources.js";
import { covering, layer } from "./backgrounds.js";

/** @typedef {import("./backgrounds.js").Picture} Picture */
/** @typedef {import("./segmentation.js").SegmentationMask} SegmentationMask */
/** @typedef {{ program: WebGLProgram, at: (name: string) => WebGLUniformLocation | null }} Program */
/** @typedef {{ texture: WebGLTexture, width: number, height: number }} Texture */

/** Pixels that a standard deviation has at most, after making the background smaller. */
const LARGEST_DEVIATION = 4;

const UNITS = { frame: 0, mask: 1, background: 2, source: 2 };

export class WebglCompositor {
  /** @type {Map<string, Program>} */
  #programs = new Map();
  /** @type {Map<string, WebGLTexture>} by what they hold */
  #textures = new Map();
  /** @type {WebGLFramebuffer | null} */
  #framebuffer = null;
  /** @type {{ text: string, picture: ImageData } | null} a background that is a color */
  #color = null;

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.gl = gl;
    gl.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    gl.canvas.addEventListener("webglcontextrestored", () => {
      this.#programs.clear();
      this.#textures.clear();
      this.#framebuffer = null;
    });
  }

  /**
   * @param {Picture} picture
   * @param {SegmentationMask} mask
   * @param {number} radius
   */
  blur(picture, mask, radius) {
    const { gl } = this;
    if (!this.#begin(picture, mask)) return;
    const factor = Math.max(1, Math.ceil(radius / 2 / LARGEST_DEVIATION));
    const [width, height] = [Math.ceil(picture.width / factor), Math.ceil(picture.height / factor)];
    const [first, second] = ["first", "second"].map((name) => this.#target(name, width, height));

    const shrink = this.#use("shrink");
    gl.uniform1f(shrink.at("factor"), factor);
    gl.uniformMatrix3fv(shrink.at("to_mask"), false, inverse(mask.place));
    this.#drawInto(first, width, height);

    const spread = this.#use("spread");
    gl.uniform1f(spread.at("deviation"), radius / 2 / factor);
    for (const [from, to, x, y] of /** @type {const} */ ([[first, second, 1, 0], [second, first, 0, 1]])) {
      gl.activeTexture(gl.TEXTURE0 + UNITS.source);
      gl.bindTexture(gl.TEXTURE_2D, from);
      gl.uniform2i(spread.at("direction"), x, y);
      this.#drawInto(to, width, height);
    }
    gl.bindTexture(gl.TEXTURE_2D, first);
    this.#composite(picture, mask, [1 / (factor * width), 1 / (factor * height), 0, 0], true);
  }

  /**
   * @param {Picture} picture
   * @param {SegmentationMask} mask
   * @param {Exclude<import("./backgrounds.js").Background, Blob>} background
   */
  replace(picture, mask, background) {
    if (!this.#begin(picture, mask)) return;
    const shown = typeof background === "string" ? this.#colorOf(background) : background;
    this.#upload("background", UNITS.background, shown, true);
    const { x, y, width, height } = covering(sizeOfPicture(shown), picture);
    this.#composite(picture, mask, [1 / width, 1 / height, -x / width, -y / height], false);
  }

  /**
   * @param {Picture} picture
   * @param {SegmentationMask} mask
   * @returns {boolean} false while the context is lost
   */
  #begin(picture, mask) {
    const { gl } = this;
    if (gl.isContextLost()) return false;
    const { canvas } = gl;
    if (canvas.width !== picture.width || canvas.height !== picture.height) Object.assign(canvas, { width: picture.width, height: picture.height });
    gl.disable(gl.BLEND);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    this.#upload("frame", UNITS.frame, picture, false);
    this.#bind("mask", UNITS.mask, gl.NEAREST);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, mask.width, mask.height, 0, gl.RED, gl.FLOAT, mask.values);
    return true;
  }

  /**
   * @param {Picture} picture
   * @param {SegmentationMask} mask
   * @param {[number, number, number, number]} fit
   * @param {boolean} isDivided
   */
  #composite({ width, height }, { place }, fit, isDivided) {
    const { gl } = this;
    const { at } = this.#use("composite");
    const { a, b, c, d, e, f } = place;
    gl.uniformMatrix3fv(at("to_frame"), false, [a, b, 0, c, d, 0, e, f, 1]);
    gl.uniformMatrix3fv(at("to_mask"), false, inverse(place));
    gl.uniform4f(at("fit"), ...fit);
    gl.uniform1i(at("divided"), Number(isDivided));
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /**
   * @param {WebGLTexture} texture
   * @param {number} width
   * @param {number} height
   */
  #drawInto(texture, width, height) {
    const { gl } = this;
    this.#framebuffer ??= gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /**
   * @param {string} name
   * @param {number} width
   * @param {number} height
   * @returns {WebGLTexture}
   */
  #target(name, width, height) {
    const { gl } = this;
    const texture = this.#bind(name, UNITS.source, gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    return texture;
  }

  /**
   * @param {string} name
   * @param {number} unit
   * @param {any} picture
   * @param {boolean} isPremultiplied
   */
  #upload(name, unit, picture, isPremultiplied) {
    const { gl } = this;
    this.#bind(name, unit, gl.LINEAR);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, isPremultiplied);
    if ("data" in picture && !(picture instanceof ImageData)) {
      const bytes = new Uint8Array(picture.data.buffer, picture.data.byteOffset, picture.data.byteLength);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, picture.width, picture.height, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    } else gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  }

  /**
   * @param {string} name
   * @param {number} unit
   * @param {number} filter
   * @returns {WebGLTexture}
   */
  #bind(name, unit, filter) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    const own = this.#textures.get(name);
    const texture = own ?? gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    if (!own) {
      for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, filter);
      for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
      this.#textures.set(name, texture);
    }
    return texture;
  }

  /**
   * @param {Exclude<keyof typeof compositing, "vertex">} name
   * @returns {Program} in use
   */
  #use(name) {
    const { gl } = this;
    const made = this.#programs.get(name) ?? this.#compile(name);
    gl.useProgram(made.program);
    for (const [sampler, unit] of Object.entries(UNITS)) gl.uniform1i(made.at(sampler), unit);
    return made;
  }

  /**
   * @param {Exclude<keyof typeof compositing, "vertex">} name
   * @returns {Program}
   */
  #compile(name) {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [type, source] of /** @type {const} */ ([[gl.VERTEX_SHADER, compositing.vertex], [gl.FRAGMENT_SHADER, compositing[name]]])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(type));
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      gl.deleteShader(shader); // it goes with the program
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new WebkilnError(`the program ${name} could not be made: ${gl.getProgramInfoLog(program)}`);
    /** @type {Map<string, WebGLUniformLocation | null>} */
    const places = new Map();
    const at = (/** @type {string} */ uniform) => {
      if (!places.has(uniform)) places.set(uniform, gl.getUniformLocation(program, uniform));
      return places.get(uniform) ?? null;
    };
    const made = { program, at };
    this.#programs.set(name, made);
    return made;
  }

  /** @param {string} text */
  #colorOf(text) {
    if (this.#color?.text !== text) {
      const context = layer(1, 1);
      context.fillStyle = text;
      context.fillRect(0, 0, 1, 1);
      this.#color = { text, picture: context.getImageData(0, 0, 1, 1) };
    }
    return this.#color.picture;
  }
}

/**
 * @param {import("../results/places.js").Placement} place
 * @returns {number[]} its inverse, column by column
 */
function inverse({ a, b, c, d, e, f }) {
  const area = a * d - b * c;
  return [d / area, -b / area, 0, -c / area, a / area, 0, (c * f - d * e) / area, (b * e - a * f) / area, 1];
}
