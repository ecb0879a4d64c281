import { isWav } from "./audio.js";
import { $, button, make } from "./dom.js";
import { base64Of, bytesOf, isTooLarge } from "./files.js";
import { say } from "./message.js";

/** Clips that are chosen, as data URLs, by the names of their options. */
const clips = new Map();

/** What the server takes, as it says itself. */
let limits = {};

/** The options of the model that is chosen, by diffusers' names. */
let options = {};

const isClip = ({ option }) => option.type === "audio";

/** The names of the clips that the model reads. */
const clipNames = () => Object.keys(options).filter((name) => isClip(options[name]));

/** Whether a field of the page can hold values of an option, and the server takes them. */
function hasField({ option: { type, choices, maximum, cost } }) {
  if (choices !== undefined || ["audio", "boolean", "number", "string"].includes(type)) return true;
  return type === "integer" && (maximum !== undefined || cost !== undefined);
}

/** Whether a model reads audio clips. */
export const takesClips = ({ options = {} }) => Object.values(options).some(isClip);

/** Whether a value of a request is an audio clip. */
export const isClipValue = (value) => typeof value === "string" && value.startsWith("data:audio/");

/** The id of an option's input. */
export const ownId = (name) => `own-${name}`;

/** The words of a name: `src_audio` as src audio. */
const words = (name) => name.replaceAll("_", " ");

/** Shows the options that a model alone has. */
export function showOwnOptions(model, serverLimits) {
  limits = serverLimits;
  const before = valuesIn();
  options = Object.fromEntries(
    Object.entries(model.options ?? {}).filter(([, own]) => hasField(own)),
  );
  for (const name of clips.keys()) if (options[name] === undefined) clips.delete(name);
  showClips();
  const others = Object.entries(options).filter(([, own]) => !isClip(own));
  $("own").hidden = others.length === 0;
  $("own-list").replaceChildren(...others.map(([name, own]) => fieldOf(name, own, before[name])));
}

/** An address at which a player of the page, which plays no data URLs, finds a clip. */
function addressOf(clip) {
  const bytes = bytesOf(clip.slice(clip.indexOf(",") + 1));
  return URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
}

/** The row of a clip: its file, a player, and a button that takes it away. */
function clipRow(name) {
  const file = make("input", { type: "file", accept: "audio/wav,.wav", id: ownId(name) });
  file.setAttribute("aria-label", `Audio for ${words(name)}`);
  const player = make("audio", { controls: true, "aria-label": words(name) });
  const remove = button("Remove", () => {
    clips.delete(name);
    file.value = "";
    show();
  }, { "aria-label": `Remove ${words(name)}` });
  const show = () => {
    player.hidden = remove.hidden = !clips.has(name);
    if (player.src !== "") URL.revokeObjectURL(player.src);
    if (clips.has(name)) player.src = addressOf(clips.get(name));
    else player.removeAttribute("src");
  };
  file.onchange = async () => {
    if (file.files.length === 0 || !await takeClip(file.files[0], name)) file.value = "";
    show();
  };
  show();
  return make("div", { className: "clip" }, make("label", {}, words(name), file), player, remove);
}

/**
 * Takes a WAV file as a clip, by default as the first one that the model reads; says what is wrong with another file, and
 * is false then.
 */
export async function takeClip(file, name = clipNames()[0]) {
  if (isTooLarge(file, limits)) return false;
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!isWav(bytes)) {
    say(`This file is no WAV, which ${words(name)} must be: convert it first`);
    return false;
  }
  clips.set(name, `data:audio/wav;base64,${await base64Of(new Blob([bytes]))}`);
  say(`Audio taken as ${words(name)}`);
  return true;
}

/** Shows the clips as they are chosen now. */
export function showClips() {
  for (const { src } of $("clip-list").querySelectorAll("audio")) URL.revokeObjectURL(src);
  const names = clipNames();
  $("clips").hidden = names.length === 0;
  $("clip-list").replaceChildren(...names.map(clipRow));
}

/** The labelled field of an option. */
function fieldOf(name, { option, tasks }, value) {
  const { choices, type, list, minimum, maximum } = option;
  const label = tasks === undefined ? words(name) : `${words(name)} (${tasks.join(", ")})`;
  const among = choices ?? (type === "boolean" ? [true, false] : undefined);
  const isNumber = (type === "number" || type === "integer") && list === undefined;
  const input = among !== undefined && list === undefined
    ? make(
      "select",
      {},
      new Option("of the model", ""),
      ...among.map((one) => new Option(String(one), JSON.stringify(one))),
    )
    : make("input", {
      type: isNumber ? "number" : "text",
      placeholder: list === "required" ? "a, b, c" : "of the model",
      autocomplete: "off",
    });
  if (isNumber) {
    input.step = type === "integer" ? "1" : "any";
    if (minimum !== undefined) input.min = minimum;
    if (maximum !== undefined) input.max = maximum;
  }
  input.id = ownId(name);
  if (value !== undefined) put(input, value);
  return make("label", {}, label, input);
}

/** Puts a value of a request into a field. */
function put(input, value) {
  if (input.tagName === "SELECT") input.value = value === undefined ? "" : JSON.stringify(value);
  else input.value = [value ?? ""].flat().join(", ");
}

/** The value in a field, or undefined where it is left to the model; what is no number stays a text, which the server refuses. */
function valueIn(input, { option: { type, list } }) {
  const text = input.value.trim();
  if (text === "") return undefined;
  if (input.tagName === "SELECT") return JSON.parse(text);
  const read = (one) => type === "string" || Number.isNaN(Number(one)) ? one : Number(one);
  const isSplit = list === "required" || list !== undefined && type !== "string";
  if (!isSplit) return read(text);
  const values = text.split(",").map((one) => read(one.trim()));
  return values.length === 1 && list !== "required" ? values[0] : values;
}

function valuesIn() {
  const found = Object.entries(options).flatMap(([name, own]) => {
    const value = isClip(own) ? clips.get(name) : valueIn($(ownId(name)), own);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(found);
}

/** The options that are given, as fields of a request; `wrong` names one that is no number. */
export function readOwnOptions() {
  const wrong = Object.keys(options).find((name) => $(ownId(name)).validity.badInput);
  return { own: valuesIn(), wrong };
}

/** Puts these into the fields, and empties the others. */
export function putOwnOptions(fields) {
  for (const [name, own] of Object.entries(options)) {
    if (!isClip(own)) put($(ownId(name)), fields[name]);
    else if (fields[name] === undefined) clips.delete(name);
    else clips.set(name, fields[name]);
  }
  showClips();
  const isGiven = Object.keys(options).some((name) => fields[name] !== undefined);
  if (isGiven) $("own").open = true;
}
