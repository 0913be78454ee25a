/** The page: loads the model, runs it on pictures, shows what comes out. Texts of the model are only ever set as text. */

import { Drawing } from "./drawing.js";
import { bones, findOutputs, readLandmarks } from "./landmarks.js";
import { showParity } from "./parity.js";
import { decode } from "./picture.js";

const SAMPLE = "person.jpg";

/** One run is a matter of milliseconds; the median of a few is steadier. */
const TIMED_RUNS = 5;

const element = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const drawing = new Drawing({ canvas: element("picture"), overlay: element("overlay"), tag: element("tag"), list: element("landmarks") });

/** @type {Record<string, string>} */
const NAMES = { webgl: "WebGL", wasm: "WASM" };

/** What tests and curious people look at. `times` are the milliseconds of a run on the last picture, by backend. */
const demo = /** @type {any} */ (window).webkilnDemo = {
  /** @type {import("./landmarks.js").Landmark[]} */ landmarks: [],
  presence: NaN,
  milliseconds: NaN,
  /** @type {Record<string, number>} */ times: {},
  backend: "",
  /** @type {Record<string, any> | null} */ outputs: null,
  pictures: 0,
  error: "",
};

/** @param {"loading" | "ready" | "error"} state */
function setState(state) {
  document.documentElement.dataset.state = state;
}

/** @param {unknown} error */
function tell(error) {
  const text = error instanceof Error ? error.message : String(error);
  demo.error = text;
  element("problem").textContent = text;
  element("problem").hidden = false;
}

function clearProblem() {
  demo.error = "";
  element("problem").hidden = true;
}

/** Models that are loaded, by what was asked for and by the backend that came of it. @type {Map<string, Promise<any>>} */
const models = new Map();

/**
 * @param {string} backend "auto", "webgl" or "wasm"
 * @returns {Promise<any>}
 */
function modelOn(backend) {
  const known = models.get(backend) ?? loadModel(backend);
  models.set(backend, known);
  known.then(
    (model) => models.has(model.backend) || models.set(model.backend, known),
    () => models.delete(backend), // another attempt may do better
  );
  return known;
}

/** @param {string} backend */
async function loadModel(backend) {
  const { webkiln } = /** @type {any} */ (window);
  if (!webkiln) throw new Error("webkiln.min.js did not load; it has to lie next to this page");
  const progress = element("progress");
  const onProgress = (/** @type {{ loaded: number, total: number }} */ { loaded, total }) => {
    if (total) progress.value = loaded / total;
  };
  element("loading").hidden = false;
  try {
    const model = await webkiln.load("model/model.json", { backend, worker: typeof Worker === "function", onProgress });
    await model.warmup();
    return model;
  } finally {
    element("loading").hidden = true;
  }
}

/**
 * Runs the model on a picture and shows the result.
 * @param {any} model
 * @param {HTMLCanvasElement} picture
 * @param {() => boolean} isWanted false when another picture or backend was chosen in the meantime
 */
async function showPicture(model, picture, isWanted) {
  const [input] = model.inputs;
  const spec = model.processing?.inputs?.[input.name];
  if (spec?.type !== "picture") throw new Error("model.json does not say how a picture becomes the model's input; convert the model by its gallery name, as in: webkiln convert pose_landmark_lite -o model");
  const reading = findOutputs(model.processing);
  const place = /** @type {any} */ (window).webkiln.placement(spec, picture.width, picture.height);
  const times = [];
  let outputs;
  for (let k = 0; k < TIMED_RUNS; k++) {
    const began = performance.now();
    outputs = await model.run({ [input.name]: picture });
    times.push(performance.now() - began);
    if (!isWanted()) return;
  }
  const landmarks = readLandmarks(outputs[reading.landmarks], reading.keypoints, place);
  const milliseconds = times.sort((a, b) => a - b)[times.length >> 1];
  Object.assign(demo, { landmarks, presence: outputs[reading.presence][0], milliseconds, backend: model.backend, outputs, pictures: demo.pictures + 1 });
  demo.times[model.backend] = milliseconds;
  drawing.show(picture, landmarks, bones(reading.keypoints));
  element("presence").textContent = `${(100 * demo.presence).toFixed(1)} %`;
  describe(model);
}

