/** What a detector found. */

import { InputError } from "../errors.js";
import { activate, best } from "./activations.js";
import { pointInPicture } from "./places.js";
import { suppress } from "./suppression.js";

/** @typedef {import("./places.js").Place} Place */
/** @typedef {{ x: number, y: number, width: number, height: number, rotation: number }} Box in pixels of the picture: its centre and size, turned clockwise by `rotation` radians; it is a region for another model */
/** @typedef {{ label: string, index: number, score: number, box: Box, points: import("./keypoints.js").Point[] }} Detection something found in a picture; `index` of its label */

const CENTRE = ["center_x", "center_y", "width", "height"];

/**
 * Centres of the anchors of an input, in its pixels, row by row, all of a cell together. Layers of the same stride that follow each other share
 * their cells.
 * @param {any} anchors of model.json
 * @param {number} width of the input
 * @param {number} height
 * @param {number} count of the boxes, which is that of the anchors
 * @returns {[x: number, y: number][]}
 * @throws {InputError}
 */
export function anchorCentres({ strides = [], aspect_ratios: ratios = [1], scales_per_layer: scales = 1, offset = 0.5 }, width, height, count) {
  if (!strides.every((/** @type {unknown} */ stride) => Number.isInteger(stride) && Number(stride) > 0)) throw new InputError(`the anchors have the strides [${strides.join(", ")}]; whole numbers of pixels are wanted`);
  const layers = [];
  for (let layer = 0, next; layer < strides.length; layer = next) {
    for (next = layer; strides[next] === strides[layer]; ) next++;
    layers.push({ columns: Math.ceil(width / strides[layer]), rows: Math.ceil(height / strides[layer]), repeated: (next - layer) * ratios.length * scales });
  }
  const made = layers.reduce((sum, { columns, rows, repeated }) => sum + columns * rows * repeated, 0);
  if (made !== count) throw new InputError(`model.json has ${made} anchors for ${count} boxes`);
  return layers.flatMap(({ columns, rows, repeated }) =>
    Array.from({ length: columns * rows * repeated }, (_, k) => {
      const cell = Math.floor(k / repeated);
      return /** @type {[number, number]} */ ([(((cell % columns) + offset) * width) / columns, ((Math.floor(cell / columns) + offset) * height) / rows]);
    }),
  );
}

/**
 * Widths and heights of the same anchors, in pixels of the input.
 * @param {any} anchors of model.json
 * @param {number} width of the input
 * @param {number} height
 * @returns {[width: number, height: number][] | null} null where they have no sizes of their own
 * @throws {InputError}
 */
function anchorSizes({ strides = [], aspect_ratios: ratios = [1], scales_per_layer: scales = 1, fixed_size: isFixed = true, sizes = [] }, width, height) {
  if (isFixed) return null;
  const each = ratios.length * scales;
  if (sizes.length !== each * strides.length || !sizes.every((/** @type {number[]} */ size) => size.length === 2 && Math.min(...size) > 0)) {
    throw new InputError(`anchors with sizes of their own (fixed_size false) want ${each * strides.length} sizes [width, height] above 0, ${each} for each stride; model.json has ${JSON.stringify(sizes)}`);
  }
  const found = [];
  for (let layer = 0, next; layer < strides.length; layer = next) {
    for (next = layer; strides[next] === strides[layer]; ) next++;
    const cells = Math.ceil(width / strides[layer]) * Math.ceil(height / strides[layer]);
    for (let cell = 0; cell < cells; cell++) found.push(...sizes.slice(layer * each, next * each));
  }
  return found;
}

/**
 * @param {import("./results.js").Values} values boxes × fields
 * @param {import("./results.js").Values | null} scores boxes × labels; where the specification names none, they follow the fields in each row
 * @param {any} spec
 * @param {Place | null} place
 * @returns {Detection[]} the best first
 * @throws {InputError}
 */
