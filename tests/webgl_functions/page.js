/** Runs an element-wise expression over whole arrays: textures of four floats a texel, one draw, read back. */

const WIDTH = 1024;

const gl = /** @type {WebGL2RenderingContext} */ (new OffscreenCanvas(1, 1).getContext("webgl2"));
if (!gl || !gl.getExtension("EXT_color_buffer_float")) throw new Error("no WebGL2 with float render targets");

/** @param {string} base64 */
const decode = (base64) => new Float32Array(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer);

/** @param {Uint8Array} bytes */
function encode(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

/** @param {WebGLProgram} program @param {number} type @param {string} source */
function attach(program, type, source) {
  const shader = /** @type {WebGLShader} */ (gl.createShader(type));
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(`${gl.getShaderInfoLog(shader)}\n${source}`);
  gl.attachShader(program, shader);
  gl.deleteShader(shader);
}

/** @param {Float32Array | null} values @param {number} height */
function texture(values, height) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32F, WIDTH, height);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  if (values) {
    const padded = new Float32Array(WIDTH * height * 4);
    padded.set(values);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, WIDTH, height, gl.RGBA, gl.FLOAT, padded);
  }
  return made;
}

/**
 * The values of `expression` over the operands `x0`, `x1`, …; `code`: GLSL functions. Floats in base64 in and out.
 * @param {{ code: string, expression: string, operands: string[], invariant: boolean }} work
 */
globalThis.evaluate = ({ code, expression, operands, invariant }) => {
  const arrays = operands.map(decode);
  const height = Math.ceil(arrays[0].length / (4 * WIDTH));
  const names = arrays.map((_, i) => `x${i}`);
  const program = gl.createProgram();
  attach(program, gl.VERTEX_SHADER, `#version 300 es
    void main() { gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0); }`);
  attach(program, gl.FRAGMENT_SHADER, `#version 300 es
    precision highp float; precision highp int; precision highp sampler2D;
    ${names.map((name) => `uniform sampler2D ${name}_texture;`).join(" ")}
    ${invariant ? "invariant " : ""}out vec4 result;
    ${code}
    void main() {
      ${names.map((name) => `vec4 ${name} = texelFetch(${name}_texture, ivec2(gl_FragCoord.xy), 0);`).join(" ")}
      result = ${expression};
    }`);
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "");
  gl.useProgram(program);
  const target = texture(null, height);
  const framebuffer = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, target, 0);
  const sources = arrays.map((values, i) => {
    gl.activeTexture(gl.TEXTURE0 + i);
    gl.uniform1i(gl.getUniformLocation(program, `${names[i]}_texture`), i);
    return texture(values, height);
  });
  gl.viewport(0, 0, WIDTH, height);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  const read = new Float32Array(WIDTH * height * 4);
  gl.readPixels(0, 0, WIDTH, height, gl.RGBA, gl.FLOAT, read);
  const error = gl.getError();
  for (const one of [target, ...sources]) gl.deleteTexture(one);
  gl.deleteFramebuffer(framebuffer);
  gl.deleteProgram(program);
  if (error) throw new Error(`GL error 0x${error.toString(16)}`);
  return encode(new Uint8Array(read.buffer, 0, arrays[0].length * 4));
};

globalThis.renderer = () => {
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  return gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
};
