/** WebGL2: textures, programs, and draws bound as a plan would bind them. */

import { layout, pack, unpack } from "./storage.js";
import { fragmentShader, isArray, layoutNumbers, numberTypes, samplerNames } from "./shaders.js";

/** @typedef {import("./storage.js").Layout} Layout */
/** @typedef {import("./shaders.js").Kernel} Kernel */
/** @typedef {import("./shaders.js").Style} Style */
/** @typedef {{ textures: WebGLTexture[], layout: Layout }} Tensor one texture array, or a texture a layer */

const VERTEX_SHADER = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1); }`;

const RANGE = 1024; // bytes of the uniform buffer for a draw

export class Device {
  constructor() {
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2", { antialias: false, depth: false, stencil: false, alpha: false });
    if (!gl) throw new Error("this browser has no WebGL2");
    if (!gl.getExtension("EXT_color_buffer_float")) throw new Error("this device cannot render to float textures");
    this.gl = gl;
    /** @type {Map<string, WebGLProgram>} */
    this.programs = new Map();
    /** @type {Map<string, number>} by the text of a program: milliseconds from the text to the end of the first draw */
    this.compileTimes = new Map();
    this.buffer = gl.createBuffer();
    this.used = 0;
    /** @type {WebGLTexture[]} */
    this.textures = [];
    /** @type {WebGLFramebuffer[]} */
    this.framebuffers = [];
    gl.bindBuffer(gl.UNIFORM_BUFFER, this.buffer);
    gl.bufferData(gl.UNIFORM_BUFFER, RANGE * 1024, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(gl.createVertexArray());
    this.pixel = new Float32Array(4);
  }

  /** Deletes all tensors and operations; programs stay. */
  release() {
    const { gl } = this;
    this.textures.forEach((texture) => gl.deleteTexture(texture));
    this.framebuffers.forEach((framebuffer) => gl.deleteFramebuffer(framebuffer));
    this.textures = [];
    this.framebuffers = [];
    this.used = 0;
  }

  /** Why `layers` attachments cannot be rendered to; empty when they can. @param {number} layers */
  refusal(layers) {
    const { gl } = this;
    if (layers > gl.getParameter(gl.MAX_DRAW_BUFFERS)) return "too few draw buffers";
    const tensor = this.tensor(layout([4, 2 * layers, 4], layers, "rows"), "array");
    this.framebuffer(tensor, "array");
    const status = gl.checkFramebufferStatus(gl.FRAMEBUFFER);
    this.release();
    return status === gl.FRAMEBUFFER_COMPLETE ? "" : `status ${status}`;
  }

  /**
   * @param {Layout} at
   * @param {Style["textures"]} textures
   * @param {Float32Array} [texels] of all layers
   * @returns {Tensor}
   */
  tensor(at, textures, texels) {
    const { gl } = this;
    const { textureWidth: width, textureHeight: height, layers } = at;
    const array = isArray(textures, layers);
    const target = array ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D;
    const made = Array.from({ length: array ? 1 : layers }, (_, r) => {
      const texture = /** @type {WebGLTexture} */ (gl.createTexture());
      this.textures.push(texture);
      gl.bindTexture(target, texture);
      for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(target, filter, gl.NEAREST);
      for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(target, wrap, gl.CLAMP_TO_EDGE);
      if (array) {
        gl.texStorage3D(target, 1, gl.RGBA32F, width, height, layers);
        if (texels) gl.texSubImage3D(target, 0, 0, 0, 0, width, height, layers, gl.RGBA, gl.FLOAT, texels);
      } else {
        gl.texStorage2D(target, 1, gl.RGBA32F, width, height);
        if (texels) gl.texSubImage2D(target, 0, 0, 0, width, height, gl.RGBA, gl.FLOAT, texels, r * width * height * 4);
      }
      return texture;
    });
    return { textures: made, layout: at };
  }

  /** @param {number[]} shape @param {Float32Array} data @param {Style} style */
  upload(shape, data, style) {
    const at = layout(shape, style.layers, style.addressing);
    return this.tensor(at, style.textures, pack(at, data));
  }

  /** @param {Tensor} tensor @param {Style["textures"]} textures */
  framebuffer({ textures: made, layout: { layers } }, textures) {
    const { gl } = this;
    const framebuffer = /** @type {WebGLFramebuffer} */ (gl.createFramebuffer());
    this.framebuffers.push(framebuffer);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    const attachments = Array.from({ length: layers }, (_, r) => gl.COLOR_ATTACHMENT0 + r);
    attachments.forEach((attachment, r) => {
      if (isArray(textures, layers)) gl.framebufferTextureLayer(gl.FRAMEBUFFER, attachment, made[0], 0, r);
      else gl.framebufferTexture2D(gl.FRAMEBUFFER, attachment, gl.TEXTURE_2D, made[r], 0);
    });
    gl.drawBuffers(attachments);
    return framebuffer;
  }

  /**
   * One operation, ready to be drawn again and again.
   * @param {Kernel} kernel
   * @param {Style} style
   * @param {Record<string, Tensor>} inputs by the kernel's names
   * @param {number[]} shape of the output
   * @param {Record<string, number>} [own] the kernel's own numbers
   */
  operation(kernel, style, inputs, shape, own = {}) {
    const { gl } = this;
    const output = this.tensor(layout(shape, style.layers, style.addressing), style.textures);
    const tensors = [output, ...kernel.inputs.map((name) => inputs[name])];
    if (style.addressing === "rows" && tensors.some((tensor) => tensor.layout.folded)) style = { ...style, addressing: "fold" };
    const { textureWidth, textureHeight, layers } = output.layout;
    /** @type {Record<string, number>} */
    const values = { ...layoutNumbers("y", output.layout), ...own };
    for (const name of kernel.inputs) Object.assign(values, layoutNumbers(name, inputs[name].layout));
    const numbers = numberTypes(kernel).filter(({ name }) => !name.endsWith("_layers"));
    const framebuffer = this.framebuffer(output, style.textures);
    const offset = this.range(numbers, values);

    const began = performance.now();
    const text = fragmentShader(kernel, style, layers, values);
    const samplers = kernel.inputs.flatMap((name) => samplerNames(name, style, inputs[name].layout.layers));
    const known = this.programs.get(text);
    const program = known ?? this.program(text, samplers);
    const locations = style.numbers === "single" ? numbers.map(({ name, type }) => ({ type, value: values[name], location: gl.getUniformLocation(program, name) })).filter(({ location }) => location) : [];

    const bound = kernel.inputs.flatMap((name) => {
      const { textures, layout: { layers } } = inputs[name];
      return textures.map((texture) => ({ texture, target: isArray(style.textures, layers) ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D }));
    });

    const draw = () => {
      gl.useProgram(program);
      if (style.numbers === "block") gl.bindBufferRange(gl.UNIFORM_BUFFER, 0, this.buffer, offset, RANGE);
      for (const { type, value, location } of locations) {
        if (type === "int") gl.uniform1i(location, value);
        else gl.uniform1f(location, value);
      }
      bound.forEach(({ texture, target }, unit) => {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(target, texture);
      });
      gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
      gl.viewport(0, 0, textureWidth, textureHeight);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    };
    const finish = () => {
      gl.readBuffer(gl.COLOR_ATTACHMENT0);
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.FLOAT, this.pixel);
    };
    draw();
    finish();
    if (!known) {
      this.programs.set(text, program);
      this.compileTimes.set(text, performance.now() - began);
    }
    const read = () => {
      gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
      const size = textureWidth * textureHeight * 4;
      const texels = new Float32Array(size * layers);
      for (let r = 0; r < layers; r++) {
        gl.readBuffer(gl.COLOR_ATTACHMENT0 + r);
        gl.readPixels(0, 0, textureWidth, textureHeight, gl.RGBA, gl.FLOAT, texels, r * size);
      }
      const failure = gl.getError();
      if (failure) throw new Error(`WebGL error ${failure}`);
      return unpack(output.layout, texels);
    };
    return { draw, finish, read, text };
  }

  /** @param {string} text @param {string[]} samplers in the order of their units */
  program(text, samplers) {
    const { gl } = this;
    const program = /** @type {WebGLProgram} */ (gl.createProgram());
    for (const [type, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, text]])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(type));
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(`${gl.getShaderInfoLog(shader)}\n${source}`);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`${gl.getProgramInfoLog(program)}\n${text}`);
    gl.useProgram(program);
    samplers.forEach((name, unit) => gl.uniform1i(gl.getUniformLocation(program, name), unit));
    const block = gl.getUniformBlockIndex(program, "Numbers");
    if (block !== gl.INVALID_INDEX) gl.uniformBlockBinding(program, block, 0);
    return program;
  }

  /**
   * Writes the numbers to a range of the one uniform buffer; scalars lie 4 bytes apart in std140.
   * @param {{ name: string, type: string }[]} numbers
   * @param {Record<string, number>} values
   */
  range(numbers, values) {
    const { gl } = this;
    const words = new DataView(new ArrayBuffer(RANGE));
    numbers.forEach(({ name, type }, k) => (type === "int" ? words.setInt32(k * 4, values[name], true) : words.setFloat32(k * 4, values[name], true)));
    const offset = this.used++ * RANGE;
    gl.bindBuffer(gl.UNIFORM_BUFFER, this.buffer);
    gl.bufferSubData(gl.UNIFORM_BUFFER, offset, words);
    return offset;
  }
}
