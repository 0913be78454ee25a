/** The WebGL2 backend, as the runtime sees it. */

import { WebglBackend } from "./backend.js";
import { sharedContext } from "./context.js";

/**
 * @param {ConstructorParameters<typeof WebglBackend>[1]} states
 * @param {ConstructorParameters<typeof WebglBackend>[2]} sourceOf
 * @returns {import("../../model.js").Backend}
 */
export function makeWebglBackend(states, sourceOf) {
  return new WebglBackend(sharedContext(), states, sourceOf);
}
