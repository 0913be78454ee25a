/** A model of a task, and its outputs by what they mean: what `webkiln.tasks.networks` says. */

import { InputError } from "../errors.js";
import { results } from "../results/results.js";
import { Sound } from "./sounds.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./regions.js").Region} Region */
/** @typedef {import("../model.js").Model} Model */
/** @typedef {(spec: any) => boolean} Meaning whether the output with this specification is it */

/** @type {Record<string, Meaning>} */
export const MEANINGS = {
  boxes: ({ type }) => type === "boxes",
  mask: ({ type }) => type === "mask",
  /** One probability, of whether there is anything. */
  presence: ({ type, labels }) => type === "labels" && labels.length === 1 && labels[0] !== "right",
  /** One probability, of a right hand where the picture is not mirrored. */
  handedness: ({ type, labels }) => type === "labels" && labels.length === 1 && labels[0] === "right",
  /** Points around an eye; which points of the face mesh they are is said. */
  eye: ({ type, mesh }) => type === "keypoints" && mesh !== undefined,
  /** The centre of an iris and four points around it. */
  iris: ({ type, count }) => type === "keypoints" && count === 5,
  /** Points in the picture. */
  landmarks: ({ type, units }) => type === "keypoints" && units !== "metres",
  /** Points in metres. */
  world: ({ type, units }) => type === "keypoints" && units === "metres",
  labels: ({ type }) => type === "labels",
  text: ({ type }) => type === "text",
  /** Numbers that mean nothing by themselves. */
  embedding: ({ type }) => type === "tensor",
};

/**
 * What of a model a task needs.
 * @param {any} processing of model.json
 * @param {string} about
 * @param {readonly string[]} meanings of `MEANINGS`
 * @param {"picture" | "audio"} source what the model takes
 * @returns {{ input: string, names: Record<string, string>, outputs: string[] }} the input, the outputs by meaning, and all that are read
 * @throws {InputError}
 */
function partsOf(processing, about, meanings, source) {
  const specs = Object.entries(processing?.outputs ?? {});
  const input = Object.entries(processing?.inputs ?? {}).find(([, { type }]) => type === source)?.[0];
  const names = Object.fromEntries(meanings.map((meaning) => [meaning, specs.find(([, spec]) => MEANINGS[meaning](spec))?.[0] ?? ""]));
  const missing = [...meanings.filter((meaning) => !names[meaning]), ...(input === undefined ? [source] : [])];
  if (input === undefined || missing.length) {
    throw new InputError(`the model given for ${about} does not say what is its ${missing.join(", ")} (processing in model.json); convert the gallery's model by its name, or describe yours as docs/format.md says`);
  }
  const others = Object.values(names).flatMap((name) => [processing.outputs[name].scores, processing.outputs[name].heatmaps?.output].filter(Boolean));
  return { input, names, outputs: [...new Set([...Object.values(names), ...others])] };
}

/** A model that is to be loaded for a task: what it is, for messages, and what its outputs have to mean. */
export class NetworkSpec {
  /**
   * @param {string} model its name in the gallery
   * @param {string} about
   * @param {readonly string[]} meanings of `MEANINGS`
   * @param {"picture" | "audio"} [source] what it takes
   */
  constructor(model, about, meanings, source = "picture") {
    this.model = model;
    this.about = about;
    this.meanings = meanings;
    this.source = source;
  }

  /** @param {any} processing of model.json */
  partsOf(processing) {
    return partsOf(processing, this.about, this.meanings, this.source);
  }
}

export class Network {
  #parts;

  /**
   * @param {Model} model
   * @param {NetworkSpec} spec
   */
  constructor(model, spec) {
    this.model = model;
    this.#parts = spec.partsOf(model.processing);
  }

  /** What model.json says of the input. @returns {any} */
  get input() {
    return /** @type {any} */ (this.model.processing).inputs[this.#parts.input];
  }

  /** Forgets the state of the model. */
  reset() {
    this.model.reset();
  }

  /**
   * @param {string} meaning
   * @returns {any} what model.json says of the output with this meaning
   */
  spec(meaning) {
    return /** @type {any} */ (this.model.processing).outputs[this.#parts.names[meaning]];
  }

  /**
   * @param {Frame | Sound} frame
   * @param {Region} [region] of a picture
   * @param {import("../pictures/placement.js").InputSize} [size] of the input, where the model leaves it open
   * @returns {Promise<Record<string, any>>} results by meaning, in pixels of the picture
   */
  async see(frame, region, size) {
    const { input, names, outputs } = this.#parts;
    const inputs = { [input]: frame instanceof Sound ? frame.samples : { picture: frame.for(this.model.backend), region, size } };
    const given = await this.model.run(inputs, { on: "device" });
    try {
      const read = await results(this.model, Object.fromEntries(outputs.map((name) => [name, given[name]])), inputs);
      const seen = Object.entries(names).map(async ([meaning, name]) => [meaning, read[name] === given[name] ? await given[name].data() : read[name]]);
      return Object.fromEntries(await Promise.all(seen));
    } finally {
      for (const output of Object.values(given)) output.dispose();
    }
  }
}
