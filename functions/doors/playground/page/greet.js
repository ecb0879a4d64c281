import { capabilities } from "./api.js";
import { $ } from "./dom.js";
import { askForKey, key } from "./settings.js";

let waiting;

/** Waits until the server has its models, then gives what it can do. */
export async function greet(onFound) {
  clearTimeout(waiting);
  const again = (ms) => waiting = setTimeout(() => greet(onFound), ms);
  try {
    const found = await capabilities(key());
    if (found.models.length === 0) {
      $("state").textContent = "The models are being loaded …";
      again(1000);
      return;
    }
    const { length } = found.models;
    $("state").textContent = length === 1 ? found.models[0].id : `${length} models`;
    onFound(found);
  } catch (error) {
    if (error.status === 401) {
      $("state").textContent = key() === ""
        ? "This server asks for a key"
        : "This server does not know the key";
      askForKey();
    } else {
      $("state").textContent = error.message;
      again(3000);
    }
  }
}
