/**
 * Images that were made, in this browser's IndexedDB: of each its file, what it was made from, and the
 * request that makes it again.
 */

const NAME = "denoise";
const STORE = "images";

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** Does something with the store, and waits until it is kept. */
async function within(mode, work) {
  const transaction = (await open()).transaction(STORE, mode);
  const request = work(transaction.objectStore(STORE));
  return await new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

/** Keeps an image and gives it its id. */
export async function keep(entry) {
  const id = await within("readwrite", (store) => store.add(entry));
  return { ...entry, id };
}

/** All images, the newest first. */
export async function kept() {
  return (await within("readonly", (store) => store.getAll())).reverse();
}

/** Takes one image away. */
export async function remove(id) {
  await within("readwrite", (store) => store.delete(id));
}

/** Takes all images away. */
export async function removeAll() {
  await within("readwrite", (store) => store.clear());
}
