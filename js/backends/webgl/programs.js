/** Programs: text joined from the rendered skeletons, compiled once for all models of a context. */

import { WebkilnError } from "../../errors.js";
import { functions, library } from "../../generated/shaders.js";
import { frame, pieces, skeletons, vertexShader } from "../../generated/skeletons.js";
import { nextTask } from "./readback.js";

/** How an operand of an epilogue is read: a float; element by element; one value a channel; any broadcasting. */
/** @typedef {"anchor" | "scalar" | "same" | "channels" | "broadcast"} OperandKind */
/** @typedef {{ kind: OperandKind, at: number }} OperandPlace `at`: its first vector in the uniform buffer */
/** @typedef {{ opcode: string, operands: number[], destination: number }} Instruction numbers of registers */
/** @typedef {{ operands: OperandPlace[], instructions: Instruction[], result: number }} Epilogue operand k is register k */
/**
 * What a program is made of.
 * @typedef {object} Recipe
 * @property {string} skeleton
 * @property {number} layers that it writes
 * @property {number} vectors of its uniform buffer
 * @property {Epilogue | null} epilogue
 * @property {{ piece: string, places: number[] } | null} parts of a concatenation
 * @property {boolean} isFolded whether any of its tensors is
 * @property {Fold | null} fold of a skeleton that folds many values into one
 * @property {Window | null} window of a skeleton that has its width, stride and padding in its text
 */
/** @typedef {"sum" | "max" | "min" | "prod"} Fold */
/** @typedef {{ kernel: number, stride: number, padding: number, lines: number }} Window along the columns, and its lines */

/**
 * @param {string} text
 * @param {Record<string, string | number>} values by the name of the hole
 */
function fill(text, values) {
  return text.replace(/@(\w+)/g, (hole, name) => (Object.hasOwn(values, name) ? String(values[name]) : hole));
}

/**
 * Repeats what is there for each layer, as the generator of the skeletons says.
 * @param {string} text
 * @param {number} layers R
 */
function repeat(text, layers) {
  return text
    .replace(/@\[(\d+),(-?\d+);([^]*?)@\]/g, (_, scale, more, body) => {
      const copies = Array.from({ length: scale * layers + Number(more) }, (_, r) => body.replace(/@r\b/g, String(r)).replace(/@\{(\d+),(\d+)\}/g, (/** @type {string} */ _, /** @type {number} */ by, /** @type {number} */ plus) => String(r * by + Number(plus))));
      return copies.join("\n");
    })
    .replace(/@R\b/g, String(layers));
}

/**
 * The name under which an operation is among the functions.
 * @param {string} opcode "add:f32", "cast:f32:bool"
 */
export function functionName(opcode) {
  return opcode.startsWith("cast:") ? opcode : opcode.slice(0, opcode.indexOf(":"));
}

/**
 * Names of the samplers in the order of the texture units: inputs of the skeleton, parts, operands of the epilogue.
 * @param {Recipe} recipe
 */
function samplersOf({ skeleton, epilogue, parts }) {
  return [
    ...skeletons[skeleton].inputs.map((name) => `${name}_values`),
    ...(parts?.places.map((_, k) => `part${k}`) ?? []),
    ...(epilogue?.operands.flatMap(({ kind }, k) => (kind === "anchor" || kind === "scalar" ? [] : [`operand${k}`])) ?? []),
  ];
}

/**
 * The text of a fragment shader.
 * @param {Recipe} recipe
 * @returns {string}
 */
export function joinSource(recipe) {
  const { skeleton, layers, vectors, epilogue, parts, isFolded, window, fold } = recipe;
  const operands = epilogue?.operands.map(({ kind, at }, k) => ({ kind, values: { k, at } })) ?? [];
  const pieceOf = (/** @type {string} */ suffix) => operands.flatMap(({ kind, values }) => (`${kind}${suffix}` in pieces ? [fill(pieces[`${kind}${suffix}`], values)] : []));
  const kernel = fill(skeletons[skeleton].source, { ...(window && windowOf(window, layers, pieces[`${skeleton}_tap`])), ...(fold && { fold: pieces[`fold_${fold}`] }), parts: parts?.places.map((at, k) => fill(pieces[parts.piece], { k, at })).join("\n") ?? "" });
  const declarations = [
    ...samplersOf(recipe).map((name) => fill(pieces.sampler, { name })),
    ...pieceOf("_declare"),
    ...(epilogue ? functionsOf(epilogue) : []),
    epilogue ? finishOf(epilogue, operands.map(({ kind, values }) => fill(pieces[kind], values))) : pieces.finish_none,
    kernel,
  ];
  const addressing = isFolded ? "folded" : "rows";
  const holes = { count: vectors, locate: pieces[`${addressing}_locate`], place: pieces[`${addressing}_place`] };
  return repeat(fill(frame, { ...holes, declarations: declarations.join("\n"), prepare: pieceOf("_prepare").join("\n") }), layers);
}

/**
 * The columns that a window needs for R outputs.
 * @param {Window} window
 * @param {number} layers R
 */
export function windowColumns({ kernel, stride, padding }, layers) {
  return Array.from({ length: (layers - 1) * stride + kernel }, (_, i) => {
    const shift = Math.floor((i - padding) / layers);
    return { i, shift, layer: i - padding - shift * layers, n: shift + Math.ceil(padding / layers) };
  }).filter(({ i }) => i % stride < kernel);
}

