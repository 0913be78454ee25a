/** The comparison with a reference: the same rule as in Python. */

/** @typedef {{ maximumError: number, passed: boolean }} Comparison */

/**
 * NaN equals only NaN, infinities match in sign, integers and booleans are equal; other numbers differ by at most `tolerance`
 * times the largest finite magnitude that is expected, taken for each channel where there are several.
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 * @param {{ tolerance: number, isFloat: boolean, channelOf?: (index: number) => number, magnitude?: number }} rule `magnitude` where more is known of the expected than these values
 * @returns {Comparison} the largest error relative to the magnitude; infinite where the kinds of value differ
 */
export function compare(actual, expected, { tolerance, isFloat, channelOf = () => 0, magnitude = 0 }) {
  if (actual.length !== expected.length) return { maximumError: Infinity, passed: false };
  /** @type {Map<number, number>} */
  const magnitudes = new Map();
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(expected[i])) continue;
    const channel = channelOf(i);
    magnitudes.set(channel, Math.max(magnitudes.get(channel) ?? magnitude, Math.abs(expected[i])));
  }
  let maximumError = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (!isFloat || !Number.isFinite(a) || !Number.isFinite(b)) return { maximumError: Infinity, passed: false };
    // Where nothing but zeros is expected, the error is absolute.
    maximumError = Math.max(maximumError, Math.abs(a - b) / (magnitudes.get(channelOf(i)) || 1));
  }
  return { maximumError, passed: maximumError <= tolerance };
}
