/** The samples of a microphone, or of any other stream of sound. */

import { WebkilnError } from "../errors.js";
import { processorScript } from "./runtime.js";
import { registerSamples } from "./samples_processor.js";

/**
 * @param {MediaStream} stream stays open afterwards
 * @param {number} sampleRate to which the browser resamples it
 * @param {AbortSignal} [signal] ends it
 * @returns {AsyncGenerator<Float32Array, void, void>} as they come, until the stream ends
 */
export async function* samplesOf(stream, sampleRate, signal) {
  const track = stream.getAudioTracks()[0];
  if (!track) throw new WebkilnError("the stream has no sound: ask for { audio: true }");
  if (typeof AudioWorkletNode === "undefined") throw new WebkilnError("this page has no AudioWorklet: it needs a browser that has one, and an address that starts with https (or this machine's own)");
  /** @type {Float32Array[]} */
  const waiting = [];
  let wake = () => {};
  let ended = track.readyState === "ended" || signal?.aborted === true;
  const end = () => {
    ended = true;
    wake();
  };
  const context = new AudioContext({ sampleRate });
  track.addEventListener("ended", end);
  signal?.addEventListener("abort", end);
  try {
    await addProcessor(context);
    const source = connect(context, stream);
    const node = new AudioWorkletNode(context, "webkiln-samples", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => {
      waiting.push(data);
      wake();
    };
    source.connect(node);
    context.resume().catch(() => undefined); // it waits where the browser wants a click first, and fails when it is closed before
    while (!ended || (waiting.length && !signal?.aborted)) {
      const samples = waiting.shift();
      if (samples) yield samples;
      else await new Promise((/** @type {(value?: unknown) => void} */ resolve) => (wake = resolve));
    }
  } finally {
    track.removeEventListener("ended", end);
    signal?.removeEventListener("abort", end);
    await context.close();
  }
}

/** @param {AudioContext} context */
async function addProcessor(context) {
  if (await context.audioWorklet.addModule(processorScript).then(() => true, () => false)) return;
  // The script is from another origin, or inside of the page.
  const address = URL.createObjectURL(new Blob([`(${registerSamples})()`], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(address);
  } catch (error) {
    throw new WebkilnError(`the script that reads the sound could not be loaded: a content security policy must allow in script-src ${processorScript}, on the page's origin or one that shares it, or else blob: (${/** @type {Error} */ (error).message})`);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/**
 * @param {AudioContext} context
 * @param {MediaStream} stream
 */
function connect(context, stream) {
  try {
    return context.createMediaStreamSource(stream);
  } catch (error) {
    throw new WebkilnError(`this browser does not resample a microphone to ${context.sampleRate} Hz (${/** @type {Error} */ (error).message}); give stream() samples at that rate instead`);
  }
}
