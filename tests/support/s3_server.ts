/**
 * A server of S3's protocol in this process, which checks signatures.
 *
 * @module
 */
export { default as S3rver } from "@20minutes/s3rver";
