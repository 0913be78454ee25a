/** The script-tag bundle: everything public, as the global `webkiln`. */
export * from "./index.js";
