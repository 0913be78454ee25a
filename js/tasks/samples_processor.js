/** What runs on the thread of the sound, in an AudioWorklet. */

/** Needs nothing from outside: where no script may be added from an address, it is its own text. */
export function registerSamples() {
  const length = 512; // of a message: a frame of the model
  const scope = /** @type {any} */ (globalThis);
  scope.registerProcessor("webkiln-samples", class extends scope.AudioWorkletProcessor {
    samples = new Float32Array(length);
    count = 0;

    /** @param {Float32Array[][]} inputs */
    process([[channel]]) {
      for (const sample of channel ?? []) {
        this.samples[this.count++] = sample;
        if (this.count < length) continue;
        /** @type {any} */ (this).port.postMessage(this.samples, [this.samples.buffer]);
        this.samples = new Float32Array(length);
        this.count = 0;
      }
      return true;
    }
  });
}

if ("registerProcessor" in globalThis) registerSamples();
