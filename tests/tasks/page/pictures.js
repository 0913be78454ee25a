/** Gives pictures of every kind to a model that returns its input. */

import { load } from "../js/index.js";
import { results } from "../js/results/results.js";

const OPAQUE = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/** How many objects of the device were made. */
let created = 0;
for (const kind of ["Texture", "Buffer", "Framebuffer", "Program", "Shader"]) {
  const own = WebGL2RenderingContext.prototype[`create${kind}`];
  WebGL2RenderingContext.prototype[`create${kind}`] = function (...args) {
    created++;
    return own.apply(this, args);
  };
}

/** What else is counted: reads that go to the host, textures that are left. */
const counts = { reads: 0, textures: 0 };
for (const [name, key, step] of [["readPixels", "reads", 1], ["createTexture", "textures", 1], ["deleteTexture", "textures", -1]]) {
  const own = WebGL2RenderingContext.prototype[name];
  WebGL2RenderingContext.prototype[name] = function (...args) {
    counts[key] += step;
    return own.apply(this, args);
  };
}

const models = new Map();

async function modelOf(url, options) {
  const key = JSON.stringify([url, options]);
  if (!models.has(key)) models.set(key, await load(new URL(url, location.href), { relaxed: false, ...options }));
  return models.get(key);
}

function bytesOf(text) {
  return Uint8ClampedArray.from(atob(text), (c) => c.charCodeAt(0));
}

function drawn(canvas, { data, width, height }) {
  Object.assign(canvas, { width, height }).getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  return canvas;
}

const blobOf = (pixels) => drawn(new OffscreenCanvas(1, 1), pixels).convertToBlob({ type: "image/png" });

export const KINDS = {
  pixels: (pixels) => pixels,
  ImageData: ({ data, width, height }) => new ImageData(data, width, height),
  HTMLCanvasElement: (pixels) => drawn(document.createElement("canvas"), pixels),
  OffscreenCanvas: (pixels) => drawn(new OffscreenCanvas(1, 1), pixels),
  ImageBitmap: ({ data, width, height }) => createImageBitmap(new ImageData(data, width, height), OPAQUE),
  VideoFrame: ({ data, width, height }) => new VideoFrame(data, { format: "RGBA", codedWidth: width, codedHeight: height, timestamp: 0 }),
  Blob: blobOf,
  async HTMLImageElement(pixels) {
    const image = new Image();
    image.src = URL.createObjectURL(await blobOf(pixels));
    await image.decode();
    return image;
  },
};

function textOf({ buffer, byteOffset, byteLength }) {
  const array = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let at = 0; at < array.length; at += 0x8000) text += String.fromCharCode(...array.subarray(at, at + 0x8000));
  return btoa(text);
}

const asAnswer = (tensor) => ({ shape: tensor.shape, data: textOf(tensor) });

async function filmOf(color) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  const context = canvas.getContext("2d");
  const paint = () => {
    context.fillStyle = color;
    context.fillRect(0, 0, 64, 48);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, 16, 48);
  };
  paint();
  const video = Object.assign(document.createElement("video"), { srcObject: canvas.captureStream(30), muted: true });
  const timer = setInterval(paint, 30);
  await video.play();
  while (!video.videoWidth || video.readyState < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 300));
  clearInterval(timer);
  return video;
}

