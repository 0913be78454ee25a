/** The errors of the runtime. `name` is set by hand, because minifying renames the classes. */

/** Anything that webkiln refuses or cannot do; the message says what was received, what was expected, what to do. */
export class WebkilnError extends Error {
  name = "WebkilnError";
}

/** A file is not what it claims to be: truncated, corrupted, inconsistent, or of another version. */
export class FormatError extends WebkilnError {
  name = "FormatError";
}

/** A file's sha256 is not the one that was recorded. */
export class HashError extends FormatError {
  name = "HashError";
}

/** A file could not be fetched, or something else was answered. */
export class FetchError extends WebkilnError {
  name = "FetchError";
}

/** A value given at run time has the wrong name, shape or dtype. */
export class InputError extends WebkilnError {
  name = "InputError";
}

/** An operator's shape, dtype or attribute rule refuses its inputs. */
export class ShapeError extends WebkilnError {
  name = "ShapeError";
}

/** Operators of a model that this runtime does not have: all of them at once. */
export class UnsupportedOperatorError extends WebkilnError {
  name = "UnsupportedOperatorError";
}

/** What a model had on the device is gone; the model makes it again. */
export class ContextLostError extends WebkilnError {
  message = "the WebGL context was lost";
}

/** There is no WebGL2 here, or none that renders floats. */
export class NoWebglError extends WebkilnError {}

const KINDS = { WebkilnError, FormatError, HashError, FetchError, InputError, ShapeError, UnsupportedOperatorError, NoWebglError };

/**
 * An error as plain data, to cross a thread or a process.
 * @param {unknown} error
 * @returns {{ kind: string, message: string }}
 */
export function describeError(error) {
  if (error instanceof Error || error instanceof DOMException) return { kind: error.name, message: error.message };
  return { kind: "Error", message: String(error) };
}

/**
 * The error that `describeError` described.
 * @param {{ kind: string, message: string }} description
 * @returns {Error}
 */
export function restoreError({ kind, message }) {
  if (kind === "AbortError" || kind === "TimeoutError") return new DOMException(message, kind);
  if (Object.hasOwn(KINDS, kind)) return new KINDS[/** @type {keyof typeof KINDS} */ (kind)](message);
  const error = new Error(message);
  error.name = kind;
  return error;
}
