/** Sound that a task listens to. */

export class Sound {
  /** @param {Float32Array} samples */
  constructor(samples) {
    this.samples = samples;
  }

  close() {}
}
