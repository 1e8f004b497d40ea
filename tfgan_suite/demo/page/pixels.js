// Between the networks' numbers, in [-1, 1], and a canvas's bytes.

// Numbers of an image (height, width, channels) as ImageData: round((x + 1) * 127.5).
export function toImageData(values, height, width, channels) {
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < 3; c++) {
      const value = values[pixel * channels + (channels < 3 ? 0 : c)];
      image.data[4 * pixel + c] = Math.round((value + 1) * 127.5); // clipped by its type
    }
    image.data[4 * pixel + 3] = 255;
  }
  return image;
}

// The numbers of an ImageData: bytes / 127.5 - 1; grey by the weights of Rec. 601.
export function fromImageData({ width, height, data }, channels) {
  const values = new Float32Array(width * height * channels);
  for (let pixel = 0, byte = 0; pixel < width * height; pixel++, byte += 4) {
    if (channels < 3) {
      const grey = 0.299 * data[byte] + 0.587 * data[byte + 1] + 0.114 * data[byte + 2];
      values[pixel * channels] = Math.round(grey) / 127.5 - 1;
    } else {
      for (let c = 0; c < 3; c++) values[pixel * channels + c] = data[byte + c] / 127.5 - 1;
    }
  }
  return values;
}

export function paint(canvas, values, [height, width, channels]) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  canvas.getContext("2d").putImageData(toImageData(values, height, width, channels), 0, 0);
}

// Draws an image over the whole canvas: its largest part of the canvas's shape, from the centre.
export function cover(canvas, image) {
  const context = canvas.getContext("2d");
  const width = image.naturalWidth || image.width;
  const height = image.naturalHeight || image.height;
  const scale = Math.max(canvas.width / width, canvas.height / height);
  const [w, h] = [canvas.width / scale, canvas.height / scale];
  // Browsers reduce by large factors without smoothing, so it is done by halves.
  let source = image;
  let part = [(width - w) / 2, (height - h) / 2, w, h];
  while (part[2] > 2 * canvas.width && part[3] > 2 * canvas.height) {
    const half = document.createElement("canvas");
    half.width = Math.ceil(part[2] / 2);
    half.height = Math.ceil(part[3] / 2);
    half.getContext("2d").drawImage(source, ...part, 0, 0, half.width, half.height);
    source = half;
    part = [0, 0, half.width, half.height];
  }
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // below transparent parts
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, ...part, 0, 0, canvas.width, canvas.height);
}

// A simple landscape, so that a canvas is not empty at first.
export function drawScene(canvas) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const sky = context.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, "#4a90d9");
  sky.addColorStop(1, "#d9ecff");
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#ffd34d";
  disc(context, 0.74 * width, 0.26 * height, 0.12 * width);
  context.fillStyle = "#4f9d4f";
  disc(context, 0.25 * width, 1.15 * height, 0.55 * width);
  context.fillStyle = "#3a7a46";
  disc(context, 0.8 * width, 1.2 * height, 0.5 * width);
  context.fillStyle = "#b5442e";
  context.fillRect(0.36 * width, 0.52 * height, 0.2 * width, 0.2 * height);
}

// Waves in warm colours, to begin a painting with.
export function drawWaves(canvas) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const colours = ["#f2c14e", "#f78154", "#b4436c", "#5f4bb6", "#2d7dd2"];
  const step = height / 9;
  context.lineWidth = step * 0.8;
  for (let row = -1; row < 11; row++) {
    context.strokeStyle = colours[(row + 5) % 5];
    context.beginPath();
    for (let x = 0; x <= width; x += width / 64) {
      context.lineTo(x, row * step + 0.7 * step * Math.sin((7 * x) / width + row));
    }
    context.stroke();
  }
}

function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
