/** Where lines of text are, from a map of probabilities: what `webkiln.tasks.text_lines` says. */

import { smallestRectangle } from "./rectangles.js";

/** @typedef {import("./regions.js").Region} Region */
/** @typedef {import("./rectangles.js").Point} Point */
/** @typedef {import("./rectangles.js").Rectangle} Rectangle */
/** @typedef {import("../pictures/placement.js").Placement} Placement */
/** @typedef {{ values: Float32Array, width: number, height: number }} ProbabilityMap in rows */

/** Pixels above it are text. */
const THRESHOLD = 0.3;

/** Of a line: the mean probability within its rectangle. */
const LEAST_SCORE = 0.6;

/** Pixels of the map that a line measures at least, before it is expanded. */
const LEAST_SIZE = 3;

/** A line is larger than what the map shows of it: by its area times this, divided by its perimeter, on each side. */
const UNCLIP = 1.5;

/** What is at least this much higher than wide is a line that runs downwards. */
const UPRIGHT_RATIO = 1.5;

/** Pixels that a centre may lie outside of a rectangle, so that rounding decides nothing. */
const EDGE = 1e-3;

/**
 * @param {ProbabilityMap} map
 * @param {Placement} place where it lies in the picture
 * @returns {Region[]} of the lines, in pixels of the picture; text runs along their width, or against it
 */
export function findLines(map, place) {
  return components(map).flatMap((points) => {
    const rectangle = smallestRectangle(points);
    if (!rectangle || Math.min(rectangle.width, rectangle.height) < LEAST_SIZE || !(scoreOf(map, rectangle) >= LEAST_SCORE)) return [];
    return [upright(regionOf(expanded(rectangle), place))];
  });
}

/**
 * @param {ProbabilityMap} map
 * @returns {Point[][]} for each set of pixels above the threshold that touch (at a side or a corner) the first and the last of each row's runs; the uppermost set first
 */
function components({ values, width, height }) {
  /** @type {{ row: number, start: number, end: number }[]} */
  const runs = [];
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) {
      if (!(values[row * width + x] > THRESHOLD)) continue;
      const start = x;
      while (x < width && values[row * width + x] > THRESHOLD) x++;
      runs.push({ row, start, end: x });
    }
  }
  const parents = runs.map((_, k) => k);
  const root = (/** @type {number} */ k) => {
    while (parents[k] !== k) k = parents[k] = parents[parents[k]];
    return k;
  };
  let above = 0; // the first run that the next one may touch
  runs.forEach(({ row, start, end }, k) => {
    while (runs[above].row < row - 1 || (runs[above].row === row - 1 && runs[above].end < start)) above++;
    for (let other = above; runs[other].row === row - 1 && runs[other].start <= end; other++) {
      const [one, two] = [root(k), root(other)];
      parents[Math.max(one, two)] = Math.min(one, two);
    }
  });
  /** @type {Map<number, Point[]>} */
  const sets = new Map();
  runs.forEach(({ row, start, end }, k) => {
    const points = sets.get(root(k)) ?? [];
    points.push([start, row], [end - 1, row]);
    sets.set(root(k), points);
  });
  return [...sets.values()];
}

/**
 * @param {ProbabilityMap} map
 * @param {Rectangle} rectangle of which corners are centres of pixels
 * @returns {number} the mean of the pixels whose centre is within it
 */
function scoreOf({ values, width: columns, height: rows }, { x, y, cos, sin, width, height }) {
  const halfX = (Math.abs(cos) * width + Math.abs(sin) * height) / 2;
  const halfY = (Math.abs(sin) * width + Math.abs(cos) * height) / 2;
  const [left, right] = [Math.max(0, Math.floor(x - halfX)), Math.min(columns - 1, Math.ceil(x + halfX))];
  const [top, bottom] = [Math.max(0, Math.floor(y - halfY)), Math.min(rows - 1, Math.ceil(y + halfY))];
  let [sum, count] = [0, 0];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const [across, down] = [column - x, row - y];
      if (Math.abs(cos * across + sin * down) > width / 2 + EDGE || Math.abs(cos * down - sin * across) > height / 2 + EDGE) continue;
      sum += values[row * columns + column];
      count++;
    }
  }
  return sum / count;
}

/**
 * @param {Rectangle} rectangle
 * @returns {Rectangle}
 */
function expanded({ width, height, ...rest }) {
  const distance = (width * height * UNCLIP) / (2 * (width + height));
  return { ...rest, width: width + 2 * distance, height: height + 2 * distance };
}

/**
 * @param {Rectangle} rectangle
 * @param {Placement} place
 * @returns {Region} the rectangle in the picture. Where pixels of the map are not square it becomes a parallelogram; the region has its area and its first side
 */
function regionOf({ x, y, cos, sin, width, height }, { a, b, c, d, e, f }) {
  const along = [width * (a * cos + c * sin), width * (b * cos + d * sin)];
  const across = [height * (c * cos - a * sin), height * (d * cos - b * sin)];
  const length = Math.hypot(along[0], along[1]);
  return {
    x: a * (x + 0.5) + c * (y + 0.5) + e,
    y: b * (x + 0.5) + d * (y + 0.5) + f,
    width: length,
    height: Math.abs(along[0] * across[1] - along[1] * across[0]) / length,
    rotation: Math.atan2(along[1], along[0]),
  };
}

/**
 * @param {Region} region
 * @returns {Region} the same, turned by −45…45°; one that is high, by a further quarter
 */
function upright(region) {
  const quarters = Math.floor(region.rotation / (Math.PI / 2) + 0.5);
  const [width, height] = quarters % 2 === 0 ? [region.width, region.height] : [region.height, region.width];
  const rotation = region.rotation - (quarters * Math.PI) / 2;
  return height >= UPRIGHT_RATIO * width ? { ...region, width: height, height: width, rotation: rotation + Math.PI / 2 } : { ...region, width, height, rotation };
}
