const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A request as a program in that language; `origin` is this server's address. */
export function snippet(language, fields, origin) {
  const body = JSON.stringify(fields, null, 2);
  switch (language) {
    case "curl":
      return `curl ${origin}/v1/images/generations \\
  -H 'content-type: application/json' -H "authorization: Bearer $DENOISE_API_KEY" \\
  -d ${quote(JSON.stringify(fields))} | jq -r '.data[0].b64_json' | base64 -d > picture.png\n`;
    case "python": {
      const { prompt = "", model, n, size, ...extra } = fields;
      const known = Object.entries({ model, prompt, n, size })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `    ${name}=${JSON.stringify(value)},\n`).join("");
      return `import base64, os
from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=os.environ.get("DENOISE_API_KEY", "none"))
reply = client.images.generate(
${known}    extra_body=${JSON.stringify(extra)},
)
open("picture.png", "wb").write(base64.b64decode(reply.data[0].b64_json))\n`;
    }
    default:
      return `const response = await fetch("${origin}/v1/images/generations", {
  method: "POST",
  headers: {
    "content-type": "application/json",
    authorization: \`Bearer \${Deno.env.get("DENOISE_API_KEY")}\`,
  },
  body: JSON.stringify(${body.replaceAll("\n", "\n  ")}),
});
const { data } = await response.json();
await Deno.writeFile("picture.png", Uint8Array.fromBase64(data[0].b64_json));\n`;
  }
}
