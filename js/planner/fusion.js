/** Which operations become one: chains of element-wise operations, and epilogues of the kernels that can run one. */

import { operators } from "../generated/operators.js";

/** @typedef {import("../graph.js").StaticGraph} StaticGraph */
/** @typedef {import("../graph.js").Operation} Operation */
/** @typedef {import("../dtypes.js").Dtype} Dtype */
/**
 * @typedef {{ value: string } | { scalar: number }} Operand a value of the graph, or a float
 * @typedef {{ opcode: string, operands: number[], destination: number }} Instruction numbers of registers
 */
/**
 * A fused element-wise program: operand k is register k, temporaries follow.
 * @typedef {object} Program
 * @property {Operation[]} operations
 * @property {Operand[]} operands
 * @property {Instruction[]} instructions
 * @property {number} result register
 * @property {string} output value
 */
/**
 * A step of the plan: a program, or an operation, which may have a clamp and a program as its epilogue.
 * @typedef {object} Unit
 * @property {Operation | null} operation
 * @property {Operation | null} clamp the clip or relu that the operation does by itself
 * @property {Program | null} program reads the (clamped) value of the operation, if there is one
 * @property {string} output value
 */
/**
 * What the backend can do.
 * @typedef {object} Capabilities
 * @property {number} registers of a program
 * @property {(operation: Operation) => boolean} epilogue whether the operation's kernel can run a program
 * @property {(operation: Operation) => boolean} clamp whether it can clamp
 */

/** Operations of a program: more would save little, and planning takes the square of the time. */
const LONGEST_PROGRAM = 64;

/**
 * @param {Operation} operation
 * @param {StaticGraph} graph
 */
export function isElementwise(operation, { types }) {
  // A cast to the same dtype is another name for the same value.
  if (operation.op === "cast") return types.get(operation.inputs[0])?.dtype !== types.get(operation.output)?.dtype;
  return operators[operation.op].elementwise;
}

/**
 * @param {Operation} operation
 * @param {StaticGraph} graph
 * @returns {string} as the build's table of opcodes has it
 */
function opcodeOf({ op, inputs, attributes }, { types }) {
  const dtype = types.get(/** @type {string} */ (inputs.at(-1)))?.dtype;
  return op === "cast" ? `cast:${dtype}:${attributes.to}` : `${op}:${dtype}`;
}

/**
 * @param {Operation[]} operations in topological order; the last one gives the result
 * @param {StaticGraph} graph
 * @param {number} registers
 * @returns {Program | null} null when it needs more registers
 */
export function compileProgram(operations, graph, registers) {
  const inside = new Map(operations.map((operation, index) => [operation.output, index]));
  /** @type {Map<string, number>} when each inner value is read last */
  const lastUse = new Map();
  /** @type {Operand[]} */
  const operands = [];
  /** @type {Map<string, number>} */
  const registerOf = new Map();
  const operandsOf = (/** @type {Operation} */ { op, inputs, attributes }) => [
    ...inputs,
    ...operators[op].floats.map((name) => Math.fround(attributes[name])),
  ];
  // Object.is tells −0 from 0, which differ as a lower bound.
  const keyOf = (/** @type {string | number} */ operand) => (typeof operand === "string" ? `v${operand}` : Object.is(operand, -0) ? "n-0" : `n${operand}`);

  operations.forEach((operation, index) => {
    for (const operand of operandsOf(operation)) {
      if (typeof operand === "string" && inside.has(operand)) lastUse.set(operand, index);
      else if (!registerOf.has(keyOf(operand))) {
        registerOf.set(keyOf(operand), operands.length);
        operands.push(typeof operand === "string" ? { value: operand } : { scalar: operand });
      }
    }
  });

  /** @type {number[]} */
  const free = [];
  for (let register = registers - 1; register >= operands.length; register--) free.push(register);
  /** @type {Instruction[]} */
  const instructions = [];
  for (const [index, operation] of operations.entries()) {
    const read = operandsOf(operation);
    const sources = read.map((operand) => /** @type {number} */ (registerOf.get(keyOf(operand))));
    for (const operand of new Set(read)) {
      if (typeof operand === "string" && lastUse.get(operand) === index) free.push(/** @type {number} */ (registerOf.get(keyOf(operand))));
    }
    const destination = free.pop();
    if (destination === undefined || operands.length > registers) return null;
    registerOf.set(keyOf(operation.output), destination);
    instructions.push({ opcode: opcodeOf(operation, graph), operands: sources, destination });
  }
  const output = operations[operations.length - 1].output;
  return { operations, operands, instructions, result: /** @type {number} */ (registerOf.get(keyOf(output))), output };
}

