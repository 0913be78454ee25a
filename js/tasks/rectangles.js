/** The smallest turned rectangle around points: what `webkiln.tasks.rectangles` says. */

/** @typedef {[number, number]} Point whole numbers */
/** @typedef {{ x: number, y: number, cos: number, sin: number, width: number, height: number }} Rectangle its centre, the direction of one side (a vector of length 1), and the lengths along it and across */

/**
 * @param {readonly Point[]} points
 * @returns {Point[]} the corners of the convex hull, around it, without those that lie on a side
 */
export function convexHull(points) {
  const ordered = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]).filter((point, k, all) => !k || point[0] !== all[k - 1][0] || point[1] !== all[k - 1][1]);
  if (ordered.length < 3) return ordered;
  return [...chain(ordered).slice(0, -1), ...chain(ordered.reverse()).slice(0, -1)];
}

/**
 * @param {readonly Point[]} points sorted
 * @returns {Point[]} those that make one side of the hull
 */
function chain(points) {
  /** @type {Point[]} */
  const kept = [];
  for (const point of points) {
    while (kept.length > 1 && turns(kept[kept.length - 2], kept[kept.length - 1], point) <= 0) kept.pop();
    kept.push(point);
  }
  return kept;
}

/** @type {(a: Point, b: Point, c: Point) => number} */
const turns = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/**
 * @param {readonly Point[]} points
 * @returns {Rectangle | null} of the least area that holds the points, of equal ones the first; null where they lie on a line
 */
export function smallestRectangle(points) {
  const hull = convexHull(points);
  if (hull.length < 3) return null;
  let best = null;
  let least = Infinity;
  hull.forEach(([x, y], k) => {
    const [toX, toY] = hull[(k + 1) % hull.length];
    const [dx, dy] = [toX - x, toY - y];
    let [low, high, near, far] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const [px, py] of hull) {
      const along = dx * px + dy * py;
      const across = dx * py - dy * px;
      [low, high] = [Math.min(low, along), Math.max(high, along)];
      [near, far] = [Math.min(near, across), Math.max(far, across)];
    }
    const square = dx * dx + dy * dy;
    const area = ((high - low) * (far - near)) / square;
    if (!(area < least)) return;
    const length = Math.sqrt(square);
    const [middle, off] = [(low + high) / (2 * square), (near + far) / (2 * square)];
    best = { x: dx * middle - dy * off, y: dy * middle + dx * off, cos: dx / length, sin: dy / length, width: (high - low) / length, height: (far - near) / length };
    least = area;
  });
  return best;
}
