/** Prepares the pictures of a folder (cases.json, N.rgba) with the runtime, on the processor: N.f32 and placements.json. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { placement } from "../../js/pictures/placement.js";
import { readPicture } from "../../js/pictures/input.js";

const folder = process.argv[2];
const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));
const results = cases.map(({ spec, width, height, region, shape }, number) => {
  const data = new Uint8ClampedArray(readFileSync(join(folder, `${number}.rgba`)));
  const picture = { data, width, height };
  const read = readPicture("image", region ? { picture, region } : picture, { inputs: { image: spec } }, shape);
  writeFileSync(join(folder, `${number}.f32`), read.read());
  return { shape: read.shape, placement: placement(spec, width, height, region ?? undefined) };
});
writeFileSync(join(folder, "results.json"), JSON.stringify(results));
