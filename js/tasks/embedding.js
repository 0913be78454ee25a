/** Pictures as vectors: what `webkiln.tasks.Embed` says. */

import { NetworkSpec } from "./network.js";
import { unit } from "./neighbours.js";

/** @typedef {{ timestamp: number | null, width: number, height: number, embedding: Float32Array, milliseconds: Record<string, number> }} EmbedResult a vector of length 1 */

/** @type {import("./engine.js").Kind} */
export const embed = {
  options: { model: "mobilenet_v2_features" },
  networks: ({ model }) => ({ embedder: new NetworkSpec(model, "the embedder", ["embedding"]) }),
  create: ({ embedder }) => ({
    detect: async (frame) => ({ embedding: Float32Array.from(unit((await embedder.see(frame)).embedding)) }),
    reset: () => undefined,
  }),
};
