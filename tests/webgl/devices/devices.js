/** A page whose WebGL can be lost at any call, claim to be another device, be slow, or be missing. */

const webkiln = await import(new URL(new URLSearchParams(location.search).get("runtime"), location.href).href);

/** @type {Map<string, any>} */
const models = new Map();
const own = { getContext: new Map(), getParameter: WebGL2RenderingContext.prototype.getParameter, getExtension: WebGL2RenderingContext.prototype.getExtension };
const state = { calls: 0, loseAt: [], contexts: [], renderer: null, missing: 0, slowLayers: 0, attachments: 1, draws: {}, left: {}, textureBytes: 0, broken: false, floats: true, stuck: null };
/** @type {WeakMap<WebGLTexture, number>} */
const bytesOf = new WeakMap();
const UNMASKED_RENDERER = 0x9246;

for (const Canvas of [OffscreenCanvas, HTMLCanvasElement]) {
  const getContext = Canvas.prototype.getContext;
  Canvas.prototype.getContext = function (kind, ...rest) {
    if (kind === "webgl2" && state.missing-- > 0) return null;
    const gl = getContext.call(this, kind, ...rest);
    if (kind === "webgl2") state.contexts.push({ gl, lose: own.getExtension.call(gl, "WEBGL_lose_context") });
    return gl;
  };
}

const busy = (milliseconds) => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
};

for (const name of Object.getOwnPropertyNames(WebGL2RenderingContext.prototype)) {
  const descriptor = Object.getOwnPropertyDescriptor(WebGL2RenderingContext.prototype, name);
  if (typeof descriptor.value !== "function" || name === "isContextLost") continue;
  const method = descriptor.value;
  WebGL2RenderingContext.prototype[name] = function (...args) {
    if (!this.isContextLost()) state.calls++;
    if (state.loseAt.length && state.calls === state.loseAt[0]) {
      state.loseAt.shift();
      state.calls = 0;
      state.contexts.at(-1).lose.loseContext();
    }
    if (name === "getParameter" && args[0] === UNMASKED_RENDERER && state.renderer) return state.renderer;
    if (name === "getProgramParameter" && args[1] === this.LINK_STATUS && state.broken) return false;
    if (name === "getExtension" && args[0] === "EXT_color_buffer_float" && !state.floats) return null;
    if (name === "clientWaitSync" && state.stuck === this) return this.TIMEOUT_EXPIRED;
    if (name === "drawBuffers") state.attachments = args[0].length;
    if (name === "bindFramebuffer") state.attachments = args[1]?.layers ?? state.attachments;
    if (name === "drawArrays") {
      state.draws[state.attachments] = (state.draws[state.attachments] ?? 0) + 1;
      if (state.attachments === state.slowLayers) busy(5);
    }
    const [, verb, object] = /^(create|delete|fence)(Texture|Buffer|Framebuffer|Program|Shader|Sync)$/.exec(name) ?? [];
    if (object && (verb !== "delete" || args[0])) state.left[object] = (state.left[object] ?? 0) + (verb === "delete" ? -1 : 1);
    if (name === "deleteTexture") state.textureBytes -= bytesOf.get(args[0]) ?? 0;
    const result = method.apply(this, args);
    if (/^texStorage/.test(name)) {
      const [target, , format, width, height, depth = 1] = args;
      if (format !== this.RGBA32F) throw new Error(`a texture of another format: ${format}`);
      const texture = own.getParameter.call(this, target === this.TEXTURE_2D ? this.TEXTURE_BINDING_2D : this.TEXTURE_BINDING_2D_ARRAY);
      if (texture) bytesOf.set(texture, width * height * depth * 16);
      if (texture) state.textureBytes += width * height * depth * 16;
    }
    if (name === "drawBuffers") current(this).layers = args[0].length;
    return result;
  };
}

/** The bound framebuffer, on which its number of layers is noted. */
function current(gl) {
  return own.getParameter.call(gl, gl.FRAMEBUFFER_BINDING) ?? {};
}

const Instance = WebAssembly.Instance;
let wasmDelay = 0;
WebAssembly.Instance = function (...args) {
  if (wasmDelay === Infinity) throw new RangeError("no room for this memory");
  const { exports } = new Instance(...args);
  const slowed = ([name, value]) => [name, typeof value === "function" ? (...given) => (busy(wasmDelay), value(...given)) : value];
  return { exports: Object.fromEntries(Object.entries(exports).map(slowed)) };
};

