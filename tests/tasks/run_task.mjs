/** Runs a task in Node on frames: task.json of a folder, and found.json. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tasks from "../../js/tasks/index.js";

const folder = process.argv[2];
const { name, options, frames } = JSON.parse(readFileSync(join(folder, "task.json"), "utf8"));
const task = await tasks[name]({ models: join(folder, "models"), backend: "wasm", relaxed: false, worker: false, ...options });
const found = [];
for (const { pixels, width, height, timestamp } of frames) {
  const data = new Uint8ClampedArray(readFileSync(join(folder, pixels)));
  found.push(await task.detect({ data, width, height }, { timestamp }));
}
task.dispose();
writeFileSync(join(folder, "found.json"), JSON.stringify(found, (_, value) => (ArrayBuffer.isView(value) ? { values: Array.from(value), shape: value.shape } : value)));
