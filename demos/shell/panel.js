/** Figures: how fast, on what, and where the time goes. */

import { make } from "./elements.js";

/** @type {Record<string, string>} */
const NAMES = { webgl: "WebGL", wasm: "WASM", all: "all of these" };

/** Milliseconds between two changes of what is shown: faster than this nobody reads. */
const PACE = 250;
/** Milliseconds over which frames are counted. */
const SPAN = 2000;

export class Panel {
  #fps = make("dd", {}, "–");
  #backend = make("dd", {}, "–");
  #stages = make("table", { class: "stages" });
  element = make("div", {},
    make("dl", { class: "figures" }, make("div", {}, make("dt", {}, "Frames per second"), this.#fps), make("div", {}, make("dt", {}, "Runs on"), this.#backend)),
    this.#stages);
  /** @type {number[]} */
  #times = [];
  #shown = -Infinity;
  /** Means of what was measured since the last change, by stage. @type {Map<string, { sum: number, count: number }>} */
  #stagesSince = new Map();

  /** Frames per second, of late. */
  fps = 0;

  /** @param {Record<string, string>} backends by role */
  setBackends(backends) {
    this.#backend.textContent = [...new Set(Object.values(backends))].map((backend) => NAMES[backend] ?? backend).join(" and ") || "–";
  }

  /** Another film begins. */
  restart() {
    this.#times = [];
    this.fps = 0;
    this.#shown = -Infinity;
    this.#stagesSince.clear();
  }

  /**
   * @param {Record<string, number>} milliseconds by stage
   * @param {boolean} isFilm
   */
  add(milliseconds, isFilm) {
    const now = performance.now();
    this.#times = [...this.#times.filter((time) => now - time < SPAN), now];
    this.fps = this.#times.length > 1 ? (1000 * (this.#times.length - 1)) / (now - this.#times[0]) : 0;
    for (const [stage, time] of Object.entries(milliseconds)) {
      const { sum, count } = this.#stagesSince.get(stage) ?? { sum: 0, count: 0 };
      this.#stagesSince.set(stage, { sum: sum + time, count: count + 1 });
    }
    if (now - this.#shown < PACE) return;
    this.#shown = now;
    this.#fps.textContent = isFilm && this.fps ? this.fps.toFixed(this.fps < 10 ? 1 : 0) : "–";
    this.#stages.replaceChildren(
      make("caption", {}, "Milliseconds by stage"),
      make("tbody", {}, ...[...this.#stagesSince].map(([stage, { sum, count }]) => make("tr", {}, make("th", { scope: "row" }, NAMES[stage] ?? stage), make("td", {}, (sum / count).toFixed(1))))),
    );
    this.#stagesSince.clear();
  }
}
