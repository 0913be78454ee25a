/** The script-tag bundle, which comes after the runtime's: `webkiln.results`. */

import { WebkilnError } from "../errors.js";
import { results } from "./results.js";

const runtime = /** @type {any} */ (globalThis).webkiln;
if (!runtime) throw new WebkilnError("webkiln.results.min.js comes after webkiln.min.js, which is not there");
runtime.results = results;
