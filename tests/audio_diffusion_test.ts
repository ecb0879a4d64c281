/**
 * AudioDiffusionPipeline and Mel against diffusers, on tiny repos.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { testPipeline } from "@denoise/testing";
import {
  AudioDiffusionPipeline,
  DDPMScheduler,
  DiffusionPipeline,
  Generator,
  Mel,
  Tensor,
} from "@denoise/denoise";
import { assertWithin, camelKeys, fixture, readGolden } from "./support/golden.ts";

interface Call {
  readonly name: string;
  readonly call: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  readonly images: string;
}

type Given = { readonly [key: string]: unknown; readonly scheduler?: string };

const PIXELS = fixture("tiny-audio-diffusion");
const audio = (await readGolden("pipelines/tiny-audio-diffusion")).tensors.get("audio")!;
const rawAudio = audio.toFloat32Array();

for (const name of ["tiny-audio-diffusion", "tiny-latent-audio-diffusion"]) {
  const { head, tensors } = await readGolden<{ readonly cases: readonly Call[] }>(
    `pipelines/${name}`,
  );
  /** The options of a call: `true` stands for the tensor of that name, a seed for its generator. */
  const options = (call: Readonly<Record<string, unknown>>): Given => {
    const given: Given = camelKeys(call);
    return {
      ...given,
      ...("rawAudio" in given ? { rawAudio } : {}),
      ...("noise" in given ? { noise: tensors.get("noise") } : {}),
      ...("encoding" in given ? { encoding: tensors.get("encoding") } : {}),
      ...("stepGenerator" in given ? { stepGenerator: new Generator(8) } : {}),
    };
  };

  describe(`AudioDiffusionPipeline on ${name} draws what diffusers draws`, () => {
    for (const { name: title, call, seeds, images: key } of head.cases) {
      it(title, async () => {
        const pipe = await AudioDiffusionPipeline.fromPretrained(fixture(name));
        const { scheduler, ...given } = options(call);
        if (scheduler === "DDPM") pipe.scheduler = new DDPMScheduler();
        const generator = seeds.map((seed) => new Generator(seed));
        const { images } = await pipe({ ...given, generator, outputType: "image" });
        const expected = tensors.get(key)!; // [N, H, W]
        assertEquals(images.length, expected.dims[0]);
        for (const [i, { data, channels }] of images.entries()) {
          assertEquals(channels, 1);
          const wanted = expected.select(0, i).data as Uint8Array;
          const worst = data.reduce((max, x, at) => Math.max(max, Math.abs(x - wanted[at]!)), 0);
          assertWithin(worst, 1, title); // of 255: sums of float32 in another order
        }
        await pipe.dispose();
      });
    }
  });
}

describe("Mel", () => {
  it("makes the spectrogram of librosa", async () => {
    const mel = await Mel.fromPretrained(`${PIXELS}/mel`);
    const { tensors } = await readGolden("pipelines/tiny-audio-diffusion");
    for (const slice of [0, 1]) {
      const found = mel.toSpectrogram(rawAudio, slice).data as Uint8Array;
      const wanted = tensors.get("spectrogram")!.select(0, slice).data as Uint8Array;
      const worst = found.reduce((max, x, at) => Math.max(max, Math.abs(x - wanted[at]!)), 0);
      assertWithin(worst, 1, `slice ${slice}`); // librosa computes in float32 before it rounds
    }
  });

  it("makes an audio clip that has about that spectrogram, the same each time", () => {
    const mel = Mel.create({
      x_res: 64,
      y_res: 32,
      n_fft: 512,
      hop_length: 128,
      sample_rate: 8000,
    });
    const tones = Float32Array.from({ length: 64 * 128 }, (_, i) => {
      const t = i / 8000;
      return 0.4 * Math.sin(2 * Math.PI * 440 * t) +
        0.2 * Math.sin(2 * Math.PI * (300 + 500 * t) * t);
    });
    const image = mel.toSpectrogram(tones);
    const audio = mel.toAudio(image);
    assertEquals(audio.length, 63 * 128);
    assertEquals(mel.toAudio(image), audio);
    const again = mel.toSpectrogram(audio).data as Uint8Array;
    const before = image.data as Uint8Array;
    const mean = again.reduce((sum, x, i) => sum + Math.abs(x - before[i]!), 0) / before.length;
    // measured: 8.6 of 255 after 32 rounds of Griffin-Lim; another tone is 58 away, noise 190
    assertWithin(mean, 12, "the spectrogram of the audio");
  });

  it("takes short audio, and refuses what has no spectrogram", () => {
    const mel = Mel.create({ x_res: 8, y_res: 8, n_fft: 64, hop_length: 16 });
    assertEquals(mel.toSpectrogram(Float32Array.of(0, 1, 0)).dims, [8, 8]);
    const cases: [() => unknown, string][] = [
      [() => mel.toSpectrogram(rawAudio, 40), "it has 33"],
      [() => mel.toSpectrogram(rawAudio, 0.5), "counted from 0"],
      [() => Mel.create({ n_fft: 1000 }), "power of two"],
      [() => Mel.create({ n_fft: 64, hop_length: 65 }), "no more than that"],
      [() => Mel.create({ y_res: 0 }), "y_res is 0"],
      [() => mel.toAudio(Tensor.zeros([8, 8])), "uint8 [8, columns]"],
    ];
    for (const [call, message] of cases) {
      let found = "";
      try {
        call();
      } catch (error) {
        found = (error as Error).message;
      }
      assert(found.includes(message), `${message}: ${found}`);
    }
  });
});

describe("AudioDiffusionPipeline", () => {
  it("gives audio with their images, and can go on from one", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(PIXELS);
    const { images, audios } = await pipe({ steps: 2, seed: 1, batchSize: 2 });
    assertEquals([images.length, audios!.length], [2, 2]);
    const [first] = audios!;
    assertEquals([first!.sampleRate, first!.channels, first!.length], [8000, 1, 31 * 64]);
    assertEquals([first!.recipe?.["seed"], first!.recipe?.["steps"]], ["1", 2]);
    const more = await pipe({ steps: 3, startStep: 1, seed: 1, rawAudio: first!.data });
    assert(more.audios![0]!.data.every(Number.isFinite));
    await pipe.dispose();
  });

  it("refuses a file, and says what it takes", async () => {
    const pipe = await AudioDiffusionPipeline.fromPretrained(PIXELS);
    const options = { audioFile: "loop.mp3" };
    await assertRejects(() => pipe(options as object), TypeError, "rawAudio");
    await pipe.dispose();
  });
});

testPipeline(AudioDiffusionPipeline, {
  folder: PIXELS,
  args: (options) => [{ steps: 3, ...options }],
  bytesOf: ({ images, audios }) => [
    ...images.map(({ data }) => data),
    ...audios.map(({ data }) => new Uint8Array(data.buffer)),
  ],
  refuses: [
    { call: (p) => p({ steps: 3, startStep: 3 }), error: RangeError, message: "from 0 to 2" },
    { call: (p) => p({ batchSize: 0 }), error: RangeError, message: "integer from 1" },
    { call: (p) => p({ maskEndSecs: -1 }), error: RangeError, message: "maskEndSecs -1" },
    {
      call: (p) => p({ noise: Tensor.zeros([1, 1, 8, 8]) }),
      error: TypeError,
      message: "needs [1, 1, 16, 32]",
    },
    {
      call: (p) => p({ outputType: "latent" as "audio" }),
      error: RangeError,
      message: '"image" or "tensor"',
    },
  ],
});
