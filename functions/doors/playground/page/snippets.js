import { formValue } from "./api.js";
import { isClipValue } from "./own_options.js";

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const indent = (text, by) => text.replaceAll("\n", `\n${" ".repeat(by)}`);

/** The name of the file that a ControlNet reads. */
const controlFile = (i) => `control-${i + 1}.png`;

/** A list of ControlNets as a program writes it. */
function controlList(controls, read) {
  const items = controls.map(({ image: _, ...rest }, i) =>
    `${JSON.stringify(rest).slice(0, -1)},"image":${read(controlFile(i), i)}}`
  );
  return `[${items.join(", ")}]`;
}

/** JSON as Python writes it: words of JSON stand outside of its texts alone. */
const inPython = (json) =>
  json.replace(
    /"(?:[^"\\]|\\.)*"|\b(true|false|null)\b/g,
    (text, word) => ({ true: "True", false: "False", null: "None" })[word] ?? text,
  );

/** An object as a program writes it, with a list of ControlNets in it where there are some. */
function withControls(json, controls, code) {
  if (controls.length === 0) return json;
  return `${json.slice(0, -1).trimEnd()}, "controlnets": ${code}}`;
}

/**
 * A request as a program in that language. Files that it was made with are to lie beside the program, as
 * image.png, image-2.png, mask.png and control-1.png, clips under the names of their fields, as src_audio.wav.
 *
 * @param request `fields` of the images routes, how many `images` there were, and whether there was a mask: `hasMask`; or
 *   the `prediction` that makes audio.
 * @param origin This server's address.
 */
export function snippet(language, request, origin) {
  if (request.prediction !== undefined) return predictionIn(language, request.prediction, origin);
  const languages = { curl, python, typescript };
  return languages[language](request, origin);
}

/** Fields as a form has them, where lists are texts. */
function inForm(fields) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "object" ? formValue(value) : value,
    ]),
  );
}

function filesOf({ images, hasMask }) {
  const given = Array.from({ length: images }, (_, i) => ({
    field: "image",
    file: i === 0 ? "image.png" : `image-${i + 1}.png`,
  }));
  return [...given, ...hasMask ? [{ field: "mask", file: "mask.png" }] : []];
}

/** The file of that name in base64, as a variable of jq. */
const jqFile = (variable, file) => `--rawfile ${variable} <(base64 < ${file} | tr -d '\\n')`;

/** The words that make a program of jq into a body, of such files; none where there are none. */
const jqBody = (files, program) =>
  files.length === 0 ? [] : [`jq -n ${files.join(" ")}`, `${quote(program)} |`];

function curl({ fields: { controlnets = [], ...fields }, images, hasMask }, origin) {
  const files = filesOf({ images, hasMask });
  const code = controlList(controlnets, (_file, i) => `$control${i + 1}`);
  const reads = controlnets.map((_, i) => jqFile(`control${i + 1}`, controlFile(i)));
  const key = `-H "authorization: Bearer $DENOISE_API_KEY"`;
  const json = JSON.stringify(fields);
  const [before, lines] = files.length === 0
    ? [jqBody(reads, withControls(json, controlnets, code)), [
      `curl ${origin}/v1/images/generations`,
      `-H 'content-type: application/json' ${key}`,
      reads.length === 0 ? `-d ${quote(json)}` : "--data-binary @-",
    ]]
    : [jqBody(reads, code), [
      `curl ${origin}/v1/images/edits`,
      key,
      ...files.map(({ field, file }) => `-F ${field}=@${file}`),
      ...reads.length === 0 ? [] : ["-F 'controlnets=<-'"],
      ...Object.entries(fields).map(([name, value]) =>
        `--form-string ${quote(`${name}=${formValue(value)}`)}`
      ),
    ]];
  const request = [...before, ...lines].join(" \\\n  ");
  return `${request} | jq -r '.data[0].b64_json' | base64 -d > result.png\n`;
}

function python({ fields: { controlnets = [], ...fields }, images, hasMask }, origin) {
  const files = filesOf({ images, hasMask });
  const { prompt = "", model, n, size, ...rest } = fields;
  const list = controlList(
    controlnets,
    (file) => `base64.b64encode(open("${file}", "rb").read()).decode()`,
  );
  const extra = files.length === 0
    ? withControls(inPython(JSON.stringify(rest)), controlnets, list)
    : withControls(JSON.stringify(inForm(rest)), controlnets, `json.dumps(${list})`);
  const known = Object.entries({ model, prompt, n, size })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `    ${name}=${JSON.stringify(value)},\n`);
  const opened = ["image", "mask"].flatMap((name) => {
    const all = files.filter(({ field }) => field === name)
      .map(({ file }) => `open("${file}", "rb")`);
    if (all.length === 0) return [];
    return [`    ${name}=${all.length === 1 ? all[0] : `[${all.join(", ")}]`},\n`];
  });
  return `import base64, ${controlnets.length > 0 && files.length > 0 ? "json, " : ""}os
from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=os.environ.get("DENOISE_API_KEY", "none"))
reply = client.images.${files.length === 0 ? "generate" : "edit"}(
${[...opened, ...known].join("")}    extra_body=${extra},
)
open("result.png", "wb").write(base64.b64decode(reply.data[0].b64_json))\n`;
}

