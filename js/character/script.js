/** The script-tag bundle: `webkiln.character`, with three.js inside. */

import * as character from "./index.js";

const scope = /** @type {any} */ (globalThis);
scope.webkiln = { ...scope.webkiln, character };
