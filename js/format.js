/** model.json → a checked graph. Nothing is used before it is checked; docs/format.md is the specification. */

import { parseDim, symbolsOf } from "./dims.js";
import { SOURCE_DTYPES } from "./dtypes.js";
import { FormatError, UnsupportedOperatorError } from "./errors.js";
import { operators } from "./generated/operators.js";
import { STORAGES } from "./stored.js";

/** @typedef {import("./dims.js").Dim} Dim */
/** @typedef {import("./dtypes.js").Dtype} Dtype */
/** @typedef {{ name: string, value: string, dtype: string, shape: Dim[], values?: string[] }} Argument `values`: symbols for the elements of an input */
/** @typedef {{ name: string, inputs: Argument[], outputs: Argument[] }} Signature */
/** @typedef {{ scheme: "affine", bits: number, signed: boolean, axis: number | null, scale: string, zero_point?: string, block?: number, mask?: string }} AffineQuantization */
/** @typedef {AffineQuantization | { scheme: "mask", mask: string }} Quantization */
/** @typedef {{ dtype: Dtype, shape: number[], shard: number, tensor: string, storage?: string, quantization?: Quantization }} Constant */
/** @typedef {number | boolean | string | (number | boolean | string)[]} Attribute */
/** @typedef {{ value: string, dtype: Dtype, shape: Dim[] }} BodyInput */
/** @typedef {{ inputs: BodyInput[], outputs: string[], nodes: Node[], constants: Set<string>, elements: Map<string, string[]> }} Body a graph that control flow runs; its names, here, are those of the file behind the node's first output and the body's number */
/** @typedef {{ index: number, op: string, inputs: string[], outputs: string[], attributes: Record<string, Attribute>, name: string, bodies?: Body[], results?: { dtype: Dtype, shape: Dim[] }[] }} Node */
/** @typedef {{ input: string, output: string, initial: string, shape: number[], dtype: Dtype }} State */
/** @typedef {{ file: string, bytes: number, sha256: string, role: string }} Shard */
/** @typedef {{ minimum: number, maximum: number, multiple: number }} SymbolRange */
/** @typedef {{ seed: number, low?: number, high?: number } | { tensor: string }} GoldenInput */
/** @typedef {{ shape: number[], tensor: string, samples?: number, minimum?: number, maximum?: number, l2?: number, channels?: number, tolerance?: number }} GoldenOutput */
/** @typedef {{ signature: string, symbols: Map<string, number>, inputs: Map<string, GoldenInput>, outputs: Map<string, GoldenOutput> }} GoldenCase */
/**
 * @typedef {object} ModelDescription
 * @property {string} name
 * @property {Map<string, SymbolRange>} symbols
 * @property {Signature[]} signatures
 * @property {Map<string, Constant>} constants
 * @property {Node[]} nodes
 * @property {Map<string, string[]>} elements values that a run computes, and the symbols that stand for their elements
 * @property {State[]} state
 * @property {unknown} processing
 * @property {Shard[]} shards
 * @property {{ tolerance: number, cases: GoldenCase[] } | null} golden
 * @property {Record<string, unknown>} provenance
 */

const VERSION = 1;
const FEATURES = new Set(["state", "quantization", "values", "elements", "control", "masked"]);
const MAXIMUM_RANK = 8;
const MAXIMUM_SIZE = 2 ** 31 - 1;
const MAXIMUM_VALUES = 64;
const MAXIMUM_NESTING = 8;
/** Operators that run other graphs. @type {ReadonlyMap<string, { attributes: string[], bodies: number }>} */
const CONTROL = new Map([["if", { attributes: [], bodies: 2 }], ["while", { attributes: ["carried"], bodies: 2 }]]);
const VALUE_DTYPES = new Set(["i32", "u8", "i8"]);
const INNER_DTYPES = new Set(["f32", "i32", "u8", "i8", "bool"]);
const FLOAT_WORDS = new Set(["Infinity", "-Infinity", "NaN"]);

/** @type {(message: string) => never} */
function fail(message) {
  throw new FormatError(message);
}

/**
 * A short, harmless rendering of something that was received.
 * @param {unknown} value
 */
