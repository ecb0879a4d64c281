import type { Priority } from "./quota.ts";
import type { Recipe } from "@denoise/core";
import type { PlainValue } from "./own_options.ts";

/** The kinds of run that a model can do, under the Hub's names of tasks. */
export const TASKS = [
  "text-to-image",
  "image-to-image",
  "inpaint",
  "depth-to-image",
  "text-to-audio",
  "unconditional",
] as const;

/** A kind of run. */
export type Task = typeof TASKS[number];

/** File formats of results: audio is always WAV. */
export type JobFormat = "png" | "jpeg" | "webp" | "wav";

/** A low-rank change of the model, for one run. */
export interface LoraUse {
  /** Name of its file in the server's folder, without the ending. */
  readonly name: string;
  /** How much of it is applied to the denoiser. */
  readonly weight: number;
  /** How much of it is applied to the text encoders. Defaults to the same. */
  readonly textWeight?: number | undefined;
}

/** An image that says where things are in a run: edges, a pose, depth, as its ControlNet reads them. */
export interface ControlUse {
  /** Name of the ControlNet at the server. */
  readonly name: string;
  /** The file of the image: PNG, JPEG, WebP or GIF. */
  readonly image?: Uint8Array | undefined;
  /** How much of it is applied. Defaults to what the pipeline does. */
  readonly scale?: number | undefined;
  /** The part of the steps where it begins to be applied, 0..1. Defaults to 0. */
  readonly start?: number | undefined;
  /** The part of the steps where it ends, 0..1. Defaults to 1. */
  readonly end?: number | undefined;
  /** Which kind of image it is, from 0 on, for ControlNets that read several kinds. */
  readonly mode?: number | undefined;
  /** How it comes to the size of the run. Defaults to `"stretch"`. */
  readonly fit?: JobInput["fit"];
}

/** How the images of the first pass become larger. */
export type Upscaler = "latent" | "latent-bicubic" | "latent-nearest" | "lanczos" | "nearest";

/** A second pass over the images of the first, made larger. */
export interface SecondPass {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** How they become larger: as latents, or as images. */
  readonly upscaler: Upscaler;
  /** How far they are changed then, 0..1. */
  readonly strength: number;
  /** Denoising steps of a whole run, of which the strength leaves a part. */
  readonly steps?: number | undefined;
  /** Defaults to that of the first pass. */
  readonly prompt?: string | undefined;
  /** Defaults to that of the first pass. */
  readonly negativePrompt?: string | undefined;
  /** Defaults to that of the first pass. */
  readonly scheduler?: string | undefined;
  /** Options of that scheduler. */
  readonly schedulerConfig?: JobInput["schedulerConfig"];
}

/** What a run is given: plain data, so that it can be sent to another process. */
export interface JobInput {
  /** What the image should show, or what is to be heard. */
  readonly prompt?: string | undefined;
  /** What the image should not show, or what is not to be heard. */
  readonly negativePrompt?: string | undefined;
  /** What is sung, for models that take it. */
  readonly lyrics?: string | undefined;
  /** The file of the image to begin with: PNG, JPEG, WebP or GIF. */
  readonly image?: Uint8Array | undefined;
  /** Files of images after the first, for models that read several together. */
  readonly moreImages?: readonly Uint8Array[] | undefined;
  /** The file of the mask: transparent, or else white, where the image is inpainted. */
  readonly mask?: Uint8Array | undefined;
  /** Pixels. Defaults to the model's own. */
  readonly width?: number | undefined;
  /** Pixels. Defaults to the model's own. */
  readonly height?: number | undefined;
  /** How long audio is, in seconds. Defaults to the model's own. */
  readonly seconds?: number | undefined;
  /** How many images or audio clips. */
  readonly count: number;
  /** Image i is drawn from seed + i; a decimal integer of at most 64 bits. */
  readonly seed?: string | undefined;
  /** Denoising steps. Defaults to the pipeline's own. */
  readonly steps?: number | undefined;
  /** How closely the prompt is followed. */
  readonly guidanceScale?: number | undefined;
  /** How a given image, and its mask, come to another size. Defaults to `"stretch"`. */
  readonly fit?: "stretch" | "crop" | "fill" | undefined;
  /** Whether what the mask leaves out is inpainted instead. */
  readonly invertsMask?: boolean | undefined;
  /** Standard deviation of the blur of the mask's edges, in pixels. Defaults to none. */
  readonly maskBlur?: number | undefined;
  /** Works on the part around the mask only, with that many pixels around it. */
  readonly maskPadding?: number | undefined;
  /** Changes of the model, for this run. */
  readonly loras?: readonly LoraUse[] | undefined;
  /** Images that say where things are. */
  readonly controls?: readonly ControlUse[] | undefined;
  /** A second pass, made larger. */
  readonly secondPass?: SecondPass | undefined;
  /** How far a given image is changed, 0..1. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1. */
  readonly eta?: number | undefined;
  /** Leaves out that many of the text encoder's last layers. */
  readonly clipSkip?: number | undefined;
  /** How prompts weigh their words; by default they do not. */
  readonly promptSyntax?: "compel" | "a1111" | undefined;
  /** Class name of the scheduler. Defaults to the model's own. */
  readonly scheduler?: string | undefined;
  /** Options of the scheduler that differ from the model's own, such as `use_karras_sigmas`. */
  readonly schedulerConfig?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Options that the model's pipeline alone has, by the names that calls have for them. */
  readonly options?: Readonly<Record<string, PlainValue>> | undefined;
  /** Files of audio that the model's pipeline alone takes, WAV, by the names that calls have for them. */
  readonly clips?: Readonly<Record<string, Uint8Array>> | undefined;
  /** Files of images that the model's pipeline alone takes, one or several by each of the names that calls have for them. */
  readonly pictures?: Readonly<Record<string, readonly Uint8Array[]>> | undefined;
  /** File format of the results. */
  readonly format: JobFormat;
  /** Quality of a JPEG or WebP, 1..100. */
  readonly quality?: number | undefined;
  /** How many previews are sent on the way. */
  readonly previews: number;
}

