/** Words for bodies. */

const SIDES = ["left", "right"];

/**
 * Which hands are above their shoulder: a picture's y grows downwards.
 * @param {{ name: string, y: number }[]} landmarks of one person
 * @returns {string} the end of a sentence
 */
export function raisedHands(landmarks) {
  const y = Object.fromEntries(landmarks.map((point) => [point.name, point.y]));
  const raised = SIDES.filter((side) => y[`${side}_wrist`] < y[`${side}_shoulder`]);
  if (!raised.length) return "no hand is up.";
  return `${raised.map((side) => `the ${side}`).join(" and ")} ${raised.length > 1 ? "hands are" : "hand is"} up.`;
}
