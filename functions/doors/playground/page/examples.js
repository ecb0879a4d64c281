import { makesAudio } from "./audio.js";
import { $, button } from "./dom.js";

/** Prompts to try, for models that ship with the project: out of their contact sheet. */
const EXAMPLES = {
  "denoise/emoji": [
    "red apple on a blue background",
    "two cats",
    "rocket on a black background",
    "purple elephant",
    "four strawberries on a pink background",
    "burger and fries",
    "sunflower on a blue to white gradient",
    "pizza on a red and white striped background",
    "unicorn on a pink background",
    "guitar on an orange background",
    "angry",
    "dinosaur",
  ],
};

/** Prompts to try with any other model that reads text. */
const ANY = [
  "a lighthouse on a cliff at dawn, oil painting",
  "portrait of an old fisherman, soft window light",
  "a tiny house inside a glass bottle, macro photograph",
  "a fox in a snowy forest, woodcut",
  "a city of the future seen from a train, watercolour",
  "still life with lemons and a blue jug",
];

/** Prompts to try with any model that makes audio. */
const ANY_AUDIO = [
  "rain on a tin roof, distant thunder",
  "upbeat techno with a deep bass line, 125 BPM",
  "a hammer hitting a wooden surface",
  "solo piano, slow and wistful, in a large hall",
  "birdsong in a forest at dawn",
  "a steam train leaving the station",
];

/** Words of which "Surprise me" makes a prompt for the models that ship with the project. */
export const PARTS = {
  "denoise/emoji": {
    colours: ["red", "blue", "green", "purple", "orange", "pink", "yellow", "black"],
    things: [
      ...["apple", "cat", "rocket", "elephant", "strawberry", "sunflower", "guitar", "unicorn"],
      ...["dinosaur", "car", "fish", "owl", "house", "heart", "umbrella", "mushroom"],
    ],
  },
};

const any = (list) => list[crypto.getRandomValues(new Uint32Array(1))[0] % list.length];

const othersFor = (model) => makesAudio(model) ? ANY_AUDIO : ANY;

/** A prompt by chance. */
export function surprise(model) {
  const parts = PARTS[model.id];
  if (parts === undefined) {
    return any(othersFor(model).filter((prompt) => prompt !== $("prompt").value));
  }
  const colour = any(parts.colours);
  const ground = any(parts.colours.filter((other) => other !== colour));
  return `${colour} ${any(parts.things)} on a ${ground} background`;
}

/** Shows the prompts of a model as chips; each puts itself into the form. */
export function showExamples(model) {
  const prompts = EXAMPLES[model.id] ?? othersFor(model);
  $("examples").hidden = false;
  $("surprise").hidden = false;
  $("examples").replaceChildren(
    ...prompts.map((prompt) => button(prompt, () => $("prompt").value = prompt)),
  );
}
