/**
 * The one generator of shader text. Every shader is a pure function of its options; shapes reach it as numbers in a uniform
 * block (or, to see what that costs, as single uniforms or as constants).
 */

/** @typedef {import("./storage.js").Addressing} Addressing */
/** @typedef {import("./storage.js").Layout} Layout */

/**
 * @typedef {object} Style
 * @property {number} layers R
 * @property {Addressing} addressing
 * @property {"block" | "single" | "constant"} numbers how shapes reach the shader
 */

/** What a kernel is: its inputs' names, the names of its own numbers, its functions, and the text of `main` after `locate`. */
/** @typedef {{ inputs: string[], numbers: string[], main: string, functions?: string }} Kernel */

/** @param {number} count @param {(k: number) => string} text */
const repeat = (count, text, separator = "\n") => Array.from({ length: count }, (_, k) => text(k)).join(separator);

/** The integer numbers of a tensor, in the order of `layoutNumbers`. */
const TENSOR_INTEGERS = ["height", "width", "channels", "blocks", "channel_blocks", "texture_width", "shift", "layers"];
const TENSOR_FLOATS = ["per_block", "per_channel_block"];

/** @param {string} tensor @param {Layout} at @returns {Record<string, number>} */
export function layoutNumbers(tensor, at) {
  const values = [...at.shape, at.blocks, at.channelBlocks, at.textureWidth, Math.floor(at.shift), at.layers, 1 / at.blocks, 1 / at.channelBlocks];
  return Object.fromEntries([...TENSOR_INTEGERS, ...TENSOR_FLOATS].map((name, k) => [`${tensor}_${name}`, values[k]]));
}

/**
 * The numbers of a shader in the order of its uniform block, each with its GLSL type.
 * @param {Kernel} kernel
 */
export function numberTypes(kernel) {
  const tensors = [...kernel.inputs, "y"];
  return [
    ...tensors.flatMap((tensor) => TENSOR_INTEGERS.map((name) => ({ name: `${tensor}_${name}`, type: "int" }))),
    ...tensors.flatMap((tensor) => TENSOR_FLOATS.map((name) => ({ name: `${tensor}_${name}`, type: "float" }))),
    ...kernel.numbers.map((name) => ({ name, type: "int" })),
  ];
}

/** @param {string} tensor @param {Addressing} addressing */
function at(tensor, addressing) {
  const texel = `int t = (row * ${tensor}_blocks + block) * ${tensor}_channel_blocks + channel_block;`;
  const body = {
    rows: `return ivec2(block * ${tensor}_channel_blocks + channel_block, row);`,
    division: `${texel} int v = t / ${tensor}_texture_width; return ivec2(t - v * ${tensor}_texture_width, v);`,
    shift: `${texel} return ivec2(t & (${tensor}_texture_width - 1), t >> ${tensor}_shift);`,
  };
  return `ivec2 ${tensor}_at(int row, int block, int channel_block) { ${addressing === "reciprocal" ? body.shift : body[addressing]} }
vec4 ${tensor}_load(int row, int block, int channel_block, int layer) { return texelFetch(${tensor}, ivec3(${tensor}_at(row, block, channel_block), layer), 0); }
vec4 ${tensor}_pixel(int row, int column, int channel_block) {
  int block = column ${addressing === "division" ? `/ ${tensor}_layers` : `>> ${tensor}_LOG2`};
  return ${tensor}_load(row, block, channel_block, column & (${tensor}_layers - 1));
}
vec4 ${tensor}_pixel_or_zero(int row, int column, int channel_block) {
  bool inside = uint(row) < uint(${tensor}_height) && uint(column) < uint(${tensor}_width);
  return inside ? ${tensor}_pixel(row, column, channel_block) : vec4(0);
}`;
}

/** The inverse for the output: where this fragment lies. @param {Addressing} addressing */
function locate(addressing) {
  if (addressing === "rows") return `row = int(gl_FragCoord.y); int x = int(gl_FragCoord.x); block = x / y_channel_blocks; channel_block = x - block * y_channel_blocks;`;
  const texel = addressing === "division" ? "int(gl_FragCoord.y) * y_texture_width + int(gl_FragCoord.x)" : "(int(gl_FragCoord.y) << y_shift) | int(gl_FragCoord.x)";
  const divide = addressing === "reciprocal" ? (/** @type {string} */ a, /** @type {string} */ b) => `divide(${a}, y_${b}s, y_per_${b})` : (/** @type {string} */ a, /** @type {string} */ b) => `${a} / y_${b}s`;
  return `int t = ${texel}; int p = ${divide("t", "channel_block")}; channel_block = t - p * y_channel_blocks; row = ${divide("p", "block")}; block = p - row * y_blocks;`;
}

