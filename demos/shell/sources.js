/** Where pictures come from. */

/**
 * @typedef {object} Source
 * @property {string} name
 * @property {boolean} isFilm whether there is always another picture
 * @property {boolean} isMirrored how it is shown at first
 * @property {(canvas: HTMLCanvasElement, signal: AbortSignal) => Promise<boolean>} next puts the next picture on the canvas; false when there is none
 * @property {() => void} stop
 */

/** The longer side of what is looked at. Points are as exact on it as the models are. */
const LARGEST = 1280;
const FILM_SIDE = 640;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasImageSource} picture
 * @param {number} width
 * @param {number} height
 */
function put(canvas, picture, width, height) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const size = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  if (canvas.width !== size[0] || canvas.height !== size[1]) Object.assign(canvas, { width: size[0], height: size[1] });
  canvas.getContext("2d", { willReadFrequently: true })?.drawImage(picture, 0, 0, size[0], size[1]);
}

/**
 * @param {AbortSignal} signal
 * @param {(done: () => void) => void} ask
 * @returns {Promise<void>} when what is asked for is done, or nothing is wanted any more
 */
const doneOr = (signal, ask) => new Promise((resolve) => {
  const done = () => {
    signal.removeEventListener("abort", done);
    resolve();
  };
  signal.addEventListener("abort", done);
  ask(done);
});

/** @param {AbortSignal} signal */
const nextRepaint = (signal) => doneOr(signal, (done) => requestAnimationFrame(done));

/**
 * @param {Blob} file
 * @returns {Promise<ImageBitmap>}
 */
export const readPicture = (file) => createImageBitmap(file).catch(() => {
  throw new Error("This file is not a picture that the browser can read. Try a JPEG, PNG or WebP file.");
});

/**
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<Source>}
 */
export async function pictureSource(file, name) {
  const bitmap = await readPicture(file);
  return {
    name,
    isFilm: false,
    isMirrored: false,
    async next(canvas) {
      put(canvas, bitmap, bitmap.width, bitmap.height);
      return true;
    },
    stop: () => bitmap.close(),
  };
}

/**
 * A still as a film: a part of it that moves slowly, as if the camera were held in a hand.
 * @param {Blob} file
 * @returns {Promise<Source>}
 */
export async function sampleSource(file) {
  const bitmap = await readPicture(file);
  const scale = Math.min(1, FILM_SIDE / Math.max(bitmap.width, bitmap.height));
  const size = { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) };
  /** @param {CanvasRenderingContext2D} context @param {number} seconds */
  const draw = (context, seconds) => {
    const part = 0.94 + 0.04 * Math.cos(seconds * 0.7);
    const [width, height] = [bitmap.width * part, bitmap.height * part];
    const x = (bitmap.width - width) * (0.5 + 0.5 * Math.sin(seconds * 0.9));
    const y = (bitmap.height - height) * (0.5 + 0.5 * Math.cos(seconds * 0.6));
    context.drawImage(bitmap, x, y, width, height, 0, 0, size.width, size.height);
  };
  return drawnSource("the sample", size, draw, { stop: () => bitmap.close() });
}

/**
 * What is drawn by code.
 * @param {string} name
 * @param {{ width: number, height: number }} size
 * @param {(context: CanvasRenderingContext2D, seconds: number) => void} draw
 * @param {{ isFilm?: boolean, isMirrored?: boolean, stop?: () => void }} [options]
 * @returns {Source}
 */
export function drawnSource(name, size, draw, { isFilm = true, isMirrored = false, stop = () => {} } = {}) {
  const frame = Object.assign(document.createElement("canvas"), size);
  const context = /** @type {CanvasRenderingContext2D} */ (frame.getContext("2d", { willReadFrequently: true }));
  const began = performance.now();
  return {
    name,
    isFilm,
    isMirrored,
    async next(canvas, signal) {
      await nextRepaint(signal);
      draw(context, (performance.now() - began) / 1000);
      put(canvas, frame, frame.width, frame.height);
      return true;
    },
    stop,
  };
}

/**
 * @param {File} file
 * @returns {Promise<Source>}
 */
export async function videoSource(file) {
  const video = document.createElement("video");
  const address = URL.createObjectURL(file);
  Object.assign(video, { src: address, loop: true });
  await play(video).catch(() => {
    URL.revokeObjectURL(address);
    throw new Error("This file is not a video that the browser can play. Try an MP4 or WebM file.");
  });
  return filmSource(video, file.name, false, () => URL.revokeObjectURL(address));
}

/** @returns {Promise<Source>} */
export async function cameraSource() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("There is no camera here: pages get one over https or from this machine only, and not in every frame.");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } } }).catch((error) => {
    throw new Error(cameraProblem(error));
  });
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  const video = document.createElement("video");
  video.srcObject = stream;
  await play(video).catch((error) => {
    stop();
    throw new Error(`The camera gives no picture (${error.message}).`);
  });
  return filmSource(video, "the camera", true, stop);
}

/** @param {Error} error */
function cameraProblem({ name, message }) {
  if (name === "NotAllowedError") return "The camera was not allowed. You can allow it beside the address of this page, and choose it again.";
  if (name === "NotFoundError") return "No camera was found.";
  if (name === "NotReadableError") return "The camera is in use by another program.";
  return `The camera could not be used (${message}).`;
}

/** @param {HTMLVideoElement} video */
async function play(video) {
  Object.assign(video, { muted: true, playsInline: true });
  await video.play();
}

/**
 * @param {HTMLVideoElement} video
 * @param {string} name
 * @param {boolean} isMirrored
 * @param {() => void} stop
 * @returns {Source}
 */
function filmSource(video, name, isMirrored, stop) {
  return {
    name,
    isFilm: true,
    isMirrored,
    async next(canvas, signal) {
      await nextFrame(video, signal);
      if (!video.videoWidth) return !video.error;
      put(canvas, video, video.videoWidth, video.videoHeight);
      return true;
    },
    stop() {
      video.pause();
      stop();
      video.removeAttribute("src");
      video.srcObject = null;
    },
  };
}

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal
 */
const nextFrame = (video, signal) => ("requestVideoFrameCallback" in video ? doneOr(signal, (done) => video.requestVideoFrameCallback(done)) : nextRepaint(signal));