function shown(value) {
  let text = "nothing";
  try {
    if (value !== undefined) text = JSON.stringify(value);
  } catch {
    text = "something nested too deeply";
  }
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {Record<string, unknown>}
 */
function asObject(value, where) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${where}: wanted an object, got ${shown(value)}`);
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {unknown[]}
 */
function asArray(value, where) {
  if (!Array.isArray(value)) fail(`${where}: wanted an array, got ${shown(value)}`);
  return value;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {string}
 */
function asString(value, where) {
  if (typeof value !== "string") fail(`${where}: wanted a string, got ${shown(value)}`);
  return value;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {number} [minimum]
 * @param {number} [maximum]
 * @returns {number}
 */
function asInteger(value, where, minimum = 0, maximum = Number.MAX_SAFE_INTEGER) {
  if (!Number.isSafeInteger(value) || Number(value) < minimum || Number(value) > maximum) {
    fail(`${where}: wanted an integer from ${minimum}${maximum === Number.MAX_SAFE_INTEGER ? "" : ` to ${maximum}`}, got ${shown(value)}`);
  }
  return Number(value);
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {number}
 */
function asNumber(value, where) {
  if (typeof value !== "number") fail(`${where}: wanted a number, got ${shown(value)}`);
  return value;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {Iterable<string>} allowed
 * @returns {string}
 */
function asOneOf(value, where, allowed) {
  const names = [...allowed];
  if (typeof value !== "string" || !names.includes(value)) fail(`${where}: wanted one of ${names.join(", ")}; got ${shown(value)}`);
  return value;
}

/**
 * A shape of numbers.
 * @param {unknown} value
 * @param {string} where
 * @returns {number[]}
 */
function asShape(value, where) {
  const dims = asArray(value, where).map((dim, axis) => asInteger(dim, `${where}, axis ${axis}`, 0, MAXIMUM_SIZE));
  checkSize(dims, where);
  return dims;
}

/**
 * @param {readonly number[]} shape
 * @param {string} where
 */
export function checkSize(shape, where) {
  if (shape.length > MAXIMUM_RANK) fail(`${where}: rank ${shape.length}; at most ${MAXIMUM_RANK} is read`);
  let size = 1;
  for (const dim of shape) if (dim !== 0) size *= dim;
  if (size > MAXIMUM_SIZE) fail(`${where}: the shape [${shape.join(", ")}] has more than 2³¹ − 1 elements`);
}

/**
 * A dimension that may be symbolic.
 * @param {unknown} value
 * @param {string} where
 * @param {ReadonlyMap<string, unknown>} symbols
 * @param {boolean} [signed] whether it may be negative: the start of a slice, a padding
 * @returns {Dim}
 */
function asDim(value, where, symbols, signed = false) {
  if (typeof value === "number") return asInteger(value, where, signed ? -MAXIMUM_SIZE : 0, MAXIMUM_SIZE);
  const text = asString(value, where);
  parseDim(text);
  for (const symbol of symbolsOf(text)) {
    if (!symbols.has(symbol)) fail(`${where}: ${shown(text)} names the symbol ${shown(symbol)}, which "symbols" does not have`);
  }
  return text;
}

/**
 * Reads and checks model.json.
 * @param {unknown} json what JSON.parse gave
 * @returns {ModelDescription}
 * @throws {FormatError} what is wrong, and where
 * @throws {UnsupportedOperatorError} every operator that this runtime does not have
 */
export function readModel(json) {
  const root = asObject(json, "model.json");
  if (root.format !== "webkiln") {
    const tfjs = "modelTopology" in root ? "; this is a TensorFlow.js model: convert it with `webkiln convert`" : "";
    fail(`model.json: "format" is ${shown(root.format)}, wanted "webkiln"${tfjs}`);
  }
  if (root.version !== VERSION) fail(`model.json is of version ${shown(root.version)} of the format; this runtime reads version ${VERSION}: update the runtime, or convert the model again`);
  const requires = asArray(root.requires ?? [], "requires").map((feature) => asString(feature, "requires"));
  const unknown = requires.filter((feature) => !FEATURES.has(feature));
  if (unknown.length) fail(`model.json requires ${unknown.map(shown).join(", ")}, which this runtime does not know; it knows ${[...FEATURES].map(shown).join(", ")}: update the runtime`);

  const symbols = readSymbols(root.symbols ?? {});
  const shards = asArray(root.shards ?? [], "shards").map(readShard);
  const constants = readConstants(root.constants, "constants", shards, requires);
  const signatures = asArray(root.signatures, "signatures").map((value, index) => readSignature(value, `signatures, ${index}`, symbols, requires));
  if (!signatures.length) fail("signatures: the model has none; wanted at least one");
  if (new Set(signatures.map(({ name }) => name)).size !== signatures.length) fail("signatures: two have the same name");
  const state = asArray(root.state ?? [], "state").map((value, index) => readState(value, `state, ${index}`));
  if (state.length && !requires.includes("state")) fail('the model has state, and "requires" does not list "state"');
  /** @type {Reading} */
  const reading = { symbols, shards, requires, constants, unknown: new Map() };
  const nodes = readNodes(asArray(root.nodes, "nodes"), reading, "", "nodes");
  if (reading.unknown.size) {
    const lines = [...reading.unknown].map(([op, places]) => `  ${shown(op)} (${places.length}×, at ${places.slice(0, 3).join(", ")}${places.length > 3 ? ", …" : ""})`);
    throw new UnsupportedOperatorError(`this runtime lacks operators of the model; use the runtime of the webkiln that wrote it:\n${lines.join("\n")}`);
  }
  const elements = readElements(root.elements, "elements", reading, "");
  checkNames(constants, signatures, state, nodes, elements);
  return {
    name: asString(root.name ?? "", "name"),
    symbols,
    signatures,
    constants,
    nodes,
    elements,
    state,
    processing: root.processing ?? null,
    shards,
    golden: root.golden === undefined || root.golden === null ? null : readGolden(root.golden, signatures, shards),
    provenance: asObject(root.provenance ?? {}, "provenance"),
  };
}

/**
 * @param {unknown} value
 * @returns {Map<string, SymbolRange>}
 */
function readSymbols(value) {
  /** @type {Map<string, SymbolRange>} */
  const symbols = new Map();
  for (const [name, entry] of Object.entries(asObject(value, "symbols"))) {
    const where = `symbols, ${shown(name)}`;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) fail(`${where}: a symbol is letters, digits and _, and does not start with a digit`);
    const range = asObject(entry, where);
    symbols.set(name, {
      minimum: asInteger(range.minimum ?? 0, `${where}, minimum`, -MAXIMUM_SIZE - 1, MAXIMUM_SIZE),
      maximum: asInteger(range.maximum ?? MAXIMUM_SIZE, `${where}, maximum`, -MAXIMUM_SIZE - 1, MAXIMUM_SIZE),
      multiple: asInteger(range.multiple ?? 1, `${where}, multiple`, 1),
    });
  }
  return symbols;
}

/**
 * @param {unknown} value
 * @param {number} index
 * @returns {Shard}
 */
function readShard(value, index) {
  const where = `shards, ${index}`;
  const shard = asObject(value, where);
  const file = asString(shard.file, `${where}, file`);
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(file)) fail(`${where}: the file name ${shown(file)} is refused; wanted letters, digits, ".", "_", "-", and no dot in front`);
  const sha256 = asString(shard.sha256, `${where}, sha256`);
  if (!/^[0-9a-f]{64}$/.test(sha256)) fail(`${where}: the sha256 ${shown(sha256)} is not 64 hexadecimal digits`);
  return { file, bytes: asInteger(shard.bytes, `${where}, bytes`), sha256, role: asString(shard.role, `${where}, role`) };
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {Shard[]} shards
 * @param {string[]} requires
 * @param {string} [prefix] of their names
 * @returns {Map<string, Constant>}
 */
function readConstants(value, where, shards, requires, prefix = "") {
  return new Map(Object.entries(asObject(value ?? {}, where)).map(([name, entry]) => [prefix + name, readConstant(entry, `${where}, ${shown(name)}`, shards, requires)]));
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {Shard[]} shards
 * @param {string[]} requires
 * @returns {Constant}
 */
function readConstant(value, where, shards, requires) {
  const constant = asObject(value, where);
  const dtype = /** @type {Dtype} */ (asOneOf(constant.dtype, `${where}, dtype`, INNER_DTYPES));
  const shape = asShape(constant.shape, `${where}, shape`);
  const shard = asInteger(constant.shard, `${where}, shard`, 0, shards.length - 1);
  if (shards[shard].role !== "weights") fail(`${where}: its shard ${shown(shards[shard].file)} has the role ${shown(shards[shard].role)}, wanted "weights"`);
  /** @type {Constant} */
  const result = { dtype, shape, shard, tensor: asString(constant.tensor, `${where}, tensor`) };
  if (constant.storage !== undefined) {
    result.storage = asOneOf(constant.storage, `${where}, storage`, STORAGES.keys());
    const wanted = STORAGES.get(result.storage);
    if (dtype !== wanted) fail(`${where}: stored as ${result.storage}, so its dtype must be ${wanted}; got ${dtype}`);
  }
  if (constant.quantization !== undefined && constant.quantization !== null) {
    if (!requires.includes("quantization")) fail(`${where} is quantized, and "requires" does not list "quantization"`);
    result.quantization = readQuantization(constant.quantization, `${where}, quantization`, result);
    if (result.quantization.scheme === "affine" && result.storage) fail(`${where} is quantized, which has no other storage; got ${result.storage}`);
    if (result.quantization.scheme === "affine" && result.quantization.mask && !requires.includes("masked")) fail(`${where} is quantized with a mask, and "requires" does not list "masked"`);
  }
  return result;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {Constant} constant
 * @returns {Quantization}
 */
function readQuantization(value, where, { dtype, shape }) {
  const entry = asObject(value, where);
  const scheme = asOneOf(entry.scheme, `${where}, scheme`, ["affine", "mask"]);
  if (dtype !== "f32") fail(`${where}: the dtype of a quantized constant must be f32; got ${dtype}`);
  if (scheme === "mask") return { scheme, mask: asString(entry.mask, `${where}, mask`) };
  const bits = asInteger(entry.bits, `${where}, bits`);
  if (![4, 8, 16].includes(bits)) fail(`${where}: ${bits} bits; 4, 8 and 16 are read`);
  if (typeof entry.signed !== "boolean") fail(`${where}, signed: wanted true or false, got ${shown(entry.signed)}`);
  /** @type {AffineQuantization} */
  const result = {
    scheme: "affine",
    bits,
    signed: entry.signed,
    axis: entry.axis === null || entry.axis === undefined ? null : asInteger(entry.axis, `${where}, axis`, 0, shape.length - 1),
    scale: asString(entry.scale, `${where}, scale`),
  };
  if (entry.mask !== undefined && entry.mask !== null) result.mask = asString(entry.mask, `${where}, mask`);
  if (entry.zero_point !== undefined && entry.zero_point !== null) result.zero_point = asString(entry.zero_point, `${where}, zero_point`);
  if (entry.block !== undefined && entry.block !== null) {
    result.block = asInteger(entry.block, `${where}, block`, 1);
    if (result.axis === null) fail(`${where}: blocks need an axis`);
  }
  return result;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {ReadonlyMap<string, unknown>} symbols
 * @param {string[]} requires
 * @returns {Signature}
 */
function readSignature(value, where, symbols, requires) {
  const signature = asObject(value, where);
  /** @type {(list: unknown, kind: string) => Argument[]} */
  const read = (list, kind) => {
    const found = asArray(list, `${where}, ${kind}`).map((entry, index) => {
      const at = `${where}, ${kind}, ${index}`;
      const argument = asObject(entry, at);
      const shape = asArray(argument.shape, `${at}, shape`).map((dim, axis) => asDim(dim, `${at}, shape, axis ${axis}`, symbols));
      checkSize(shape.map((dim) => (typeof dim === "number" ? dim : 1)), `${at}, shape`);
      /** @type {Argument} */
      const result = {
        name: asString(argument.name, `${at}, name`),
        value: asString(argument.value, `${at}, value`),
        dtype: asOneOf(argument.dtype, `${at}, dtype`, SOURCE_DTYPES.keys()),
        shape,
      };
      if (argument.values !== undefined) {
        if (kind !== "inputs") fail(`${at}: values are for inputs`);
        if (!requires.includes("values")) fail(`${at} has values, and "requires" does not list "values"`);
        result.values = readValues(argument.values, result, `${at}, values`, symbols);
      }
      return result;
    });
    if (new Set(found.map(({ name }) => name)).size !== found.length) fail(`${where}, ${kind}: two have the same name`);
    return found;
  };
  return { name: asString(signature.name, `${where}, name`), inputs: read(signature.inputs, "inputs"), outputs: read(signature.outputs, "outputs") };
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {ReadonlyMap<string, unknown>} symbols
 * @returns {string[]}
 */
function readElementSymbols(value, where, symbols) {
  const names = asArray(value, where).map((name) => asString(name, where));
  if (names.length > MAXIMUM_VALUES) fail(`${where}: ${names.length} symbols; at most ${MAXIMUM_VALUES} are read`);
  for (const name of names) if (!symbols.has(name)) fail(`${where}: the symbol ${shown(name)} is not in "symbols"`);
  return names;
}

/**
 * @param {unknown} value
 * @param {Argument} argument
 * @param {string} where
 * @param {ReadonlyMap<string, unknown>} symbols
 * @returns {string[]}
 */
function readValues(value, { dtype, shape }, where, symbols) {
  const names = readElementSymbols(value, where, symbols);
  const inner = SOURCE_DTYPES.get(dtype)?.dtype;
  if (!inner || !VALUE_DTYPES.has(inner)) fail(`${where}: the input must hold integers, it is ${dtype}`);
  if (shape.some((dim) => typeof dim !== "number") || shape.reduce((/** @type {number} */ size, dim) => size * Number(dim), 1) !== names.length) {
    fail(`${where}: ${names.length} symbols for the shape [${shape.join(", ")}], which must be fixed and have as many elements`);
  }
  return names;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {State}
 */
function readState(value, where) {
  const state = asObject(value, where);
  return {
    input: asString(state.input, `${where}, input`),
    output: asString(state.output, `${where}, output`),
    initial: asString(state.initial ?? "zeros", `${where}, initial`),
    shape: asShape(state.shape, `${where}, shape`),
    dtype: /** @type {Dtype} */ (asOneOf(state.dtype, `${where}, dtype`, INNER_DTYPES)),
  };
}

/**
 * What nodes are read with, and what is found while reading: constants of bodies, and operators that there are not, with their places.
 * @typedef {{ symbols: ReadonlyMap<string, unknown>, shards: Shard[], requires: string[], constants: Map<string, Constant>, unknown: Map<string, string[]> }} Reading
 */

/**
 * @param {unknown[]} list
 * @param {Reading} reading
 * @param {string} prefix of all names, for those of a body
 * @param {string} place
 * @param {number} [depth]
 * @returns {Node[]}
 */
function readNodes(list, reading, prefix, place, depth = 0) {
  const { symbols, unknown } = reading;
  return list.map((value, index) => {
    const where = `${place}, ${index}`;
    const node = asObject(value, where);
    const op = asString(node.op, `${where}, op`);
    const inputs = asArray(node.inputs, `${where}, inputs`).map((name) => (name === "" ? "" : prefix + asString(name, `${where}, inputs`)));
    const outputs = asArray(node.outputs, `${where}, outputs`).map((name) => (name === "" ? "" : prefix + asString(name, `${where}, outputs`)));
    const given = asObject(node.attributes ?? {}, `${where}, attributes`);
    /** @type {Node} */
    const result = { index, op, inputs, outputs, attributes: /** @type {Record<string, Attribute>} */ (Object.create(null)), name: asString(node.name ?? "", `${where}, name`) };
    const control = CONTROL.get(op);
    if (control) return readControl(node, result, control, reading, where, depth);
    if (!Object.hasOwn(operators, op)) {
      unknown.set(op, [...(unknown.get(op) ?? []), result.name || where]);
      return result;
    }
    const operator = operators[op];
    const least = operator.inputs.length - operator.optional;
    const most = operator.variadic ? Infinity : operator.inputs.length;
    while (inputs.length > least && inputs.at(-1) === "") inputs.pop();
    if (inputs.length < Math.max(least, operator.variadic ? 1 : 0) || inputs.length > most) {
      fail(`${where} (${op}): wanted ${least === most ? least : `${least} to ${most}`} inputs (${operator.inputs.join(", ")}), got ${inputs.length}`);
    }
    const empty = inputs.indexOf("");
    if (empty >= 0 && empty < least) fail(`${where} (${op}): the input ${operator.inputs[empty]} is left out and is not optional`);
    if (outputs.length !== 1 || outputs[0] === "") fail(`${where} (${op}): wanted one output with a name, got ${shown(outputs)}`);
    for (const name of Object.keys(given)) if (!Object.hasOwn(operator.attributes, name)) fail(`${where} (${op}): it has no attribute ${shown(name)}; known: ${Object.keys(operator.attributes).join(", ") || "none"}`);
    for (const [name, { type, default: fallback, choices }] of Object.entries(operator.attributes)) {
      const at = `${where} (${op}), ${name}`;
      if (Object.hasOwn(given, name)) result.attributes[name] = choices ? asOneOf(given[name], at, choices) : readAttribute(given[name], type, at, symbols);
      else if (fallback !== undefined) result.attributes[name] = fallback;
      else fail(`${where} (${op}): the attribute ${name} is missing`);
    }
    return result;
  });
}

/**
 * @param {Record<string, unknown>} entry
 * @param {Node} node
 * @param {{ attributes: string[], bodies: number }} control
 * @param {Reading} reading
 * @param {string} where
 * @param {number} depth
 * @returns {Node}
 */
function readControl(entry, node, control, reading, where, depth) {
  const at = `${where} (${node.op})`;
  if (!reading.requires.includes("control")) fail(`${at} is control flow, and "requires" does not list "control"`);
  if (depth >= MAXIMUM_NESTING) fail(`${at}: bodies are nested deeper than ${MAXIMUM_NESTING}`);
  const given = asObject(entry.attributes ?? {}, `${at}, attributes`);
  const unknown = Object.keys(given).filter((name) => !control.attributes.includes(name));
  if (unknown.length) fail(`${at}: it has no attribute ${shown(unknown[0])}; known: ${control.attributes.join(", ") || "none"}`);
  const { inputs, outputs } = node;
  for (const name of control.attributes) node.attributes[name] = asInteger(given[name], `${at}, ${name}`, 0, inputs.length);
  if (inputs.includes("") || outputs.includes("")) fail(`${at}: its inputs and outputs need names`);
  if (!outputs.length) fail(`${at}: wanted an output, got none`);
  node.results = asArray(entry.results, `${at}, results`).map((value, index) => readType(value, `${at}, results, ${index}`, reading));
  if (node.results.length !== outputs.length) fail(`${at}: ${outputs.length} outputs and ${node.results.length} results`);
  const bodies = asArray(entry.bodies, `${at}, bodies`);
  if (bodies.length !== control.bodies) fail(`${at}: wanted ${control.bodies} bodies, got ${bodies.length}`);
  node.bodies = bodies.map((value, index) => readBody(value, `${at}, bodies, ${index}`, reading, `${outputs[0]}#${index}/`, depth + 1));
  const operands = node.op === "if" ? inputs.length - 1 : inputs.length;
  const carried = Number(node.attributes.carried ?? 0);
  const counts = node.op === "if" ? [outputs.length, outputs.length] : [1, outputs.length];
  node.bodies.forEach((body, index) => {
    const [takes, gives] = [body.inputs.length, body.outputs.length];
    if (takes !== operands || gives !== counts[index]) fail(`${at}: its body ${index} has ${takes} inputs and ${gives} outputs, wanted ${operands} and ${counts[index]}`);
  });
  if (carried > outputs.length || operands < 0) fail(`${at}: ${inputs.length} inputs and ${outputs.length} outputs do not fit`);
  return node;
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {Reading} reading
 * @returns {{ dtype: Dtype, shape: Dim[] }}
 */
function readType(value, where, { symbols }) {
  const entry = asObject(value, where);
  return {
    dtype: /** @type {Dtype} */ (asOneOf(entry.dtype, `${where}, dtype`, INNER_DTYPES)),
    shape: asArray(entry.shape, `${where}, shape`).map((dim, axis) => asDim(dim, `${where}, shape, axis ${axis}`, symbols)),
  };
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {Reading} reading
 * @param {string} prefix
 * @param {number} depth
 * @returns {Body}
 */
function readBody(value, where, reading, prefix, depth) {
  const entry = asObject(value, where);
  const constants = readConstants(entry.constants, `${where}, constants`, reading.shards, reading.requires, prefix);
  const inputs = asArray(entry.inputs, `${where}, inputs`).map((one, index) => {
    const at = `${where}, inputs, ${index}`;
    return { value: prefix + asString(asObject(one, at).value, `${at}, value`), ...readType(one, at, reading) };
  });
  const nodes = readNodes(asArray(entry.nodes, `${where}, nodes`), reading, prefix, `${where}, nodes`, depth);
  const outputs = asArray(entry.outputs, `${where}, outputs`).map((name) => prefix + asString(name, `${where}, outputs`));
  const elements = readElements(entry.elements, `${where}, elements`, reading, prefix);
  const defined = new Definitions();
  for (const name of constants.keys()) defined.add(name, `as a constant of ${where}`);
  for (const input of inputs) defined.add(input.value, `as an input of ${where}`);
  defined.addNodes(nodes);
  for (const name of [...outputs, ...elements.keys()]) if (!defined.has(name)) fail(`${where}: ${shown(name.slice(prefix.length))} is not in it`);
  for (const [name, constant] of constants) reading.constants.set(name, constant);
  return { inputs, outputs, nodes, constants: new Set(constants.keys()), elements };
}

/**
 * @param {unknown} value
 * @param {string} where
 * @param {Reading} reading
 * @param {string} prefix
 * @returns {Map<string, string[]>}
 */
function readElements(value, where, { symbols, requires }, prefix) {
  const entries = Object.entries(asObject(value ?? {}, where));
  if (entries.length && !requires.includes("elements")) fail(`${where}: the model computes sizes, and "requires" does not list "elements"`);
  return new Map(entries.map(([name, list]) => [prefix + name, readElementSymbols(list, `${where}, ${shown(name)}`, symbols)]));
}

/**
 * @param {unknown} value
 * @param {string} type
 * @param {string} where
 * @param {ReadonlyMap<string, unknown>} symbols
 * @returns {Attribute}
 */
function readAttribute(value, type, where, symbols) {
  switch (type) {
    case "int":
      return asInteger(value, where, -MAXIMUM_SIZE, MAXIMUM_SIZE);
    case "ints":
      return asArray(value, where).map((item) => asInteger(item, where, -MAXIMUM_SIZE, MAXIMUM_SIZE));
    case "float":
      return typeof value === "string" ? asOneOf(value, where, FLOAT_WORDS) : asNumber(value, where);
    case "bool":
      if (typeof value !== "boolean") fail(`${where}: wanted true or false, got ${shown(value)}`);
      return value;
    case "string":
      return asString(value, where);
    case "dims":
      return asArray(value, where).map((item) => asDim(item, where, symbols, true));
    default:
      return fail(`${where}: the operator table has the unknown attribute type ${shown(type)}`);
  }
}

/** Names, each of which is defined once, before it is read. */
class Definitions {
  /** @type {Map<string, string>} name → where it is defined */
  #places = new Map();

  /** @param {string} name */
  has(name) {
    return this.#places.has(name);
  }

  /**
   * @param {string} name
   * @param {string} where
   */
  add(name, where) {
    if (name === "") fail(`${where}: a value needs a name`);
    const earlier = this.#places.get(name);
    if (earlier !== undefined) fail(`the value ${shown(name)} is defined twice: ${earlier} and ${where}`);
    this.#places.set(name, where);
  }

  /** @param {Node[]} nodes */
  addNodes(nodes) {
    for (const node of nodes) {
      for (const name of node.inputs) {
        if (name !== "" && !this.has(name)) fail(`node ${node.index} (${node.op}${node.name ? `, ${node.name}` : ""}) reads ${shown(name)}, which nothing before it defines`);
      }
      for (const name of node.outputs) this.add(name, `by node ${node.index}`);
    }
  }
}

/**
 * Every name is defined once, before it is read.
 * @param {Map<string, Constant>} constants
 * @param {Signature[]} signatures
 * @param {State[]} state
 * @param {Node[]} nodes
 * @param {Map<string, string[]>} elements
 */
function checkNames(constants, signatures, state, nodes, elements) {
  const defined = new Definitions();
  const define = defined.add.bind(defined);
  for (const name of constants.keys()) define(name, "as a constant");
  // Signatures are views of one graph: they may share an input, and must then agree on it.
  /** @type {Map<string, string>} */
  const inputs = new Map();
  for (const signature of signatures) {
    /** @type {Set<string>} */
    const given = new Set();
    for (const { value, dtype, shape, values } of signature.inputs) {
      if (given.size === given.add(value).size) fail(`signature ${shown(signature.name)}: two inputs give the value ${shown(value)}`);
      const declared = `${SOURCE_DTYPES.get(dtype)?.dtype} [${shape.join(", ")}]${values ? ` of ${values.join(", ")}` : ""}`;
      const earlier = inputs.get(value);
      if (earlier === undefined) define(value, "as an input");
      else if (earlier !== declared) fail(`the input value ${shown(value)} is ${earlier} in one signature and ${declared} in another`);
      inputs.set(value, declared);
    }
  }
  for (const { input } of state) define(input, "as a state");
  defined.addNodes(nodes);
  for (const name of elements.keys()) if (!defined.has(name)) fail(`elements: ${shown(name)} is not in the graph`);
  for (const { name, outputs } of signatures) {
    for (const { value } of outputs) if (!defined.has(value)) fail(`signature ${shown(name)}: its output ${shown(value)} is not in the graph`);
  }
  for (const { output, initial, dtype, shape } of state) {
    if (!defined.has(output)) fail(`state: its output ${shown(output)} is not in the graph`);
    const constant = constants.get(initial);
    if (initial === "zeros") continue;
    if (!constant) fail(`state: its initial value ${shown(initial)} is no constant`);
    if (constant.dtype !== dtype || constant.shape.join() !== shape.join()) fail(`state: its initial value ${shown(initial)} is ${constant.dtype} [${constant.shape.join(", ")}], wanted ${dtype} [${shape.join(", ")}]`);
  }
}

/**
 * @param {unknown} value
 * @param {Signature[]} signatures
 * @param {Shard[]} shards
 * @returns {{ tolerance: number, cases: GoldenCase[] }}
 */
function readGolden(value, signatures, shards) {
  const golden = asObject(value, "golden");
  if (golden.generator !== "webkiln-mix32") fail(`golden: the generator ${shown(golden.generator)} is unknown; known is "webkiln-mix32"`);
  if (!shards.some(({ role }) => role === "golden")) fail('golden: no shard has the role "golden"');
  /** @type {(entry: unknown, where: string) => GoldenInput} */
  const readInput = (entry, where) => {
    const input = asObject(entry, where);
    if (input.tensor !== undefined) return { tensor: asString(input.tensor, `${where}, tensor`) };
    const low = asNumber(input.low ?? 0, `${where}, low`);
    return { seed: asInteger(input.seed, `${where}, seed`), low, high: asNumber(input.high ?? low + 1, `${where}, high`) };
  };
  /** @type {(entry: unknown, where: string) => GoldenOutput} */
  const readOutput = (entry, where) => {
    const output = asObject(entry, where);
    /** @type {GoldenOutput} */
    const result = { shape: asShape(output.shape, `${where}, shape`), tensor: asString(output.tensor, `${where}, tensor`) };
    if (output.channels !== undefined) result.channels = asInteger(output.channels, `${where}, channels`, 1);
    if (output.samples !== undefined) result.samples = asInteger(output.samples, `${where}, samples`, 1);
    for (const key of /** @type {const} */ (["minimum", "maximum", "l2", "tolerance"])) {
      if (output[key] !== undefined && output[key] !== null) result[key] = asNumber(output[key], `${where}, ${key}`);
    }
    return result;
  };
  const cases = asArray(golden.cases, "golden, cases").map((entry, index) => {
    const where = `golden, cases, ${index}`;
    const item = asObject(entry, where);
    const name = asString(item.signature, `${where}, signature`);
    const signature = signatures.find((candidate) => candidate.name === name);
    if (!signature) fail(`${where}: the signature ${shown(name)} is not in the model`);
    const inputs = asObject(item.inputs, `${where}, inputs`);
    const outputs = asObject(item.outputs, `${where}, outputs`);
    for (const [kind, given, known] of /** @type {[string, object, Argument[]][]} */ ([["inputs", inputs, signature.inputs], ["outputs", outputs, signature.outputs]])) {
      for (const key of Object.keys(given)) if (!known.some((argument) => argument.name === key)) fail(`${where}, ${kind}: ${shown(key)} is not in the signature`);
    }
    for (const argument of signature.inputs) if (!Object.hasOwn(inputs, argument.name)) fail(`${where}: the input ${shown(argument.name)} is missing`);
    return {
      signature: name,
      symbols: new Map(Object.entries(asObject(item.symbols ?? {}, `${where}, symbols`)).map(([key, number]) => [key, asInteger(number, `${where}, symbols`, -MAXIMUM_SIZE - 1)])),
      inputs: new Map(Object.entries(inputs).map(([key, spec]) => [key, readInput(spec, `${where}, inputs, ${shown(key)}`)])),
      outputs: new Map(Object.entries(outputs).map(([key, spec]) => [key, readOutput(spec, `${where}, outputs, ${shown(key)}`)])),
    };
  });
  return { tolerance: asNumber(golden.tolerance, "golden, tolerance"), cases };
}
