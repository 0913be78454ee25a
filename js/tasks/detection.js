/** Things in a picture: what `webkiln.tasks.Detect` says. */

import { NetworkSpec } from "./network.js";

/** @typedef {import("../results/boxes.js").Detection} Detection */
/** @typedef {{ timestamp: number | null, width: number, height: number, detections: Detection[], milliseconds: Record<string, number> }} DetectResult the surest first */

/** @type {import("./engine.js").Kind} */
export const detect = {
  counted: "most",
  options: { model: "face_detection_short_range", most: 20 },
  networks: ({ model }) => ({ detector: new NetworkSpec(model, "the detector", ["boxes"]) }),
  create: ({ detector }, { most }) => ({
    detect: async (frame) => ({ detections: (await detector.see(frame)).boxes.slice(0, most) }),
    reset: () => undefined,
  }),
};