/**
 * @param {StaticGraph} graph
 * @param {Capabilities} capabilities
 * @param {{ fuse: boolean }} options
 * @returns {Unit[]} in an order in which they can run
 */
export function planUnits(graph, capabilities, { fuse }) {
  const { operations, types } = graph;
  /** @type {Map<string, number>} */
  const producer = new Map(operations.map(({ output }, index) => [output, index]));
  /** @type {Map<string, Set<number>>} */
  const consumers = new Map();
  operations.forEach(({ inputs }, index) => {
    for (const input of inputs) consumers.set(input, (consumers.get(input) ?? new Set()).add(index));
  });
  const kept = new Set([...graph.outputs, ...graph.state.map(({ output }) => output)]);
  const shapeOf = (/** @type {string} */ value) => types.get(value)?.shape.join();

  /** @type {Set<number>} operations that are part of a later unit */
  const taken = new Set();
  /** @type {Map<number, Unit>} */
  const units = new Map();

  for (let root = operations.length - 1; root >= 0; root--) {
    if (taken.has(root)) continue;
    const operation = operations[root];
    if (!isElementwise(operation, graph)) {
      units.set(root, { operation, clamp: null, program: null, output: operation.output });
      continue;
    }
    const group = new Set([root]);
    const onlyInside = (/** @type {string} */ value) => {
      if (kept.has(value)) return false;
      for (const index of consumers.get(value) ?? []) if (!group.has(index)) return false;
      return true;
    };
    const shape = shapeOf(operation.output);
    const ordered = () => [...group].sort((a, b) => a - b).map((index) => operations[index]);
    let program = compileProgram([operation], graph, capabilities.registers);
    if (!program) throw new Error(`the operation ${operation.op} alone needs more than ${capabilities.registers} registers`);
    if (fuse) {
      for (let grown = true; grown && group.size < LONGEST_PROGRAM; ) {
        grown = false;
        for (const operand of program.operands) {
          if (!("value" in operand)) continue;
          const index = producer.get(operand.value);
          if (index === undefined || taken.has(index) || !isElementwise(operations[index], graph)) continue;
          if (shapeOf(operand.value) !== shape || !onlyInside(operand.value)) continue;
          group.add(index);
          const larger = compileProgram(ordered(), graph, capabilities.registers);
          if (larger) {
            program = larger;
            grown = true;
            break;
          }
          group.delete(index);
        }
      }
    }
    group.forEach((index) => taken.add(index));
    /** @type {Unit} */
    const unit = { operation: null, clamp: null, program, output: operation.output };
    if (fuse) attachAnchor(unit, group, ordered());
    units.set(root, unit);

    /**
     * Lets the latest kernel that feeds the program run it as its epilogue.
     * @param {Unit} target
     * @param {Set<number>} members
     * @param {Operation[]} inOrder
     */
    function attachAnchor(target, members, inOrder) {
      const outer = /** @type {Program} */ (target.program).operands.flatMap((operand) => ("value" in operand ? (producer.get(operand.value) ?? []) : []));
      const anchor = outer.sort((a, b) => b - a).find((index) => {
        const { output } = operations[index];
        return shapeOf(output) === shape && onlyInside(output) && capabilities.epilogue(operations[index]);
      });
      if (anchor === undefined) return;
      const kernel = operations[anchor];
      const readers = [...(consumers.get(kernel.output) ?? [])];
      const first = operations[readers[0]];
      const clamp = readers.length === 1 && (first.op === "clip" || first.op === "relu") && capabilities.clamp(kernel) ? first : null;
      const rest = clamp ? inOrder.filter((candidate) => candidate !== clamp) : inOrder;
      // An epilogue works in place on the kernel's output, so its elements must be as wide.
      const dtype = types.get(target.output)?.dtype;
      if (rest.length && dtype !== "f32" && dtype !== "i32") return;
      const epilogue = rest.length ? compileProgram(rest, graph, capabilities.registers) : null;
      if (rest.length && !epilogue) return;
      taken.add(anchor);
      members.add(anchor);
      target.operation = kernel;
      target.clamp = clamp;
      target.program = epilogue;
    }
  }
  return [...units].sort(([a], [b]) => a - b).map(([, unit]) => unit);
}
