import { invalid } from "../../contract/errors.ts";
import type { LoraUse } from "../../contract/job.ts";

/** What the tags of a prompt ask for, and the prompt without them. */
export interface Tagged {
  /** The text that is left. */
  readonly prompt: string;
  /** The LoRAs that it names. */
  readonly loras: readonly LoraUse[];
}

/**
 * Takes tags such as `<lora:pixel:0.8>` out of a prompt, as A1111 does: a name, then weights for text
 * encoder and denoiser, the first for both where there is one; 1 where there is none. `te=` and `unet=`
 * name them. `<lyco:...>` is the same.
 *
 * @throws {ServeError} `invalid_input` for a weight that is no number, and for other tags.
 */
export function takeTags(prompt: string, field: string): Tagged {
  const loras: LoraUse[] = [];
  const rest = prompt.replace(/<(\w+):([^>]+)>/g, (tag, kind: string, inside: string) => {
    if (kind === "lora" || kind === "lyco") {
      loras.push(loraOf(inside, tag, field));
      return "";
    }
    if (kind !== "hypernet") return tag;
    throw invalid(field, `${field} has ${tag}: there are no hypernetworks here`);
  });
  return { prompt: loras.length === 0 ? prompt : rest.replace(/ {2,}/g, " ").trim(), loras };
}

function loraOf(inside: string, tag: string, field: string): LoraUse {
  const [name = "", ...rest] = inside.split(":").map((part) => part.trim());
  const plain = rest.filter((part) => !part.includes("="));
  const named = new Map(
    rest.filter((part) => part.includes("=")).map((part) => part.split("=", 2) as [string, string]),
  );
  const number = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    const value = text === "" ? NaN : Number(text);
    if (Number.isFinite(value)) return value;
    throw invalid(field, `${field} has ${tag}, whose weight must be a number, but is ${text}`);
  };
  const unknown = [...named.keys()].find((key) => key !== "te" && key !== "unet");
  if (name === "" || plain.length > 2 || unknown !== undefined) {
    throw invalid(field, `${field} has ${tag}, which must be <lora:name:weight>`);
  }
  const text = number(named.get("te")) ?? number(plain[0]) ?? 1;
  const weight = number(named.get("unet")) ?? number(plain[1]) ?? text;
  return { name, weight, ...text === weight ? {} : { textWeight: text } };
}
