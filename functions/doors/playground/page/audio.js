/**
 * What the page does otherwise with models that make audio: they are asked at /predictions, their files
 * are played, and drawn as waves.
 */

/** Whether a model makes audio. */
export const makesAudio = (model) => model?.makes === "audio";

/** Whether an entry is audio. */
export const isAudio = ({ blob }) => blob.type.startsWith("audio/");

/** The fields of a request as a prediction's body has them. */
export function predictionOf({ model, n, ...input }) {
  return { model, input: { ...input, ...n === undefined ? {} : { num_outputs: n } } };
}

const ascii = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** The chunks of a part of a RIFF file. */
function* chunksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    yield { id: ascii(bytes, at), data: bytes.subarray(at + 8, at + 8 + size) };
    at += 8 + size + size % 2;
  }
}

/** Whether a file begins as WAV files do. */
export const isWav = (bytes) => ascii(bytes, 0) === "RIFF" && ascii(bytes, 8) === "WAVE";

/** The recipe in a WAV file that denoise made, or undefined. */
export function wavRecipe(bytes) {
  for (const { id, data } of chunksOf(bytes.subarray(12))) {
    if (id !== "LIST" || ascii(data, 0) !== "INFO") continue;
    for (const fact of chunksOf(data.subarray(4))) {
      if (fact.id !== "ICMT") continue;
      return JSON.parse(new TextDecoder().decode(fact.data).replace(/\0+$/, ""));
    }
  }
  return undefined;
}

/** Width and height of the drawing of a wave, and how many bars it has. */
const [WIDTH, HEIGHT, BARS] = [640, 200, 128];

/** The samples of a WAV file of 16-bit numbers as a drawing: bars from the quietest to the loudest of each part. */
export function waveOf(bytes) {
  const data = [...chunksOf(bytes.subarray(12))].find(({ id }) => id === "data")?.data;
  const view = data && new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = Math.floor((data?.length ?? 0) / 2);
  const step = Math.max(1, Math.ceil(count / BARS));
  const loudness = Array.from({ length: Math.ceil(count / step) }, (_, bar) => {
    let most = 0;
    for (let i = bar * step; i < Math.min(count, (bar + 1) * step); i++) {
      most = Math.max(most, Math.abs(view.getInt16(2 * i, true)));
    }
    return most / 32768;
  });
  const width = WIDTH / Math.max(1, loudness.length);
  const bars = loudness.map((most, i) => {
    const half = Math.max(1, most * HEIGHT / 2);
    return `M${(i + 0.5) * width} ${HEIGHT / 2 - half}v${2 * half}`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `width="${WIDTH}" height="${HEIGHT}"><path d="${bars.join("")}" stroke="#c2693d" ` +
    `stroke-width="${(width * 0.6).toFixed(2)}" stroke-linecap="round"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** The shape of that drawing. */
export const WAVE_SHAPE = WIDTH / HEIGHT;
