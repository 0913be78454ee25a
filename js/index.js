/** The public names. */

/** @typedef {import("./load.js").LoadOptions} LoadOptions */
/** @typedef {import("./dtypes.js").Tensor} Tensor */
/** @typedef {import("./dtypes.js").InputValue} InputValue */
/** @typedef {import("./fetching.js").Progress} Progress */
/** @typedef {import("./backends/wasm/module.js").WasmLocation} WasmLocation */
/** @typedef {import("./model.js").ArgumentInfo} ArgumentInfo */
/** @typedef {import("./model.js").PlanInfo} PlanInfo */
/** @typedef {import("./model.js").Profile} Profile */
/** @typedef {import("./verify.js").Verification} Verification */
/** @typedef {import("./pictures/placement.js").Region} Region */
/** @typedef {import("./pictures/placement.js").Placement} Placement */
/** @typedef {import("./pictures/sources.js").PictureSource} PictureSource */

export { load } from "./load.js";
export { Model } from "./model.js";
export { RemoteModel } from "./remote.js";
export { DeviceTensor } from "./device_tensor.js";
export { placement } from "./pictures/placement.js";
export { FetchError, FormatError, HashError, InputError, ShapeError, UnsupportedOperatorError, WebkilnError } from "./errors.js";
export { version } from "./version.js";