/**
 * The text of a window: the blocks of columns that it touches, reading its columns, and what each tap does with them.
 * @param {Window} window
 * @param {number} layers R
 * @param {string} tap
 */
function windowOf(window, layers, tap) {
  const { kernel, stride, lines } = window;
  const columns = windowColumns(window, layers);
  const blocks = columns.filter(({ n }, k) => n !== columns[k - 1]?.n);
  const each = (/** @type {string} */ text, /** @type {Record<string, number>[]} */ list) => list.map((values) => fill(text, { stride, ...values })).join("\n");
  return {
    lines,
    blocks: each(pieces.window_block, blocks),
    edges: each(pieces.window_edge, blocks),
    places: each(pieces.window_place, blocks),
    columns: each(pieces.window_column, columns),
    taps: each(tap, Array.from({ length: kernel }, (_, tap) => ({ tap }))),
  };
}

/**
 * @param {Epilogue} epilogue
 * @param {string[]} reads GLSL of each operand
 */
function finishOf({ operands, instructions, result }, reads) {
  const register = (/** @type {number} */ k) => fill(pieces.register, { k });
  const assign = (/** @type {number} */ k, /** @type {string} */ value) => fill(pieces.assign, { to: register(k), value });
  const used = new Set([...operands.keys(), ...instructions.map(({ destination }) => destination)]);
  const statements = [
    ...reads.map((read, k) => assign(k, read)),
    ...instructions.map(({ opcode, operands: from, destination }) =>
      assign(destination, fill(pieces.call, { name: `op_${functionName(opcode).replace(/:/g, "_")}`, arguments: from.map(register).join(", ") }))),
  ];
  return fill(pieces.finish, { registers: [...used].map(register).join(", "), statements: statements.join("\n"), result: register(result) });
}

/**
 * The functions that an epilogue calls, each after those that it needs.
 * @param {Epilogue} epilogue
 */
function functionsOf({ instructions }) {
  const called = [...new Set(instructions.map(({ opcode }) => functionName(opcode)))].map((name) => functions[name]);
  /** @type {Set<string>} */
  const needed = new Set();
  const need = (/** @type {string} */ name) => {
    if (needed.has(name)) return;
    library[name].needs.forEach(need);
    needed.add(name);
  };
  for (const { needs } of called) needs.forEach(need);
  return [...[...needed].map((name) => library[name].code), ...called.map(({ code }) => code)];
}

/** @typedef {{ handle: WebGLProgram, fragment: WebGLShader, skeleton: string, samplers: string[], checked: boolean }} Program */

export class Programs {
  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.gl = gl;
    this.parallel = gl.getExtension("KHR_parallel_shader_compile");
    /** @type {Map<string, Program>} by the text of the fragment shader */
    this.made = new Map();
    this.vertex = this.compile(gl.VERTEX_SHADER, vertexShader);
  }

  /**
   * @param {number} type
   * @param {string} source
   */
  compile(type, source) {
    const { gl } = this;
    const shader = /** @type {WebGLShader} */ (gl.createShader(type));
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    return shader;
  }

  /**
   * The program of a recipe. It begins to compile; `ready` waits for it.
   * @param {Recipe} recipe
   * @returns {Program}
   */
  request(recipe) {
    const { gl } = this;
    const source = joinSource(recipe);
    let program = this.made.get(source);
    if (!program) {
      const handle = /** @type {WebGLProgram} */ (gl.createProgram());
      const fragment = this.compile(gl.FRAGMENT_SHADER, source);
      gl.attachShader(handle, this.vertex);
      gl.attachShader(handle, fragment);
      gl.linkProgram(handle);
      program = { handle, fragment, skeleton: recipe.skeleton, samplers: samplersOf(recipe), checked: false };
      this.made.set(source, program);
    }
    return program;
  }

  /**
   * Waits until programs are compiled.
   * @param {Iterable<Program>} wanted
   * @param {(done: number) => void} [onProgress]
   * @throws {WebkilnError} with the compiler's words
   */
  async ready(wanted, onProgress) {
    const { gl, parallel } = this;
    let done = 0;
    for (const program of wanted) {
      // Asking for the result of one that isn't ready would wait on the main thread.
      while (parallel && !program.checked && !gl.isContextLost() && !gl.getProgramParameter(program.handle, parallel.COMPLETION_STATUS_KHR)) await new Promise((resolve) => setTimeout(resolve, 1));
      // Where that is not told, the page gets a turn before each.
      if (!parallel && !program.checked) await nextTask(0);
      this.check(program);
      onProgress?.(++done);
    }
  }

  /** @param {Program} program */
  check(program) {
    if (program.checked) return;
    const { gl } = this;
    const { handle, fragment, skeleton, samplers } = program;
    if (!gl.getProgramParameter(handle, gl.LINK_STATUS)) {
      const log = [gl.getShaderInfoLog(fragment), gl.getProgramInfoLog(handle)].filter(Boolean).join("\n");
      throw new WebkilnError(`this device does not compile the WebGL kernel ${skeleton}: ${log || (gl.isContextLost() ? "the context was lost" : "no reason given")}`);
    }
    gl.useProgram(handle);
    samplers.forEach((name, unit) => gl.uniform1i(gl.getUniformLocation(handle, name), unit));
    gl.uniformBlockBinding(handle, gl.getUniformBlockIndex(handle, "Numbers"), 0);
    program.checked = true;
  }
}
