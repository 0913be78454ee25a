/** index.html: inputs by their kinds, the result as recorded, and where it is computed. */

import { symbolsOf } from "../dims.js";
import { AudioInput } from "./audio_input.js";
import { byId, make, messageOf } from "./elements.js";
import { loadModel, readDescription } from "./files.js";
import { NumbersInput } from "./numbers_input.js";
import { showOutputs } from "./outputs.js";
import { PictureInput } from "./picture_input.js";
import { isSeries, showSeries } from "./series.js";
import { defaultSizes, goldenCase } from "./sizes.js";
import { TokensInput } from "./tokens_input.js";
import { verifyHere } from "./verification.js";

/** @typedef {"auto" | "wasm" | "webgl"} Choice */
/** @typedef {PictureInput | AudioInput | TokensInput | NumbersInput} Input */

/** One run is a matter of milliseconds; the median of a few is steadier. */
const TIMED_RUNS = 3;
/** @type {Record<string, string>} */
const NAMES = { webgl: "WebGL", wasm: "WASM" };

/** What tests and curious people look at. `times` are the milliseconds of a run by backend. */
const page = {
  runs: 0,
  backend: "",
  error: "",
  /** @type {Record<string, number>} */
  times: {},
  /** @type {any} */
  outputs: null,
  /** @type {any} */
  results: null,
};

/** @param {"loading" | "ready" | "error"} state */
function setState(state) {
  document.documentElement.dataset.state = state;
}

/** @param {unknown} error */
function tell(error) {
  page.error = error === null ? "" : messageOf(error);
  byId("problem").textContent = page.error;
  byId("problem").hidden = error === null;
}

/** Models that are loaded, by what was asked for. @type {Map<string, Promise<any>>} */
const models = new Map();

/**
 * @param {Choice} choice
 * @param {string} signature
 */
function modelOn(choice, signature) {
  const key = (/** @type {string} */ backend) => JSON.stringify([backend, signature]);
  const known = models.get(key(choice)) ?? load(choice, signature);
  models.set(key(choice), known);
  known.then((model) => models.has(key(model.backend)) || models.set(key(model.backend), known), () => models.delete(key(choice)));
  return known;
}

/**
 * @param {Choice} choice
 * @param {string} signature
 */
async function load(choice, signature) {
  const progress = byId("progress");
  byId("loading").hidden = false;
  try {
    return await loadModel(choice, signature, ({ loaded, total }) => {
      if (total) progress.value = loaded / total;
    });
  } finally {
    byId("loading").hidden = true;
  }
}

/** The inputs of a model on the page, and what a run makes of them. */
class Runner {
  /** @type {Map<string, Input>} by name */
  inputs = new Map();
  #hasState;

  /**
   * @param {any} model
   * @param {any} description model.json
   * @param {() => void} onChange
   */
  constructor(model, description, onChange) {
    const signature = description.signatures.find((/** @type {any} */ one) => one.name === model.signature);
    const golden = goldenCase(description, signature.name);
    const specs = /** @type {Record<string, any>} */ (description.processing?.inputs ?? {});
    this.#hasState = description.state?.length > 0;
    this.sizes = defaultSizes(description, signature.name, signature.inputs);
    const text = textInput(signature.inputs, specs);
    signature.inputs.forEach((/** @type {any} */ argument, /** @type {number} */ position) => {
      const context = { argument, position, golden, sizes: this.sizes, onChange, onProblem: tell, tokens: () => this.#tokens() };
      this.inputs.set(argument.name, inputFor(context, specs[argument.name] ?? {}, argument.name === text));
    });
    /** @type {(areNumbers: boolean) => Set<string>} */
    const symbols = (areNumbers) => new Set([...this.inputs.values()].filter((input) => input instanceof NumbersInput === areNumbers).flatMap(({ context }) => symbolsIn(context.argument)));
    /** Sizes that no picture, sound or text gives. */
    this.freeSizes = [...symbols(true)].filter((name) => !symbols(false).has(name));
  }

  #tokens() {
    const tokens = [...this.inputs.values()].find((input) => input instanceof TokensInput);
    return tokens ? tokens.value() : null;
  }

  async showSamples() {
    for (const input of this.inputs.values()) await input.showSample();
  }

  /** Lets go of what goes on by itself. */
  stop() {
    for (const input of this.inputs.values()) if (input instanceof PictureInput) input.stop();
  }

  get isLive() {
    return [...this.inputs.values()].some((input) => input instanceof PictureInput && input.isLive);
  }

