/** From the model's outputs to named points in the picture. */

/** @typedef {{ name: string, x: number, y: number, z: number, visibility: number }} Landmark x, y and z in pixels of the picture; visibility in 0…1 */
/** @typedef {{ type: string, fields: string[], count: number, names: string[], skeleton?: [number, number][], units?: string, activations?: Record<string, string> }} KeypointsSpec */
/** @typedef {{ landmarks: string, presence: string, keypoints: KeypointsSpec }} Reading names of the outputs, and how the points are written */

/** The points of the body come first; those after them only serve to find the body in the next frame of a film. */
const BODY_POINTS = 33;

/**
 * Finds what this page shows among the outputs.
 * @param {unknown} processing of model.json
 * @returns {Reading}
 */
export function findOutputs(processing) {
  const specs = Object.entries(/** @type {any} */ (processing)?.outputs ?? {});
  const points = specs.find(([, spec]) => spec.type === "keypoints" && spec.units !== "metres" && spec.fields.includes("visibility"));
  const presence = specs.find(([, spec]) => spec.type === "labels" && spec.labels.length === 1);
  if (!points || !presence || (points[1].names?.length ?? 0) < BODY_POINTS) {
    throw new Error("model.json does not say which outputs are the landmarks and the presence; convert the model by its gallery name, as in: webkiln convert pose_landmark_lite -o model");
  }
  return { landmarks: points[0], presence: presence[0], keypoints: points[1] };
}

/**
 * @param {ArrayLike<number>} values of the output, count × fields
 * @param {KeypointsSpec} spec
 * @param {{ a: number, b: number, c: number, d: number, e: number, f: number }} place where the input lies in the picture
 * @returns {Landmark[]}
 */
export function readLandmarks(values, spec, place) {
  const column = (/** @type {string} */ field) => spec.fields.indexOf(field);
  const activated = (/** @type {string} */ field, /** @type {number} */ value) => (spec.activations?.[field] === "sigmoid" ? 1 / (1 + Math.exp(-value)) : value);
  return spec.names.slice(0, BODY_POINTS).map((name, k) => {
    const value = (/** @type {string} */ field) => activated(field, values[k * spec.fields.length + column(field)]);
    const [x, y] = [value("x"), value("y")];
    return {
      name,
      x: place.a * x + place.c * y + place.e,
      y: place.b * x + place.d * y + place.f,
      z: value("z") * Math.hypot(place.a, place.b),
      visibility: value("visibility"),
    };
  });
}

/**
 * The pairs of points to be joined by a line.
 * @param {KeypointsSpec} spec
 * @returns {[number, number][]}
 */
export function bones(spec) {
  return (spec.skeleton ?? []).filter(([a, b]) => a < BODY_POINTS && b < BODY_POINTS);
}

/**
 * A name for people: `left_eye_inner` is "left eye inner".
 * @param {string} name
 */
export function spoken(name) {
  return name.replaceAll("_", " ");
}