globalThis.tests = {
  kinds: Object.keys(KINDS),

  /** Each case with a kind of its own. */
  async prepare(cases, options) {
    const answers = [];
    for (const { url, rgba, width, height, region, kind } of cases) {
      const model = await modelOf(url, options);
      const picture = await KINDS[kind]({ data: bytesOf(rgba), width, height });
      const { y } = await model.run({ image: region ? { picture, region } : picture });
      picture.close?.();
      answers.push({ ...asAnswer(y), backend: model.backend });
      if (!options.worker) model.dispose(), models.clear();
    }
    return answers;
  },

  async blob(url, data, type, options) {
    const model = await modelOf(url, options);
    const { y } = await model.run({ image: new Blob([bytesOf(data)], { type }) });
    return asAnswer(y);
  },

  async film(url, options) {
    const model = await modelOf(url, options);
    const video = await filmOf("rgb(40, 120, 200)");
    await model.run({ image: video });
    const before = created;
    for (let i = 0; i < 20; i++) await model.run({ image: video });
    const { y } = await model.run({ image: video });
    return { ...asAnswer(y), created: created - before, size: [video.videoWidth, video.videoHeight] };
  },

  /** A picture that is changed right after the call, and one that has to be decoded before it. */
  async order(url, options) {
    const model = await modelOf(url, options);
    const data = new Uint8ClampedArray(4 * 9).fill(10);
    const canvas = drawn(new OffscreenCanvas(3, 3), { data: data.slice().fill(20), width: 3, height: 3 });
    const ended = [];
    const runs = [
      model.run({ image: await blobOf({ data: data.slice().fill(255), width: 3, height: 3 }) }),
      model.run({ image: { data, width: 3, height: 3 } }),
      model.run({ image: canvas }),
    ].map(async (run, k) => {
      const { y } = await run;
      ended.push(k);
      return y[0];
    });
    data.fill(99);
    canvas.getContext("2d").fillRect(0, 0, 3, 3);
    return { values: await Promise.all(runs), ended };
  },

  /** Results that stay, go from one model to another, and are drawn. */
  async device(url, next, { rgba, width, height }, from, to) {
    const [first, second] = [await load(new URL(url, location.href), { relaxed: false, ...from }), await load(new URL(next, location.href), { relaxed: false, ...to })];
    const image = { data: bytesOf(rgba), width, height };
    const before = { ...counts };
    const { y: kept } = await first.run({ image }, { on: "device" });
    const { y: other } = await first.run({ image: { ...image, data: image.data.map((value) => 255 - value) } }, { on: "device" });
    const { y: passed } = await second.run({ image: other }, { on: "device" });
    const reads = counts.reads - before.reads;
    const canvas = drawn(new OffscreenCanvas(1, 1), { data: new Uint8ClampedArray(4).fill(255), width: 1, height: 1 });
    kept.draw(canvas);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const answers = await Promise.all([kept.data(), passed.data(), second.run({ image: kept }).then(({ y }) => y)]);
    for (const tensor of [kept, other, passed]) tensor.dispose();
    const textures = counts.textures - before.textures;
    const error = await kept.data().catch(({ name, message }) => `${name}: ${message}`);
    const wrong = await second.run({ image: new (kept.constructor)([1, 2], "float32", { data: async () => new Float32Array(2) }) }).catch(({ name, message }) => `${name}: ${message}`);
    first.dispose();
    second.dispose();
    return { dtype: kept.dtype, kept: asAnswer(answers[0]), passed: asAnswer(answers[1]), again: asAnswer(answers[2]), pixels: { shape: [pixels.height, pixels.width, 4], data: textOf(pixels.data) }, reads, textures, error, wrong };
  },

  /** What a model says of a picture, of the region and of the kind asked for. */
  async results(url, { rgba, width, height }, input, region, kind, options, how) {
    const model = await load(new URL(url, location.href), { relaxed: false, ...options });
    const picture = await KINDS[kind]({ data: bytesOf(rgba), width, height });
    const inputs = { [input]: region ? { picture, region } : picture };
    const found = await results(model, await model.run(inputs, how), inputs);
    model.dispose();
    return JSON.stringify(found, (_, value) => (ArrayBuffer.isView(value) ? { values: Array.from(value), shape: value.shape } : value));
  },

  async problem(url, given, options) {
    const model = await modelOf(url, options);
    const image = {
      unloaded: () => document.createElement("video"),
      blob: () => new Blob(["no picture"]),
      pixels: () => ({ data: new Uint8ClampedArray(3), width: 2, height: 2 }),
      region: () => ({ picture: new ImageData(2, 2), region: { x: 1, y: 1, width: 0, height: 3 } }),
      number: () => ({ picture: 5 }),
      picture: () => new ImageData(2, 2),
    }[given]();
    return model.run({ image }).then(() => "none", ({ name, message }) => `${name}: ${message}`);
  },
};
document.documentElement.dataset.ready = "yes";
