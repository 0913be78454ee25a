/** Where sound comes from: a microphone, a file, the sample. */

import { RATE, sample } from "./sample.js";

/**
 * @typedef {object} SoundSource
 * @property {string} name
 * @property {(signal: AbortSignal) => MediaStream | AsyncIterable<Float32Array>} open what is listened to: a stream, or samples at 16 kHz at the pace of time
 * @property {((on: boolean) => void) | null} setAloud plays what is listened to; null where that is heard anyway
 * @property {() => void} stop
 */

const PIECE = 512;

/** @returns {Promise<SoundSource>} */
export const sampleSource = async () => recorded("the sample", sample(), true);

/**
 * @param {File} file
 * @returns {Promise<SoundSource>}
 */
export async function fileSource(file) {
  const data = await file.arrayBuffer();
  const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(data).catch(() => {
    throw new Error(`${file.name} is not sound that the browser can read. Try a WAV, MP3, Ogg or M4A file.`);
  });
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, k) => decoded.getChannelData(k));
  if (!decoded.length) throw new Error(`${file.name} has no sound in it.`);
  return recorded(file.name, channels[0].map((_, k) => channels.reduce((sum, channel) => sum + channel[k], 0) / channels.length), false);
}

/** @returns {Promise<SoundSource>} */
export async function microphoneSource() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("There is no microphone here: pages get one over https or from this machine only, and not in every frame.");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch((error) => {
    throw new Error(problemOf(error));
  });
  return { name: "the microphone", open: () => stream, setAloud: null, stop: () => stream.getTracks().forEach((track) => track.stop()) };
}

/** @param {Error} error */
function problemOf({ name, message }) {
  if (name === "NotAllowedError") return "The microphone was not allowed. You can allow it beside the address of this page, and choose it again.";
  if (name === "NotFoundError") return "No microphone was found.";
  if (name === "NotReadableError") return "The microphone is in use by another program.";
  return `The microphone could not be used (${message}).`;
}

/**
 * @param {string} name
 * @param {Float32Array<ArrayBuffer>} samples at 16 kHz
 * @param {boolean} repeats again and again
 * @returns {SoundSource}
 */
function recorded(name, samples, repeats) {
  let began = performance.now();
  /** @type {AudioContext | null} */
  let aloud = null;
  const quiet = () => {
    void aloud?.close();
    aloud = null;
  };
  return {
    name,
    open(signal) {
      began = performance.now();
      return paced(samples, repeats, began, signal);
    },
    setAloud(on) {
      quiet();
      const position = (performance.now() - began) / 1000;
      if (!on || (!repeats && position * RATE >= samples.length)) return;
      aloud = new AudioContext();
      const buffer = aloud.createBuffer(1, samples.length, RATE);
      buffer.copyToChannel(samples, 0);
      const node = new AudioBufferSourceNode(aloud, { buffer, loop: repeats });
      node.connect(aloud.destination);
      node.start(0, position % buffer.duration);
    },
    stop: quiet,
  };
}

/**
 * @param {Float32Array} samples
 * @param {boolean} repeats
 * @param {number} began as performance.now() gives it
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Float32Array, void, void>} pieces, each when its time has come
 */
async function* paced(samples, repeats, began, signal) {
  for (let at = 0; (repeats || at < samples.length) && !signal.aborted; at += PIECE) {
    const wait = began + ((at + PIECE) * 1000) / RATE - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (signal.aborted) return;
    yield repeats ? Float32Array.from({ length: PIECE }, (_, k) => samples[(at + k) % samples.length]) : samples.subarray(at, at + PIECE);
  }
}
