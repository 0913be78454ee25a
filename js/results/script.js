/** The script-tag bundle, which comes after the runtime's: `webkiln.results`. */

import { InputError, WebkilnError } from "../errors.js";
import { results } from "./results.js";

const runtime = /** @type {any} */ (globalThis).webkiln;
if (!runtime) throw new WebkilnError("webkiln.results.min.js comes after webkiln.min.js, which is not there");
/** Errors are those of the runtime, for `instanceof`. @type {typeof results} */
runtime.results = (model, outputs, inputs) =>
  results(model, outputs, inputs).catch((error) => {
    throw error instanceof InputError ? new runtime.InputError(error.message) : error;
  });
