// The page's requests. A refusal is an Error whose message is a sentence for the person.

const LOST = "Threadlab can't be reached. Is it still running?";

async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error(LOST);
  }
  if (response.status === 401) location.reload();
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `The server answered ${response.status}.`);
  return answer;
}

const conversation = (id) => `/api/conversations/${encodeURIComponent(id)}`;

export const config = () => call("GET", "/api/config");
export const createConversation = () => call("POST", "/api/conversations");
export const rename = (id, title) => call("PATCH", conversation(id), { title });
export const say = (id, message) => call("POST", `${conversation(id)}/messages`, message);
export const commands = () => call("GET", "/api/commands");
export const command = (id, name, words = "") => call("POST", `${conversation(id)}/commands/${encodeURIComponent(name)}`, { arguments: words });
export const complete = (id, name, argument, typed) => call("GET",
  `${conversation(id)}/commands/${encodeURIComponent(name)}/${encodeURIComponent(argument)}?typed=${encodeURIComponent(typed)}`);
export const files = (id) => call("GET", `${conversation(id)}/files`);
export const judge = (id, message, good) => call("POST", `${conversation(id)}/messages/${encodeURIComponent(message)}/feedback`, { good });

/** Upload a file with progress. `fetch` can't tell how far an upload is; XMLHttpRequest can. */
export function upload(id, file, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `${conversation(id)}/files?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status === 201) resolve(request.response);
      else reject(new Error(request.response?.error || "The upload failed."));
    };
    request.onerror = () => reject(new Error("The upload was broken off."));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}
