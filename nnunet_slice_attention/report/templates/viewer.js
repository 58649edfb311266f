// Scroll through the cases of a report with NiiVue. The page holds #viewer (see report.html.j2) and #viewer-data.
"use strict";
(async () => {
  const root = document.getElementById("viewer");
  const plain = document.getElementById("plain-images");
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  // ground truth, baseline, and the others in the hues of the figures, light enough for a dark image
  const colours = [[255, 255, 255], [230, 159, 0], [86, 180, 233], [0, 158, 115], [213, 94, 0], [204, 121, 167], [240, 228, 66]];
  const colour = (i) => (i ? colours[1 + ((i - 1) % (colours.length - 1))] : colours[0]); // white for the ground truth only
  const errorColours = { 1: [213, 94, 0], 2: [0, 114, 178], 3: [204, 121, 167] }; // predicted only, missed, another class
  const SWIPE = 24; // pixels to the side for a slice
  const cases = JSON.parse(document.getElementById("viewer-data").textContent);
  const baselineFirst = ([truth, ...models]) =>
    [truth, ...models.sort((a, b) => (b.name === root.dataset.baseline) - (a.name === root.dataset.baseline))];
  for (const shown of cases) shown.layers = baselineFirst(shown.layers);

  if (!document.createElement("canvas").getContext("webgl2")) {
    root.hidden = true; // the plain images stay
    return;
  }
  const bundle = Uint8Array.from(atob(document.getElementById("niivue").textContent.trim()), (c) => c.charCodeAt(0));
  const source = await new Response(new Blob([bundle]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  (0, eval)(source);

  const canvas = find("canvas");
  const nv = new niivue.Niivue({
    backColor: [0, 0, 0, 1], crosshairWidth: 0, isColorbar: false, isOrientCube: false, isOrientationTextVisible: false,
    show3Dcrosshair: false, dragMode: niivue.DRAG_MODE.contrast, loadingText: "", logLevel: "error",
  });
  await nv.attachToCanvas(canvas);
  nv.setSliceType(nv.sliceTypeAxial);

  const lut = (table) => {
    const n = Math.max(...Object.keys(table).map(Number)) + 1;
    const channel = (i) => Array.from({ length: n }, (_, label) => (table[label] || [0, 0, 0])[i]);
    const alpha = Array.from({ length: n }, (_, label) => (table[label] ? 255 : 0));
    return { R: channel(0), G: channel(1), B: channel(2), A: alpha, I: alpha.map((_, label) => label), labels: alpha.map(String) };
  };
  const volume = async (base64, name, table, colormap = "gray") => {
    const made = await niivue.NVImage.loadFromBase64({ base64, name: `${name}.nii.gz`, colormap });
    if (table) made.setColormapLabel(lut(table));
    nv.addVolume(made);
    return made;
  };

  let current, image, outlines, wrong, weights, slice;
  const opacity = (made, value) => nv.setOpacity(nv.volumes.indexOf(made), value);
  const show = (index) => {
    slice = Math.min(Math.max(index, 0), current.slices - 1);
    const [x, y] = [1, 2].map((axis) => Math.floor(image.dimsRAS[axis] / 2));
    nv.scene.crosshairPos = nv.vox2frac([x, y, slice]);
    nv.drawScene();
    find("slice").value = slice;
    const place = `slice ${current.first + slice + 1} of ${current.of}`;
    find("place").textContent = place;
    find("slice").setAttribute("aria-valuetext", place);
  };
  const applyWindow = () => {
    const [width, level] = ["width", "level"].map((name) => Number(find(name).value));
    image.cal_min = level - width / 2;
    image.cal_max = level + width / 2;
    nv.updateGLVolume();
  };
  const applyLayers = () => {
    const chosen = find("errors").value;
    outlines.forEach((made, i) => opacity(made, find("layers").querySelectorAll("input")[i].checked ? 1 : 0));
    wrong.forEach(({ made, name }) => opacity(made, name === chosen ? 0.5 : 0));
    weights.forEach(({ made, name }) => opacity(made, name === find("weights").value ? 0.6 : 0));
  };

  const open = async (number) => {
    root.dataset.state = "loading";
    current = cases[number];
    while (nv.volumes.length) nv.removeVolume(nv.volumes[nv.volumes.length - 1]);
    image = await volume(current.image, "image");
    [weights, wrong, outlines] = [[], [], []];
    for (const { name, volume: base64, brightest } of current.weights) {
      const made = await volume(base64, `weights-${name}`, null, "viridis");
      Object.assign(made, { cal_min: 0, cal_max: brightest });
      weights.push({ made, name });
    }
    for (const layer of current.layers) {
      if (layer.errors) wrong.push({ made: await volume(layer.errors, `errors-${layer.name}`, errorColours), name: layer.name });
    }
    for (const [i, layer] of current.layers.entries()) {
      outlines.push(await volume(layer.outline, layer.name, { 1: colour(i) }));
    }
    find("layers").replaceChildren(...current.layers.map((layer, i) => {
      const [label, box, swatch] = ["label", "input", "span"].map((tag) => document.createElement(tag));
      Object.assign(box, { type: "checkbox", checked: i < 3, onchange: applyLayers });
      swatch.className = "swatch";
      swatch.style.background = `rgb(${colour(i)})`;
      label.append(box, swatch, layer.name);
      return label;
    }));
    const names = current.layers.filter((layer) => layer.errors).map((layer) => layer.name);
    find("errors").replaceChildren(new Option("none", ""), ...names.map((name) => new Option(name, name)));
    find("weights").replaceChildren(new Option("none", ""), ...weights.map(({ name }) => new Option(name, name)));
    find("weights-label").hidden = !weights.length;
    const [low, high] = current.window;
    const digits = high - low < 20 ? 2 : 0;
    find("width").value = (high - low).toFixed(digits);
    find("level").value = ((low + high) / 2).toFixed(digits);
    find("slice").max = current.slices - 1;
    applyWindow();
    applyLayers();
    show(current.start);
    root.dataset.state = "ready";
  };

  find("case").replaceChildren(...cases.map((shown, i) => new Option(shown.title, i)));
  let opened = Promise.resolve(); // one case after the other; of those chosen meanwhile only the last
  let last;
  find("case").onchange = (event) => {
    root.dataset.state = "loading";
    const chosen = (last = Symbol());
    opened = opened.then(() => (chosen === last ? open(Number(event.target.value)) : undefined));
  };
  find("slice").oninput = (event) => show(Number(event.target.value));
  find("width").onchange = find("level").onchange = applyWindow;
  find("errors").onchange = find("weights").onchange = applyLayers;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    show(slice + Math.sign(event.deltaY));
  }, { capture: true, passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    show(slice + step);
  }, { capture: true });
  let touched; // up and down scrolls the page
  canvas.addEventListener("touchstart", (event) => {
    event.stopImmediatePropagation();
    touched = event.touches.length === 1 ? { x: event.touches[0].clientX, slice } : null;
  }, { capture: true, passive: true });
  canvas.addEventListener("touchmove", (event) => {
    event.stopImmediatePropagation();
    if (touched) show(touched.slice + Math.round((touched.x - event.touches[0].clientX) / SWIPE));
  }, { capture: true, passive: true });
  nv.onIntensityChange = () => {
    find("width").value = (image.cal_max - image.cal_min).toPrecision(4);
    find("level").value = ((image.cal_max + image.cal_min) / 2).toPrecision(4);
  };
  root.hidden = false;
  if (plain) plain.open = false;
  await open(0);
})();
