/** The script-tag bundle: `webkiln.avatar`. */

import * as avatar from "./index.js";

const scope = /** @type {any} */ (globalThis);
scope.webkiln = { ...scope.webkiln, avatar };
