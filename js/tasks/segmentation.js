/** What of a picture is a person: what `webkiln.tasks.Segmentation` says. */

import { InputError } from "../errors.js";
import { NetworkSpec } from "./network.js";

/** @typedef {{ values: Float32Array, width: number, height: number, place: import("../results/places.js").Placement }} SegmentationMask values in rows, and where its pixels lie in the picture, as for `context.setTransform` */
/** @typedef {{ timestamp: number | null, width: number, height: number, mask: SegmentationMask, milliseconds: Record<string, number> }} SegmentationResult */

/** @type {import("./engine.js").Kind} */
export const segmentation = {
  options: { model: "selfie_segmentation", steadiness: 0.7 },
  networks: ({ model }) => ({ segmenter: new NetworkSpec(model, "the segmenter", ["mask"]) }),
  create({ segmenter }, { steadiness, smoothing }) {
    if (!(steadiness >= 0 && steadiness <= 1)) throw new InputError(`steadiness is a share in 0…1, got ${String(steadiness)}`);
    /** @type {Float32Array | null} */
    let before = null;
    return {
      async detect(frame, timestamp) {
        const { values: given, place } = /** @type {import("../results/masks.js").Mask} */ ((await segmenter.see(frame)).mask);
        const [height, width] = given.shape;
        let values = /** @type {Float32Array} */ (given);
        if (timestamp !== null) {
          if (smoothing && before?.length === values.length) values = steadied(values, before, steadiness);
          before = values;
        }
        return { mask: { values, width, height, place } };
      },
      reset() {
        before = null;
      },
    };
  },
};

/**
 * @param {Float32Array} values of a mask, in 0…1
 * @param {Float32Array} before
 * @param {number} steadiness
 * @returns {Float32Array} each value v moved towards the one before by 4·v·(1 − v)·steadiness
 */
function steadied(values, before, steadiness) {
  return values.map((v, i) => v + Math.min(1, Math.max(0, 4 * v * (1 - v))) * steadiness * (before[i] - v));
}
