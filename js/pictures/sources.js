/** What holds a picture: which things do, how large they are, their pixels, and how they stay as they are. */

import { DeviceTensor } from "../device_tensor.js";
import { InputError } from "../errors.js";
import { completeSpec } from "./placement.js";

/** @typedef {import("../backends/mixed/queue.js").Queue} Queue */
/** @typedef {import("./placement.js").Region} Region */
/** @typedef {import("./sampling.js").Pixels} Pixels */
/** @typedef {HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap | VideoFrame} Drawable what the browser can draw */
/** @typedef {Drawable | Blob | ImageData | Pixels} PictureSource */
/** @typedef {{ picture: PictureSource, region?: Region, size?: import("./placement.js").InputSize, close?: boolean }} PicturePart `size`: what it is to have as an input; `close`: the runtime made the picture, and closes it after the run */

const DRAWABLE = /^(HTML(Image|Video|Canvas)Element|OffscreenCanvas|ImageBitmap|VideoFrame|Blob|File)$/;
const DECODED = /^(Blob|File|HTMLImageElement)$/; // these take time

/** @param {unknown} value */
const kindOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

/**
 * @param {any} value
 * @returns {value is Pixels}
 */
export function isPixels(value) {
  return typeof value === "object" && value !== null && "data" in value && "width" in value && "height" in value;
}

/**
 * A picture, with its part; null for any other value.
 * @param {any} value
 * @returns {PicturePart | null}
 */
export function pictureIn(value) {
  const part = typeof value === "object" && value !== null && "picture" in value ? value : { picture: value };
  const kind = kindOf(part.picture);
  if (DRAWABLE.test(kind) || isPixels(part.picture)) return part;
  if (part === value) throw new InputError(`a picture is an image, video or canvas element, an OffscreenCanvas, ImageBitmap, ImageData, VideoFrame, Blob, or { data, width, height }; got ${kind}`);
  return null;
}

/**
 * @param {any} picture
 * @returns {{ width: number, height: number }}
 * @throws {InputError} when there are no pixels
 */
export function sizeOfPicture(picture) {
  const width = picture.videoWidth ?? picture.displayWidth ?? picture.naturalWidth ?? picture.width;
  const height = picture.videoHeight ?? picture.displayHeight ?? picture.naturalHeight ?? picture.height;
  if (!(width > 0 && height > 0) || picture.readyState < 2) throw new InputError(`the ${kindOf(picture)} has no pixels (${width} × ${height}): wait until it has loaded, or give one that is open`);
  if (isPixels(picture) && !(picture.data?.BYTES_PER_ELEMENT === 1 && picture.data.length === 4 * width * height)) {
    throw new InputError(`pixels of ${width} × ${height} are a Uint8ClampedArray of ${4 * width * height} (RGBA), got a ${kindOf(picture.data)} of ${picture.data?.length}`);
  }
  return { width, height };
}

/** @type {OffscreenCanvasRenderingContext2D | undefined} */
let scratch;

/**
 * @param {Drawable | Pixels} picture
 * @returns {Pixels}
 */
export function pixelsOf(picture) {
  if (isPixels(picture)) return picture;
  const { width, height } = sizeOfPicture(picture);
  const canvas = scratch?.canvas ?? (typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height) : document.createElement("canvas"));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  scratch ??= /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  scratch.globalCompositeOperation = "copy"; // nothing of the picture before shows through
  scratch.drawImage(picture, 0, 0, width, height);
  return scratch.getImageData(0, 0, width, height);
}

/**
 * A picture that stays as it is, as the file has it: neither colours nor alpha are converted.
 * @param {any} picture
 * @param {string} orientation "ignore" EXIF, or "apply" it
 * @returns {Promise<ImageBitmap>}
 */
async function bitmapOf(picture, orientation) {
  try {
    const encoded = orientation === "ignore" && picture instanceof Blob ? await withoutExif(picture) : picture;
    return await createImageBitmap(encoded, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch (error) {
    throw new InputError(`the ${kindOf(picture)} is not a picture that can be read here: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * A JPEG whose EXIF no decoder takes for it: browsers have no other way to ignore it.
 * @param {Blob} blob
 * @returns {Promise<Blob>}
 */
async function withoutExif(blob) {
  const bytes = new DataView(await blob.arrayBuffer());
  const isJpeg = bytes.byteLength > 4 && bytes.getUint16(0) === 0xffd8;
  for (let at = 2; isJpeg && at + 10 < bytes.byteLength && bytes.getUint8(at) === 0xff && bytes.getUint8(at + 1) !== 0xda; at += 2 + bytes.getUint16(at + 2)) {
    if (bytes.getUint8(at + 1) === 0xe1) bytes.setUint32(at + 4, 0);
  }
  return new Blob([bytes], { type: blob.type });
}

/**
 * Runs a task on inputs: at once where they can be read at once, else in turn when their pictures are decoded. Either way they are
 * taken as they are at the call.
 * @template T
 * @param {Queue} queue
 * @param {any} inputs
 * @param {any} processing of model.json
 * @param {(inputs: any) => T | Promise<T>} task
 * @param {boolean} [isElsewhere] in another thread, which gets bitmaps
 * @returns {Promise<T>}
 */
export async function withPictures(queue, inputs, processing, task, isElsewhere = false) {
  const given = typeof inputs === "object" && inputs && !ArrayBuffer.isView(inputs) ? Object.entries(inputs) : [];
  const perform = async (/** @type {any} */ ready) => {
    try {
      return await task(ready);
    } finally {
      for (const value of Object.values(ready ?? {})) if (value?.close === true) value.picture.close();
    }
  };
  const isWaiting = given.some(([name, value]) => {
    if (value instanceof DeviceTensor) return isElsewhere;
    const part = named(name, () => pictureIn(value));
    return part && !part.close && (isElsewhere ? DRAWABLE : DECODED).test(kindOf(part.picture));
  });
  if (!queue.isBusy && !isWaiting) return perform(inputs);
  const kept = Promise.all(given.map(async ([name, value]) => [name, await named(name, () => (value instanceof DeviceTensor ? (isElsewhere ? value.data() : value) : keep(value, processing?.inputs?.[name])))]));
  kept.catch(() => undefined); // it is met in turn
  return queue.add(async () => perform(Object.fromEntries(await kept)));
}

/**
 * @param {any} value of an input
 * @param {any} spec
 */
function keep(value, spec) {
  const part = pictureIn(value);
  if (part?.close) return value;
  if (!part) return ArrayBuffer.isView(value) && "shape" in value ? { data: structuredClone(value), shape: value.shape } : structuredClone(value);
  const { picture } = part;
  const [region, size] = structuredClone([part.region, part.size]);
  if (isPixels(picture)) return { picture: { data: picture.data.slice(), width: picture.width, height: picture.height }, region, size };
  const { orientation } = completeSpec(spec);
  if (!("size" in picture)) sizeOfPicture(picture);
  return bitmapOf(picture, orientation).then((bitmap) => ({ picture: bitmap, region, size, close: true }));
}

/**
 * Does something with an input, whose name is told when it fails.
 * @template T
 * @param {string} name
 * @param {() => T} task
 * @returns {T}
 */
export function named(name, task) {
  const tell = (/** @type {unknown} */ error) => {
    if (error instanceof InputError) error.message = `input ${JSON.stringify(name)}: ${error.message}`;
    throw error;
  };
  try {
    const result = task();
    return result instanceof Promise ? /** @type {T} */ (result.catch(tell)) : result;
  } catch (error) {
    return tell(error);
  }
}