function typescript({ fields: { controlnets = [], ...fields }, images, hasMask }, origin) {
  const files = filesOf({ images, hasMask });
  const authorization = 'authorization: `Bearer ${Deno.env.get("DENOISE_API_KEY")}`';
  const list = controlList(controlnets, (file) => `(await Deno.readFile("${file}")).toBase64()`);
  const json = withControls(JSON.stringify(fields, null, 2), controlnets, list);
  const form = withControls(
    JSON.stringify(inForm(fields), null, 2),
    controlnets,
    `JSON.stringify(${list})`,
  );
  const asked = files.length === 0
    ? `const response = await fetch("${origin}/v1/images/generations", {
  method: "POST",
  headers: { "content-type": "application/json", ${authorization} },
  body: JSON.stringify(${indent(json, 2)}),
});`
    : `const body = new FormData();
for (const [name, file] of ${JSON.stringify(files.map(({ field, file }) => [field, file]))}) {
  body.append(name, new Blob([await Deno.readFile(file)]));
}
const fields = ${form};
for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
const response = await fetch("${origin}/v1/images/edits", {
  method: "POST",
  headers: { ${authorization} },
  body,
});`;
  return `${asked}
const { data } = await response.json();
await Deno.writeFile("result.png", Uint8Array.fromBase64(data[0].b64_json));\n`;
}

/** The names of the clips of a prediction, and its body with what `read` writes in the place of each. */
function withClips(body, indented, read) {
  const names = Object.keys(body.input).filter((name) => isClipValue(body.input[name]));
  const text = JSON.stringify(body, (name, value) => names.includes(name) ? null : value, indented);
  const code = names.reduce(
    (text, name) => text.replace(new RegExp(`("${name}": ?)null`), (_, key) => key + read(name)),
    text,
  );
  return { names, code };
}

/** A prediction that makes a WAV file, as a program. */
function predictionIn(language, body, origin) {
  const languages = {
    curl: curlPrediction,
    python: pythonPrediction,
    typescript: scriptPrediction,
  };
  return languages[language](body, origin);
}

function curlPrediction(body, origin) {
  const start = '"data:audio/wav;base64," + $';
  const { names, code } = withClips(body, undefined, (name) => `(${start}${name})`);
  const reads = names.map((name) => jqFile(name, `${name}.wav`));
  return [
    ...jqBody(reads, code),
    `curl ${origin}/predictions`,
    `-H 'content-type: application/json' -H "authorization: Bearer $DENOISE_API_KEY"`,
    `${
      reads.length === 0 ? `-d ${quote(code)}` : "--data-binary @-"
    } | jq -r '.output[0]' | cut -d, -f2 | base64 -d > result.wav\n`,
  ].join(" \\\n  ");
}

function pythonPrediction(body, origin) {
  const { names, code } = withClips(body, 2, (name) => `wav("${name}.wav")`);
  const reader = names.length === 0 ? "" : `def wav(name):
    return "data:audio/wav;base64," + base64.b64encode(open(name, "rb").read()).decode()

`;
  return `import ${names.length === 0 ? "" : "base64, "}json, os, urllib.request

${reader}request = urllib.request.Request(
    "${origin}/predictions",
    json.dumps(${indent(inPython(code), 4)}).encode(),
    {"content-type": "application/json", "authorization": "Bearer " + os.environ.get("DENOISE_API_KEY", "none")},
)
[result, *_] = json.load(urllib.request.urlopen(request))["output"]
open("result.wav", "wb").write(urllib.request.urlopen(result).read())\n`;
}

function scriptPrediction(body, origin) {
  const { names, code } = withClips(body, 2, (name) => `await wav("${name}.wav")`);
  const reader = names.length === 0 ? "" : `const wav = async (name: string) =>
  "data:audio/wav;base64," + (await Deno.readFile(name)).toBase64();
`;
  return `${reader}const response = await fetch("${origin}/predictions", {
  method: "POST",
  headers: {
    "content-type": "application/json",
    authorization: \`Bearer \${Deno.env.get("DENOISE_API_KEY")}\`,
  },
  body: JSON.stringify(${indent(code, 2)}),
});
const { output } = await response.json();
await Deno.writeFile("result.wav", await (await fetch(output[0])).bytes());\n`;
}
