/** Tasks one after another, in the order in which they were asked for; one that fails does not keep the next from running. */
export class Queue {
  /** @type {Promise<unknown> | null} */
  #last = null;

  /** Whether a task is running or waits. */
  get isBusy() {
    return this.#last !== null;
  }

  /**
   * Begins a task at once where none is running.
   * @template T
   * @param {() => T | Promise<T>} task
   * @returns {Promise<T>}
   */
  add(task) {
    const result = this.#last ? this.#last.then(task) : (async () => task())();
    const ended = () => {
      if (this.#last === last) this.#last = null;
    };
    const last = result.then(ended, ended);
    this.#last = last;
    return result;
  }
}
