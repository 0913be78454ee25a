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
 * @property {"fetch" | "sample"} reading `texelFetch`, or `textureLod` at the texel's centre
 * @property {"array" | "planes"} textures the layers as one texture array, or as R textures (and R samplers)
 */

/** What a kernel is: its inputs' names, the names of its own numbers, its functions, and the text of `main` after `locate`. */
/** @typedef {{ inputs: string[], numbers: string[], main: string, functions?: string }} Kernel */

/** @param {number} count @param {(k: number) => string} text */
const repeat = (count, text, separator = "\n") => Array.from({ length: count }, (_, k) => text(k)).join(separator);

/** The integer numbers of a tensor, in the order of `layoutNumbers`. */
const TENSOR_INTEGERS = ["height", "width", "channels", "blocks", "channel_blocks", "row_texels", "line", "line_log2", "layers"];
const TENSOR_FLOATS = ["per_width", "per_height"];

/** @param {string} tensor @param {Layout} at @returns {Record<string, number>} */
export function layoutNumbers(tensor, at) {
  const integers = [...at.shape, at.blocks, at.channelBlocks, at.rowTexels, at.line, Math.floor(Math.log2(at.line)), at.layers];
  const floats = [1 / at.textureWidth, 1 / at.textureHeight];
  return Object.fromEntries([...TENSOR_INTEGERS, ...TENSOR_FLOATS].map((name, k) => [`${tensor}_${name}`, [...integers, ...floats][k]]));
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

/**
 * Addresses come in two steps, so that loops keep what doesn't change: `x_base` of a row, then `x_at(base, offset)` with the
 * offset `block * channel_blocks + channel_block` inside it.
 * @param {string} tensor
 * @param {Style} style
 * @param {number} layers
 */
function access(tensor, { addressing, reading, textures }, layers) {
  const { base, at } = {
    rows: { base: "row", at: "ivec2 p = ivec2(offset, base);" },
    fold: { base: `row * ${tensor}_row_texels`, at: `int t = base + offset; ivec2 p = ivec2(t & (${tensor}_line - 1), t >> ${tensor}_line_log2);` },
    division: { base: `row * ${tensor}_row_texels`, at: `int t = base + offset; int v = t / ${tensor}_line; ivec2 p = ivec2(t - v * ${tensor}_line, v);` },
  }[addressing];
  const fetched = reading === "fetch";
  const place = fetched ? "ivec2" : "vec2";
  const value = fetched ? "p" : `(vec2(p) + 0.5) * vec2(${tensor}_per_width, ${tensor}_per_height)`;
  const plane = (/** @type {number} */ r) => (fetched ? `texelFetch(${tensor}${r}, p, 0)` : `textureLod(${tensor}${r}, p, 0.0)`);
  const whole = fetched ? `texelFetch(${tensor}, ivec3(p, layer), 0)` : `textureLod(${tensor}, vec3(p, float(layer)), 0.0)`;
  const read = isArray(textures, layers) ? whole : repeat(layers, (r) => (r < layers - 1 ? `layer == ${r} ? ` : "") + plane(r), " : ");
  return `#define ${tensor}_place ${place}
int ${tensor}_base(int row) { return ${base}; }
${place} ${tensor}_at(int base, int offset) { ${at} return ${value}; }
${place} ${tensor}_here() { return ${fetched ? "ivec2(gl_FragCoord.xy)" : `gl_FragCoord.xy * vec2(${tensor}_per_width, ${tensor}_per_height)`}; }
vec4 ${tensor}_read(${place} p, int layer) { return ${read}; }
vec4 ${tensor}_load(int row, int block, int channel_block, int layer) {
  return ${tensor}_read(${tensor}_at(${tensor}_base(row), block * ${tensor}_channel_blocks + channel_block), layer);
}
vec4 ${tensor}_pixel(int row, int column, int channel_block) {
  return ${tensor}_load(row, column >> ${tensor}_LOG2, channel_block, column & (${tensor}_layers - 1));
}
vec4 ${tensor}_pixel_or_zero(int row, int column, int channel_block) {
  return uint(column) < uint(${tensor}_width) ? ${tensor}_pixel(row, column, channel_block) : vec4(0);
}`;
}

/** The inverse for the output: where this fragment lies. @param {Addressing} addressing */
function locate(addressing) {
  const place = {
    rows: "row = int(gl_FragCoord.y); int offset = int(gl_FragCoord.x);",
    fold: "int t = (int(gl_FragCoord.y) << y_line_log2) | int(gl_FragCoord.x); row = t / y_row_texels; int offset = t - row * y_row_texels;",
    division: "int t = int(gl_FragCoord.y) * y_line + int(gl_FragCoord.x); row = t / y_row_texels; int offset = t - row * y_row_texels;",
  }[addressing];
  return `${place} block = offset / y_channel_blocks; channel_block = offset - block * y_channel_blocks;`;
}

/** A tensor of one layer is a plain texture. @param {Style["textures"]} textures @param {number} layers */
export const isArray = (textures, layers) => textures === "array" && layers > 1;

/** @param {string} tensor @param {Style} style @param {number} layers */
export const samplerNames = (tensor, { textures }, layers) => (isArray(textures, layers) ? [tensor] : Array.from({ length: layers }, (_, r) => `${tensor}${r}`));

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
precision highp float; precision highp int; precision highp sampler2DArray; precision highp sampler2D;
${kernel.inputs.flatMap((name) => samplerNames(name, style, values[`${name}_layers`]).map((sampler) => `uniform ${isArray(style.textures, values[`${name}_layers`]) ? "sampler2DArray" : "sampler2D"} ${sampler};`)).join("\n")}
${repeat(outputLayers, (r) => `layout(location = ${r}) out vec4 y${r};`)}
${declared}
${[...kernel.inputs, "y"].map((name) => `const int ${name}_layers = ${values[`${name}_layers`]}; const int ${name}_LOG2 = ${Math.log2(values[`${name}_layers`])};`).join("\n")}
${kernel.inputs.map((name) => access(name, style, values[`${name}_layers`])).join("\n")}
void locate(out int row, out int block, out int channel_block) { ${locate(style.addressing)} }
${kernel.functions ?? ""}
void main() {
int row, block, channel_block; locate(row, block, channel_block);
${kernel.main}
}`;
}

// Kernels

const relu = (/** @type {string} */ value) => `max(${value}, 0.0)`;

/**
 * @typedef {{ inner: "inputs" | "outputs", flat: boolean }} Weights `inner` and `flat` as in `packWeights`
 */

/**
 * Weights are a tensor: row (tap, block), then blocks of the other side. `row` is what stays in the loop over k.
 * @param {string} tap
 * @param {Weights} options
 */
function weights(tap, { inner, flat }) {
  const base = inner === "inputs" ? "wb" : `w_base(${tap} * x_channel_blocks + k)`;
  const offset = inner === "inputs" ? "k" : "channel_block";
  return {
    row: inner === "inputs" ? `int wb = w_base(${tap} * y_channel_blocks + channel_block);` : "",
    block: flat
      ? repeat(4, (j) => `vec4 w${j} = w_read(w_at(${base}, 4 * ${offset} + ${j}), 0);`)
      : `w_place wp = w_at(${base}, ${offset});\n${repeat(4, (j) => `vec4 w${j} = w_read(wp, ${j});`)}`,
  };
}

/** @param {number} r @param {string} value */
const multiplyAdd = (r, value) => `s${r} += ${value}.x * w0 + ${value}.y * w1 + ${value}.z * w2 + ${value}.w * w3;`;

/** @param {number} R @param {string} main */
const summed = (R, main) => `vec4 b = bias_load(0, 0, channel_block, 0);
${repeat(R, (r) => `vec4 s${r} = b;`)}
${main}
${repeat(R, (r) => `y${r} = ${relu(`s${r}`)};`)}`;

/** 1 × 1, stride 1. @param {number} R @param {Weights} options @returns {Kernel} */
export function pointwise(R, options) {
  const { row, block } = weights("0", options);
  return {
    inputs: ["x", "w", "bias"],
    numbers: [],
    main: summed(R, `${row}
int base = x_base(row); int offset = block * x_channel_blocks;
for (int k = 0; k < x_channel_blocks; k++) {
${block}
x_place p = x_at(base, offset + k);
${repeat(R, (r) => `vec4 v${r} = x_read(p, ${r}); ${multiplyAdd(r, `v${r}`)}`)}
}`),
  };
}

/**
 * Any kernel and stride, by one of two reading patterns. `window`: a kernel row's columns are read once into registers and
 * used for all R outputs; the kernel's width, stride and padding are in the text, so that each column's layer is known there,
 * and addresses and limits are made once a block. Otherwise each output reads each tap for itself.
 * @typedef {{ kernel: number, stride: number, padding: number, window: boolean } & Weights} Window
 */

/**
 * The text before the loop over the kernel's rows: offset and limit of each block that the window touches.
 * @param {number} R
 * @param {Window} options
 * @param {string} channelBlock
 */
function windowOf(R, { kernel, stride, padding }, channelBlock) {
  const count = (R - 1) * stride + kernel;
  const columns = Array.from({ length: count }, (_, i) => ({ block: Math.floor((i - padding) / R), layer: (((i - padding) % R) + R) % R }));
  const blocks = [...new Set(columns.map(({ block }) => block))];
  const name = (/** @type {number} */ block) => block - blocks[0];
  return {
    prepare: blocks
      .map((block) => `int b${name(block)} = block * ${stride} + (${block}); int offset${name(block)} = b${name(block)} * x_channel_blocks + ${channelBlock}; int limit${name(block)} = b${name(block)} < 0 ? 0 : x_width - b${name(block)} * ${R};`)
      .join("\n"),
    read: (/** @type {string} */ k) => `${blocks.map((block) => `x_place p${name(block)} = x_at(base, offset${name(block)}${k});`).join("\n")}
${columns.map(({ block, layer }, i) => `vec4 v${i} = ${layer} < limit${name(block)} ? x_read(p${name(block)}, ${layer}) : vec4(0);`).join("\n")}`,
  };
}

/** @param {number} R @param {Window} options @returns {Kernel} */
export function convolution(R, options) {
  const { kernel, stride, window } = options;
  const numbers = window ? [] : ["kernel", "stride", "padding"];
  if (window) {
    const { prepare, read } = windowOf(R, options, "0");
    const taps = Array.from({ length: kernel }, (_, kx) => weights(`(ky * ${kernel} + ${kx})`, options));
    const body = `${taps.map(({ row }, kx) => row.replace("wb", `wb${kx}`)).join("\n")}
for (int k = 0; k < x_channel_blocks; k++) {
${read(" + k")}
${taps.map(({ block }, kx) => `{ ${block.replaceAll("wb", `wb${kx}`)}\n${repeat(R, (r) => multiplyAdd(r, `v${r * stride + kx}`))} }`).join("\n")}
}`;
    return { inputs: ["x", "w", "bias"], numbers, main: summed(R, prepare + rowsOfKernel(body, options)) };
  }
  const { row, block } = weights("(ky * kernel + kx)", options);
  const body = `for (int kx = 0; kx < kernel; kx++) { ${row}
for (int k = 0; k < x_channel_blocks; k++) {
${block}
${repeat(R, (r) => `vec4 v${r} = x_pixel_or_zero(source, first + kx + ${r} * stride, k); ${multiplyAdd(r, `v${r}`)}`)}
} }`;
  return { inputs: ["x", "w", "bias"], numbers, main: summed(R, `int first = block * ${R} * stride - padding;${rowsOfKernel(body)}`) };
}

/** @param {number} R @param {Window} options @returns {Kernel} */
export function depthwise(R, options) {
  const { kernel, stride, window } = options;
  const numbers = window ? [] : ["kernel", "stride", "padding"];
  if (window) {
    const { prepare, read } = windowOf(R, options, "channel_block");
    const body = `int wb = w_base(ky);
${read("")}
${repeat(kernel, (kx) => `{ vec4 f = w_read(w_at(wb, ${kx} * y_channel_blocks + channel_block), 0);
${repeat(R, (r) => `s${r} += v${r * stride + kx} * f;`)} }`)}`;
    return { inputs: ["x", "w", "bias"], numbers, main: summed(R, prepare + rowsOfKernel(body, options)) };
  }
  const body = `for (int kx = 0; kx < kernel; kx++) { vec4 f = w_load(ky, kx, channel_block, 0);
${repeat(R, (r) => `s${r} += x_pixel_or_zero(source, first + kx + ${r} * stride, channel_block) * f;`)} }`;
  return { inputs: ["x", "w", "bias"], numbers, main: summed(R, `int first = block * ${R} * stride - padding;${rowsOfKernel(body)}`) };
}

/**
 * @param {string} body on picture row `source`, of which `base` is the address, for kernel row `ky`
 * @param {Window} [known] numbers that are in the text
 */
const rowsOfKernel = (body, known) => `
for (int ky = 0; ky < ${known?.kernel ?? "kernel"}; ky++) {
int source = row * ${known?.stride ?? "stride"} - ${known?.padding ?? "padding"} + ky;
if (uint(source) < uint(x_height)) { int base = x_base(source);
${body}
} }`;

/** Both operands have the output's shape: no address is needed. @param {number} R @returns {Kernel} */
export const addSame = (R) => ({
  inputs: ["x", "z"],
  numbers: [],
  main: `x_place p = x_here();
${repeat(R, (r) => `y${r} = x_read(p, ${r}) + z_read(p, ${r});`)}`,
});

/** The second operand is a number a channel. @param {number} R @returns {Kernel} */
export const addChannel = (R) => ({
  inputs: ["x", "z"],
  numbers: [],
  main: `x_place p = x_here(); vec4 b = z_load(0, 0, channel_block, 0);
${repeat(R, (r) => `y${r} = x_read(p, ${r}) + b;`)}`,
});

/** Of channels; aligned when the first input's are a multiple of 4. @param {number} R @param {{ aligned: boolean }} options @returns {Kernel} */
export function concat(R, { aligned }) {
  const whole = repeat(R, (r) => `y${r} = channel_block < x_channel_blocks ? x_load(row, block, channel_block, ${r}) : z_load(row, block, channel_block - x_channel_blocks, ${r});`);
  const shifted = `int first = 4 * channel_block - x_channels; int low = first >> 2; int by = first & 3;
bvec4 second = greaterThanEqual(ivec4(first) + ivec4(0, 1, 2, 3), ivec4(0));
int base = z_base(row); int offset = block * z_channel_blocks;
x_place px = x_at(x_base(row), block * x_channel_blocks + min(channel_block, x_channel_blocks - 1)); z_place pl = z_at(base, offset + max(low, 0)), ph = z_at(base, offset + clamp(low + 1, 0, z_channel_blocks - 1));
${repeat(R, (r) => `y${r} = mix(x_read(px, ${r}), shifted(z_read(pl, ${r}), z_read(ph, ${r}), by), second);`)}`;
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
x_place p = x_at(x_base(i), j * x_channel_blocks + channel_block); int column = j * ${R};
${repeat(R, (r) => `sum += column + ${r} < x_width ? x_read(p, ${r}) : vec4(0);`)}
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