  /**
   * @param {any} model
   * @param {() => boolean} isWanted
   * @returns {Promise<HTMLElement[] | null>} the parts to show; null when something else is wanted by now
   */
  async run(model, isWanted) {
    /** @type {Record<string, any>} */
    const given = {};
    const audio = /** @type {[string, AudioInput] | undefined} */ ([...this.inputs].find(([, input]) => input instanceof AudioInput));
    const frames = audio?.[1].frames() ?? [null];
    for (const [name, input] of this.inputs) if (!(input instanceof AudioInput)) given[name] = valueOf(input);
    /** @type {Record<string, any>[]} */
    const found = [];
    const times = [];
    const isLive = this.isLive;
    if (this.#hasState && !isLive) await model.reset();
    for (const frame of frames) {
      if (audio) given[audio[0]] = frame;
      const repeats = frames.length === 1 && !isLive && !this.#hasState ? TIMED_RUNS : 1;
      for (let k = 0; k < repeats; k++) {
        const began = performance.now();
        const outputs = await model.run(given);
        times.push(performance.now() - began);
        if (!isWanted()) return null;
        if (k === 0) found.push(outputs);
      }
    }
    const outputs = found[found.length - 1];
    const results = await /** @type {any} */ (globalThis).webkiln.results(model, outputs, given);
    times.sort((a, b) => a - b);
    page.times[model.backend] = times[times.length >> 1];
    Object.assign(page, { runs: page.runs + 1, backend: model.backend, outputs, results });
    for (const input of this.inputs.values()) if (input instanceof PictureInput) input.paint();
    if (audio && found.length > 1 && isSeries(outputs)) return showSeries(found, audio[1].seconds);
    return showOutputs(model, outputs, results, (input) => this.#surfaceOf(input));
  }

  /** @param {string | undefined} name of the input that an output is about; the first picture, when it is left out */
  #surfaceOf(name) {
    const pictures = [...this.inputs].filter(([own, input]) => input instanceof PictureInput && (name === undefined || own === name));
    return pictures.length ? /** @type {PictureInput} */ (pictures[0][1]) : null;
  }
}

/** @param {import("./sizes.js").Argument} argument */
function symbolsIn({ shape, values = [] }) {
  return [...shape.flatMap((dim) => [...symbolsOf(dim)]), ...values];
}

/**
 * The input of the tokens themselves: masks and kinds of tokens, as many numbers, follow from it.
 * @param {import("./sizes.js").Argument[]} inputs
 * @param {Record<string, any>} specs by name
 * @returns {string | undefined} its name
 */
function textInput(inputs, specs) {
  const names = inputs.map(({ name }) => name).filter((name) => specs[name]?.type === "tokens");
  return names.find((name) => !/mask|type|segment|position/i.test(name)) ?? names[0];
}

/**
 * @param {import("./numbers_input.js").Context} context
 * @param {any} spec of model.json
 * @param {boolean} isText
 * @returns {Input}
 */
function inputFor(context, spec, isText) {
  if (spec.type === "picture") return new PictureInput(context);
  if (spec.type === "audio" && (spec.channels ?? 1) === 1) return new AudioInput(context, spec);
  return isText ? new TokensInput(context, spec) : new NumbersInput(context);
}

/** @param {PictureInput | TokensInput | NumbersInput} input */
function valueOf(input) {
  if (!(input instanceof TokensInput)) return input.value();
  const { data, shape } = input.value();
  return { data, shape };
}

/**
 * New parts for old; what was opened stays open.
 * @param {HTMLElement} where
 * @param {HTMLElement[]} parts
 * @param {boolean} isLive many times a second, which nobody wants read out
 */
function replaceParts(where, parts, isLive) {
  const open = [...where.querySelectorAll("details")].map((one) => one.open);
  where.setAttribute("aria-live", isLive ? "off" : "polite");
  where.replaceChildren(...parts);
  where.querySelectorAll("details").forEach((one, k) => (one.open = open[k] ?? false));
}

/** @param {any} model */
function describeBackend(model) {
  for (const backend of Object.keys(NAMES)) {
    const time = page.times[backend];
    byId(`${backend}-milliseconds`).textContent = time === undefined ? "–" : `${time.toFixed(1)} ms`;
    byId(`${backend}-figure`).classList.toggle("current", backend === model.backend);
  }
  const build = model.backend === model.build ? "" : ` (${model.build})`;
  const reason = String(model.backendReason ?? "").replace(/^\w+: /, "");
  byId("reason").textContent = `Now on ${NAMES[model.backend]}${build}${reason && `: ${reason}`}`;
}

/**
 * Fields for the sizes that the model leaves open.
 * @param {Runner} runner
 * @param {any} description
 * @param {() => void} onChange
 */
function sizeFields({ freeSizes, sizes }, description, onChange) {
  if (!freeSizes.length) return [];
  const fields = freeSizes.map((name) => {
    const { minimum = 1, maximum = 65536, multiple = 1 } = description.symbols?.[name] ?? {};
    const field = make("input", { type: "number", min: minimum, max: maximum, step: multiple, value: /** @type {number} */ (sizes.get(name)) });
    field.addEventListener("change", () => {
      const size = field.valueAsNumber;
      if (!Number.isInteger(size) || size < minimum || size > maximum || size % multiple) return tell(new Error(`${name} is ${minimum} to ${maximum}${multiple > 1 ? `, a multiple of ${multiple}` : ""}; got ${field.value || "nothing"}`));
      sizes.set(name, size);
      onChange();
    });
    return make("label", {}, make("span", {}, name), field);
  });
  return [make("fieldset", { class: "sizes" }, make("legend", {}, "Sizes"), ...fields)];
}

/**
 * A choice of the way in which the model is called, where it has several.
 * @param {any} description model.json
 * @param {(field: HTMLSelectElement) => void} onChange
 * @returns {HTMLElement[]}
 */
function signatureChoice({ signatures }, onChange) {
  if (signatures.length < 2) return [];
  const field = make("select", {}, ...signatures.map((/** @type {any} */ { name }) => make("option", { value: name }, name)));
  field.addEventListener("change", () => onChange(field));
  return [make("label", { class: "signature" }, make("span", {}, "Signature"), field)];
}

/**
 * @param {{ backend: Choice, signature: string, runner: Runner }} wanted changed here
 * @param {(change: (current: any) => Promise<any>) => void} show
 */
function listen(wanted, show) {
  const choices = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[name=on]"));
  for (const choice of choices) {
    choice.disabled = false;
    choice.addEventListener("change", () => show(async () => {
      try {
        const model = await modelOn(/** @type {Choice} */ (choice.value), wanted.signature);
        wanted.backend = /** @type {Choice} */ (choice.value);
        return model;
      } catch (error) {
        for (const one of choices) one.checked = one.value === wanted.backend;
        throw error;
      }
    }));
  }
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
    const file = event.dataTransfer?.files[0];
    const input = file && [...wanted.runner.inputs.values()].find((one) => one.accepts(file));
    if (file && input) input.take(file).then(() => show(async (model) => model), tell);
    else tell(new Error(file ? `${file.name} is of no kind that this model takes` : "what was dropped is not a file; save it first, then drop it here"));
  });
  const verify = byId("verify");
  verify?.addEventListener("click", async () => {
    verify.disabled = true;
    await verifyHere(byId("verification")).catch((error) => byId("verification").replaceChildren(messageOf(error)));
    verify.disabled = false;
  });
}

