/** What all demos have around them: where pictures come from, a stage, figures, choices, and words when something is missing. */

import "./runtime.js";
import { readAsset, isSingle, taskOptions } from "./assets.js";
import { button, choice, fileChooser, make, tick } from "./elements.js";
import { drawsInSoftware } from "./graphics.js";
import { Panel } from "./panel.js";
import { playground } from "./playground.js";
import { cameraSource, pictureSource, sampleSource, videoSource } from "./sources.js";
import { Turns } from "./turns.js";

/** @typedef {import("./sources.js").Source} Source */
/** @typedef {import("../../js/tasks/open.js").TaskOptions} TaskOptions */
/** @typedef {import("../../js/tasks/task.js").Task<any>} Task */
/**
 * @typedef {object} View what a demo draws on
 * @property {HTMLCanvasElement} canvas as large as the picture
 * @property {CanvasRenderingContext2D} context
 * @property {HTMLCanvasElement} picture that was looked at
 * @property {boolean} mirrored
 * @property {{ picture: { width: number, height: number }, mirrored: boolean }} placing for `webkiln.drawing`
 * @property {() => void} drawPicture the picture as it is to be seen
 */
/**
 * @typedef {object} Demo
 * @property {string | ((isStill: boolean) => Source | Promise<Source>)} sample to begin with: the address of a picture, or what makes it, as a still where people want no movement
 * @property {(sample: Blob, isStill: boolean) => Promise<Source>} [film] makes a film of the sample, or a still where people want no movement; otherwise it is shown as if the camera were held in a hand
 * @property {(options: TaskOptions) => Promise<Task>} open makes the task; the options say where the models are
 * @property {(task: any, picture: HTMLCanvasElement, options: { timestamp?: number }) => Promise<any>} [detect] where more than `task.detect` is to be called
 * @property {(view: View, result: any, task: Task) => void} draw
 * @property {(result: any) => string} describe the result in a few words, for those who cannot see it
 * @property {HTMLElement} [stage] shown in place of the picture, which then lies small in its corner
 * @property {Node[]} [controls] of its own; a picture that stands still is looked at again when one of them is changed
 * @property {(task: any) => void} [onTask] another task is there
 * @property {(source: Source) => void} [onSource] another film or picture begins
 * @property {(file: File) => boolean | Promise<boolean>} [takeFile] offered each dropped file before it is taken as a picture or a video; true where it is the demo's
 */

/** Whether canvases lie in memory, not on the graphics card. */
const IN_MEMORY = drawsInSoftware();

/** Milliseconds between two descriptions that are read out. */
const SPOKEN_EVERY = 3000;

/** @type {Record<string, (file: File) => Promise<Source>>} */
const READERS = { image: (file) => pictureSource(file, file.name), video: videoSource };

/** What tests and curious people look at. */
const state = /** @type {any} */ (globalThis).webkilnDemo = {
  frames: 0,
  fps: 0,
  /** @type {any} */ result: null,
  error: "",
  source: "",
  /** @type {Record<string, string>} */ backends: {},
};

/**
 * Builds the demo in `<main id="demo">`, and runs it.
 * @param {Demo} demo
 */
export function start(demo) {
  const shell = new Shell(demo);
  void shell.begin();
  return shell;
}

class Shell {
  #canvas = make("canvas", { role: "img", "aria-label": "The picture with the result" });
  #picture = document.createElement("canvas");
  #panel = new Panel();
  #problem = make("p", { class: "problem", role: "alert", hidden: true });
  #bar = make("progress", { max: "1", "aria-label": "Loading the models" });
  #loading = make("div", { class: "loading" }, "Loading the models…", this.#bar);
  #said = make("p", { class: "said", "aria-live": "polite" });
  #spoken = -Infinity;
  #pause = button("Pause", () => this.#setPaused(!this.#paused));
  #paused = false;
  /** Ends the wait at a picture that stands still. */
  #wake = () => {};
  /** Whether the picture is to be looked at once more. */
  #isAskedAgain = false;
  #mirror = tick("Mirrored", false, () => this.#draw());
  /** @type {Task | null} */
  #task = null;
  #choices = new Turns();
  #backend = "auto";
  #backends = choice("Run on", { auto: "Auto", webgl: "WebGL", wasm: "WASM" }, (backend) => void this.#choose(backend));
  /** @type {Source | null} */
  #source = null;
  #openings = new Turns();
  /** Ends the run of the source at hand. */
  #run = new AbortController();

