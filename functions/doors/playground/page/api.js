import { predictionOf } from "./audio.js";

/** What the server says when it refuses: the message and the field it is about. */
export class RequestError extends Error {
  constructor({ message, param }, status) {
    super(message);
    this.param = param ?? null;
    this.status = status;
  }
}

const UNREACHABLE = "The server does not answer: look whether it runs, then try again";

async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  const { detail: message, field } = body; // of a prediction
  const error = body.error ??
    {
      message: message ?? `The server answered ${response.status}`,
      param: field?.split(".").at(-1),
    };
  return new RequestError(typeof error === "string" ? { message: error } : error, response.status);
}

function headers(key) {
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

/** A reply that is no refusal. */
async function ask(path, init) {
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RequestError({ message: UNREACHABLE }, 0);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** What the server can do: models, schedulers, limits. */
export async function capabilities(key) {
  return await (await ask("/v1/capabilities", { headers: headers(key) })).json();
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

/** A field as a form carries it. */
export const formValue = (value) =>
  typeof value === "object" ? JSON.stringify(value) : String(value);

/**
 * Draws, and yields what happens: queued, step, partial_image, completed.
 *
 * @param fields The fields of /v1/images/generations.
 * @param files An image to begin with, `more` that are read with it, and a mask, as blobs.
 */
export async function* draw(fields, files, key, signal) {
  const wanted = { ...fields, stream: true, partial_images: 4, progress: true };
  let request;
  if (files.image === undefined) {
    request = {
      path: "/v1/images/generations",
      headers: { ...headers(key), "content-type": "application/json" },
      body: JSON.stringify(wanted),
    };
  } else {
    const form = new FormData();
    for (const [name, value] of Object.entries(wanted)) form.append(name, formValue(value));
    for (const image of [files.image, ...files.more ?? []]) {
      form.append("image", image, "image.png");
    }
    if (files.mask !== undefined) form.append("mask", files.mask, "mask.png");
    request = { path: "/v1/images/edits", headers: headers(key), body: form };
  }
  const { path, ...init } = request;
  const response = await ask(path, { method: "POST", signal, ...init });
  let ended = false;
  try {
    for await (const event of events(response)) {
      if (event.type === "error") throw new RequestError(event.error ?? event, 500);
      const kind = event.type.split(".").at(-1);
      ended ||= kind === "completed";
      yield { ...event, kind };
    }
  } catch (error) {
    if (error instanceof RequestError || signal.aborted) throw error;
    throw new RequestError({ message: UNREACHABLE }, 0);
  }
  if (!ended) throw new RequestError({ message: UNREACHABLE }, 0);
}

/** What a prediction tells, in the words of {@linkcode draw}; of its files no more than their bytes. */
function* inWordsOfImages({ name, step, of, eta_ms, source, data, output, status, error }) {
  if (name === "progress") yield { kind: "step", step, of, eta_ms };
  else if (source !== undefined) yield { kind: "warning", message: data.trim() };
  else if (status === "failed" || status === "canceled") {
    throw new RequestError({ message: error ?? "The server cancelled the run" }, 500);
  } else if (status === "succeeded") {
    for (const url of output) {
      const [, media_type, b64_json] = url.match(/^data:([^;]*);base64,(.*)$/);
      yield { kind: "completed", media_type, b64_json };
    }
  }
}

/**
 * Makes audio, and yields what happens, as {@linkcode draw} does: step, warning, completed.
 *
 * @param fields The fields of a prediction's input, with `model` and `n`.
 */
export async function* compose(fields, key, signal) {
  const response = await ask("/predictions", {
    method: "POST",
    signal,
    headers: {
      ...headers(key),
      "content-type": "application/json",
      accept: "text/event-stream",
      prefer: "return=representation",
    },
    body: JSON.stringify(predictionOf(fields)),
  });
  let ended = false;
  try {
    for await (const event of events(response)) {
      for (const told of inWordsOfImages(event)) {
        ended ||= told.kind === "completed";
        yield told;
      }
    }
  } catch (error) {
    if (error instanceof RequestError || signal.aborted) throw error;
    throw new RequestError({ message: UNREACHABLE }, 0);
  }
  if (!ended) throw new RequestError({ message: UNREACHABLE }, 0);
}
