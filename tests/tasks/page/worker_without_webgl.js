/** A worker as in browsers whose workers have no WebGL. */
delete globalThis.OffscreenCanvas;
importScripts("../dist/webkiln.tasks.min.js");
