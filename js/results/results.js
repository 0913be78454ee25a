/** What the outputs of a model mean, as its `processing` says (docs/format.md): the same as Python's `webkiln.results`. */

import { InputError } from "../errors.js";
import { readBoxes } from "./boxes.js";
import { readKeypoints } from "./keypoints.js";
import { readLabels } from "./labels.js";
import { readMask } from "./masks.js";
import { findPlace } from "./places.js";
import { readText } from "./texts.js";

/** @typedef {import("./labels.js").Label} Label */
/** @typedef {import("./boxes.js").Box} Box */
/** @typedef {import("./boxes.js").Detection} Detection */
/** @typedef {import("./keypoints.js").Point} Point */
/** @typedef {import("./keypoints.js").Keypoints} Keypoints */
/** @typedef {import("./masks.js").Mask} Mask */
/** @typedef {import("./texts.js").Text} Text */
/** @typedef {import("../dtypes.js").Tensor} Values of an output */
/** What a specification cannot do without: lists, and numbers. @type {Record<string, string[]>} */
const REQUIRED = { labels: ["labels"], keypoints: ["fields", "count"], boxes: ["fields"], mask: [], text: ["characters"] };

/** @typedef {{ data: () => Promise<Values> }} OnDevice of a run with `{ on: "device" }` */

/**
 * What the outputs of a run say, by output name: `Label[]`, `Detection[]`, `Keypoints`, `Mask`, `Text`; others as they are.
 *
 * With `inputs`, what was given to the run, points, boxes and masks are in pixels of its picture, with its region's position and rotation undone.
 * Without, or where an array was given for the input, they are in pixels of the input.
 * @param {{ processing: any }} model
 * @param {Record<string, Values | OnDevice>} outputs
 * @param {Record<string, any>} [inputs]
 * @returns {Promise<Record<string, any>>}
 * @throws {InputError} when the outputs are not what model.json says
 */
export async function results({ processing }, outputs, inputs) {
  /** @type {(name: string) => Promise<Values>} */
  const valuesOf = async (name) => {
    const output = outputs[name];
    return "data" in output ? output.data() : output;
  };
  const found = Object.entries(outputs).map(async ([name, output]) => {
    const spec = processing?.outputs?.[name] ?? { type: "tensor" };
    if (spec.type === "tensor") return [name, output];
    try {
      const values = await valuesOf(name);
      const other = { boxes: spec.scores, keypoints: spec.heatmaps?.output }[/** @type {string} */ (spec.type)] ?? "";
      return [name, await read(values, Object.hasOwn(outputs, other) ? await valuesOf(other) : null, spec, processing, inputs)];
    } catch (error) {
      if (error instanceof InputError) error.message = `the output ${JSON.stringify(name)}: ${error.message}`;
      throw error;
    }
  });
  return Object.fromEntries(await Promise.all(found));
}

/**
 * @param {Values} values
 * @param {Values | null} other output that goes with it: the scores of boxes, the heat maps of points
 * @param {any} spec
 * @param {any} processing
 * @param {Record<string, any>} [inputs]
 */
async function read(values, other, spec, processing, inputs) {
  if (!Object.hasOwn(REQUIRED, spec.type)) throw new InputError(`model.json says that it holds ${JSON.stringify(spec.type)}; this version has ${Object.keys(REQUIRED).join(", ")}, tensor`);
  for (const key of REQUIRED[spec.type]) {
    if (!(key === "count" ? Number.isInteger(spec[key]) : Array.isArray(spec[key]))) throw new InputError(`model.json says nothing of its ${key}, or nothing that can be read: ${JSON.stringify(spec[key])}`);
  }
  if (spec.type === "labels") return readLabels(values, spec);
  if (spec.type === "text") return readText(values, spec);
  const place = await findPlace(processing, spec, inputs);
  if (spec.type === "keypoints") return readKeypoints(values, other, spec, place);
  return spec.type === "mask" ? readMask(values, spec, place) : readBoxes(values, other, spec, place);
}
