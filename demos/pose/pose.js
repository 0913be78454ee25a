/** The page: loads the model, runs it on pictures, shows what comes out. Texts of the model are only ever set as text. */

import { Drawing } from "./drawing.js";
import { bones, findOutputs, readLandmarks } from "./landmarks.js";
import { showParity } from "./parity.js";
import { decode, place, toTensor } from "./picture.js";

const SAMPLE = "person.jpg";

/** One run is a matter of milliseconds; the median of a few is steadier. */
const TIMED_RUNS = 5;

const element = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const drawing = new Drawing({ canvas: element("picture"), overlay: element("overlay"), tag: element("tag"), list: element("landmarks") });

/** What tests and curious people look at. `input` is the tensor that the model was last given. */
const demo = /** @type {any} */ (window).webkilnDemo = {
  /** @type {import("./landmarks.js").Landmark[]} */ landmarks: [],
  presence: NaN,
  milliseconds: NaN,
  /** @type {{ name: string, shape: number[], data: Float32Array } | null} */ input: null,
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

async function loadModel() {
  const { webkiln } = /** @type {any} */ (window);
  if (!webkiln) throw new Error("webkiln.min.js did not load; it has to lie next to this page");
  const progress = element("progress");
  const onProgress = (/** @type {{ loaded: number, total: number }} */ { loaded, total }) => {
    if (total) progress.value = loaded / total;
  };
  return webkiln.load("model/model.json", { worker: typeof Worker === "function", onProgress });
}

/**
 * Runs the model on a picture and shows the result.
 * @param {any} model
 * @param {Blob} blob
 * @param {() => boolean} isWanted false when another picture came in the meantime
 */
async function showPicture(model, blob, isWanted) {
  const [input] = model.inputs;
  const spec = model.processing?.inputs?.[input.name];
  if (spec?.type !== "picture") throw new Error("model.json does not say how a picture becomes the model's input; convert the model by its gallery name, as in: webkiln convert pose_landmark_lite -o model");
  const reading = findOutputs(model.processing);
  const picture = await decode(blob, spec).catch(() => {
    throw new Error("this file is not a picture that the browser can read; try a JPEG, PNG or WebP file");
  });
  const placement = place(picture.width, picture.height, spec);
  const data = toTensor(picture, spec, placement);
  const times = [];
  let outputs;
  for (let k = 0; k < TIMED_RUNS; k++) {
    const began = performance.now();
    outputs = await model.run({ [input.name]: data });
    times.push(performance.now() - began);
    if (!isWanted()) return;
  }
  const landmarks = readLandmarks(outputs[reading.landmarks], reading.keypoints, placement);
  const milliseconds = times.sort((a, b) => a - b)[times.length >> 1];
  Object.assign(demo, {
    landmarks,
    presence: outputs[reading.presence][0],
    milliseconds,
    input: { name: input.name, shape: input.shape, data },
    outputs,
    pictures: demo.pictures + 1,
  });
  drawing.show(picture, landmarks, bones(reading.keypoints));
  element("presence").textContent = `${(100 * demo.presence).toFixed(1)} %`;
  element("milliseconds").textContent = `${milliseconds.toFixed(1)} ms`;
}

/** @param {any} model */
function describe(model) {
  element("backend").textContent = `${model.backend}, ${model.build}`;
  const { licence, attribution, source } = model.provenance ?? {};
  element("model").textContent = [model.name, attribution, licence, source].filter(Boolean).join(" · ");
}

/** @param {any} model */
function listen(model) {
  let latest = 0;
  const show = async (/** @type {Blob} */ blob, /** @type {boolean} */ isSample) => {
    const mine = ++latest;
    clearProblem();
    setState("loading");
    try {
      await showPicture(model, blob, () => mine === latest);
      if (mine === latest) element("sample").disabled = isSample;
    } catch (error) {
      if (mine === latest) tell(error);
    }
    // A picture that cannot be read leaves the page as it was: the one before is still shown.
    if (mine === latest) setState("ready");
  };
  const showSample = async () => show(await fetchSample(), true);

  const file = element("file");
  file.addEventListener("change", () => {
    if (file.files[0]) show(file.files[0], false);
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
    if (dropped) show(dropped, false);
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
  const [model, sample] = await Promise.all([loadModel(), fetchSample()]);
  describe(model);
  await model.warmup();
  await showPicture(model, sample, () => true);
  element("loading").hidden = true;
  listen(model);
  setState("ready");
} catch (error) {
  element("loading").hidden = true;
  tell(error);
  setState("error");
}
