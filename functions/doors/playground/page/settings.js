import { $ } from "./dom.js";
import { forget } from "./memory.js";
import { say } from "./message.js";

/** Wires the dialog of settings; `onKey` is called when the key has changed. */
export function wireSettings(onKey) {
  $("open-settings").onclick = askForKey;
  $("key").onchange = onKey;
  $("forget").onclick = () => {
    $("remember").checked = false;
    $("key").value = "";
    forget();
    $("settings").close();
    say("Key and fields are no longer kept in this browser");
  };
}

/** Opens the dialog, at the key. */
export function askForKey() {
  if (!$("settings").open) $("settings").showModal();
  $("key").focus();
}

/** The key of this server, or an empty text. */
export const key = () => $("key").value.trim();