/** A float's quotient is off by one at most for texel counts below 2^24: put right by the remainder. */
const DIVIDE = `int divide(int a, int b, float per_b) {
  int q = int(float(a) * per_b);
  int remainder = a - q * b;
  return q + (remainder >= b ? 1 : 0) - (remainder < 0 ? 1 : 0);
}`;

/**
 * @param {Kernel} kernel
 * @param {Style} style
 * @param {number} outputLayers
 * @param {Record<string, number>} values of all numbers: the constants, and the layers of each tensor, which are in the text
 */
export function fragmentShader(kernel, style, outputLayers, values) {
  const numbers = numberTypes(kernel).filter(({ name }) => !name.endsWith("_layers"));
  const declared = {
    block: () => `layout(std140) uniform Numbers {\n${numbers.map(({ name, type }) => `${type} ${name};`).join("\n")}\n};`,
    single: () => numbers.map(({ name, type }) => `uniform ${type} ${name};`).join("\n"),
    constant: () => numbers.map(({ name, type }) => `const ${type} ${name} = ${type === "float" ? values[name].toExponential() : values[name]};`).join("\n"),
  }[style.numbers]();
  return `#version 300 es
precision highp float; precision highp int; precision highp sampler2DArray;
${kernel.inputs.map((name) => `uniform sampler2DArray ${name};`).join("\n")}
${repeat(outputLayers, (r) => `layout(location = ${r}) out vec4 y${r};`)}
${declared}
${[...kernel.inputs, "y"].map((name) => `const int ${name}_layers = ${values[`${name}_layers`]}; const int ${name}_LOG2 = ${Math.log2(values[`${name}_layers`])};`).join("\n")}
${DIVIDE}
${kernel.inputs.map((name) => at(name, style.addressing)).join("\n")}
void locate(out int row, out int block, out int channel_block) { ${locate(style.addressing)} }
${kernel.functions ?? ""}
void main() {
int row, block, channel_block; locate(row, block, channel_block);
${kernel.main}
}`;
}

// Kernels

const relu = (/** @type {string} */ value) => `max(${value}, 0.0)`;

/** Reads the 4 × 4 block of weights for (tap, output block, input block k). @param {string} tap @param {"inputs" | "outputs"} inner */
function weights(tap, inner) {
  const block = inner === "inputs" ? `(${tap} * y_channel_blocks + channel_block) * x_channel_blocks + k` : `(${tap} * x_channel_blocks + k) * y_channel_blocks + channel_block`;
  return `int wt = ${block};
ivec2 wp = ivec2(wt & (w_texture_width - 1), wt >> w_shift);
${repeat(4, (j) => `vec4 w${j} = texelFetch(w, ivec3(wp, ${j}), 0);`)}`;
}

/** @param {number} r @param {string} value */
const multiplyAdd = (r, value) => `s${r} += ${value}.x * w0 + ${value}.y * w1 + ${value}.z * w2 + ${value}.w * w3;`;

/** @param {number} R @param {string} main */
const summed = (R, main) => `vec4 b = bias_load(0, 0, channel_block, 0);
${repeat(R, (r) => `vec4 s${r} = b;`)}
${main}
${repeat(R, (r) => `y${r} = ${relu(`s${r}`)};`)}`;

/** 1 × 1, stride 1. @param {number} R @param {{ inner: "inputs" | "outputs" }} options @returns {Kernel} */
export function pointwise(R, { inner }) {
  return {
    inputs: ["x", "w", "bias"],
    numbers: [],
    main: summed(R, `for (int k = 0; k < x_channel_blocks; k++) {
${weights("0", inner)}
ivec2 p = x_at(row, block, k);
${repeat(R, (r) => `vec4 v${r} = texelFetch(x, ivec3(p, ${r}), 0); ${multiplyAdd(r, `v${r}`)}`)}
}`),
  };
}

/**
 * Any kernel and stride. `window`: a kernel row's columns are read once into registers and used for all R outputs, which puts
 * the kernel's width and the stride into the text; otherwise each output reads each tap for itself.
 * @param {number} R
 * @param {{ kernel: number, stride: number, window: boolean, inner: "inputs" | "outputs" }} options
 * @returns {Kernel}
 */
