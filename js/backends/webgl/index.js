/** The WebGL2 backend, as the runtime sees it. Bundles without WebGL have `js/backends/webgl_absent.js` in the place of this file. */

import { WebglBackend } from "./backend.js";
import { sharedContext } from "./context.js";

/** Why this build of the runtime has no WebGL; empty when it has. @type {string} */
export const webglMissing = "";

/**
 * @param {ConstructorParameters<typeof WebglBackend>[1]} states
 * @param {ConstructorParameters<typeof WebglBackend>[2]} sourceOf
 * @returns {import("../../model.js").Backend}
 */
export function makeWebglBackend(states, sourceOf) {
  return new WebglBackend(sharedContext(), states, sourceOf);
}
