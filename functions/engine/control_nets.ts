import {
  type ComponentLocation,
  DenoiseError,
  joinPath,
  type Model,
  type Quantization,
  readConfig,
  type Registry,
} from "@denoise/core";
import type { AnyPipeline } from "@denoise/loading";
import {
  checkAdapterFitsUNet,
  checkControlFitsUNet,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";
import { invalid } from "../contract/errors.ts";
import type { ControlAbility, ControlKind } from "../contract/model_info.ts";
import type { ModelOptions } from "./engine.ts";

/** A ControlNet or T2I-Adapter that lies on this machine. */
interface Net {
  readonly kind: ControlKind;
  readonly location: ComponentLocation;
  readonly config: Readonly<Record<string, unknown>>;
  model: Promise<Model> | undefined;
}

/** Sizes that a ControlNet shares with the transformer whose blocks it copies, where both have them. */
const SIZES = ["num_attention_heads", "attention_head_dim", "joint_attention_dim", "in_channels"];

/** The family in a class's name: `Flux` of FluxControlNetModel and FluxTransformer2DModel. */
function familyOf(className: unknown): string {
  return String(className)
    .replace(/(ControlNet(Union)?|Transformer2D|UNet2DCondition)Model$|^T2IAdapter$/, "");
}

function kindOf(className: unknown): ControlKind {
  if (className === "T2IAdapter") return "t2i-adapter";
  return className === "ControlNetUnionModel" ? "union" : "controlnet";
}

/**
 * The ControlNets that runs can name, for all models of a server: each is loaded when a run first asks for it,
 * and stays.
 */
export class ControlNets {
  readonly #registry: Registry;
  readonly #options: ModelOptions;
  readonly #nets = new Map<string, Net>();

  constructor(registry: Registry, options: ModelOptions) {
    this.#registry = registry;
    this.#options = options;
  }

  /**
   * Takes one up.
   *
   * @throws {DenoiseError} for a folder that is none of a ControlNet.
   */
  async add(location: ComponentLocation): Promise<void> {
    const config = await readConfig(joinPath(location.path, "config.json"));
    if (familyOf(config["_class_name"]) === config["_class_name"]) {
      throw new DenoiseError(
        "unsupported_option",
        `Cannot control by ${location.id}: its class is ${config["_class_name"]}, and must be ` +
          `ControlNetModel, ControlNetUnionModel, T2IAdapter, FluxControlNetModel or that of another family`,
      );
    }
    const kind = kindOf(config["_class_name"]);
    this.#nets.set(location.id, { kind, location, config, model: undefined });
  }

  /** Those that were made for a model, by name. */
  madeFor({ components }: AnyPipeline): Map<string, Pick<ControlAbility, "kind" | "modes">> {
    const { transformer, unet } = components as Record<string, Model | undefined>;
    const denoiser = unet ?? transformer;
    const family = denoiser && familyOf(denoiser.className);
    const found = [...this.#nets].filter(([_, { kind, config }]) =>
      denoiser !== undefined && familyOf(config["_class_name"]) === family &&
      (denoiser === unet ? fitsUNet(kind, config, unet) : fitsTransformer(config, denoiser))
    );
    return new Map(found.map(([name, { kind, config }]) => {
      const modes = config["num_control_type"];
      return [name, { kind, ...kind === "union" && typeof modes === "number" && { modes } }];
    }));
  }

  /**
   * Those of these names.
   *
   * @throws {ServeError} `invalid_input` for one that is not there.
   */
  async take(names: readonly string[]): Promise<Model[]> {
    return await Promise.all(names.map((name) => this.#load(name)));
  }

  /** Gives the memory of all of them back. */
  async dispose(): Promise<void> {
    for (const net of this.#nets.values()) {
      const model = await net.model?.catch(() => undefined);
      net.model = undefined;
      await model?.dispose();
    }
  }

  #load(name: string): Promise<Model> {
    const net = this.#nets.get(name);
    if (net === undefined) throw invalid("controls", `There is no ControlNet ${name} here`);
    net.model ??= this.#loaded(net).catch((error) => {
      net.model = undefined; // the next run tries again
      throw error;
    });
    return net.model;
  }

  async #loaded({ location, config }: Net): Promise<Model> {
    const plugin = await this.#registry.get(String(config["_class_name"]), "model");
    const { device, torchDtype, quantization, variant, threads, gpuMemoryLimit } = this.#options;
    const how = { device, torchDtype, variant, threads, gpuMemoryLimit };
    return await plugin.load(location, {
      ...how,
      quantization: forAll(quantization),
      registry: this.#registry,
      optimize: "speed",
      progress: false,
    }) as Model;
  }
}

type AdapterConfig = Net["config"] & Parameters<typeof checkAdapterFitsUNet>[0]["config"];

function fitsUNet(kind: ControlKind, config: Net["config"], unet: Model): boolean {
  try {
    const className = String(config["_class_name"]);
    if (kind === "t2i-adapter") {
      checkAdapterFitsUNet({ config: config as AdapterConfig }, unet);
      const { addition_embed_type: added } = unet.config as Net["config"];
      return (config["adapter_type"] === "full_adapter_xl") === (added === "text_time");
    }
    checkControlFitsUNet({ className, config }, unet as StableDiffusionComponents["unet"]);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function fitsTransformer(config: Net["config"], { config: own }: Model): boolean {
  const sizes = own as Net["config"];
  return SIZES.every((size) =>
    config[size] === undefined || sizes[size] === undefined || config[size] === sizes[size]
  );
}

/** A quantization that is not of single components, which are those of models. */
function forAll(quantization: ModelOptions["quantization"]): Quantization | undefined {
  if (typeof quantization !== "object" || Object.hasOwn(quantization, "bits")) {
    return quantization as Quantization | undefined;
  }
  return undefined;
}
