import type { ServeError } from "../../contract/errors.ts";

/** OpenAI's word for the kind of an error. */
function typeOf({ status }: ServeError): string {
  if (status === 401) return "authentication_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** An error as OpenAI's clients read it. */
export function errorBody(error: ServeError): object {
  const { message, code, field = null } = error;
  return { error: { message, type: typeOf(error), param: field, code } };
}
