/**
 * A server of S3's protocol in this process.
 *
 * @module
 */
export { default as S3rver } from "s3rver";