/** The files that a run is given, or what stands for them. */
export interface GivenFiles<F> {
  /** The image to begin with. */
  readonly image?: F | undefined;
  /** Images after the first. */
  readonly moreImages?: readonly F[] | undefined;
  /** The mask. */
  readonly mask?: F | undefined;
  /** Images that say where things are. */
  readonly controls?: readonly { readonly image?: F | undefined }[] | undefined;
  /** Audio, by names. */
  readonly clips?: Readonly<Record<string, F>> | undefined;
  /** Images, by names. */
  readonly pictures?: Readonly<Record<string, readonly F[]>> | undefined;
}

/** All files that a run is given. */
export function filesOf<F>(
  { image, moreImages = [], mask, controls = [], clips = {}, pictures = {} }: GivenFiles<F>,
): F[] {
  const ofControls = controls.map(({ image }) => image);
  const byNames = [...Object.values(clips), ...Object.values(pictures).flat()];
  return [image, ...moreImages, mask, ...ofControls, ...byNames]
    .filter((file) => file !== undefined);
}

/** What a run is given, with something else in the place of each file. */
export function mapFiles<F, T>(input: GivenFiles<F>, each: (file: F) => T): GivenFiles<T> {
  const { image, moreImages, mask, controls, clips, pictures, ...rest } = input;
  const named = <A, B>(all: Readonly<Record<string, A>>, map: (one: A) => B) =>
    Object.fromEntries(Object.entries(all).map(([name, one]) => [name, map(one)]));
  return {
    ...rest,
    ...image && { image: each(image) },
    ...moreImages && { moreImages: moreImages.map(each) },
    ...mask && { mask: each(mask) },
    ...clips && { clips: named(clips, each) },
    ...pictures && { pictures: named(pictures, (files) => files.map(each)) },
    ...controls && {
      controls: controls.map(({ image, ...use }) => ({
        ...use,
        ...image && { image: each(image) },
      })),
    },
  };
}

/** A job without the files that it was given. */
export function withoutFiles(job: Job): Job {
  const { image: _, moreImages: __, mask: ___, clips: ____, pictures: _____, ...rest } = job.input;
  const { controls, ...input } = rest;
  const named = controls && { controls: controls.map(({ image: _, ...use }) => use) };
  return { ...job, input: { ...input, ...named } };
}

