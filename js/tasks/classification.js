/** What a whole picture shows: what `webkiln.tasks.Classify` says. */

import { NetworkSpec } from "./network.js";

/** @typedef {import("../results/labels.js").Label} Label */
/** @typedef {{ timestamp: number | null, width: number, height: number, labels: Label[], milliseconds: Record<string, number> }} ClassifyResult the likeliest first */

/** @type {import("./engine.js").Kind} */
export const classify = {
  options: { model: "nsfwjs_mobilenet_v2" },
  networks: ({ model }) => ({ classifier: new NetworkSpec(model, "the classifier", ["labels"]) }),
  create: ({ classifier }) => ({
    detect: async (frame) => ({ labels: (await classifier.see(frame)).labels }),
    reset: () => undefined,
  }),
};
