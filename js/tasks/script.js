/** The script-tag bundle: `webkiln.tasks` in a page; in a worker of that page, what the task does there. */

import * as tasks from "./index.js";

const scope = /** @type {any} */ (globalThis);
scope.webkiln = { ...scope.webkiln, tasks };
