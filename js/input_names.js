/** The names of inputs: each also goes by that of its value in the graph, which is the tensor's in the source. */

import { InputError } from "./errors.js";

/** @typedef {[value: string, name: string][]} InnerNames of the inputs that have two names */

/**
 * @param {readonly { name: string, value: string }[]} declared
 * @returns {InnerNames} without the values whose name is that of another input
 */
export function innerNames(declared) {
  const names = new Set(declared.map(({ name }) => name));
  return declared.flatMap(({ name, value }) => (names.has(value) ? [] : [/** @type {[string, string]} */ ([value, name])]));
}

/**
 * @template T
 * @param {T} inputs whatever was given
 * @param {InnerNames} inner
 * @returns {T} with the inputs under the names that the signature gives them
 * @throws {InputError} for an input that is given under both names
 */
export function renamed(inputs, inner) {
  if (typeof inputs !== "object" || inputs === null || ArrayBuffer.isView(inputs) || Array.isArray(inputs)) return inputs;
  const used = inner.filter(([value]) => Object.hasOwn(/** @type {object} */ (inputs), value));
  if (!used.length) return inputs;
  for (const [value, name] of used) {
    if (Object.hasOwn(inputs, name)) throw new InputError(`the input ${JSON.stringify(name)} is given twice, as ${JSON.stringify(value)} too; give it once`);
  }
  const names = new Map(used);
  return /** @type {any} */ (Object.fromEntries(Object.entries(inputs).map(([name, given]) => [names.get(name) ?? name, given])));
}
