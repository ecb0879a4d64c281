import {
  type Bindable,
  type ComponentSpec,
  type Device,
  type FrozenConfig,
  type GroupOffloadOptions,
  isFolder,
  joinPath,
  type Model,
  type ModelClass,
  type PipelineCall,
  type PluginClass,
  type SaveOptions,
  type Tensor,
  type TorchDtype,
} from "@denoise/core";

/** What a ControlNet is called with beside sample and timestep. */
export interface ControlNetOptions {
  /** Text states, float32 [N, tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** The image that controls, float32 [N, 3, H, W] in 0..1. */
  readonly controlnetCond: Tensor;
  /** What the residuals are multiplied with. Defaults to 1. */
  readonly conditioningScale?: number | undefined;
  /** Weighs residuals by their depth, so that an image alone is enough, without a prompt. */
  readonly guessMode?: boolean | undefined;
  /** Class of each sample. */
  readonly classLabels?: Tensor | undefined;
  /** Pooled text states, float32 [N, width] (SDXL). */
  readonly textEmbeds?: Tensor | undefined;
  /** Sizes and crops, float32 [N, 6] (SDXL). */
  readonly timeIds?: Tensor | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What a ControlNet adds to the UNet. */
export interface ControlResiduals {
  /** One for each value that the down blocks leaves for the up blocks, float32 [N, C, h, w]. */
  readonly downBlockResSamples: readonly Tensor[];
  /** For the middle, float32 [N, C, h, w]. */
  readonly midBlockResSample: Tensor;
}

/** The role of a network that controls a UNet by an image. */
export interface ControlNet<C extends object = object> extends Model<C> {
  /**
   * Residuals for one call of the UNet.
   *
   * @param sample float32 [N, C, h, w].
   * @param timestep One for all samples, or one for each.
   */
  forward(
    sample: Tensor,
    timestep: number | readonly number[],
    options: ControlNetOptions,
  ): Promise<ControlResiduals>;
}

/** What a ControlNet for images of several kinds is called with beside sample and timestep. */
export interface ControlNetUnionOptions
  extends Omit<ControlNetOptions, "controlnetCond" | "conditioningScale"> {
  /** The images that control, each float32 [N, 3, H, W] in 0..1. */
  readonly controlnetCond: readonly Tensor[];
  /** The kind of each, from 0 on. */
  readonly controlMode: readonly number[];
  /** How much each counts, or all. Defaults to 1. */
  readonly conditioningScale?: number | readonly number[] | undefined;
}

/** The role of a network that controls a UNet by images of several kinds. */
export interface ControlNetUnion<C extends object = object> extends Model<C> {
  /**
   * Residuals for one call of the UNet.
   *
   * @param sample float32 [N, C, h, w].
   * @param timestep One for all samples, or one for each.
   * @throws {RangeError} for kinds that it does not know, and where images have none.
   */
  forward(
    sample: Tensor,
    timestep: number | readonly number[],
    options: ControlNetUnionOptions,
  ): Promise<ControlResiduals>;
}

/**
 * Several ControlNets whose residuals are added (`MultiControlNetModel` of diffusers). A list of
 * ControlNets given to a pipeline becomes one.
 *
 * @example
 * ```ts ignore
 * pipe.controlnet = [canny, pose];
 * await pipe("a dancer", { image: [edges, skeleton], controlnetConditioningScale: [1, 0.8] });
 * ```
 */
export class MultiControlNet<N extends Model = ControlNet> implements Model {
  /** The class name in diffusers. */
  readonly className: string;
  /** The library that has the class. */
  readonly library = "diffusers";
  /** It has no options. */
  readonly config: FrozenConfig = Object.freeze({});
  /** The ControlNets, in the order in which images and scales are given. */
  readonly nets: readonly N[];

  /**
   * Puts them together.
   *
   * @param className The class name in diffusers. Defaults to `"MultiControlNetModel"`.
   * @throws {RangeError} for an empty list.
   */
  constructor(nets: readonly N[], className = "MultiControlNetModel") {
    if (nets.length === 0) {
      throw new RangeError("Cannot control by no ControlNets: give at least one");
    }
    this.nets = [...nets];
    this.className = className;
  }

  /** Where the first one computes. */
  get device(): Device {
    return this.nets[0]!.device;
  }

  /** The type that the first one's weights are held in. */
  get dtype(): TorchDtype {
    return this.nets[0]!.dtype;
  }

  /** How many numbers all of them hold. */
  get numParameters(): number {
    return this.nets.reduce((sum, net) => sum + net.numParameters, 0);
  }

  /** Moves all of them. */
  async to(device: Device): Promise<this> {
    for (const net of this.nets) await net.to(device);
    return this;
  }

  /** Writes them beside each other: `controlnet`, `controlnet_1`, ... */
  async savePretrained(folder: string, options?: SaveOptions): Promise<void> {
    const path = joinPath(folder).replace(/(.)\/$/, "$1");
    for (const [i, net] of this.nets.entries()) {
      await net.savePretrained(i === 0 ? path : `${path}_${i}`, options);
    }
  }

  /** Each as it takes part in a call. */
  forCall(call: PipelineCall): this {
    const nets = this.nets.map((net) => net.forCall?.(call) ?? net);
    return new MultiControlNet(nets, this.className) as this;
  }

  /** Has each in memory only while it takes part in a call of a pipeline. */
  enableModelCpuOffload(): void {
    for (const net of this.nets) net.enableModelCpuOffload();
  }

  /** Has a few blocks of each in memory at once. */
  async enableGroupOffload(options?: GroupOffloadOptions): Promise<void> {
    for (const net of this.nets) await net.enableGroupOffload(options);
  }

  /** Gives the memory of all of them back. */
  async dispose(): Promise<void> {
    for (const net of this.nets) await net.dispose();
  }

  /** The same at the end of a block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/**
 * The component of a pipeline that is one network, or a list of them, which becomes a
 * {@linkcode MultiControlNet}.
 *
 * @param className The class name of several in diffusers. Defaults to `"MultiControlNetModel"`.
 */
export function netsComponent(className?: string): ComponentSpec {
  return {
    kind: "model",
    adapt: (given) => Array.isArray(given) ? new MultiControlNet(given, className) : given,
  };
}

/** The ControlNets of one, of several put together, or of a list. */
export function netsOf<N extends Model>(
  controlnet: N | MultiControlNet<N> | readonly N[],
): readonly N[] {
  if (controlnet instanceof MultiControlNet) return controlnet.nets;
  return Array.isArray(controlnet) ? controlnet : [controlnet as N];
}

/** The class of several networks together. */
export interface MultiNetClass<N extends Model>
  extends PluginClass<MultiControlNet<N>>, Bindable<MultiNetClass<N>> {}

/**
 * A class that loads the networks which lie beside each other: `controlnet`, `controlnet_1`, ...
 *
 * @param className The class name in diffusers.
 * @param One The class of each.
 */
export function multiNetClass<N extends Model>(
  className: string,
  One: ModelClass<N>,
): MultiNetClass<N> {
  const Class: MultiNetClass<N> = {
    kind: "model",
    className,
    using: () => Class,
    async load(location, options) {
      const nets: N[] = [];
      for (let path = location.path; await isFolder(path);) {
        nets.push(await One.load({ ...location, path }, options));
        path = `${location.path}_${nets.length}`;
      }
      return new MultiControlNet(nets, className);
    },
  };
  return Class;
}