export function convolution(R, { kernel, stride, window, inner }) {
  const columns = (R - 1) * stride + kernel;
  const windowed = `for (int k = 0; k < x_channel_blocks; k++) {
${repeat(columns, (i) => `vec4 v${i} = x_pixel_or_zero(source, first + ${i}, k);`)}
${repeat(kernel, (kx) => `{ ${weights(`(ky * ${kernel} + ${kx})`, inner)}
${repeat(R, (r) => multiplyAdd(r, `v${r * stride + kx}`))} }`)}
}`;
  const direct = `for (int kx = 0; kx < kernel; kx++) for (int k = 0; k < x_channel_blocks; k++) {
${weights("(ky * kernel + kx)", inner)}
${repeat(R, (r) => `vec4 v${r} = x_pixel_or_zero(source, first + kx + ${r} * stride, k); ${multiplyAdd(r, `v${r}`)}`)}
}`;
  return { inputs: ["x", "w", "bias"], numbers: ["kernel", "stride", "padding"], main: rowsOfKernel(R, window ? windowed : direct) };
}

/** @param {number} R @param {{ kernel: number, stride: number, window: boolean }} options @returns {Kernel} */
export function depthwise(R, { kernel, stride, window }) {
  const columns = (R - 1) * stride + kernel;
  const weight = (/** @type {string} */ tap) => `w_load(0, ${tap}, channel_block, 0)`;
  const windowed = `${repeat(columns, (i) => `vec4 v${i} = x_pixel_or_zero(source, first + ${i}, channel_block);`)}
${repeat(kernel, (kx) => `{ vec4 f = ${weight(`ky * ${kernel} + ${kx}`)};
${repeat(R, (r) => `s${r} += v${r * stride + kx} * f;`)} }`)}`;
  const direct = `for (int kx = 0; kx < kernel; kx++) { vec4 f = ${weight("ky * kernel + kx")};
${repeat(R, (r) => `s${r} += x_pixel_or_zero(source, first + kx + ${r} * stride, channel_block) * f;`)} }`;
  return { inputs: ["x", "w", "bias"], numbers: ["kernel", "stride", "padding"], main: rowsOfKernel(R, window ? windowed : direct) };
}

/** @param {number} R @param {string} body for kernel row `ky`, on picture row `source`, from column `first` */
const rowsOfKernel = (R, body) =>
  summed(R, `int first = block * ${R} * stride - padding;
for (int ky = 0; ky < kernel; ky++) {
int source = row * stride - padding + ky;
if (uint(source) < uint(x_height)) {
${body}
} }`);

/** Both operands have the output's shape: no address is needed. @param {number} R @returns {Kernel} */
export const addSame = (R) => ({
  inputs: ["x", "z"],
  numbers: [],
  main: `ivec2 p = ivec2(gl_FragCoord.xy);
${repeat(R, (r) => `y${r} = texelFetch(x, ivec3(p, ${r}), 0) + texelFetch(z, ivec3(p, ${r}), 0);`)}`,
});

/** The second operand is a number a channel. @param {number} R @returns {Kernel} */
export const addChannel = (R) => ({
  inputs: ["x", "z"],
  numbers: [],
  main: `ivec2 p = ivec2(gl_FragCoord.xy); vec4 b = z_load(0, 0, channel_block, 0);
${repeat(R, (r) => `y${r} = texelFetch(x, ivec3(p, ${r}), 0) + b;`)}`,
});

/** Of channels; aligned when the first input's are a multiple of 4. @param {number} R @param {{ aligned: boolean }} options @returns {Kernel} */
export function concat(R, { aligned }) {
  const whole = repeat(R, (r) => `y${r} = channel_block < x_channel_blocks ? x_load(row, block, channel_block, ${r}) : z_load(row, block, channel_block - x_channel_blocks, ${r});`);
  const shifted = `int first = 4 * channel_block - x_channels; int low = first >> 2; int by = first & 3;
bvec4 second = greaterThanEqual(ivec4(first) + ivec4(0, 1, 2, 3), ivec4(0));
ivec2 px = x_at(row, block, min(channel_block, x_channel_blocks - 1)), pl = z_at(row, block, max(low, 0)), ph = z_at(row, block, clamp(low + 1, 0, z_channel_blocks - 1));
${repeat(R, (r) => `y${r} = mix(texelFetch(x, ivec3(px, ${r}), 0), shifted(texelFetch(z, ivec3(pl, ${r}), 0), texelFetch(z, ivec3(ph, ${r}), 0), by), second);`)}`;
  return {
    inputs: ["x", "z"],
    numbers: [],
    functions: aligned ? "" : `vec4 shifted(vec4 a, vec4 b, int by) { return by == 0 ? a : by == 1 ? vec4(a.yzw, b.x) : by == 2 ? vec4(a.zw, b.xy) : vec4(a.w, b.xyz); }`,
    main: aligned ? whole : shifted,
  };
}

