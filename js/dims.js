/** Dimensions: a non-negative integer, or an integer expression over named symbols. */

import { FormatError } from "./errors.js";

/** @typedef {number | string} Dim a dimension as it is written in model.json */
/** @typedef {ReadonlyMap<string, number>} Symbols the value of every symbol */
/**
 * @typedef {number | { symbol: string } | { call: string, operands: Expression[] }} Expression
 */

const MAXIMUM_LENGTH = 10_000;
const MAXIMUM_DEPTH = 100;

/** @type {Map<string, (a: number, b: number) => number>} */
const FUNCTIONS = new Map([
  ["+", (a, b) => a + b],
  ["-", (a, b) => a - b],
  ["*", (a, b) => a * b],
  ["floordiv", (a, b) => Math.floor(a / b)],
  ["mod", (a, b) => a - b * Math.floor(a / b)],
  ["min", Math.min],
  ["max", Math.max],
]);
const NAMED = new Set(["floordiv", "mod", "min", "max"]);

/** @type {Map<string, Expression>} */
const parsed = new Map();

/**
 * Parses an expression; a plan evaluates the same few again and again, so they are kept.
 * @param {string} text
 * @returns {Expression}
 * @throws {FormatError} when the text is no expression
 */
export function parseDim(text) {
  let expression = parsed.get(text);
  if (expression === undefined) {
    if (text.length > MAXIMUM_LENGTH) throw new FormatError(`a dimension expression has ${text.length} characters; at most ${MAXIMUM_LENGTH} are read`);
    expression = new Parser(text).parse();
    if (parsed.size > 1000) parsed.clear();
    parsed.set(text, expression);
  }
  return expression;
}

class Parser {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.tokens = text.match(/[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[-+*(),]|\S/g) ?? [];
    this.position = 0;
    this.depth = 0;
  }

  /** @returns {Expression} */
  parse() {
    const expression = this.sum();
    if (this.position < this.tokens.length) this.fail();
    return expression;
  }

  /** @returns {never} */
  fail() {
    const found = this.tokens[this.position];
    throw new FormatError(`the dimension ${JSON.stringify(this.text)} is no integer expression: ${found === undefined ? "it ends too early" : `unexpected ${JSON.stringify(found)}`}`);
  }

  /** @param {string} token */
  take(token) {
    if (this.tokens[this.position] !== token) this.fail();
    this.position++;
  }

  /** @returns {Expression} */
  sum() {
    if (++this.depth > MAXIMUM_DEPTH) this.fail();
    let left = this.product();
    for (let operator; (operator = this.tokens[this.position]) === "+" || operator === "-"; ) {
      this.position++;
      left = { call: operator, operands: [left, this.product()] };
    }
    this.depth--;
    return left;
  }

  /** @returns {Expression} */
  product() {
    let left = this.factor();
    while (this.tokens[this.position] === "*") {
      this.position++;
      left = { call: "*", operands: [left, this.factor()] };
    }
    return left;
  }

  /** @returns {Expression} */
  factor() {
    let negative = false;
    while (this.tokens[this.position] === "-") {
      this.position++;
      negative = !negative;
    }
    const atom = this.atom();
    return negative ? { call: "-", operands: [0, atom] } : atom;
  }

  /** @returns {Expression} */
  atom() {
    const token = this.tokens[this.position];
    if (token === undefined) this.fail();
    if (/^[0-9]/.test(token)) {
      if (!Number.isSafeInteger(Number(token))) this.fail();
      this.position++;
      return Number(token);
    }
    if (token === "(") {
      this.position++;
      const inner = this.sum();
      this.take(")");
      return inner;
    }
    if (!/^[A-Za-z_]/.test(token)) this.fail();
    this.position++;
    if (!NAMED.has(token) || this.tokens[this.position] !== "(") return { symbol: token };
    this.take("(");
    let left = this.sum();
    do {
      this.take(",");
      left = { call: token, operands: [left, this.sum()] };
    } while (this.tokens[this.position] === "," && (token === "min" || token === "max"));
    this.take(")");
    return left;
  }
}

/**
 * @param {Dim} dim
 * @param {Symbols} symbols
 * @returns {number} an integer, which may be negative (the start of a slice, say)
 * @throws {FormatError} an unknown symbol, a division by zero, a number that leaves 2⁵³
 */
export function evaluateDim(dim, symbols) {
  if (typeof dim === "number") return dim;
  const value = evaluate(parseDim(dim), symbols, dim);
  return value === 0 ? 0 : value; // −0 is a float's business
}

/**
 * @param {Expression} expression
 * @param {Symbols} symbols
 * @param {string} text of the whole
 * @returns {number}
 */
function evaluate(expression, symbols, text) {
  // A sum of many terms is as deep on its left as it has terms: only the right side may be walked by recursion.
  /** @type {{ call: string, operands: Expression[] }[]} */
  const calls = [];
  let first = expression;
  for (; typeof first === "object" && "call" in first; [first] = first.operands) calls.push(first);
  let value = typeof first === "number" ? first : symbols.get(first.symbol);
  if (value === undefined) throw new FormatError(`the dimension ${JSON.stringify(text)} names the symbol ${JSON.stringify(Object(first).symbol)}, which no input's shape gives`);
  for (let call; (call = calls.pop()); ) {
    const a = /** @type {number} */ (value);
    const b = evaluate(call.operands[1], symbols, text);
    value = /** @type {(a: number, b: number) => number} */ (FUNCTIONS.get(call.call))(a, b);
    if (!Number.isSafeInteger(value)) throw new FormatError(`the dimension ${JSON.stringify(text)} cannot be computed: ${call.call} of ${a} and ${b}`);
  }
  return /** @type {number} */ (value);
}

/**
 * The symbols that occur in a dimension.
 * @param {Dim} dim
 * @returns {Set<string>}
 */
export function symbolsOf(dim) {
  /** @type {Set<string>} */
  const found = new Set();
  const pending = typeof dim === "string" ? [parseDim(dim)] : [];
  for (let expression; (expression = pending.pop()) !== undefined; ) {
    if (typeof expression === "number") continue;
    if ("symbol" in expression) found.add(expression.symbol);
    else pending.push(...expression.operands);
  }
  return found;
}
