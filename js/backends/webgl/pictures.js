/** Pictures as inputs: each goes up as it is, and one draw makes the input of it. */

import { COLORS, EDGE, samplesOf } from "../../pictures/sampling.js";
import { isPixels } from "../../pictures/sources.js";
import { createDraw } from "./draws.js";

/** @typedef {import("../../pictures/input.js").PictureInput} PictureInput */
/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./weights.js").Storage} Storage */

/** Entries of the table's third line. */
const CONSTANTS = 9;

export class PictureLoader {
  /**
   * Makes what a picture for one input needs; its program begins to compile.
   * @param {Context} context
   * @param {Storage} output the input's
   * @param {boolean} isPlanar
   */
  constructor(context, output, isPlanar) {
    const { gl } = context;
    this.context = context;
    this.output = output;
    const { recipe, numbers } = createDraw({ skeleton: isPlanar ? "picture_planar" : "picture", output, inputs: [], operations: [] });
    this.program = context.programs.request(recipe);
    this.numbers = gl.createBuffer();
    gl.bindBuffer(gl.UNIFORM_BUFFER, this.numbers);
    gl.bufferData(gl.UNIFORM_BUFFER, numbers, gl.STATIC_DRAW);
    this.picture = createTexture(gl);
    this.table = createTexture(gl);
    /** What the table says. */
    this.placed = "";
    this.isBound = false;
  }

  /**
   * @param {PictureInput} input
   * @returns {boolean} false when the device cannot hold so large a picture
   */
  load(input) {
    const { context: { gl, programs }, program, output: { layout, home } } = this;
    const { size, spec, placed, picture } = input;
    if (Math.max(size.width, size.height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return false;
    programs.check(program);
    gl.useProgram(program.handle);
    if (!this.isBound) gl.uniform1i(gl.getUniformLocation(program.handle, "table"), 1);
    this.isBound = true;

    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.table);
    const key = JSON.stringify([size, placed, spec]);
    if (key !== this.placed) {
      const table = tableOf(input);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, table.length / 12, 3, 0, gl.RGBA, gl.FLOAT, table);
      this.placed = key;
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.picture);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    // Not texSubImage2D, for which browsers copy a video's frames through the processor.
    if (isPixels(picture)) gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, size.width, size.height, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(picture.data.buffer, picture.data.byteOffset, picture.data.length));
    else gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);

    gl.bindFramebuffer(gl.FRAMEBUFFER, /** @type {import("./context.js").Surface} */ (home.surface).framebuffer);
    gl.viewport(0, 0, layout.width, layout.height);
    gl.bindBufferBase(gl.UNIFORM_BUFFER, 0, this.numbers);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    return true;
  }

  dispose() {
    const { gl } = this.context;
    gl.deleteBuffer(this.numbers);
    gl.deleteTexture(this.picture);
    gl.deleteTexture(this.table);
  }
}

/** @param {WebGL2RenderingContext} gl */
function createTexture(gl) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  return texture;
}

/**
 * What the shader reads, computed in float64.
 * @param {PictureInput} input
 * @returns {Float32Array} three lines of texels
 */
function tableOf({ size, spec: { resampling, pad, pad_value, color, mean, scale }, placed: { width, height, place } }) {
  const { a, b, c, d, e, f } = place;
  const [across, down] = samplesOf(place, resampling);
  const columns = Math.max(width, height, CONSTANTS);
  const table = new Float32Array(12 * columns);
  const put = (/** @type {number} */ at, /** @type {number} */ x, /** @type {number} */ y) => table.set([Math.floor(x), x - Math.floor(x), Math.floor(y), y - Math.floor(y)], 4 * at);
  for (let i = 0; i < width; i++) put(i, a * (i + 0.5), b * (i + 0.5));
  for (let j = 0; j < height; j++) put(columns + j, c * (j + 0.5) + e - 0.5, d * (j + 0.5) + f - 0.5);
  const three = (/** @type {(k: number) => number} */ valueOf) => [0, 1, 2].map(valueOf);
  const weights = COLORS[color];
  const constants = [
    [size.width, size.height, EDGE, resampling === "nearest" ? 0.5 - EDGE : 0],
    [pad_value, pad_value, pad_value, +(pad === "edge")],
    ...[0, 1, 2].map((k) => weights[k] ?? []),
    three((k) => mean[k] ?? mean[0]),
    three((k) => scale[k] ?? scale[0]),
    [across, down],
    [a, b, c, d],
  ];
  constants.forEach((values, k) => table.set(values, 4 * (2 * columns + k)));
  return table;
}