/** One request, as it waits in the queue. */
export interface Job {
  /** Unique; asking twice with one id makes the images once. */
  readonly id: string;
  /** Whose it is: the name of the API key. Queues are fair between owners. */
  readonly owner: string;
  /** The model, by its public name. */
  readonly model: string;
  /** What is done. */
  readonly task: Task;
  /** What it is given. */
  readonly input: JobInput;
  /** When it was asked for, in milliseconds since 1970. */
  readonly createdAt: number;
  /** How long it can be looked up after its end, in milliseconds; 0 for callers who wait. */
  readonly keepMs: number;
  /** Its caller's own names of fields, where they differ. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** What of the request was left aside, for its caller. */
  readonly warnings?: readonly string[] | undefined;
  /** Whether it is served before all others, or after them. Defaults to `"interactive"`. */
  readonly priority?: Priority | undefined;
  /** Pixels of all of its images together that its owner's key may ask for; any by default. */
  readonly keyPixels?: number | undefined;
  /** Milliseconds from its acceptance to its end that its caller gives it; what the server allows by default. */
  readonly timeoutMs?: number | undefined;
  /** What it was asked with, in short: that an id is not used for another request. */
  readonly fingerprint?: string | undefined;
  /** The span of its request, as the W3C's `traceparent` header has it; undefined where nothing is traced. */
  readonly traceparent?: string | undefined;
}

/** A result as a file. */
export interface EncodedFile {
  /** The file. */
  readonly bytes: Uint8Array;
  /** Where it lies in the store, if it does. */
  readonly key?: string | undefined;
  /** `image/png`, `image/jpeg`, `image/webp` or `audio/wav`. */
  readonly mediaType: string;
  /** What it was made from. */
  readonly recipe: Recipe;
}

/** An image as a file. */
export interface EncodedImage extends EncodedFile {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
}

/** An audio clip as a file. */
export interface EncodedAudio extends EncodedFile {
  /** Its length in seconds. */
  readonly seconds: number;
}

/** What a run tells on its way. */
export type RunEvent =
  | {
    /** A denoising step is done. */
    readonly type: "step";
    /** Counted from 1. */
    readonly step: number;
    /** How many steps the run has. */
    readonly of: number;
    /** Milliseconds that the step took; the first with what comes before it. */
    readonly stepMs: number;
    /** Milliseconds that the remaining steps will take, by those that are done. */
    readonly etaMs: number;
    /** When it was done, in milliseconds since 1970. */
    readonly at: number;
  }
  | {
    /** A look at the image as it is now. */
    readonly type: "preview";
    /** Counted from 0. */
    readonly index: number;
    /** The step it was made after, counted from 1. */
    readonly step: number;
    /** The first image of the run. */
    readonly image: EncodedImage;
  }
  | {
    /** Something that the caller should know, such as a prompt that was cut. */
    readonly type: "warning";
    /** What. */
    readonly message: string;
  }
  | {
    /** The end of a run that went well. */
    readonly type: "succeeded";
    /** In the order of their seeds, then what else shows them, such as depth: `shows` of its recipe says what. */
    readonly images: readonly EncodedImage[];
    /** The same of models that make audio. */
    readonly audios?: readonly EncodedAudio[] | undefined;
    /** Where the time went, in milliseconds. */
    readonly timing: RunTiming;
  };

/** Where the time of a run went, in milliseconds. */
export interface RunTiming {
  /** Until the end of the first step: prompts, images given, noise. */
  readonly prepareMs: number;
  /** The denoising steps after the first. */
  readonly stepsMs: number;
  /** Latents to images or audio. */
  readonly decodeMs: number;
  /** Images or audio to files. */
  readonly encodeMs: number;
}

/** Why a job failed. */
export interface JobFailure {
  /** A stable name. */
  readonly code: string;
  /** For people. */
  readonly message: string;
  /** The input at fault. */
  readonly field?: string | undefined;
}

/** What a job tells from the time it is accepted to its end. */
export type JobEvent =
  | {
    /** It waits. */
    readonly type: "queued";
    /** How many jobs are served before it. */
    readonly position: number;
  }
  | {
    /** An engine has taken it. */
    readonly type: "started";
    /** 2 when it is tried again after its engine was lost. */
    readonly attempt: number;
  }
  | RunEvent
  | {
    /** The end of a job that could not be done. */
    readonly type: "failed";
    /** Why. */
    readonly failure: JobFailure;
  }
  | {
    /** The end of a job that nobody wants any more. */
    readonly type: "canceled";
  };

/** All files of a run: images, or audio. */
export function resultsOf(
  { images, audios = [] }: Pick<Extract<RunEvent, { type: "succeeded" }>, "images" | "audios">,
): readonly EncodedFile[] {
  return [...images, ...audios];
}

/** Whether nothing comes after that event. */
export function isLast(event: JobEvent): boolean {
  return event.type === "succeeded" || event.type === "failed" || event.type === "canceled";
}