/** @param {any} model */
function describe(model) {
  for (const backend of Object.keys(NAMES)) {
    const time = demo.times[backend];
    element(`${backend}-milliseconds`).textContent = time === undefined ? "–" : `${time.toFixed(1)} ms`;
    element(`${backend}-figure`).classList.toggle("current", backend === model.backend);
  }
  const build = model.backend === model.build ? "" : ` (${model.build})`;
  const reason = String(model.backendReason ?? "").replace(/^\w+: /, "");
  element("reason").textContent = `Now on ${NAMES[model.backend]}${build}${reason && `: ${reason}`}`;
  const { licence, attribution, source } = model.provenance ?? {};
  element("model").textContent = [model.name, attribution, licence, source].filter(Boolean).join(" · ");
}

/**
 * @param {any} first the model that is shown
 * @param {HTMLCanvasElement} sample the picture that is shown
 */
function listen(first, sample) {
  let latest = 0;
  let turn = Promise.resolve();
  let model = first;
  let picture = sample;
  /**
   * Changes what is wanted, in turn, and shows it unless something else is wanted by then.
   * @param {() => Promise<void>} change
   */
  const show = (change) => {
    const mine = ++latest;
    setState("loading");
    turn = turn.then(async () => {
      clearProblem();
      try {
        await change();
        if (mine === latest) await showPicture(model, picture, () => mine === latest);
      } catch (error) {
        // What cannot be read or run leaves the page as it was: the picture before is still shown.
        if (mine === latest) tell(error);
      }
      if (mine === latest) setState("ready");
    });
  };
  const showBlob = (/** @type {Blob} */ blob, /** @type {boolean} */ isSample) =>
    show(async () => {
      picture = await decode(blob);
      demo.times = {};
      element("sample").disabled = isSample;
    });
  const showSample = async () => showBlob(await fetchSample(), true);

  const choices = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[name=on]"));
  let chosen = "auto";
  for (const choice of choices) {
    choice.disabled = false;
    choice.addEventListener("change", () =>
      show(async () => {
        try {
          model = await modelOn(choice.value);
          chosen = choice.value;
        } catch (error) {
          for (const one of choices) one.checked = one.value === chosen;
          throw error;
        }
      }),
    );
  }

  const file = element("file");
  file.addEventListener("change", () => {
    if (file.files[0]) showBlob(file.files[0], false);
    file.value = "";
  });
  element("sample").addEventListener("click", () => showSample().catch(tell));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const dropped = event.dataTransfer?.files[0];
    if (dropped) showBlob(dropped, false);
    else tell(new Error("what was dropped is not a file; save the picture first, then drop it here"));
  });

  const verify = element("verify");
  verify.disabled = false;
  verify.addEventListener("click", async () => {
    verify.disabled = true;
    element("parity").textContent = "Comparing…";
    try {
      showParity(element("parity"), await model.verify());
    } catch (error) {
      element("parity").textContent = error instanceof Error ? error.message : String(error);
    } finally {
      verify.disabled = false;
    }
  });
}

/** @returns {Promise<Blob>} */
async function fetchSample() {
  const answer = await fetch(SAMPLE);
  if (!answer.ok) throw new Error(`${SAMPLE} could not be loaded (status ${answer.status})`);
  return answer.blob();
}

try {
  const [model, sample] = await Promise.all([modelOn("auto"), fetchSample().then(decode)]);
  await showPicture(model, sample, () => true);
  listen(model, sample);
  setState("ready");
} catch (error) {
  tell(error);
  setState("error");
}
