/**
 * Regions of a picture for the next model: what `webkiln.tasks.regions` says. Axes are those of pictures: x to the right, y down, angles clockwise, in
 * radians; lengths in pixels of the picture.
 */

/** @typedef {import("../pictures/placement.js").Region} GivenRegion */
/** @typedef {GivenRegion & { rotation: number }} Region */
/** @typedef {{ x: number, y: number }} Place */

/** Directions that a line has in the upright picture: up, and to the right. */
export const UPRIGHT = -Math.PI / 2;
export const LEVEL = 0;

/**
 * @param {Place} start
 * @param {Place} end
 * @param {number} wanted direction of the line between them
 * @returns {number} the rotation of the picture, in −π…π
 */
export function turn(start, end, wanted) {
  const angle = Math.atan2(end.y - start.y, end.x - start.x) - wanted;
  return angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));
}

/**
 * The square about `start` whose inner circle goes through `end`, `scale` times as large; the line goes up in it. A body is found so: its hip centre, and
 * a point on the circle around all of it.
 * @param {Place} start
 * @param {Place} end
 * @param {number} scale
 * @returns {Region}
 */
export function aroundLine(start, end, scale) {
  const side = 2 * scale * Math.hypot(end.x - start.x, end.y - start.y);
  return { x: start.x, y: start.y, width: side, height: side, rotation: turn(start, end, UPRIGHT) };
}

/**
 * The square of `scale` times the region's longer side, moved by `up` of its height towards its top, turned as the region is.
 * @param {Region} region
 * @param {number} scale
 * @param {number} [up]
 * @returns {Region}
 */
export function square({ x, y, width, height, rotation }, scale, up = 0) {
  const side = scale * Math.max(width, height);
  const away = up * height;
  return { x: x + away * Math.sin(rotation), y: y - away * Math.cos(rotation), width: side, height: side, rotation };
}

/**
 * @param {readonly Place[]} points
 * @param {number} [rotation]
 * @returns {Region} the smallest of this rotation that holds the points
 */
export function aroundPoints(points, rotation = 0) {
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of points) {
    const across = cos * x + sin * y;
    const down = cos * y - sin * x;
    [left, right] = [Math.min(left, across), Math.max(right, across)];
    [top, bottom] = [Math.min(top, down), Math.max(bottom, down)];
  }
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return { x: cos * x - sin * y, y: sin * x + cos * y, width: right - left, height: bottom - top, rotation };
}

/**
 * @param {Region} one
 * @param {Region} other
 * @returns {number} intersection over union, as if they were not turned
 */
export function overlap(one, other) {
  const width = Math.min(one.x + one.width / 2, other.x + other.width / 2) - Math.max(one.x - one.width / 2, other.x - other.width / 2);
  const height = Math.min(one.y + one.height / 2, other.y + other.height / 2) - Math.max(one.y - one.height / 2, other.y - other.height / 2);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  const union = one.width * one.height + other.width * other.height - shared;
  return union > 0 ? shared / union : 0;
}
