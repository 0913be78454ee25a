/** The worker's side of `{ worker: true }`: one model, called by messages. */

import { describeError, NoWebglError, WebkilnError } from "./errors.js";
import { importNode, isNode } from "./fetching.js";
import { load } from "./load.js";

/** @typedef {import("./connection.js").Call} Call */
/** @typedef {import("./connection.js").Answer} Answer */
/** @typedef {import("./dtypes.js").Tensor} Tensor */


/** @type {import("./model.js").Model | null} */
let model = null;

/** @typedef {(message: Answer, transfer: ArrayBuffer[]) => void} Post */

/** @type {Record<string, (args: any[], id: number, post: Post) => Promise<unknown>>} */
const METHODS = {
  async load([url, options], id, post) {
    const onProgress = (/** @type {import("./fetching.js").Progress} */ progress) => post({ id, progress }, []);
    const own = await load(url, { .../** @type {import("./load.js").LoadOptions} */ (options), worker: /** @type {false} */ (false), onProgress });
    model = own;
    const { name, inputs, _innerNames, outputs, signature, processing, provenance } = own;
    return { name, inputs, innerNames: _innerNames, outputs, signature, processing, provenance };
  },
  run: async ([inputs]) => entries(await loaded().run(inputs)),
  trace: async ([inputs]) => entries(await loaded().trace(inputs)),
  warmup: ([inputs]) => loaded().warmup(inputs),
  profile: ([inputs, options]) => loaded().profile(inputs, options),
  verify: () => loaded().verify(),
  reset: async () => loaded().reset(),
};

function loaded() {
  if (!model) throw new WebkilnError("the worker has no model");
  return model;
}

/** @param {Record<string, Tensor>} tensors */
function entries(tensors) {
  return Object.entries(tensors).map(([name, data]) => ({ name, data, shape: data.shape }));
}

/**
 * @param {Call} call
 * @param {Post} post
 */
async function answer({ id, method, args }, post) {
  try {
    const result = await METHODS[method](args, id, post);
    const transfer = Array.isArray(result) ? result.map(({ data }) => /** @type {ArrayBuffer} */ (data.buffer)) : [];
    post({ id, result, now: model && { plan: model.plan, backend: model.backend, build: model.build, backendReason: model.backendReason } }, transfer);
  } catch (error) {
    // The main thread may have what this one lacks.
    post({ id, error: { ...describeError(error), ...(error instanceof NoWebglError && { kind: "NoWebglError" }) } }, []);
  }
}

if (isNode) {
  // Not awaited: the bundle is a classic script. The port keeps messages until someone listens.
  void importNode("worker_threads").then(({ parentPort }) => {
    parentPort.on("message", (/** @type {Call} */ call) => answer(call, (message, transfer) => parentPort.postMessage(message, transfer)));
  });
} else {
  const scope = /** @type {Worker} */ (/** @type {unknown} */ (globalThis)); // seen from inside, it is posted to in the same way
  scope.onmessage = (/** @type {MessageEvent} */ { data }) => void answer(data, (message, transfer) => scope.postMessage(message, transfer));
}
