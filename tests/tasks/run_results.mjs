/** Runs models on pictures in Node, and reads their results: cases.json of a folder, and results.json. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { load } from "../../js/index.js";
import { results } from "../../js/results/results.js";

const folder = process.argv[2];
const found = [];
for (const { model: name, pixels, width, height, input, region } of JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"))) {
  const model = await load(pathToFileURL(join(folder, name, "model.json")), { backend: "wasm", relaxed: false });
  const picture = { data: new Uint8ClampedArray(readFileSync(join(folder, pixels))), width, height };
  const inputs = { [input]: region ? { picture, region } : picture };
  found.push(await results(model, await model.run(inputs), inputs));
  model.dispose();
}
writeFileSync(join(folder, "results.json"), JSON.stringify(found, (_, value) => (ArrayBuffer.isView(value) ? { values: Array.from(value), shape: value.shape } : value)));
