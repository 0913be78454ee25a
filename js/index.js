/** The public names. */

export { load } from "./load.js";
export { Model } from "./model.js";
export { RemoteModel } from "./remote.js";
export { FetchError, FormatError, HashError, InputError, ShapeError, UnsupportedOperatorError, WebkilnError } from "./errors.js";
export { version } from "./version.js";
