/** Following things from frame to frame: what `webkiln.tasks.tracking` says. */

import { InputError } from "../errors.js";
import { aroundPoints, overlap } from "./regions.js";
import { OneEuro } from "./smoothing.js";

/** @typedef {import("./regions.js").Region} Region */
/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("../results/keypoints.js").Point} Point */
/** @typedef {{ id: number, region: Region, filters: Map<string, OneEuro> }} Track where a thing will be, and the filters of its points */
/** @typedef {{ thing: any, next: Region }} Look what is in a region, and the region in which it will be in the next frame */

/** Regions that overlap more than this are of the same thing. */
const SAME = 0.5;

/** Milliseconds between two looks for further things, while some are followed. */
const DETECTOR_INTERVAL = 300;

/** @type {Record<string, (region: Region) => number>} sizes that speeds are relative to */
const SIZES = { landmarks: ({ width, height }) => (width + height) / 2, world: () => 1 };

export class Tracker {
  /** @type {Track[]} */
  #tracks = [];
  #next = 0;
  #latest = -Infinity;
  #searched = -Infinity;

  /**
   * @param {object} parts
   * @param {number} parts.most things
   * @param {import("./smoothing.js").Smoothing | null} parts.smoothing
   * @param {(frame: Frame) => Promise<Region[]>} parts.find regions of the things in the whole picture, the surest first
   * @param {(frame: Frame, region: Region) => Promise<Look | null>} parts.look null when there is nothing in the region
   */
  constructor({ most, smoothing, find, look }) {
    this.most = most;
    this.smoothing = smoothing;
    this.find = find;
    this.look = look;
  }

  /** Forgets what was followed: another film begins. */
  reset() {
    this.#tracks = [];
    this.#next = 0;
    this.#latest = this.#searched = -Infinity;
  }

  /**
   * @param {Frame} frame
   * @param {number | null} timestamp milliseconds; null for a single picture, of which nothing is remembered
   * @returns {Promise<any[]>} the things, each with its `id`, which stays the same from frame to frame
   * @throws {InputError}
   */
  async follow(frame, timestamp) {
    if (timestamp === null) {
      const looks = [];
      for (const region of apart(await this.find(frame), []).slice(0, this.most)) looks.push(await this.look(frame, region));
      return looks.flatMap((look) => look ?? []).map(({ thing }, id) => ({ id, ...thing }));
    }
    if (!(timestamp > this.#latest)) throw new InputError(`the frame's timestamp is ${timestamp}, and that of the one before was ${this.#latest}: it has to grow; reset() begins another film`);
    this.#latest = timestamp;
    const tracks = [...this.#tracks];
    if (tracks.length < this.most && (!tracks.length || timestamp - this.#searched >= DETECTOR_INTERVAL)) {
      this.#searched = timestamp;
      const found = apart(await this.find(frame), tracks.map(({ region }) => region));
      for (const region of found.slice(0, this.most - tracks.length)) tracks.push({ id: this.#next++, region, filters: new Map() });
    }
    /** @type {Track[]} */
    const kept = [];
    this.#tracks = kept; // what cannot be looked at does not stand in the way of the next frame
    const things = [];
    for (const track of tracks) {
      const look = await this.look(frame, track.region);
      if (!look || kept.some(({ region }) => overlap(look.next, region) > SAME)) continue; // it is gone, or followed already
      track.region = look.next;
      kept.push(track);
      things.push({ id: track.id, ...this.#smoothed(look.thing, track, timestamp) });
    }
    return things;
  }

  /**
   * @param {any} thing
   * @param {Track} track
   * @param {number} timestamp
   */
  #smoothed(thing, { region, filters }, timestamp) {
    const { smoothing } = this;
    if (!smoothing) return thing;
    const smooth = Object.entries(SIZES).flatMap(([name, sizeOf]) => {
      const points = /** @type {Point[] | undefined} */ (thing[name]);
      if (!points?.length) return [];
      const filter = filters.get(name) ?? new OneEuro(smoothing);
      filters.set(name, filter);
      return [[name, smoothed(points, filter, timestamp, sizeOf(region))]];
    });
    return { ...thing, ...Object.fromEntries(smooth) };
  }
}

/**
 * @param {readonly Point[]} points
 * @param {OneEuro} filter
 * @param {number} timestamp
 * @param {number} size
 * @returns {Point[]} with x, y and z smoothed
 */
function smoothed(points, filter, timestamp, size) {
  const values = filter.filter(points.flatMap(({ x, y, z = 0 }) => [x, y, z]), timestamp, size);
  return points.map((point, k) => {
    const [x, y, z] = values.slice(3 * k, 3 * k + 3);
    return "z" in point ? { ...point, x, y, z } : { ...point, x, y };
  });
}

/**
 * @param {readonly Region[]} regions
 * @param {readonly Region[]} taken
 * @returns {Region[]} those that lie on none of those taken or before
 */
function apart(regions, taken) {
  /** @type {Region[]} */
  const kept = [];
  for (const region of regions) if ([...taken, ...kept].every((other) => overlap(region, other) <= SAME)) kept.push(region);
  return kept;
}

/**
 * The box of points in pixels of a picture, and the points as parts of it (z as x).
 * @param {Point[]} landmarks
 * @param {{ width: number, height: number }} picture
 * @returns {{ box: Region, normalized: Point[] }}
 */
export function described(landmarks, { width, height }) {
  const normalized = landmarks.map((point) => ({ ...point, x: point.x / width, y: point.y / height, ...(point.z !== undefined && { z: point.z / width }) }));
  return { box: aroundPoints(landmarks), normalized };
}
