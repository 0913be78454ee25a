/** An input that is a picture: from a file, dropped, the sample, or the camera. */

import { button, fileChooser, make } from "./elements.js";
import { readSample } from "./files.js";
import { drawnPicture } from "./samples.js";

/** The longer side of what is shown. The model gets the picture as it is. */
const LARGEST_SHOWN = 1280;

export class PictureInput {
  /** @type {ImageBitmap | HTMLCanvasElement | HTMLVideoElement | null} */
  #source = null;
  /** @type {ImageBitmap | HTMLCanvasElement | null} of the latest run */
  #taken = null;
  /** @type {MediaStream | null} */
  #stream = null;
  #canvas = make("canvas", { role: "img", "aria-label": "The picture" });
  /** @type {HTMLButtonElement} */
  #camera;

  /** @param {import("./numbers_input.js").Context} context */
  constructor(context) {
    this.context = context;
    const id = `picture-${context.position}`;
    const chooser = fileChooser({ id, accept: "image/*", text: "Choose a picture", kind: "primary" }, (file) => this.take(file).then(context.onChange, context.onProblem));
    this.#camera = button("Use the camera", () => (this.#stream ? this.stop() : this.#start().then(context.onChange, context.onProblem)));
    this.element = make("figure", { class: "input" },
      make("div", { class: "frame" }, this.#canvas),
      make("figcaption", {}, make("span", { class: "name" }, context.argument.name), " · choose a picture or drop one anywhere on the page"),
      make("div", { class: "actions" }, ...chooser,
        button("Sample", () => this.showSample().then(context.onChange, context.onProblem)), this.#camera));
  }

  /** Whether the next picture comes by itself. */
  get isLive() {
    return this.#stream !== null;
  }

  /** @param {File} file */
  accepts(file) {
    return file.type.startsWith("image/");
  }

  /** @param {Blob} file */
  async take(file) {
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error("this file is not a picture that the browser can read; try a JPEG, PNG or WebP file");
    });
    this.stop();
    this.#source = bitmap;
  }

  async showSample() {
    const sample = await readSample();
    if (sample) return this.take(sample);
    this.stop();
    this.#source = drawnPicture();
  }

  /** What the model takes: a picture that stays as it is. */
  value() {
    if (!this.#source) throw new Error(`${this.context.argument.name} has no picture yet`);
    // A video goes on while the model runs; what is drawn over it has to be about what the model saw.
    this.#taken = this.#source instanceof HTMLVideoElement ? stillOf(this.#source) : this.#source;
    if (!this.isLive) this.paint();
    return this.#taken;
  }

  /** Shows the picture of the latest run, with nothing over it. */
  paint() {
    const taken = /** @type {ImageBitmap | HTMLCanvasElement} */ (this.#taken);
    this.factor = Math.min(1, LARGEST_SHOWN / Math.max(taken.width, taken.height));
    const [width, height] = [taken.width, taken.height].map((size) => Math.max(1, Math.round(size * this.factor)));
    Object.assign(this.#canvas, { width, height });
    this.#canvas.getContext("2d")?.drawImage(taken, 0, 0, width, height);
  }

  /** What is drawn on to show results; pixels of the picture times `factor`. */
  get canvas() {
    return this.#canvas;
  }

  /** Pixels of what is shown to one of the picture. */
  factor = 1;

  async #start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("this page has no camera: it needs a browser that gives one, and an address that starts with https (or this machine's own)");
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } }).catch((error) => {
      throw new Error(`the camera could not be used: ${error.message}`);
    });
    const video = document.createElement("video");
    Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    this.stop();
    this.#stream = stream;
    this.#source = video;
    this.#camera.textContent = "Stop the camera";
  }

  /** Ends the camera, and leaves its last picture. */
  stop() {
    if (this.#source instanceof HTMLVideoElement) this.#source = stillOf(this.#source); // before it ends, and is black
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#camera.textContent = "Use the camera";
  }
}

/** @param {HTMLVideoElement} video */
function stillOf(video) {
  const still = document.createElement("canvas");
  Object.assign(still, { width: video.videoWidth, height: video.videoHeight });
  still.getContext("2d")?.drawImage(video, 0, 0);
  return still;
}
