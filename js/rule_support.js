// What the transpiled rules call: Python's meaning of a few operations.

/** A rule refused its inputs. */
export class RuleError extends Error {}

/**
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  throw new RuleError(message);
}

/** @param {any} a @param {any} b @returns {boolean} */
export function equal(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  return a === b;
}

/** @param {any} a @param {any} b @returns {boolean} */
export function differ(a, b) {
  return !equal(a, b);
}

/** The larger of two sizes. @param {number} a @param {number} b */
export function maximum(a, b) {
  return Math.max(a, b);
}

/** Division that rounds towards minus infinity. @param {number} a @param {number} b */
export function floordiv(a, b) {
  return Math.floor(a / b);
}

/** Remainder with the sign of the divisor. @param {number} a @param {number} b */
export function mod(a, b) {
  return a - Math.floor(a / b) * b;
}

/** @param {number} start @param {number} [stop] @returns {number[]} */
export function range(start, stop) {
  const [low, high] = stop === undefined ? [0, start] : [start, stop];
  return Array.from({ length: Math.max(0, high - low) }, (_, i) => low + i);
}

/** @param {{ length: number }} list */
export function len(list) {
  return list.length;
}

/** @param {any[]} list @param {any} item */
export function includes(list, item) {
  return list.some((one) => equal(one, item));
}

/** A value as Python's f-strings show it. @param {any} value @returns {string} */
export function show(value) {
  if (Array.isArray(value)) return `[${value.map((item) => (typeof item === "string" ? `'${item}'` : show(item))).join(", ")}]`;
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}