/** @returns {Promise<void>} */
export async function startRunning() {
  Object.assign(globalThis, { webkilnPage: page });
  try {
    const description = await readDescription();
    const [{ name: first }] = description.signatures;
    let model = await modelOn("auto", first);
    let latest = 0;
    let turn = Promise.resolve();
    /**
     * Changes what is wanted, in turn, and shows it unless something else is wanted by then.
     * @param {(current: any) => Promise<any>} change gives the model to run
     */
    const show = (change) => {
      const mine = ++latest;
      setState("loading");
      turn = turn.then(async () => {
        try {
          model = await change(model);
          const parts = mine === latest ? await wanted.runner.run(model, () => mine === latest) : null;
          if (parts) {
            tell(null);
            replaceParts(byId("results"), parts, wanted.runner.isLive);
            describeBackend(model);
          }
        } catch (error) {
          if (mine === latest) tell(error);
        }
        if (mine === latest) setState("ready");
        if (mine === latest && wanted.runner.isLive && !page.error) requestAnimationFrame(() => mine === latest && show(async (current) => current));
      });
    };
    const onChange = () => {
      page.times = {};
      show(async (current) => current);
    };
    /** @type {{ backend: Choice, signature: string, runner: Runner }} */
    const wanted = { backend: "auto", signature: first, runner: new Runner(model, description, onChange) };
    const place = async () => {
      const { runner } = wanted;
      await runner.showSamples();
      byId("inputs").replaceChildren(...sizeFields(runner, description, onChange), ...[...runner.inputs.values()].map(({ element }) => element));
    };
    byId("inputs").before(...signatureChoice(description, (field) => show(async () => {
      const signature = field.value;
      field.value = wanted.signature; // until it is loaded
      const other = await modelOn(wanted.backend, signature);
      field.value = signature;
      wanted.runner.stop();
      page.times = {};
      Object.assign(wanted, { signature, runner: new Runner(other, description, onChange) });
      await place();
      return other;
    })));
    await place();
    listen(wanted, show);
    show(async (current) => current);
  } catch (error) {
    tell(error);
    setState("error");
  }
}
