import * as webkiln from "webkiln";
import { InputError, load, type LoadOptions, type Tensor } from "webkiln";
import { results, type Detection } from "webkiln/results";

const options: LoadOptions = { backend: "auto", onProgress: ({ loaded, total, stage }) => console.log(stage, loaded / total), relaxed: false };

export async function landmarks(image: Float32Array): Promise<Tensor> {
  const model = await load("out/model.json", options);
  const inWorker: webkiln.RemoteModel = await load("out/model.json", { worker: true });
  const names: string[] = model.inputs.map(({ name }) => name);
  const outputs = await model.run({ image, scale: 2, extra: { data: image, shape: [1, image.length] }, ids: new BigInt64Array(1) });
  const { passed, diverging } = await model.verify();
  if (!passed) throw new InputError(`${names} ${diverging?.op}`);
  const shape: number[] = outputs.landmarks.shape;
  const peak: number | undefined = model.plan?.arenaBytes;
  inWorker.dispose();
  console.log(shape, peak, webkiln.version);
  return outputs.landmarks;
}

export async function follow(video: HTMLVideoElement, canvas: HTMLCanvasElement, region: webkiln.Region): Promise<webkiln.Placement> {
  const model = await load("out/model.json");
  await model.run({ image: video, other: { picture: new Blob(), region }, pixels: { data: new Uint8ClampedArray(4), width: 1, height: 1 } });
  const { mask } = await model.run({ image: video }, { on: "device" });
  mask.draw(canvas);
  const data: Tensor = await mask.data();
  mask.dispose();
  console.log(data.shape);
  return webkiln.placement({ type: "picture", width: 256, height: 256 }, video.videoWidth, video.videoHeight, region);
}

export async function find(model: webkiln.Model, video: HTMLVideoElement): Promise<webkiln.Region[]> {
  const inputs = { image: video };
  const { boxes } = await results(model, await model.run(inputs, { on: "device" }), inputs);
  return boxes.map(({ box, points }: Detection) => (points[0].x > 0 ? box : { ...box, rotation: 0 }));
}

// @ts-expect-error there is no such backend
void load("out/model.json", { backend: "cuda" });
// @ts-expect-error there is no such option
void load("out/model.json", { onprogress() {} });
// @ts-expect-error a string is no input
void load("out/model.json").then((model) => model.run({ image: "pixels" }));
