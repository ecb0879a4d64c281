/**
 * The clients that people use with the function, and how Replicate's checks a webhook.
 *
 * @module
 */
export { InferenceClient } from "@huggingface/inference";
export { default as OpenAI, toFile } from "openai";
export { default as Replicate, validateWebhook } from "replicate";