export function readBoxes(values, scores, spec, place) {
  if (!place) throw new InputError("boxes are about a picture, and model.json describes no input as one (processing.inputs)");
  if (!scores && spec.scores) throw new InputError(`the scores of the boxes are the output ${JSON.stringify(spec.scores)}, which is not among the outputs given`);
  const { fields, anchors, units, score_activation: activation, score_threshold: lowest = 0.5, iou_threshold: threshold = 0.5, non_maximum_suppression: kind = "hard" } = spec;
  const labels = spec.labels?.length ? spec.labels : [""];
  const missing = CENTRE.filter((field) => !fields.includes(field));
  if (missing.length) throw new InputError(`the fields of boxes want ${CENTRE.join(", ")}; ${missing.join(", ")} is missing`);
  const step = fields.length + (spec.scores ? 0 : labels.length);
  const count = values.length / step;
  if (!Number.isInteger(count)) throw new InputError(`boxes of ${fields.length} fields${spec.scores ? "" : ` and ${labels.length} scores`} do not fit in an output [${values.shape.join(", ")}]`);
  const centres = anchors ? anchorCentres(anchors, place.width, place.height, count) : null;
  const anchorSize = anchors ? anchorSizes(anchors, place.width, place.height) : null;
  const isExponential = anchors?.size_encoding === "exponential";
  if (scores && scores.length !== count * labels.length) throw new InputError(`${count} boxes of ${labels.length} labels want as many scores, and ${JSON.stringify(spec.scores)} is [${scores.shape.join(", ")}]`);

  const names = pointNames(fields);
  const columns = [...CENTRE, ...names.flatMap((name) => [`${name}_x`, `${name}_y`])].map((field) => fields.indexOf(field));
  const sizes = units === "normalized" ? [place.width, place.height] : [1, 1];
  /** Centre, size and points, in pixels of the input. */
  const rowOf = (/** @type {number} */ box) =>
    columns.map((column, k) => {
      const value = values[box * step + column];
      const isSize = CENTRE[k] === "width" || CENTRE[k] === "height";
      const scaled = anchorSize ? (isSize && isExponential ? Math.exp(value) : value) * anchorSize[box][k % 2] : value * sizes[k % 2];
      return scaled + (centres && !isSize ? centres[box][k % 2] : 0);
    });

  const objectness = fields.indexOf("objectness");
  const objectnessOf = (/** @type {number} */ box) => (objectness < 0 ? 1 : activate([values[box * step + objectness]], !activation || activation === "none" ? "none" : "sigmoid")[0]);

  /** @type {{ index: number, score: number, row: number[] }[]} */
  const found = [];
  for (let box = 0; box < count; box++) {
    const sure = objectnessOf(box);
    const own = scores ? scores.subarray(box * labels.length, (box + 1) * labels.length) : values.subarray(box * step + fields.length, (box + 1) * step);
    const each = activate(own, activation).map((score) => score * sure);
    const index = best(each);
    if (each[index] >= lowest) found.push({ index, score: each[index], row: rowOf(box) });
  }
  const corners = found.map(({ row: [x, y, width, height] }) => [x - width / 2, y - height / 2, x + width / 2, y + height / 2]);
  const kept = suppress(corners, found.map(({ score }) => score), found.map(({ index }) => index), threshold);
  return kept.map((members) => {
    const { index, score, row } = found[members[0]];
    const average = kind === "weighted" ? averageOf(members.map((k) => found[k])) : row;
    return { label: labels[index], index, score, ...detectionAt(average, names, place) };
  });
}

/**
 * @param {string[]} fields
 * @returns {string[]} names of the points
 */
function pointNames(fields) {
  return fields.filter((field) => field.endsWith("_x") && field !== "center_x" && fields.includes(`${field.slice(0, -2)}_y`)).map((field) => field.slice(0, -2));
}

/**
 * The rows weighted by their scores; the first one alone where there are no weights.
 * @param {readonly { score: number, row: number[] }[]} members
 * @returns {number[]}
 */
function averageOf(members) {
  const total = members.reduce((sum, { score }) => sum + score, 0);
  const [{ row }] = members;
  return members.length > 1 && total > 0 ? row.map((_, k) => members.reduce((sum, one) => sum + one.score * one.row[k], 0) / total) : row;
}

/**
 * @param {readonly number[]} row
 * @param {readonly string[]} names
 * @param {Place} place
 */
function detectionAt([x, y, width, height, ...points], names, place) {
  return {
    box: { ...pointInPicture(place, x, y), width: width * place.byX, height: height * place.byY, rotation: place.rotation },
    points: names.map((name, k) => ({ name, ...pointInPicture(place, points[2 * k], points[2 * k + 1]) })),
  };
}
