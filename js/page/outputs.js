/** Shows what a run gave: by the recorded post-processing, else as a short table. */

import { drawBoxes, drawKeypoints, drawMask } from "./drawing.js";
import { make, shapeText, shown, table } from "./elements.js";

/** @typedef {import("./drawing.js").Surface} Surface */

const MOST_ROWS = 100;
const MOST_NUMBERS = 8;

/**
 * @param {any} model
 * @param {Record<string, any>} outputs of a run
 * @param {Record<string, any>} results of the same, as `webkiln.results` reads them
 * @param {(input: string | undefined) => Surface | null} surfaceOf the picture that an output is about
 * @returns {HTMLElement[]} a part for each output
 */
export function showOutputs(model, outputs, results, surfaceOf) {
  const specs = /** @type {Record<string, any>} */ (model.processing?.outputs ?? {});
  const order = Object.keys(outputs).sort((a, b) => rank(specs[a]) - rank(specs[b]));
  // Masks lie below points and boxes.
  for (const name of [...order].sort((a, b) => Number(specs[b]?.type === "mask") - Number(specs[a]?.type === "mask"))) {
    const spec = specs[name] ?? {};
    const surface = surfaceOf(spec.input);
    if (surface && !isFinitePart(spec, results[name])) continue;
    if (surface && spec.type === "mask") drawMask(surface, results[name]);
    if (surface && spec.type === "boxes") drawBoxes(surface, results[name]);
    if (surface && spec.type === "keypoints" && spec.units !== "metres") drawKeypoints(surface, results[name]);
  }
  return order.map((name) => make("section", { class: "output" }, make("h3", {}, name), partOf(specs[name] ?? {}, outputs[name], results[name])));
}

/** What was read is shown first, arrays last. @param {any} spec */
function rank(spec) {
  return { text: 0, labels: 0, boxes: 1, keypoints: 2, mask: 3 }[/** @type {string} */ (spec?.type)] ?? 4;
}

/**
 * @param {any} spec
 * @param {any} result
 */
function isFinitePart(spec, result) {
  return spec.type !== "keypoints" || result.points.every((/** @type {any} */ { x, y }) => Number.isFinite(x) && Number.isFinite(y));
}

/**
 * @param {any} spec of model.json
 * @param {any} output
 * @param {any} result
 */
function partOf(spec, output, result) {
  if (spec.type === "labels") return labelList(result);
  if (spec.type === "boxes") return boxTable(result);
  if (spec.type === "keypoints") return pointTable(result, spec.units);
  if (spec.type === "text") return make("p", { class: "text" }, result.text || "No text was read.");
  if (spec.type === "mask") return maskText(result);
  return numbersTable(output);
}

/** @param {import("../results/labels.js").Label[]} labels */
function labelList(labels) {
  return make("ol", { class: "labels" }, ...labels.map(({ label, score }) => {
    const isShare = score >= 0 && score <= 1;
    return make("li", {}, make("span", {}, label), make("span", { class: "number" }, isShare ? `${(100 * score).toFixed(1)} %` : shown(score)),
      ...(isShare ? [make("meter", { min: 0, max: 1, value: score, "aria-hidden": "true" })] : []));
  }));
}

/** @param {import("../results/boxes.js").Detection[]} found */
function boxTable(found) {
  if (!found.length) return make("p", {}, "Nothing was found.");
  return table(["Found", "Score", "Centre", "Size"], found.slice(0, MOST_ROWS).map(({ label, score, box }) =>
    [label, `${(100 * score).toFixed(1)} %`, `${box.x.toFixed(0)}, ${box.y.toFixed(0)}`, `${box.width.toFixed(0)} × ${box.height.toFixed(0)}`]));
}

/**
 * @param {{ points: any[] }} keypoints
 * @param {string} units
 */
function pointTable({ points }, units) {
  const fields = Object.keys(points[0] ?? {}).filter((field) => field !== "name");
  const digits = units === "metres" ? 3 : 1;
  const rows = points.slice(0, MOST_ROWS).map((point, k) =>
    [point.name ?? String(k), ...fields.map((field) => (/^[xyz]$/.test(field) ? point[field].toFixed(digits) : point[field].toFixed(3)))]);
  const left = points.length > MOST_ROWS ? `, the first ${MOST_ROWS} here` : "";
  return make("details", {}, make("summary", {}, `${points.length} points, in ${units === "metres" ? "metres" : "pixels"}${left}`), table(["Point", ...fields], rows));
}

/** @param {import("../results/masks.js").Mask} mask */
function maskText({ values }) {
  const covered = values.reduce((sum, value) => sum + Number(value > 0.5), 0) / values.length;
  return make("p", {}, `A mask of ${values.shape[1]} × ${values.shape[0]}, ${(100 * covered).toFixed(1)} % of it above one half.`);
}

/** @param {any} output a typed array with `shape` */
function numbersTable(output) {
  const { low, high, sum } = summary(output);
  const first = Array.from(output.subarray(0, MOST_NUMBERS), (value) => shown(Number(value))).join(", ");
  return make("dl", { class: "summary" }, ...[
    ["Shape", shapeText(output.shape)],
    ["Least and largest", output.length ? `${shown(low)}, ${shown(high)}` : "–"],
    ["Mean", output.length ? shown(sum / output.length) : "–"],
    [output.length > MOST_NUMBERS ? `First ${MOST_NUMBERS}` : "Numbers", first || "none"],
  ].map(([term, text]) => make("div", {}, make("dt", {}, term), make("dd", {}, text))));
}

/** @param {ArrayLike<number | bigint>} values */
function summary(values) {
  let [low, high, sum] = [Infinity, -Infinity, 0];
  for (let k = 0; k < values.length; k++) {
    const value = Number(values[k]);
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
  }
  return { low, high, sum };
}