  /** @param {Demo} demo */
  constructor(demo) {
    this.demo = demo;
    this.#build();
  }

  async begin() {
    this.#backends.select(this.#backend);
    await Promise.all([this.#choose(this.#backend), this.#use(() => this.#sample())]); // the picture is there before the models are
  }

  /** Looks once more at a picture that stands still: something else is to be seen of it. A film shows that with its next picture. */
  lookAgain() {
    this.#isAskedAgain = true;
    this.#spoken = -Infinity;
    this.#wake();
  }

  #build() {
    const main = /** @type {HTMLElement} */ (document.getElementById("demo"));
    const stage = make("div", { class: this.demo.stage ? "frame with-stage" : "frame" }, ...(this.demo.stage ? [this.demo.stage] : []), this.#canvas, this.#loading);
    const camera = button("Camera", () => void this.#use(cameraSource), "primary");
    const chooser = fileChooser("Picture or video", "image/*,video/*", (file) => void this.#use(() => readFile(file)));
    const sample = button("Sample", () => void this.#use(() => this.#sample()));
    const single = document.documentElement.dataset.single ?? "";
    main.append(
      make("section", { class: "stage", "aria-label": "Stage" }, this.#problem, stage, this.#said,
        make("div", { class: "actions" }, camera, chooser, sample, this.#pause, this.#mirror.element, make("span", { class: "hint" }, "or drop a file anywhere"))),
      make("section", { class: "panel", "aria-label": "Figures and choices" }, make("div", { class: "controls", change: () => this.lookAgain() }, ...(this.demo.controls ?? [])), this.#panel.element, this.#backends.element,
        ...(single || isSingle ? [playground(single, (error) => this.#fail(error))] : [])),
    );
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("dropping");
    });
    document.addEventListener("dragleave", () => stage.classList.remove("dropping"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("dropping");
      const [file] = event.dataTransfer?.files ?? [];
      if (file) void this.#drop(file);
    });
    document.addEventListener("paste", (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (file) void this.#drop(file);
    });
  }

  /** @param {File} file */
  async #drop(file) {
    try {
      if (await this.demo.takeFile?.(file)) return this.#clearProblem();
    } catch (error) {
      return this.#fail(error);
    }
    await this.#use(() => readFile(file));
  }

  async #sample() {
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (typeof this.demo.sample === "function") return this.demo.sample(isStill);
    const file = await readAsset(this.demo.sample);
    if (this.demo.film) return this.demo.film(file, isStill);
    return isStill ? pictureSource(file, "the sample") : sampleSource(file);
  }

  /**
   * Takes another task, on this backend; the one that is there stays when that fails.
   * @param {string} backend
   */
  async #choose(backend) {
    const turn = this.#choices.next();
    this.#clearProblem();
    this.#loading.hidden = false;
    const onProgress = (/** @type {{ loaded: number, total: number }} */ { loaded, total }) => {
      if (turn.isLatest()) this.#bar.value = total ? loaded / total : 0;
    };
    try {
      const task = await this.demo.open({ ...taskOptions(), backend: /** @type {any} */ (backend), onProgress });
      if (turn.take()) this.#take(task, backend);
      else task.dispose();
    } catch (error) {
      if (!turn.isLatest()) return;
      const { message } = /** @type {Error} */ (error);
      this.#backends.select(this.#backend);
      this.#fail(new Error(this.#task ? `${backend === "webgl" ? "WebGL does not work here" : "This backend does not work here"}; it goes on as before. ${message}`
        : `The models did not load, so that there is only the picture: ${message}`));
    } finally {
      if (turn.isLatest()) this.#loading.hidden = true;
    }
  }

  /**
   * @param {Task} task
   * @param {string} backend
   */
  #take(task, backend) {
    this.#run.abort();
    this.#task?.dispose();
    this.#task = task;
    this.#backend = backend;
    if (this.#loading.hidden) this.#backends.select(backend); // what was chosen after it has failed already
    state.backends = task.backends;
    this.#panel.setBackends(task.backends);
    this.demo.onTask?.(task);
    this.#restart();
  }

  /**
   * Shows another film or picture; what is shown stays when that fails, or the sample comes.
   * @param {() => Promise<Source>} open
   * @param {string} [problem] that led here
   */
  async #use(open, problem = "") {
    const turn = this.#openings.next();
    if (problem) this.#fail(new Error(problem));
    else this.#clearProblem();
    try {
      const source = await open();
      if (turn.take()) this.#show(source);
      else source.stop();
    } catch (error) {
      if (!turn.isLatest()) return;
      this.#fail(error);
      if (open === cameraSource && !this.#source?.isFilm) await this.#use(() => this.#sample(), `${/** @type {Error} */ (error).message} This is the sample instead.`);
    }
  }

  /** @param {Source} source */
  #show(source) {
    this.#run.abort();
    this.#source?.stop();
    this.#source = source;
    state.source = source.name;
    this.#mirror.input.checked = source.isMirrored;
    this.#pause.hidden = !source.isFilm;
    this.demo.onSource?.(source);
    this.#setPaused(false);
    this.#restart();
  }

  /** Looks at the source from its beginning. */
  #restart() {
    this.#run.abort();
    this.#wake();
    this.#run = new AbortController();
    this.#panel.restart();
    this.#spoken = -Infinity;
    const { signal } = this.#run;
    if (this.#source) this.#look(this.#source, signal).catch((error) => signal.aborted || this.#fail(error));
  }

  /**
   * @param {Source} source
   * @param {AbortSignal} signal
   */
  async #look(source, signal) {
    const task = this.#task;
    await task?.reset();
    while (!signal.aborted && (await source.next(this.#picture, signal))) {
      if (signal.aborted) return;
      if (!task) {
        this.#view().drawPicture();
        return;
      }
      do {
        this.#isAskedAgain = false;
        const result = await this.#detect(task, source.isFilm ? { timestamp: performance.now() } : {});
        if (signal.aborted) return;
        state.result = result;
        const began = performance.now();
        this.#draw();
        this.#panel.add({ ...result.milliseconds, drawing: performance.now() - began }, source.isFilm);
        state.fps = this.#panel.fps;
        state.frames += 1;
        this.#say(result);
      } while (await this.#isHeld(source, signal));
    }
  }

  /**
   * Waits as long as the picture stands still.
   * @param {Source} source
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether the same picture is to be looked at again, and not the next one
   */
  async #isHeld(source, signal) {
    while (!signal.aborted && (this.#paused || !source.isFilm)) {
      if (this.#isAskedAgain) return true;
      await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    }
    return false;
  }

  /**
   * @param {Task} task
   * @param {{ timestamp?: number }} options
   */
  #detect(task, options) {
    return this.demo.detect ? this.demo.detect(task, this.#picture, options) : task.detect(this.#picture, options);
  }

  #draw() {
    if (this.#task && state.result) this.demo.draw(this.#view(), state.result, this.#task);
    else this.#view().drawPicture();
  }

  /** @returns {View} */
  #view() {
    const [canvas, picture, mirrored] = [this.#canvas, this.#picture, this.#mirror.input.checked];
    const { width, height } = picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: IN_MEMORY }));
    return {
      canvas,
      context,
      picture,
      mirrored,
      placing: { picture: { width, height }, mirrored },
      drawPicture() {
        context.save();
        if (mirrored) context.transform(-1, 0, 0, 1, width, 0);
        context.drawImage(picture, 0, 0);
        context.restore();
      },
    };
  }

  /** @param {any} result */
  #say(result) {
    const now = performance.now();
    if (now - this.#spoken < SPOKEN_EVERY) return;
    this.#spoken = now;
    const text = this.demo.describe(result);
    if (this.#said.textContent !== text) this.#said.textContent = text;
  }

  /** @param {boolean} paused */
  #setPaused(paused) {
    this.#paused = paused;
    this.#pause.textContent = paused ? "Go on" : "Pause";
    this.#wake();
  }

  /** @param {unknown} error */
  #fail(error) {
    state.error = error instanceof Error ? error.message : String(error);
    this.#problem.textContent = state.error;
    this.#problem.hidden = false;
  }

  #clearProblem() {
    state.error = "";
    this.#problem.hidden = true;
  }
}

/**
 * @param {File} file
 * @returns {Promise<Source>}
 */
async function readFile(file) {
  const read = READERS[file.type.split("/")[0]];
  if (!read) throw new Error(`${file.name} is neither a picture nor a video.`);
  return read(file);
}
