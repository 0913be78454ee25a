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
        const mask = sized((await segmenter.see(frame)).mask);
        if (timestamp !== null) {
          if (smoothing && before?.length === mask.values.length) mask.values = steadied(mask.values, before, steadiness);
          before = mask.values;
        }
        return { mask };
      },
      reset() {
        before = null;
      },
    };
  },
};

/**
 * A mask that says its own size: the shape of its values does not outlive the way between threads.
 * @param {import("../results/masks.js").Mask} mask
 * @returns {SegmentationMask}
 */
export function sized({ values, place }) {
  const [height, width] = values.shape;
  return { values, width, height, place };
}

/**
 * @param {Float32Array} values of a mask, in 0…1
 * @param {Float32Array} before
 * @param {number} steadiness
 * @returns {Float32Array} each value v moved towards the one before by 4·v·(1 − v)·steadiness
 */
function steadied(values, before, steadiness) {
  return values.map((v, i) => v + Math.min(1, Math.max(0, 4 * v * (1 - v))) * steadiness * (before[i] - v));
}
