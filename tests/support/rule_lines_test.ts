import { assertEquals, assertThrows } from "@std/assert";
import { copiesIn, safetensors } from "./fixtures.ts";
import { parseTensors } from "./golden.ts";
import { drawsIn } from "./rule_lines.ts";

const LINES = ` encoder
  conv_in: bias b 4; weight m 4x3
  resnets
   0,1
    conv1,conv2: bias b 4; weight m 4x4
    norm1.gamma m 4; skip 7
   2
    pass 5; shortcut.weight n 2x2 f16
  mid.resnets.8~10 like encoder.resnets.1
  norm_out like encoder.conv_in`.split("\n");

Deno.test("levels, names that stand for several, and what is like an earlier level", () => {
  const [first, second] = ["bias b 4", "weight m 4x4"];
  const block = (at: string) => [
    ...["conv1", "conv2"].flatMap((conv) => [first, second].map((what) => `${at}.${conv}.${what}`)),
    `${at}.norm1.gamma m 4`,
    "skip 7",
  ];
  assertEquals(
    drawsIn(LINES).map(([name, rule]) => name === undefined ? rule : `${name} ${rule}`),
    [
      "encoder.conv_in.bias b 4",
      "encoder.conv_in.weight m 4x3",
      ...block("encoder.resnets.0"),
      ...block("encoder.resnets.1"),
      "pass 5",
      "encoder.resnets.2.shortcut.weight n 2x2 f16",
      ...[8, 9, 10].flatMap((n) => block(`encoder.mid.resnets.${n}`)),
      "encoder.norm_out.bias b 4",
      "encoder.norm_out.weight m 4x3",
    ],
  );
});

Deno.test("a level that is like none before it is refused", () => {
  assertThrows(
    () => drawsIn([" a like b"]),
    SyntaxError,
    "Cannot read the rules of weights: no level b before a, which is said to be like it",
  );
});

Deno.test("numbers that are not random, deflated or not, and a line that is none", () => {
  const numbers = Float32Array.from({ length: 12 }, (_, i) => i % 3);
  const deflated = "eNpjYACBBnsg4cBABBsAWdQD/Q==";
  assertThrows(() => safetensors("seeds 1\n"), SyntaxError, 'unknown line "seeds 1"');
  const plain = new Uint8Array(numbers.buffer).toBase64();
  const file = parseTensors(safetensors(`a = 3x4 f32 ${plain}\nb ~ 3x4 f32 ${deflated}\n`));
  assertEquals(file.get("a")!.data, numbers);
  assertEquals(file.get("b")!.data, numbers);
});

Deno.test("copies stand below the file that they are like", () => {
  assertEquals(copiesIn("## Written.\n# a/x.json\n/b/x.json\n/c/x.json\n# d\n/e\n"), [
    { source: "a/x.json", copies: ["b/x.json", "c/x.json"] },
    { source: "d", copies: ["e"] },
  ]);
});
