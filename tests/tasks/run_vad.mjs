/** Listens in Node: vad.json and sound.f32 of a folder, and heard.json. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tasks from "../../js/tasks/index.js";

const folder = process.argv[2];
const { options, piece } = JSON.parse(readFileSync(join(folder, "vad.json"), "utf8"));
const samples = new Float32Array(new Uint8Array(readFileSync(join(folder, "sound.f32"))).buffer);

async function* pieces() {
  for (let at = 0; at < samples.length; at += piece) yield samples.slice(at, at + piece);
}

const task = await tasks.vad({ models: join(folder, "models"), backend: "wasm", relaxed: false, worker: false, ...options });
const told = (/** @type {Promise<unknown>} */ promise) => promise.then(() => "none", ({ name, message }) => `${name}: ${message}`);
const first = [];
for await (const result of task.stream(pieces())) first.push(result);
await task.reset();
const again = [];
for (let at = 0; at + 512 <= samples.length && again.length < 30; at += 512) again.push(await task.detect(samples.subarray(at, at + 512)));
const stop = new AbortController();
let counted = 0;
for await (const _ of task.stream(pieces(), { signal: stop.signal })) if (++counted === 3) stop.abort();
const wrong = {
  frame: await told(task.detect(samples.subarray(0, 100))),
  source: await told(task.stream(/** @type {any} */ (5)).next()),
  piece: await told(task.stream((async function* () { yield /** @type {any} */ ([1, 2]); })()).next()),
  rules: await told(tasks.vad({ models: join(folder, "models"), worker: false, release: 0.9 })),
};
task.dispose();
writeFileSync(join(folder, "heard.json"), JSON.stringify({ first, again, counted, wrong }));
