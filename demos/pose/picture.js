/** From a file to a canvas, which the page shows and the model takes. */

/** The most pixels of the canvas; a larger picture is first made smaller. */
const MOST_PIXELS = 16e6;

/**
 * @param {Blob} blob a picture in any format that the browser reads
 * @returns {Promise<HTMLCanvasElement>} turned as its EXIF orientation says
 */
export async function decode(blob) {
  const bitmap = await createImageBitmap(blob).catch(() => {
    throw new Error("this file is not a picture that the browser can read; try a JPEG, PNG or WebP file");
  });
  try {
    const factor = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * factor));
    canvas.height = Math.max(1, Math.round(bitmap.height * factor));
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser gives no 2D canvas");
    // What is transparent becomes white, as most viewers show it.
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas;
  } finally {
    bitmap.close();
  }
}