const COMPONENT = `float component(vec4 v, int k) { return k < 2 ? (k == 0 ? v.x : v.y) : (k == 2 ? v.z : v.w); }`;

/** [h, w, c] → [h, c, w]: tiles of 4 × R turned in registers. @param {number} R @returns {Kernel} */
export function transposeLast(R) {
  const texels = Math.max(1, R / 4);
  return {
    inputs: ["x"],
    numbers: [],
    functions: COMPONENT,
    main: `int column = 4 * channel_block; int c0 = (block * ${R}) >> 2; int k0 = (block * ${R}) & 3;
${repeat(4, (j) => repeat(texels, (q) => `vec4 v${j}${q} = x_pixel(row, min(column + ${j}, x_width - 1), min(c0 + ${q}, x_channel_blocks - 1));`))}
${repeat(R, (r) => {
  const pick = (/** @type {number} */ j) => (R >= 4 ? `v${j}${r >> 2}[${r & 3}]` : `component(v${j}0, k0 + ${r})`);
  return `y${r} = vec4(${repeat(4, pick, ", ")});`;
})}`,
  };
}

/** [h, w, c] → [c, h, w]: each value is a read. @param {number} R @returns {Kernel} */
export const transposeToPlanes = (R) => ({
  inputs: ["x"],
  numbers: [],
  functions: COMPONENT,
  main: `int column = 4 * channel_block; int k = row & 3;
${repeat(R, (r) => `{ int source = min(block * ${R} + ${r}, x_height - 1);
${repeat(4, (j) => `float v${j} = component(x_pixel(source, min(column + ${j}, x_width - 1), row >> 2), k);`)}
y${r} = vec4(v0, v1, v2, v3); }`)}`,
});

/** [h, w, c] → [1, rows, columns], columns and c multiples of 4: each texel is a read. @param {number} R @returns {Kernel} */
export const reshape = (R) => ({
  inputs: ["x"],
  numbers: [],
  main: repeat(R, (r) => `{ int flat_texel = (block * ${R} + ${r}) * y_channel_blocks + channel_block; int p = flat_texel / x_channel_blocks; int source = p / x_width;
y${r} = x_pixel(min(source, x_height - 1), p - source * x_width, flat_texel - p * x_channel_blocks); }`),
});

/** Average over height and width. @returns {Kernel} */
export const globalAverage = (/** @type {number} */ R) => ({
  inputs: ["x"],
  numbers: [],
  main: `vec4 sum = vec4(0);
for (int i = 0; i < x_height; i++) for (int j = 0; j < x_blocks; j++) {
ivec2 p = x_at(i, j, channel_block); int column = j * ${R};
${repeat(R, (r) => `sum += column + ${r} < x_width ? texelFetch(x, ivec3(p, ${r}), 0) : vec4(0);`)}
}
y0 = sum / float(x_height * x_width);`,
});

/** To any size, half-pixel centres; `doubled`: a width of exactly twice reads each of its columns once. @param {number} R @param {{ doubled: boolean }} options @returns {Kernel} */
export function bilinear(R, { doubled }) {
  const prepare = `float sy = clamp((float(row) + 0.5) * float(x_height) / float(y_height) - 0.5, 0.0, float(x_height - 1));
int top = int(sy); int bottom = min(top + 1, x_height - 1); float fy = sy - float(top);`;
  const direct = repeat(R, (r) => `{ float sx = clamp((float(block * ${R} + ${r}) + 0.5) * float(x_width) / float(y_width) - 0.5, 0.0, float(x_width - 1));
int left = int(sx); int right = min(left + 1, x_width - 1); float fx = sx - float(left);
vec4 a = mix(x_pixel(top, left, channel_block), x_pixel(top, right, channel_block), fx);
vec4 b = mix(x_pixel(bottom, left, channel_block), x_pixel(bottom, right, channel_block), fx);
y${r} = mix(a, b, fy); }`);
  const columns = R / 2 + 2;
  const windowed = `int first = block * ${R / 2} - 1;
${repeat(columns, (i) => `int j${i} = clamp(first + ${i}, 0, x_width - 1); vec4 v${i} = mix(x_pixel(top, j${i}, channel_block), x_pixel(bottom, j${i}, channel_block), fy);`)}
${repeat(R, (r) => `y${r} = mix(v${(r + 1) >> 1}, v${((r + 1) >> 1) + 1}, ${r % 2 ? "0.25" : "0.75"});`)}`;
  return { inputs: ["x"], numbers: [], main: `${prepare}\n${doubled && R > 1 ? windowed : direct}` };
}
