/** Stands for `js/backends/webgl/index.js` in the bundles without WebGL. */

import { WebkilnError } from "../errors.js";

export const webglMissing = 'this build of the runtime has no WebGL; load webkiln.webgl.min.js in its place, or take the backend "wasm"';

/** @returns {never} */
export function makeWebglBackend() {
  throw new WebkilnError(webglMissing);
}
