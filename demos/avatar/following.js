/** A body, and hands and a face where there is time for them: as one task for the shell. */

/** @typedef {import("../../js/tasks/task.js").Task<any>} Task */
/** @typedef {import("../../js/tasks/open.js").TaskOptions} TaskOptions */
/** @typedef {"hands" | "face"} Part */
/** @typedef {{ open: (options: any) => Promise<Task>, options: Record<string, unknown>, things: string }} Finder */

/** Frames after which it is judged whether there is time. */
const JUDGED = 20;
/** Milliseconds a frame: below, there is time for hands and face; above, there is none. */
const QUICK = 28;
const SLOW = 80;

export class Following {
  /** @type {Map<Part, Promise<Task | null>>} */
  #opened = new Map();
  /** @type {Map<Part, Task>} */
  #parts = new Map();
  /** @type {number[]} */
  #times = [];
  #options;
  #pose;
  #finders;
  #onChange;

  /**
   * @param {any} tasks `webkiln.tasks`
   * @param {TaskOptions} options
   * @param {Task} pose
   * @param {(part: Part, on: boolean, problem?: Error) => void} onChange a part was turned on or off for want of time, or since it does not load
   */
  constructor(tasks, options, pose, onChange) {
    this.#options = { ...options, onProgress: undefined };
    this.#pose = pose;
    this.#onChange = onChange;
    this.#finders = /** @type {Record<Part, Finder>} */ ({
      hands: { open: tasks.hands, options: { numHands: 2 }, things: "hands" },
      face: { open: tasks.face, options: { numFaces: 1, iris: false }, things: "faces" },
    });
  }

  /** Whether hands and face are turned on and off as there is time. */
  isAutomatic = true;

  get backends() {
    return this.#pose.backends;
  }

  get lines() {
    return /** @type {any} */ (this.#pose).lines;
  }

  /**
   * @param {Part} part
   * @param {boolean} on
   */
  async turn(part, on) {
    if (!on) {
      this.#parts.delete(part);
      const opened = this.#opened.get(part);
      this.#opened.delete(part);
      (await opened)?.dispose();
      return;
    }
    if (this.#opened.has(part)) return;
    const { open, options } = this.#finders[part];
    /** @type {Error | undefined} */
    let problem;
    const opened = open({ ...this.#options, ...options }).catch((error) => {
      problem = error;
      return null;
    });
    this.#opened.set(part, opened);
    const task = await opened;
    if (this.#opened.get(part) !== opened) return; // it was turned off in the meantime
    if (task) this.#parts.set(part, task);
    else {
      this.#opened.delete(part);
      this.#onChange(part, false, problem);
    }
  }

  /**
   * @param {HTMLCanvasElement} picture
   * @param {{ timestamp?: number | null }} [when]
   */
  async detect(picture, when) {
    const began = performance.now();
    const parts = [...this.#parts];
    const [body, ...others] = await Promise.all([this.#pose.detect(picture, when), ...parts.map(([, task]) => task.detect(picture, when).catch(() => null))]);
    const result = { hands: [], faces: [], ...body, milliseconds: { ...body.milliseconds } };
    parts.forEach(([part], k) => {
      if (!others[k]) return; // it was turned off
      const { things } = this.#finders[part];
      result[things] = others[k][things];
      result.milliseconds[part] = others[k].milliseconds.all;
    });
    result.milliseconds.all = performance.now() - began;
    if (when?.timestamp && this.isAutomatic) this.#judge(result.milliseconds.all);
    return result;
  }

  /** @param {number} milliseconds */
  #judge(milliseconds) {
    this.#times.push(milliseconds);
    if (this.#times.length < JUDGED) return;
    const median = this.#times.sort((a, b) => a - b)[JUDGED >> 1];
    this.#times = [];
    const on = this.#opened.size > 0;
    if (on ? median <= SLOW : median >= QUICK) return;
    if (on) this.isAutomatic = false; // it has been tried
    for (const part of /** @type {Part[]} */ (["hands", "face"])) {
      void this.turn(part, !on);
      this.#onChange(part, !on);
    }
  }

  async reset() {
    this.#times = [];
    await Promise.all([this.#pose, ...this.#parts.values()].map((task) => task.reset()));
  }

  dispose() {
    for (const part of [...this.#opened.keys()]) void this.turn(part, false);
    this.#pose.dispose();
  }
}
