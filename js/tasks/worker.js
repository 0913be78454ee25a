/** The worker's side of a task. */

import { describeError, NoWebglError, WebkilnError } from "../errors.js";
import { Engine } from "./engine.js";
import { KINDS } from "./kinds.js";
import { loadRuntime } from "./runtime.js";

/** @typedef {import("../connection.js").Call} Call */
/** @typedef {import("../connection.js").Answer} Answer */

/** What the worker is called, and by what the script knows that it is in one. */
export const WORKER_NAME = "webkiln.tasks";

/** @type {Engine | null} */
let engine = null;

function opened() {
  if (!engine) throw new WebkilnError("the worker has no task");
  return engine;
}

/** @type {Record<string, (args: any[], tell: (progress: unknown) => void) => unknown>} */
const METHODS = {
  async open([{ name, options, runtime }], onProgress) {
    if (options.backend === "webgl" && !(typeof OffscreenCanvas === "function" && new OffscreenCanvas(1, 1).getContext("webgl2"))) throw new NoWebglError("there is no WebGL2 in workers here");
    engine = await Engine.open(KINDS[name], options, await loadRuntime(runtime), { onProgress });
    return engine.lines;
  },
  detect: ([{ frame }, timestamp]) => opened().detect(frame.picture, timestamp),
  reset: () => opened().reset(),
};

/** Answers calls of the page, of which this is the worker. */
function serve() {
  const scope = /** @type {Worker} */ (/** @type {unknown} */ (globalThis)); // seen from inside, it is posted to in the same way
  const post = (/** @type {Answer} */ answer) => scope.postMessage(answer);
  scope.onmessage = async (/** @type {MessageEvent<Call>} */ { data: { id, method, args } }) => {
    try {
      const result = await METHODS[method](args, (progress) => post({ id, progress }));
      post({ id, result, now: engine?.backends });
    } catch (error) {
      post({ id, error: { ...describeError(error), ...(error instanceof NoWebglError && { kind: "NoWebglError" }) } });
    }
  };
}

if (typeof document === "undefined" && /** @type {any} */ (globalThis).name === WORKER_NAME) serve();
