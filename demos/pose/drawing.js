/** Draws a picture with its landmarks, and keeps the list of them in step with the points. */

import { spoken } from "./landmarks.js";

/** @typedef {import("./landmarks.js").Landmark} Landmark */

const SVG = "http://www.w3.org/2000/svg";

/** Below this the model takes a point to be hidden. */
const VISIBLE = 0.5;

/** These points lie close together. */
const FACE = /nose|eye|ear|mouth/;

export class Drawing {
  /** @type {Landmark[]} */
  #landmarks = [];
  #active = -1;

  /** @param {{ canvas: HTMLCanvasElement, overlay: SVGSVGElement, tag: HTMLElement, list: HTMLElement }} parts */
  constructor(parts) {
    this.parts = parts;
    const { overlay, list } = parts;
    overlay.addEventListener("pointerover", (event) => this.select(indexOf(event.target)));
    overlay.addEventListener("pointerleave", () => this.select(-1));
    list.addEventListener("pointerover", (event) => this.select(indexOf(event.target)));
    list.addEventListener("pointerleave", () => this.select(-1));
    list.addEventListener("click", (event) => this.select(indexOf(event.target)));
    list.addEventListener("blur", () => this.select(-1));
    list.addEventListener("focus", () => this.select(Math.max(this.#active, 0)));
    list.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * @param {HTMLCanvasElement} picture
   * @param {Landmark[]} landmarks
   * @param {[number, number][]} bones
   */
  show(picture, landmarks, bones) {
    const { canvas, overlay, list } = this.parts;
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    canvas.setAttribute("aria-label", `The picture, with ${landmarks.length} landmarks of a body`);
    overlay.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    this.#landmarks = landmarks;
    this.#active = -1;
    const unit = Math.max(picture.width, picture.height) / 100;
    const isFaint = (/** @type {number} */ k) => landmarks[k].visibility < VISIBLE;
    overlay.replaceChildren(
      ...bones.map(([a, b]) => {
        const [from, to] = [landmarks[a], landmarks[b]];
        const line = shape("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, "stroke-width": unit * 0.6, class: "bone" });
        line.classList.toggle("faint", isFaint(a) || isFaint(b));
        return line;
      }),
      ...landmarks.map(({ name, x, y }, k) => {
        const point = shape("circle", { cx: x, cy: y, r: unit * (FACE.test(name) ? 0.55 : 0.9), "stroke-width": unit * 0.25, class: `point ${sideOf(name)}`, "data-index": k });
        point.classList.toggle("faint", isFaint(k));
        return point;
      }),
    );
    list.replaceChildren(...landmarks.map((landmark, k) => option(landmark, k)));
    list.removeAttribute("aria-activedescendant");
    this.parts.tag.hidden = true;
  }

  /** @param {number} index of a landmark, or −1 for none */
  select(index) {
    if (index === this.#active) return;
    this.#active = index;
    const { canvas, overlay, tag, list } = this.parts;
    for (const point of overlay.querySelectorAll(".point")) point.classList.toggle("active", indexOf(point) === index);
    for (const item of list.children) item.setAttribute("aria-selected", String(indexOf(item) === index));
    tag.hidden = index < 0;
    if (index < 0) {
      list.removeAttribute("aria-activedescendant");
      return;
    }
    const { name, x, y } = this.#landmarks[index];
    tag.textContent = spoken(name);
    tag.style.left = `${(100 * x) / canvas.width}%`;
    tag.style.top = `${(100 * y) / canvas.height}%`;
    const item = list.children[index];
    list.setAttribute("aria-activedescendant", item.id);
    if (list === document.activeElement) item.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const last = this.#landmarks.length - 1;
    const next = { ArrowDown: this.#active + 1, ArrowUp: this.#active - 1, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.select(Math.min(Math.max(next, 0), last));
  }
}

/**
 * @param {Landmark} landmark
 * @param {number} index
 */
function option({ name, x, y, visibility }, index) {
  const item = document.createElement("li");
  item.id = `landmark-${index}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.dataset.index = String(index);
  const place = document.createElement("span");
  place.className = "place";
  place.textContent = `${x.toFixed(0)}, ${y.toFixed(0)} · ${(100 * visibility).toFixed(0)} %`;
  place.title = "x, y in pixels · how surely it is visible";
  item.append(spoken(name), place);
  return item;
}

/**
 * @param {string} kind
 * @param {Record<string, string | number>} attributes
 */
function shape(kind, attributes) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** @param {EventTarget | null} target */
function indexOf(target) {
  const element = target instanceof Element ? target.closest("[data-index]") : null;
  return element ? Number(element.getAttribute("data-index")) : -1;
}

/** @param {string} name */
function sideOf(name) {
  if (/(^|_)left(_|$)/.test(name)) return "left";
  return /(^|_)right(_|$)/.test(name) ? "right" : "centre";
}
