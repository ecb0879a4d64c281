/** What the server says when it refuses: the message and the field it is about. */
export class RequestError extends Error {
  constructor({ message, param }, status) {
    super(message);
    this.param = param ?? null;
    this.status = status;
  }
}

async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  const error = body.error ?? { message: `The server answered ${response.status}` };
  return new RequestError(typeof error === "string" ? { message: error } : error, response.status);
}

function headers(key) {
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

/** What the server can do: models, schedulers, limits. */
export async function capabilities(key) {
  const response = await fetch("/v1/capabilities", { headers: headers(key) });
  if (!response.ok) throw await refusal(response);
  return await response.json();
}

/** The events of a stream of server-sent events, as objects. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trim()).join("\n");
      if (data !== "") yield JSON.parse(data);
    }
  }
}

/**
 * Draws, and yields what happens: queued, step, partial_image, completed.
 *
 * @param fields The fields of /v1/images/generations.
 * @param given An image to begin with, and a mask, as blobs.
 */
export async function* draw(fields, given, key, signal) {
  const wanted = { ...fields, stream: true, partial_images: 3, progress: true };
  let request;
  if (given.image === undefined) {
    request = {
      path: "/v1/images/generations",
      headers: { ...headers(key), "content-type": "application/json" },
      body: JSON.stringify(wanted),
    };
  } else {
    const form = new FormData();
    for (const [name, value] of Object.entries(wanted)) form.append(name, String(value));
    form.append("image", given.image, "image.png");
    if (given.mask !== undefined) form.append("mask", given.mask, "mask.png");
    request = { path: "/v1/images/edits", headers: headers(key), body: form };
  }
  const { path, ...init } = request;
  const response = await fetch(path, { method: "POST", signal, ...init });
  if (!response.ok) throw await refusal(response);
  for await (const event of events(response)) {
    if (event.type === "error") throw new RequestError(event.error ?? event, 500);
    yield { ...event, kind: event.type.split(".").at(-1) };
  }
}
