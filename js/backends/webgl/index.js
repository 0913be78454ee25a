/** The WebGL2 backend, as the runtime sees it. */

import { WebglBackend } from "./backend.js";
import { sharedContext } from "./context.js";
import { settleLayers } from "./probe.js";

/**
 * The page's context, its R settled.
 * @returns {Promise<import("./context.js").Context>}
 * @throws {import("../../errors.js").NoWebglError}
 */
export async function readyContext() {
  const context = sharedContext();
  // A device that fails here keeps its R; should it be lost, the model will see.
  await (context.settled ??= settleLayers(context).catch(() => undefined));
  return context;
}

/**
 * @param {ConstructorParameters<typeof WebglBackend>[1]} states
 * @param {ConstructorParameters<typeof WebglBackend>[2]} sourceOf
 * @returns {WebglBackend}
 */
export function makeWebglBackend(states, sourceOf) {
  const context = sharedContext();
  context.settled ??= Promise.resolve(); // now that a model uses it, its R stays
  return new WebglBackend(context, states, sourceOf);
}
