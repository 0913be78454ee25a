/** Reads the results of the cases of a folder (cases.json) with the runtime: results.json. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { results } from "../../js/results/results.js";

const folder = process.argv[2];
const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));
const NUMBERS = { NaN, Infinity, "-Infinity": -Infinity };

const read = cases.map(async ({ processing, outputs, picture, region }) => {
  const given = Object.entries(outputs).map(([name, { values, shape }]) => [name, Object.assign(Float32Array.from(values, (value) => NUMBERS[value] ?? value), { shape })]);
  const pixels = picture && { data: new Uint8ClampedArray(4 * picture.width * picture.height), ...picture };
  const inputs = pixels && { image: region ? { picture: pixels, region } : pixels };
  try {
    return await results({ processing }, Object.fromEntries(given), inputs ?? undefined);
  } catch (error) {
    return { error: error.message, name: error.name };
  }
});

/** JSON has neither numbers that are not finite nor typed arrays. */
const plain = (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : ArrayBuffer.isView(value) ? { values: Array.from(value), shape: value.shape } : value);
writeFileSync(join(folder, "results.json"), JSON.stringify(await Promise.all(read), plain));
