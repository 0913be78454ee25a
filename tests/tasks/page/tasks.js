/** Runs tasks of the bundle that the page has as its one script. */

const bytesOf = (text) => Uint8ClampedArray.from(atob(text), (c) => c.charCodeAt(0));
const plain = (value) => JSON.parse(JSON.stringify(value, (_, own) => (ArrayBuffer.isView(own) ? { values: Array.from(own) } : own)));
const told = ({ name, message }) => `${name}: ${message}`;

/** A film of a picture that moves to the right. */
async function filmOf(image) {
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  const context = canvas.getContext("2d");
  const still = await createImageBitmap(image);
  let at = 0;
  const paint = () => context.drawImage(still, at++ % 40, 0);
  paint();
  const video = Object.assign(document.createElement("video"), { srcObject: canvas.captureStream(25), muted: true });
  const timer = setInterval(paint, 40);
  await video.play();
  return { video, end: () => (clearInterval(timer), video.srcObject.getTracks().forEach((track) => track.stop())) };
}

const imageOf = ({ rgba, width, height }) => new ImageData(bytesOf(rgba), width, height);

globalThis.tests = {
  /** Results of pictures, and the backend of each model. */
  async detect(name, options, pictures) {
    const stages = [];
    const task = await webkiln.tasks[name]({ relaxed: false, ...options, onProgress: ({ stage }) => stages.push(stage) });
    const found = [];
    for (const picture of pictures) found.push(await task.detect(imageOf(picture), { timestamp: picture.timestamp ?? null }));
    const backends = task.backends;
    task.dispose();
    return plain({ found, backends, stages });
  },

  /** The first results of a film, until it is stopped from outside. */
  async stream(name, options, picture, wanted) {
    const task = await webkiln.tasks[name]({ relaxed: false, ...options });
    const { video, end } = await filmOf(imageOf(picture));
    const stop = new AbortController();
    const found = [];
    for await (const result of task.stream(video, { signal: stop.signal })) {
      found.push(result);
      if (found.length === wanted) stop.abort();
    }
    end();
    task.dispose();
    return plain(found);
  },

  /** A picture drawn with another background: "blur" or "replace", on WebGL or in 2D. */
  async composited(method, kind, options, picture, background) {
    const task = await webkiln.tasks.segmentation({ relaxed: false, ...options });
    const canvas = document.createElement("canvas");
    const context = kind === "2d" ? canvas.getContext("2d") : null;
    const given = typeof background === "object" && "rgba" in background ? imageOf(background) : background;
    const image = imageOf(picture);
    const began = performance.now();
    const result = await task[method](canvas, image, given);
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const milliseconds = performance.now() - began;
    const wrong = [await task.replace(canvas, image, "no color").then(() => "none", told), await task.replace(canvas, image, 5).then(() => "none", told), await task.blur(canvas, image, { radius: 0 }).then(() => "none", told), await task.blur({}, image).then(() => "none", told)];
    task.dispose();
    let text = "";
    for (let at = 0; at < data.length; at += 0x8000) text += String.fromCharCode(...data.subarray(at, at + 0x8000));
    return { rgba: btoa(text), size: [canvas.width, canvas.height], webgl: !context && canvas.getContext("webgl2") !== null, mask: [result.mask.width, result.mask.height], wrong, milliseconds };
  },

  /** A film with a blurred background, frame after frame, on one canvas. */
  async blurredFilm(options, picture, count) {
    const task = await webkiln.tasks.segmentation({ relaxed: false, ...options });
    const { video, end } = await filmOf(imageOf(picture));
    const canvas = document.createElement("canvas");
    const found = [];
    for (let frame = 0; frame < count; frame++) {
      const { timestamp } = await task.blur(canvas, video);
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      found.push({ timestamp, size: [canvas.width, canvas.height], mean: data.reduce((sum, value) => sum + value, 0) / data.length });
    }
    const error = canvas.getContext("webgl2").getError();
    end();
    task.dispose();
    return { found, error };
  },

  /** What is said when a task is disposed, stopped, or given what it cannot use. */
  async problems(name, options, picture) {
    const make = (more) => webkiln.tasks[name]({ relaxed: false, ...options, ...more });
    const refused = (more) => make(more).then((task) => (task.dispose(), "none"), told);
    const answers = { option: await refused({ wrong: 1 }), models: await refused({ models: 5 }), address: await refused({ models: "nowhere/" }) };
    const stopped = new AbortController();
    stopped.abort();
    answers.stopped = await refused({ signal: stopped.signal });
    const later = new AbortController();
    const opening = refused({ signal: later.signal, onProgress: () => later.abort() });
    answers.stoppedLater = await opening;
    const task = await make({});
    answers.picture = await task.detect(document.createElement("video")).then(() => "none", told);
    answers.nothing = await task.detect(5).then(() => "none", told);
    answers.timestamp = await task.detect(imageOf(picture), { timestamp: NaN }).then(() => "none", told);
    await task.detect(imageOf(picture), { timestamp: 2 });
    answers.back = await task.detect(imageOf(picture), { timestamp: 1 }).then(() => "none", told);
    await task.reset();
    answers.afterwards = await task.detect(imageOf(picture), { timestamp: 1 }).then(() => "none", told);
    const pending = task.detect(imageOf(picture)).then(() => "none", told);
    task.dispose();
    answers.pending = await pending;
    answers.disposed = await task.detect(imageOf(picture)).then(() => "none", told);
    return answers;
  },
};
document.documentElement.dataset.ready = "yes";
