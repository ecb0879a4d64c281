import { DenoiseError } from "@denoise/core";
import type { TokenizerFiles } from "./files.ts";
import type { SpecialRole } from "./special_tokens.ts";

/** What stands around each text: the token of a role, or tokens by their names. */
export interface Around {
  /** What stands before it; nothing when undefined. */
  readonly before?: SpecialRole | readonly string[] | undefined;
  /** What stands behind it; nothing when undefined. */
  readonly behind?: SpecialRole | readonly string[] | undefined;
}

interface PostProcessor {
  readonly single?: readonly TemplatePart[];
  readonly processors?: readonly PostProcessor[];
}

interface TemplatePart {
  readonly SpecialToken?: { readonly id: string };
  readonly Sequence?: unknown;
}

/**
 * What the files of a tokenizer put around each text: by `add_bos_token` and `add_eos_token` of
 * tokenizer_config.json where one of them is there, else by the template of tokenizer.json.
 *
 * @param tokens The tokens of the two roles.
 * @throws {DenoiseError} `unsupported_option` for a template with other tokens.
 */
export function aroundTexts(
  { config, postProcessor }: TokenizerFiles,
  tokens: { readonly bos: string; readonly eos: string },
): Around {
  const { add_bos_token, add_eos_token } = config;
  if (add_bos_token !== undefined || add_eos_token !== undefined) {
    return {
      before: add_bos_token === true ? "bos" : undefined,
      behind: add_eos_token === true ? "eos" : undefined,
    };
  }
  const { before, behind } = templateTokens({ postProcessor });
  const isPlain = [
    ...before.map((id) => id === tokens.bos),
    ...behind.map((id) => id === tokens.eos),
  ];
  if (before.length > 1 || behind.length > 1 || isPlain.includes(false)) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot load a tokenizer that puts ${
        JSON.stringify({ before, behind })
      } around a text: supported are ` +
        `${tokens.bos} before it and ${tokens.eos} behind it`,
    );
  }
  return {
    before: before.length === 1 ? "bos" : undefined,
    behind: behind.length === 1 ? "eos" : undefined,
  };
}

/** The tokens that the template of tokenizer.json puts around each text; none where there is no template. */
export function templateTokens(
  { postProcessor }: Pick<TokenizerFiles, "postProcessor">,
): { readonly before: readonly string[]; readonly behind: readonly string[] } {
  const single = templateOf(postProcessor as PostProcessor | null | undefined);
  const text = single.findIndex(({ Sequence }) => Sequence !== undefined);
  const tokens = (parts: readonly TemplatePart[]) =>
    parts.flatMap(({ SpecialToken }) => SpecialToken?.id ?? []);
  return {
    before: tokens(single.slice(0, Math.max(text, 0))),
    behind: tokens(single.slice(text + 1)),
  };
}

/** The template of a post processor, or of one among several. */
function templateOf(of: PostProcessor | null | undefined): readonly TemplatePart[] {
  return of?.single ?? of?.processors?.map(templateOf).find((one) => one.length > 0) ?? [];
}
