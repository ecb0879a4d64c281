import { formValue } from "./api.js";

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

/** An object as a program writes it, with a list of ControlNets in it where there are some. */
function withControls(json, controls, code) {
  if (controls.length === 0) return json;
  return `${json.slice(0, -1).trimEnd()}, "controlnets": ${code}}`;
}

/**
 * A request as a program in that language. Files that it was made with are to lie beside the program, as
 * image.png, mask.png and control-1.png.
 *
 * @param request `fields` of the images routes, and whether there were files: `hasImage`, `hasMask`; or the
 *   `prediction` that makes audio.
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

function filesOf({ hasImage, hasMask }) {
  return [...hasImage ? ["image"] : [], ...hasMask ? ["mask"] : []];
}

function curl({ fields: { controlnets = [], ...fields }, hasImage, hasMask }, origin) {
  const files = filesOf({ hasImage, hasMask });
  const code = controlList(controlnets, (_file, i) => `$control${i + 1}`);
  const reads = controlnets.map((_, i) =>
    `--rawfile control${i + 1} <(base64 < ${controlFile(i)} | tr -d '\\n')`
  );
  const made = (program) =>
    reads.length === 0 ? [] : [`jq -n ${reads.join(" ")}`, `${quote(program)} | `];
  const key = `-H "authorization: Bearer $DENOISE_API_KEY"`;
  const json = JSON.stringify(fields);
  const [before, lines] = files.length === 0
    ? [made(withControls(json, controlnets, code)), [
      `curl ${origin}/v1/images/generations`,
      `-H 'content-type: application/json' ${key}`,
      reads.length === 0 ? `-d ${quote(json)}` : "--data-binary @-",
    ]]
    : [made(code), [
      `curl ${origin}/v1/images/edits`,
      key,
      ...files.map((name) => `-F ${name}=@${name}.png`),
      ...reads.length === 0 ? [] : ["-F 'controlnets=<-'"],
      ...Object.entries(fields).map(([name, value]) =>
        `--form-string ${quote(`${name}=${formValue(value)}`)}`
      ),
    ]];
  const request = `${before.join(" \\\n  ")}${lines.join(" \\\n  ")}`;
  return `${request} | jq -r '.data[0].b64_json' | base64 -d > result.png\n`;
}

function python({ fields: { controlnets = [], ...fields }, hasImage, hasMask }, origin) {
  const files = filesOf({ hasImage, hasMask });
  const { prompt = "", model, n, size, ...rest } = fields;
  const list = controlList(
    controlnets,
    (file) => `base64.b64encode(open("${file}", "rb").read()).decode()`,
  );
  const extra = files.length === 0
    ? withControls(JSON.stringify(rest), controlnets, list)
    : withControls(JSON.stringify(inForm(rest)), controlnets, `json.dumps(${list})`);
  const known = Object.entries({ model, prompt, n, size })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `    ${name}=${JSON.stringify(value)},\n`);
  const opened = files.map((name) => `    ${name}=open("${name}.png", "rb"),\n`);
  return `import base64, ${controlnets.length > 0 && files.length > 0 ? "json, " : ""}os
from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=os.environ.get("DENOISE_API_KEY", "none"))
reply = client.images.${files.length === 0 ? "generate" : "edit"}(
${[...opened, ...known].join("")}    extra_body=${extra},
)
open("result.png", "wb").write(base64.b64decode(reply.data[0].b64_json))\n`;
}

function typescript({ fields: { controlnets = [], ...fields }, hasImage, hasMask }, origin) {
  const files = filesOf({ hasImage, hasMask });
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
for (const name of ${JSON.stringify(files)}) {
  body.append(name, new Blob([await Deno.readFile(\`\${name}.png\`)]));
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

/** A prediction that makes a WAV file, as a program. */
function predictionIn(language, body, origin) {
  const json = JSON.stringify(body, null, 2);
  const languages = {
    curl: [
      `curl ${origin}/predictions`,
      `-H 'content-type: application/json' -H "authorization: Bearer $DENOISE_API_KEY"`,
      `-d ${
        quote(JSON.stringify(body))
      } | jq -r '.output[0]' | cut -d, -f2 | base64 -d > result.wav\n`,
    ].join(" \\\n  "),
    python: `import json, os, urllib.request

request = urllib.request.Request(
    "${origin}/predictions",
    json.dumps(${indent(json, 4)}).encode(),
    {"content-type": "application/json", "authorization": "Bearer " + os.environ.get("DENOISE_API_KEY", "none")},
)
[result, *_] = json.load(urllib.request.urlopen(request))["output"]
open("result.wav", "wb").write(urllib.request.urlopen(result).read())\n`,
    typescript: `const response = await fetch("${origin}/predictions", {
  method: "POST",
  headers: {
    "content-type": "application/json",
    authorization: \`Bearer \${Deno.env.get("DENOISE_API_KEY")}\`,
  },
  body: JSON.stringify(${indent(json, 2)}),
});
const { output } = await response.json();
await Deno.writeFile("result.wav", await (await fetch(output[0])).bytes());\n`,
  };
  return languages[language];
}
