import { $, make } from "./dom.js";

/**
 * Copies a text, also where the page has no clipboard: browsers give it to pages of https and of this
 * machine only.
 *
 * @returns Whether it is copied; if not, it is shown for the user to copy.
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (copyBySelection(text)) return true;
    $("copy-text").value = text;
    $("copy-dialog").showModal();
    $("copy-text").select();
    return false;
  }
}

/** The older way, which needs no permission: what is selected is copied. */
function copyBySelection(text) {
  const area = make("textarea", { value: text, readOnly: true, className: "off-screen" });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}
