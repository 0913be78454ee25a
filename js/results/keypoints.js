/** Named points. */

import { InputError } from "../errors.js";
import { activate } from "./activations.js";
import { refine } from "./heatmaps.js";
import { pointInPicture, turnedPoint } from "./places.js";

/**
 * A point in pixels of the picture (metres where the output is in metres), with what else its fields say; `name` is absent where the points
 * have no names, and `z` is as large as x and y are.
 * @typedef {{ name?: string, x: number, y: number, z?: number, score?: number, visibility?: number, presence?: number }} Point
 */
/** @typedef {{ points: Point[], skeleton: [number, number][] }} Keypoints and the pairs of them to be joined by a line */

/**
 * @param {import("./results.js").Values} values count × fields
 * @param {import("./results.js").Values | null} maps the output that `spec.heatmaps` names, where there is one
 * @param {any} spec
 * @param {import("./places.js").Place | null} place
 * @returns {Keypoints}
 * @throws {InputError}
 */
export function readKeypoints(values, maps, spec, place) {
  const { count, fields, names = [], skeleton = [], activations = {} } = spec;
  if (values.length !== count * fields.length) throw new InputError(`${count} points of ${fields.join(", ")} are ${count * fields.length} numbers, and the output is [${values.shape.join(", ")}]`);
  if (names.length && names.length !== count) throw new InputError(`model.json has ${names.length} names for ${count} points`);
  const points = Array.from({ length: count }, (_, k) => {
    /** @type {any} */
    const point = names.length ? { name: names[k] } : {};
    fields.forEach((/** @type {string} */ field, /** @type {number} */ column) => ([point[field]] = activate([values[k * fields.length + column]], activations[field])));
    return place && "x" in point && "y" in point ? placedPoint(point, k, maps, spec, place) : point;
  });
  return { points, skeleton };
}

/**
 * @param {Point} point of the input
 * @param {number} k its number
 * @param {import("./results.js").Values | null} maps
 * @param {any} spec
 * @param {import("./places.js").Place} place
 * @returns {Point}
 */
function placedPoint(point, k, maps, { count, units = "pixels", heatmaps }, place) {
  const { x, y, z } = point;
  if (units === "metres") return { ...point, ...turnedPoint(place, x, y) };
  const [byX, byY] = units === "normalized" ? [place.width, place.height] : [1, 1];
  const inInput = { x: x * byX, y: y * byY };
  const exact = maps ? refine(inInput, k, count, maps, heatmaps, place.width, place.height) : inInput;
  const placed = { ...point, ...pointInPicture(place, exact.x, exact.y) };
  return z === undefined ? placed : { ...placed, z: z * byX * place.byX };
}
