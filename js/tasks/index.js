/** The public names of `webkiln.tasks`. */

import { openTask } from "./open.js";
import { SegmentationTask } from "./segmentation_task.js";
import { VadTask } from "./vad_task.js";

export { Neighbours, similarity } from "./neighbours.js";

/** @typedef {import("./open.js").TaskOptions} TaskOptions */
/** @typedef {import("./pose.js").PoseResult} PoseResult */
/** @typedef {import("./pose.js").Person} Person */
/** @typedef {import("./read.js").ReadResult} ReadResult */
/** @typedef {import("./read.js").TextLine} TextLine */
/** @typedef {import("./face.js").FaceResult} FaceResult */
/** @typedef {import("./face.js").FaceFound} FaceFound */
/** @typedef {import("./hands.js").HandsResult} HandsResult */
/** @typedef {import("./hands.js").Hand} Hand */
/** @typedef {import("./classification.js").ClassifyResult} ClassifyResult */
/** @typedef {import("./detection.js").DetectResult} DetectResult */
/** @typedef {import("./embedding.js").EmbedResult} EmbedResult */
/** @typedef {import("./segmentation.js").SegmentationResult} SegmentationResult */
/** @typedef {import("./vad.js").VadResult} VadResult */
/** @template Result @typedef {import("./task.js").Task<Result>} Task */

/**
 * Bodies: 33 points each, in the picture and in metres. Models: `detector` (pose_detection), `landmarks` (pose_landmark_lite or pose_landmark_full).
 * @param {TaskOptions & { numPeople?: number, masks?: boolean }} options
 * @returns {Promise<Task<PoseResult>>}
 */
export const pose = (options) => openTask("pose", options);

/**
 * Faces: 468 points each, five of each iris unless `iris` is false, how the head is turned, and how far mouth and eyes are open. Models: `detector`
 * (face_detection_short_range), `landmarks` (face_landmark), `iris` (iris_landmark).
 * @param {TaskOptions & { numFaces?: number, iris?: boolean }} options
 * @returns {Promise<Task<FaceResult>>}
 */
export const face = (options) => openTask("face", options);

/**
 * Hands, two unless `numHands` says otherwise: 21 points each, in the picture and in metres, which hand it is, and its gesture. Models: `detector`
 * (palm_detection_lite), `landmarks` (hand_landmark_lite).
 * @param {TaskOptions & { numHands?: number }} options
 * @returns {Promise<Task<HandsResult>>}
 */
export const hands = (options) => openTask("hands", options);

/**
 * What of a picture is a person. Model: `segmenter` (selfie_segmentation). `steadiness`: share that uncertain values of the mask keep in a film from the frame before, 0…1.
 * @param {TaskOptions & { model?: string, steadiness?: number }} options
 * @returns {Promise<SegmentationTask>} which also has `blur` and `replace`, to draw with another background
 */
export const segmentation = (options) => openTask("segmentation", options, SegmentationTask);

/**
 * What a whole picture shows. Model: `classifier`, any that gives labels; in a folder of models the one called `model` (nsfwjs_mobilenet_v2).
 * @param {TaskOptions & { model?: string }} options
 * @returns {Promise<Task<ClassifyResult>>}
 */
export const classify = (options) => openTask("classify", options);

/**
 * Things in a picture, at most `most` of them (20). Model: `detector`, any that gives boxes; in a folder of models the one called `model`.
 * @param {TaskOptions & { model?: string, most?: number }} options
 * @returns {Promise<Task<DetectResult>>}
 */
export const detect = (options) => openTask("detect", options);

/**
 * Pictures as vectors, for `similarity` and `Neighbours`. Model: `embedder`, any whose output is floats; in a folder of models the one called `model`.
 * @param {TaskOptions & { model?: string }} options
 * @returns {Promise<Task<EmbedResult>>}
 */
export const embed = (options) => openTask("embed", options);

/**
 * Whether someone speaks. Model: `model` (silero_vad). The options are the rules of what a piece of speech is (`SpeechRules`). `stream` takes a microphone
 * or samples at 16 kHz; where this script is from an origin that does not share it, or inside of
 * the page, a content security policy must allow `blob:` in script-src for a microphone.
 * @param {Omit<TaskOptions, "smoothing"> & Partial<import("./speech.js").SpeechRules>} options
 * @returns {Promise<VadTask>}
 */
export const vad = (options) => openTask("vad", options, VadTask);

/**
 * Text in pictures, line by line, in reading order. Models: `detector` (ppocr_detection), `orientation` (ppocr_orientation), `recognizer` (ppocr_recognition).
 * `limit`: pictures of more than `limit` times `limit` pixels (960) are made smaller for the detector; lines whose score is below `leastScore` (0.5) are left out.
 * @param {TaskOptions & { limit?: number, leastScore?: number }} options
 * @returns {Promise<Task<ReadResult>>}
 */
export const read = (options) => openTask("read", options);
