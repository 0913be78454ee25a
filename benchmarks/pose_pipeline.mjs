/** A film through the pose pipeline, in turns: with the models in webkiln, and with the same models in LiteRT.js and the same steps around them. */

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import { load } from "./js/index.js";
import { completeSpec, placeInput } from "./js/pictures/placement.js";
import { samplePicture } from "./js/pictures/sampling.js";
import { completeOptions, Engine } from "./js/tasks/engine.js";
import { pose } from "./js/tasks/pose.js";

const WIDTH = 640;
const HEIGHT = 480;

/**
 * A model of LiteRT.js with the face that the pipeline wants.
 * @param {string} file
 * @param {any} description model.json
 */
async function litertModel(file, { processing, signatures: [signature] }) {
  const compiled = await loadAndCompile(file, { accelerator: "wasm", cpuOptions: { numThreads: 1 } });
  const [{ name, shape }] = signature.inputs;
  const spec = completeSpec(processing.inputs[name]);
  return {
    processing,
    backend: "wasm",
    warmup: async () => undefined,
    dispose: () => compiled.delete(),
    async run(inputs) {
      const { picture, region } = inputs[name];
      const data = samplePicture(picture, spec, placeInput(spec, picture.width, picture.height, region));
      const input = new Tensor(data, shape);
      const outputs = await compiled.run([input]);
      const found = signature.outputs.map(({ name: own, shape: wanted }, k) => {
        const value = Object.assign(outputs[k].toTypedArray().slice(), { shape: wanted });
        return [own, { data: async () => value, dispose: () => undefined }];
      });
      input.delete();
      for (const output of outputs) output.delete();
      return Object.fromEntries(found);
    },
  };
}

/**
 * The film: the picture drifts, turns and grows a little.
 * @param {CanvasImageSource & { width: number, height: number }} picture
 * @param {number} number of the frame
 * @returns {Promise<ImageBitmap>}
 */
async function frameOf(picture, number) {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const t = number / 30;
  context.translate(WIDTH / 2 + 40 * Math.sin(t), HEIGHT / 2 + 10 * Math.cos(2 * t));
  context.rotate(0.1 * Math.sin(1.3 * t));
  context.scale(0.9 + 0.05 * Math.sin(t), 0.9 + 0.05 * Math.sin(t));
  context.drawImage(picture, -picture.width / 2, -picture.height / 2);
  return createImageBitmap(canvas);
}

/** @param {{ sample: string, rounds: number, frames: number, relaxed: boolean }} plan */
async function measure({ sample, rounds, frames, relaxed }) {
  await loadLiteRt("./packages/@litertjs/core/wasm/", { threads: false, jspi: false });
  const picture = await createImageBitmap(await (await fetch(sample)).blob());
  const options = completeOptions("pose", pose, { models: "models", backend: "wasm", relaxed });
  const peer = {
    async load(/** @type {string} */ address) {
      const name = address.split("/").at(-2);
      return litertModel(`models/${name}.tflite`, await (await fetch(address)).json());
    },
  };
  const runners = [
    { name: "webkiln", engine: await Engine.open(pose, options, { load }) },
    { name: "LiteRT.js", engine: await Engine.open(pose, options, /** @type {any} */ (peer)) },
  ].map((runner) => ({ ...runner, samples: /** @type {any[]} */ ([]), landmarks: /** @type {any[]} */ ([]) }));
  let time = 0;
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const runner = runners[(round + turn) % runners.length];
      runner.engine.reset();
      for (let k = 0; k < frames; k++) {
        const bitmap = await frameOf(picture, k);
        const { milliseconds, people } = await runner.engine.detect(bitmap, (time += 33));
        if (!round && !k) runner.landmarks = people[0].landmarks; // later frames feed the rounding of those before into their regions
        // The first round warms up; a turn's first frame also looks for the body.
        if (round) runner.samples.push({ ...milliseconds, isFirst: k === 0 });
      }
    }
  }
  const [own, other] = runners.map(({ landmarks }) => landmarks);
  return {
    difference: Math.max(...own.map((point, k) => Math.hypot(point.x - other[k].x, point.y - other[k].y))),
    runners: runners.map(({ name, samples }) => ({ name, samples })),
  };
}

globalThis.measurePipeline = measure;
