/**
 * Prints the memory of Node in MB, before and at the peak of loading and running a model with one input of zeros.
 *
 *     node load_memory.mjs FOLDER
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import * as webkiln from "../dist/webkiln.mjs";

const before = process.memoryUsage().rss / 1e6;
const model = await webkiln.load(join(process.argv[2], "model.json"));
const [{ name, shape }] = model.inputs;
await model.run({ [name]: new Float32Array(shape.reduce((product, size) => product * Number(size), 1)) });
// The usage that the system counts for a process begins with that of the process that started it; this does not (Linux).
const [, peak] = /** @type {RegExpMatchArray} */ ((await readFile("/proc/self/status", "utf8")).match(/VmHWM:\s+(\d+) kB/));
console.log(before, Number(peak) * 1024 / 1e6);
