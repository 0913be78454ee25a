/** The golden check on this device: both backends, the first operator that diverges, a report to copy. */

import { button, make, messageOf, table } from "./elements.js";
import { loadModel, readDescription, readReference } from "./files.js";
import { firstDivergence } from "./tracing.js";

/** @typedef {{ backend: "wasm" | "webgl", signature: string, state: "passed" | "failed" | "missing", build: string, outputs: any[], explanation: string, divergence: import("./tracing.js").Divergence | null }} Row */

const NAMES = { wasm: "WASM", webgl: "WebGL" };
const WORDS = { passed: "passed", failed: "FAILED", missing: "not available here" };

/** @param {number} value */
const small = (value) => (value === 0 ? "0" : value.toExponential(1));

/**
 * Checks each backend and shows what was found.
 * @param {HTMLElement} where
 * @returns {Promise<{ passed: boolean, rows: Row[], text: string }>}
 */
export async function verifyHere(where) {
  const note = make("p", { role: "status" }, "Loading the model…");
  where.replaceChildren(note);
  const description = await readDescription();
  /** @type {Row[]} */
  const rows = [];
  for (const backend of /** @type {const} */ (["wasm", "webgl"])) {
    note.textContent = `Comparing ${NAMES[backend]} with the reference…`;
    for (const { name } of description.signatures) rows.push(await check(backend, name, description));
  }
  const passed = rows.some(({ state }) => state === "passed") && rows.every(({ state }) => state !== "failed");
  const text = reportText(description, rows, passed);
  show(where, rows, passed, text);
  return { passed, rows, text };
}

/**
 * @param {"wasm" | "webgl"} backend
 * @param {string} signature
 * @param {any} description model.json
 * @returns {Promise<Row>}
 */
async function check(backend, signature, description) {
  const row = { backend, signature: description.signatures.length > 1 ? signature : "", build: "", outputs: [], explanation: "", divergence: null };
  if (backend === "webgl" && !hasFloatTargets()) return { ...row, state: "missing", explanation: "this browser has no WebGL2 that renders floats" };
  let model;
  try {
    model = await loadModel(backend, signature);
  } catch (error) {
    return { ...row, state: "failed", explanation: messageOf(error) };
  }
  try {
    const { passed, cases, explanation } = await model.verify();
    const outputs = cases.flatMap((/** @type {any} */ one) => one.outputs);
    if (passed) return { ...row, state: "passed", build: model.build, outputs };
    const reference = await readReference();
    const divergence = reference && (await firstDivergence(model, description, reference));
    return { ...row, state: "failed", build: model.build, outputs, explanation: divergence ? describe(divergence) : explanation, divergence };
  } catch (error) {
    return { ...row, state: "failed", build: model.build, explanation: messageOf(error) };
  } finally {
    model.dispose();
  }
}

/** @param {import("./tracing.js").Divergence} divergence */
function describe({ op, node, value, error, tolerance }) {
  return `the first operator that differs from the reference is ${op} (${node || value}): its error is ${small(error)}, and ${small(tolerance)} is allowed. Operators before it agree, so either its weights are not those that the model was converted with, or it computes wrongly here`;
}

/**
 * @param {HTMLElement} where
 * @param {Row[]} rows
 * @param {boolean} passed
 * @param {string} text
 */
function show(where, rows, passed, text) {
  const verdict = make("p", { class: `verdict ${passed ? "passed" : "failed"}`, role: "status" },
    passed ? "Passed: this device computes the numbers of the reference." : "Failed: the numbers differ from the reference, or none could be compared.");
  const lines = rows.flatMap(({ backend, signature, state, build, outputs }) => {
    const name = `${NAMES[backend]}${build && build !== backend ? ` (${build})` : ""}${signature && `, ${signature}`}`;
    if (!outputs.length) return [[badge(state), name, "–", "–", "–"]];
    return outputs.map(({ name: output, maximumError, tolerance, passed: isRight }) => [badge(isRight ? "passed" : "failed"), name, output, ...[maximumError, tolerance].map((error) => make("span", { class: "number" }, small(error)))]);
  });
  const remarks = rows.filter(({ explanation }) => explanation).map(({ backend, signature, explanation }) => make("p", { class: "explanation" }, `${NAMES[backend]}${signature && `, ${signature}`}: ${explanation}.`));
  const field = make("textarea", { readonly: true, rows: 10, id: "report", spellcheck: "false" });
  field.value = text;
  const told = make("span", { class: "hint", role: "status" });
  const copy = button("Copy the report", async () => {
    // Pages in a sandbox have no clipboard of their own; the older way asks for none.
    const isCopied = await (navigator.clipboard?.writeText(text).then(() => true, () => false) ?? false);
    if (!isCopied) field.select();
    told.textContent = isCopied || document.execCommand("copy") ? "Copied." : "Selected: copy it with the keyboard.";
  }, "primary");
  where.replaceChildren(verdict, table(["Result", "Backend", "Output", "Error", "Allowed"], lines), ...remarks,
    make("h2", {}, make("label", { for: "report" }, "Report")), field, make("div", { class: "actions" }, copy, told));
}

/** @param {Row["state"]} state */
function badge(state) {
  return make("span", { class: state }, WORDS[state]);
}

/**
 * @param {any} description
 * @param {Row[]} rows
 * @param {boolean} passed
 */
function reportText(description, rows, passed) {
  const { name, provenance = {}, producer } = description;
  const lines = [
    `Webkiln verification: ${passed ? "passed" : "FAILED"}`,
    `model: ${name}${provenance.source ? `, from ${provenance.source}` : ""}${provenance.source_sha256 ? ` (sha256 ${provenance.source_sha256})` : ""}`,
    `written by: ${producer}; runtime: webkiln ${/** @type {any} */ (globalThis).webkiln.version}`,
    `browser: ${navigator.userAgent}`,
    `renderer: ${renderer()}`,
    `processors: ${navigator.hardwareConcurrency ?? "unknown"}; isolated: ${globalThis.crossOriginIsolated === true}`,
    `time: ${new Date().toISOString()}`,
  ];
  for (const { backend, signature, state, build, outputs, explanation } of rows) {
    lines.push(`${backend}${build && build !== backend ? ` (${build})` : ""}${signature && `, signature ${signature}`}: ${WORDS[state]}`);
    for (const { name: output, maximumError, tolerance, passed: isRight } of outputs) {
      lines.push(`  ${output}: error ${small(maximumError)}, allowed ${small(tolerance)}${isRight ? "" : ", FAILED"}`);
    }
    if (explanation) lines.push(`  ${explanation}`);
  }
  return lines.join("\n");
}

/**
 * Asks a context of the graphics card, and lets it go: browsers keep only a few.
 * @template T
 * @param {(context: WebGL2RenderingContext) => T} question
 */
function askWebgl(question) {
  const context = document.createElement("canvas").getContext("webgl2");
  const answer = context && question(context);
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return answer;
}

function hasFloatTargets() {
  return Boolean(askWebgl((context) => context.getExtension("EXT_color_buffer_float")));
}

/** The graphics card, as far as the browser tells. */
function renderer() {
  return askWebgl((context) => {
    const info = context.getExtension("WEBGL_debug_renderer_info");
    return String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  }) ?? "no WebGL2";
}
