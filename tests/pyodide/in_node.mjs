// node in_node.mjs WHEEL,WHEEL MODEL… : a line of JSON for each model.

import { readFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";
import { inspecting } from "./inspecting.mjs";

const [wheels, ...models] = process.argv.slice(2);
const read = async (/** @type {string} */ path) => new Uint8Array(await readFile(path)).buffer;
const inspect = await inspecting(loadPyodide, {}, await Promise.all(wheels.split(",").map(read)));
for (const model of models) console.log(JSON.stringify(inspect(new Uint8Array(await read(model)))));
