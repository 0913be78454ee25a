/** Listens with the bundle that the page has as its other script. */

const told = ({ name, message }) => `${name}: ${message}`;
const make = (options) => webkiln.tasks.vad({ models: "models", backend: "wasm", relaxed: false, ...options });

globalThis.tests = {
  /** What is heard in samples, in base64. */
  async samples(text, options) {
    const samples = new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
    const task = await make(options);
    const found = [];
    for await (const result of task.stream((async function* () { yield samples; })())) found.push(result);
    const { backends } = task;
    task.dispose();
    return { found, backends };
  },

  /** What the microphone hears until a piece of speech is over, 10 seconds at most; and what is left of it then. */
  async microphone(options) {
    const task = await make(options);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 10000);
    const found = [];
    for await (const result of task.stream(stream, { signal: stop.signal })) {
      found.push(result);
      if (result.segments.length && !result.speaking) stop.abort();
    }
    clearTimeout(timer);
    const [track] = stream.getAudioTracks();
    const state = track.readyState;
    const ending = (async () => { for await (const _ of task.stream(stream)); return "ended"; })();
    setTimeout(() => { track.stop(); track.dispatchEvent(new Event("ended")); }, 300); // a track that the page itself stops does not tell
    const answers = { found, state, ended: await ending, silent: await task.stream(new MediaStream()).next().then(() => "none", told) };
    task.dispose();
    return answers;
  },

  /** What is said where the page does not allow the script that reads the sound. */
  async refused(options) {
    const task = await make(options);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const answer = await task.stream(stream).next().then(() => "none", told);
    stream.getTracks().forEach((track) => track.stop());
    task.dispose();
    return answer;
  },
};
document.documentElement.dataset.ready = "yes";
