/**
 * From a picture to the model's input tensor.
 *
 * The resize is plain bilinear interpolation written out here, not the browser's: the same pixels give the same tensor on
 * every device. It reads the four pixels around each sample (centres at half-integers, edges repeated) and does not
 * average over larger areas.
 */

/**
 * The part of model.json's `processing.inputs` that this page understands.
 * @typedef {object} PictureSpec
 * @property {string} type
 * @property {number} width
 * @property {number} height
 * @property {"stretch" | "crop" | "letterbox"} [resize]
 * @property {number} [pad_value] 0…255
 * @property {string} [resampling]
 * @property {string} [color]
 * @property {string} [orientation]
 * @property {number[]} [mean]
 * @property {number[]} [scale]
 * @property {string} [layout]
 */

/**
 * Where the picture lies in the input: `input = picture · scale + offset`, in pixels.
 * @typedef {{ scaleX: number, scaleY: number, offsetX: number, offsetY: number }} Placement
 */

/** The most pixels that are read out; a larger picture is first made smaller by the browser. */
const MOST_PIXELS = 16e6;

/**
 * @param {Blob} blob a picture in any format that the browser reads
 * @param {PictureSpec} spec
 * @returns {Promise<ImageData>} its pixels, turned as its EXIF orientation says unless the model wants that ignored
 */
export async function decode(blob, spec) {
  const bitmap = await createImageBitmap(blob, spec.orientation === "ignore" ? { imageOrientation: "none" } : {});
  try {
    const factor = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * factor));
    canvas.height = Math.max(1, Math.round(bitmap.height * factor));
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("this browser gives no 2D canvas");
    // What is transparent becomes white, as most viewers show it.
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  } finally {
    bitmap.close();
  }
}

/**
 * @param {number} width of the picture
 * @param {number} height
 * @param {PictureSpec} spec
 * @returns {Placement}
 */
export function place(width, height, spec) {
  const fitX = spec.width / width;
  const fitY = spec.height / height;
  const resize = spec.resize ?? "stretch";
  if (resize === "stretch") return { scaleX: fitX, scaleY: fitY, offsetX: 0, offsetY: 0 };
  if (resize !== "letterbox" && resize !== "crop") throw new Error(`the model wants its picture resized by ${JSON.stringify(resize)}; this page knows stretch, crop and letterbox`);
  const scale = resize === "crop" ? Math.max(fitX, fitY) : Math.min(fitX, fitY);
  return { scaleX: scale, scaleY: scale, offsetX: (spec.width - width * scale) / 2, offsetY: (spec.height - height * scale) / 2 };
}

/**
 * @param {ImageData} picture
 * @param {PictureSpec} spec
 * @param {Placement} placement
 * @returns {Float32Array} [1, height, width, 3], or [1, 3, height, width] for the layout NCHW
 */
export function toTensor(picture, spec, placement) {
  const { width, height, mean = [0, 0, 0], scale = [1, 1, 1], pad_value: pad = 0 } = spec;
  const { color = "RGB", layout = "NHWC", resampling = "bilinear" } = spec;
  if (resampling !== "bilinear") throw new Error(`the model wants ${JSON.stringify(resampling)} resampling; this page has bilinear`);
  if (color !== "RGB" && color !== "BGR") throw new Error(`the model wants the colours ${JSON.stringify(color)}; this page has RGB and BGR`);
  if (layout !== "NHWC" && layout !== "NCHW") throw new Error(`the model wants the layout ${JSON.stringify(layout)}; this page has NHWC and NCHW`);
  const channels = color === "RGB" ? [0, 1, 2] : [2, 1, 0];
  const [pixelStep, channelStep] = layout === "NHWC" ? [3, 1] : [1, width * height];
  const columns = taps(width, picture.width, placement.scaleX, placement.offsetX);
  const rows = taps(height, picture.height, placement.scaleY, placement.offsetY);
  const { data } = picture;
  const tensor = new Float32Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const row = rows[y];
    for (let x = 0; x < width; x++) {
      const column = columns[x];
      for (let c = 0; c < 3; c++) {
        let value = pad;
        if (row && column) {
          const source = channels[c];
          const at = (/** @type {number} */ j, /** @type {number} */ i) => data[4 * (j * picture.width + i) + source];
          const top = at(row.first, column.first) * (1 - column.fraction) + at(row.first, column.second) * column.fraction;
          const bottom = at(row.second, column.first) * (1 - column.fraction) + at(row.second, column.second) * column.fraction;
          value = top * (1 - row.fraction) + bottom * row.fraction;
        }
        tensor[(y * width + x) * pixelStep + c * channelStep] = (value - mean[c]) / scale[c];
      }
    }
  }
  return tensor;
}

/**
 * For each position of the input the two positions of the picture that it lies between; null where it is outside.
 * @param {number} count of the input
 * @param {number} size of the picture
 * @param {number} scale
 * @param {number} offset
 * @returns {({ first: number, second: number, fraction: number } | null)[]}
 */
function taps(count, size, scale, offset) {
  return Array.from({ length: count }, (_, k) => {
    const place = (k + 0.5 - offset) / scale;
    if (place < 0 || place > size) return null;
    const at = Math.min(Math.max(place - 0.5, 0), size - 1);
    const first = Math.floor(at);
    return { first, second: Math.min(first + 1, size - 1), fraction: at - first };
  });
}