const plain = (results) => Object.fromEntries(Object.entries(results).map(([name, data]) => [name, Array.from(data)]));
const typed = (inputs) => Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, Float32Array.from(data.flat(Infinity))]));

export const methods = {
  /** How the device is from now on. */
  async device({ renderer, missing, slowLayers, wasmDelay: delay, broken, floats }) {
    if (broken !== undefined) state.broken = broken;
    if (floats !== undefined) state.floats = floats;
    if (renderer !== undefined) state.renderer = renderer;
    if (missing !== undefined) state.missing = missing;
    if (slowLayers !== undefined) state.slowLayers = slowLayers;
    if (delay !== undefined) wasmDelay = delay ?? Infinity;
    state.draws = {};
    return {};
  },
  /** Loads a model; the context is lost at these numbers of calls of WebGL, counted anew after each loss. */
  async load({ key, url, options, loseAt = [], abortAt, worker }) {
    const stages = [];
    state.calls = 0;
    state.loseAt = [...loseAt];
    const controller = new AbortController();
    const onProgress = (progress) => {
      stages.push(progress);
      if (progress.stage === abortAt) controller.abort();
    };
    const workerUrl = worker && URL.createObjectURL(new Blob([worker], { type: "text/javascript" }));
    const model = await webkiln.load(url, { ...options, ...(workerUrl && { worker: true, workerUrl }), onProgress, signal: controller.signal });
    models.set(key, model);
    return { backend: model.backend, reason: model.backendReason, remote: !(model instanceof webkiln.Model), stages, calls: state.calls, contexts: state.contexts.length, lossesLeft: state.loseAt.length, draws: state.draws };
  },
  /** Runs on each inputs at once, told one after another, and gives results or errors. The arrays are overwritten after the call, as callers may. */
  async run({ key, inputs, loseAt = [] }) {
    const model = models.get(key);
    state.calls = 0;
    state.loseAt = [...loseAt];
    const running = inputs.map((given) => {
      const arrays = typed(given);
      const result = model.run(arrays).then((outputs) => ({ outputs: plain(outputs) }), (error) => ({ error: error.message }));
      for (const array of Object.values(arrays)) if (array.byteLength) array.fill(NaN);
      return result;
    });
    const results = await Promise.all(running);
    return { results, calls: state.calls, lossesLeft: state.loseAt.length, contexts: state.contexts.length, backend: model.backend, reason: model.backendReason };
  },
  /** A result that stays on the device, as the input of the next run and as data, before and after a loss. */
  async hold({ key, inputs }) {
    const model = models.get(key);
    const [name] = model.inputs.map((input) => input.name);
    const { y } = await model.run(typed(inputs), { on: "device" });
    const use = (promise) => promise.then((result) => Array.from(result.y ?? result), (error) => error.message);
    const before = [await use(y.data()), await use(model.run({ [name]: y }))];
    state.contexts.at(-1).lose.loseContext();
    return { before, after: [await use(y.data()), await use(model.run({ [name]: y })), await use(model.run(typed(inputs)))] };
  },
  /** From now on the device of this context answers no more, and a minute is a second. */
  async stick() {
    state.stuck = state.contexts.at(-1).gl;
    const now = performance.now.bind(performance);
    performance.now = () => 60 * now();
    return {};
  },
  async lose() {
    state.contexts.at(-1).lose.loseContext();
    return {};
  },
  async ask({ key, question, args = [] }) {
    return (await models.get(key)[question](...args)) ?? null;
  },
  /** Many runs, in rounds: what is left of the device's objects and of the heap after each. */
  async steady({ key, inputs, rounds, runs }) {
    const model = models.get(key);
    const arrays = typed(inputs);
    const told = async () => {
      for (let i = 0; i < 4; i++) {
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      return { left: { ...state.left }, textureBytes: state.textureBytes, heap: performance.memory.usedJSHeapSize };
    };
    const found = [];
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < runs; i++) await model.run(arrays);
      found.push(await told());
    }
    return found;
  },
  async kept({ cache }) {
    const opened = await caches.open(cache);
    const found = [];
    for (const request of await opened.keys()) if (request.url.includes("webkiln-backend")) found.push(await (await opened.match(request)).json());
    return found;
  },
  async dispose({ key }) {
    models.get(key).dispose();
    models.delete(key);
    return {};
  },
};
