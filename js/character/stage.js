/** A lit stage for one character. Cheap enough for a processor that draws in place of a graphics card: no shadow maps, one pixel a pixel. */

import * as vrm from "@pixiv/three-vrm";
import { CanvasTexture, CircleGeometry, Color, DirectionalLight, Fog, HemisphereLight, Mesh, MeshBasicMaterial, MeshLambertMaterial, PerspectiveCamera, PlaneGeometry, Scene, SRGBColorSpace, Vector3, WebGLRenderer } from "three";
import { isSoftwareRenderer, rendererOf } from "../backends/webgl/software.js";
import { buildClay } from "./clay.js";
import { readCharacter } from "./loading.js";

/** @typedef {import("./loading.js").Character} Character */
/** @typedef {import("../avatar/follow.js").AvatarPose} AvatarPose */

const BACKDROP = "#f3dcc0";
const FLOOR = "#e3b98d";
/** Heights at which the camera looks, and how far away it is: the whole character, or from the belly upwards; of its height. */
const WHOLE = { height: 0.56, distance: 2.5 };
const CLOSE = { height: 0.74, distance: 1.55 };
/** The time in seconds in which the camera goes most of its way. */
const CAMERA = 0.5;

/** Lets the graphics card's memory of all that is below a node go. Its types are not found. */
const deepDispose = /** @type {(root: import("three").Object3D) => void} */ (/** @type {any} */ (vrm).VRMUtils.deepDispose);

/** Whether the processor draws in place of a graphics card. */
function isSlow() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) throw new Error("there is no WebGL2 here, which the character is drawn with");
  const renderer = rendererOf(gl);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return isSoftwareRenderer(renderer);
}

export class Stage {
  #renderer;
  #scene = new Scene();
  #camera = new PerspectiveCamera(28, 1, 0.1, 30);
  #shadow = softShadow();
  #close = 0;
  #near = 0;
  #time = -Infinity;
  /** @type {Character} */
  #character = buildClay();
  /** How many characters were asked for. */
  #asked = 0;

  /**
   * @param {HTMLCanvasElement} canvas its size on the page decides how much is drawn
   * @throws {Error} where there is no WebGL2
   */
  constructor(canvas) {
    const slow = isSlow();
    this.#renderer = new WebGLRenderer({ canvas, antialias: !slow, powerPreference: "high-performance" });
    this.#renderer.setPixelRatio(slow ? 1 : Math.min(devicePixelRatio, 2));
    this.#scene.background = new Color(BACKDROP);
    this.#scene.fog = new Fog(BACKDROP, 4.5, 9);
    const light = new DirectionalLight("#fff1dc", 2.3);
    light.position.set(1.2, 2.4, 2.2);
    const rim = new DirectionalLight("#ffb27d", 1.1);
    rim.position.set(-2, 1.5, -2);
    const floor = new Mesh(new CircleGeometry(6, 40), new MeshLambertMaterial({ color: FLOOR }));
    floor.rotation.x = -Math.PI / 2;
    this.#scene.add(new HemisphereLight("#fff7ea", "#c98d63", 1.5), light, rim, floor, this.#shadow, this.#character.root);
  }

  /** The character: its bones by name. */
  get character() {
    return this.#character;
  }

  /** @param {boolean} close whether only the upper half is looked at */
  set close(close) {
    this.#close = close ? 1 : 0;
  }

  /**
   * Another character takes the place of the one that is there, which stays when the file is none.
   * @param {ArrayBuffer} data of a .vrm, .glb or .gltf file
   * @param {string} name of the file
   * @returns {Promise<boolean>} false where another one was asked for in the meantime
   */
  async load(data, name) {
    const mine = ++this.#asked;
    const character = await readCharacter(data, name);
    if (mine !== this.#asked) return false;
    this.#take(character);
    return true;
  }

  /** The character that is built in. */
  reset() {
    this.#asked += 1;
    this.#take(buildClay());
  }

  /** @param {Character} character */
  #take(character) {
    this.#scene.remove(this.#character.root);
    deepDispose(this.#character.root);
    this.#character = character;
    this.#scene.add(character.root);
  }

  /**
   * Draws the character in a pose.
   * @param {AvatarPose} pose
   * @param {number} [timestamp] milliseconds
   */
  draw(pose, timestamp = performance.now()) {
    const seconds = Math.min(Math.max((timestamp - this.#time) / 1000, 0), 10);
    this.#time = timestamp;
    this.#character.take(pose, seconds);
    this.#near += (this.#close - this.#near) * (1 - Math.exp(-seconds / CAMERA));
    const hips = this.#character.bones.hips.getWorldPosition(new Vector3());
    this.#shadow.position.set(hips.x, 0.003, hips.z);
    this.#fit();
    this.#renderer.render(this.#scene, this.#camera);
  }

  #fit() {
    const { canvas } = this.#renderer.getContext();
    const { clientWidth: width, clientHeight: height } = /** @type {HTMLCanvasElement} */ (canvas);
    const ratio = this.#renderer.getPixelRatio();
    if (width && height && (canvas.width !== Math.floor(width * ratio) || canvas.height !== Math.floor(height * ratio))) this.#renderer.setSize(width, height, false);
    this.#camera.aspect = canvas.width / canvas.height;
    const between = (/** @type {number} */ a, /** @type {number} */ b) => (a + (b - a) * this.#near) * this.#character.height;
    const distance = between(WHOLE.distance, CLOSE.distance) * Math.max(1, 0.85 / this.#camera.aspect);
    const look = between(WHOLE.height, CLOSE.height);
    this.#camera.position.set(0, look + 0.12 * distance, distance);
    this.#camera.lookAt(0, look, 0);
    this.#camera.updateProjectionMatrix();
  }

  /** Lets the graphics card's memory go. */
  dispose() {
    this.#asked += 1;
    deepDispose(this.#scene);
    this.#renderer.dispose();
  }
}

/** A dark spot that fades: what a wide lamp leaves under a character. */
function softShadow() {
  const size = 128;
  const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const gradient = context.createRadialGradient(size / 2, size / 2, 0, size / 2, size / 2, size / 2);
  gradient.addColorStop(0, "rgba(90, 45, 20, 0.55)");
  gradient.addColorStop(0.45, "rgba(90, 45, 20, 0.28)");
  gradient.addColorStop(1, "rgba(90, 45, 20, 0)");
  context.fillStyle = gradient;
  context.fillRect(0, 0, size, size);
  const map = new CanvasTexture(canvas);
  map.colorSpace = SRGBColorSpace;
  const shadow = new Mesh(new PlaneGeometry(0.95, 0.7), new MeshBasicMaterial({ map, transparent: true, depthWrite: false }));
  shadow.rotation.x = -Math.PI / 2;
  return shadow;
}
