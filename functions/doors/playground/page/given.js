/** Fields without those that are undefined: these are left to the server. */
export const given = (fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
