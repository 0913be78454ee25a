/** The script-tag bundle: `webkiln.tasks` and `webkiln.drawing` in a page; in a worker of that page, what the task does there. */

import * as drawing from "../drawing/index.js";
import * as tasks from "./index.js";

const scope = /** @type {any} */ (globalThis);
scope.webkiln = { ...scope.webkiln, tasks, drawing };
