/** The version of the runtime. */
export const version = "0.1.0";
