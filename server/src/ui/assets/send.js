// Sends a form with a file, and shows how much of it has gone. The answer is like that of `fetch`; none if the file is larger
// than the server takes.
export function send(form, data) {
  const input = form.querySelector("input[type=file]");
  const large = [...(input?.files ?? [])].some((file) => file.size > Number(input.dataset.most));
  input?.setCustomValidity(large ? input.dataset.large : "");
  if (large && input.checkVisibility()) {
    input.reportValidity();
    return null;
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const place = form.querySelector("[data-sending]");
    const bar = place?.querySelector("progress");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      if (!bar || !total) return;
      place.hidden = false;
      bar.value = Math.round((100 * loaded) / total);
    });
    request.upload.addEventListener("load", () => place && (place.firstElementChild.textContent = "Reading the document"));
    const end = () => place && (place.hidden = true);
    request.addEventListener("error", () => (end(), reject(new Error("not sent"))));
    request.addEventListener("load", () => {
      end();
      const url = request.responseURL;
      resolve({ url, redirected: url !== form.action, ok: request.status < 400, status: request.status, text: async () => request.responseText });
    });
    request.open("POST", form.action);
    request.send(data);
  });
}
