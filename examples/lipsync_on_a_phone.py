"""What an app does to dub a face with Wav2Lip: NumPy, Pillow and LiteRT, no TensorFlow.

    pip install numpy pillow ai-edge-litert
    python lipsync_on_a_phone.py MODEL.tflite FACE.png VOICE.wav FRAMES

MODEL.tflite lies in `saved_models/wav2lip_DATA/VERSION/tflite/`. FACE.png is a cropped face, from
the forehead to below the chin. VOICE.wav is 16-bit mono at 16 kHz. FRAMES, a folder, receives a PNG
file for each of 25 frames a second.

Use it with the consent of those whose face and voice these are, and say that it is generated.
"""

import pathlib
import sys
import wave

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

FPS, RATE, COLUMNS_PER_SECOND = 25, 16_000, 80
MELS, WINDOW, FFT, HOP = 80, 16, 800, 200


def mel_filters():
    """80 triangles of unit area on Slaney's mel scale, from 55 to 7600 Hz: `(80, 401)`."""
    step = np.log(6.4) / 27  # linear below 1 kHz (15 mels), then logarithmic
    first, last = 55 * 3 / 200, 15 + np.log(7600 / 1000) / step
    mels = np.linspace(first, last, MELS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    bins = np.linspace(0, RATE / 2, FFT // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return triangles * (2 / (edges[2:] - edges[:-2]))[:, None]


def mel_spectrogram(samples):
    """The spectrogram that the model hears: `(columns, 80)` in [-4, 4], -4 is silence."""
    samples = np.append(samples[:1], samples[1:] - 0.97 * samples[:-1])
    padded = np.pad(samples, FFT // 2, "reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
    magnitudes = np.abs(np.fft.rfft(frames * hann)) @ mel_filters().T
    decibels = 20 * np.log10(np.maximum(1e-5, magnitudes)) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4).astype(np.float32)


def dubbed(model, face, samples):
    """Yields the frames of a face that speaks a sound: uint8 `(size, size, 3)`.

    Args:
        model: path of the `.tflite` file.
        face: uint8 `(height, width, 3)`, RGB.
        samples: float `(n,)` in [-1, 1] at 16 kHz, 0.2 s or more.
    """
    redraw = Interpreter(model_path=str(model)).get_signature_runner("serving_default")
    size = int(redraw.get_input_details()["face"]["shape"][1])
    face = np.asarray(Image.fromarray(face).resize((size, size)), np.float32) / 127.5 - 1
    both = np.concatenate([face, face], axis=-1)[None]  # the frame and its reference
    both[:, size // 2 :, :, :3] = -1  # the model does not read this half
    mel = mel_spectrogram(samples)
    for number in range(len(samples) * FPS // RATE):
        # Frame n hears the window of frame n - 1, as in training.
        start = min(COLUMNS_PER_SECOND * max(number - 1, 0) // FPS, len(mel) - WINDOW)
        window = mel[start : start + WINDOW].T[None, ..., None]
        image = redraw(face=both, mel=window)["image"][0]
        yield np.rint((image + 1) * 127.5).astype(np.uint8)


def main(model, face, voice, folder):
    """Reads the files and writes the frames."""
    with wave.open(voice, "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            sys.exit(f"{voice} is not 16-bit mono at 16 kHz; convert it")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
    pixels = np.asarray(Image.open(face).convert("RGB"))
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(dubbed(model, pixels, samples)):
        Image.fromarray(frame).save(pathlib.Path(folder) / f"{number:05}.png")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
