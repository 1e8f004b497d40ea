"""Sound: WAV files, resampling, and the mel spectrogram of Wav2Lip, equal to librosa's.

A spectrogram has 80 columns a second. A window of 16 columns (0.2 s) belongs to 5 video frames at
25 frames a second; `window_start` says where that of a frame begins.
"""

from __future__ import annotations

import functools
import math
import os
import wave

import numpy as np
import tensorflow as tf

from tfgan_suite.errors import InputError

SAMPLE_RATE, COLUMNS_PER_SECOND = 16_000, 80
MELS, WINDOW = 80, 16  # height and columns of a mel window
FFT, HOP = 800, 200  # samples of a frame, which is as long as its Hann window, and between frames
LOWEST_HZ, HIGHEST_HZ = 55.0, 7600.0
PRE_EMPHASIS = 0.97
REFERENCE_DB, RANGE_DB, LIMIT = 20.0, 100.0, 4.0
SILENCE = -LIMIT  # the mel value of digital silence
SHORTEST = 0.2  # seconds of sound that fill a window
_SINC_ZEROS, _KAISER_BETA = 24, 9.0  # of the resampling filter
_BLOCK = 1 << 16  # resampled samples that are computed at once


def window_start(frame: int, fps: float = 25.0) -> int:
    """The first mel column of the window that belongs to a video frame.

    Args:
        frame: number of the frame, from 0.
        fps: frames a second.

    Returns:
        `int(80 * frame / fps)`: 0, 3, 6, 9, 12, 16, .. at 25 frames a second.
    """
    return int(COLUMNS_PER_SECOND * frame / fps)


def frame_window(mel: np.ndarray, frame: int, fps: float = 25.0) -> np.ndarray:
    """The mel window of a frame; the last window of the sound where that would end after it.

    Args:
        mel: float32 `(columns, 80)` as `log_mel` returns it; a shorter one is padded with silence.
        frame: number of the frame; below 0: that of frame 0.
        fps: frames a second.

    Returns:
        float32 `(80, 16, 1)`.
    """
    if len(mel) < WINDOW:
        mel = np.pad(mel, ((0, WINDOW - len(mel)), (0, 0)), constant_values=SILENCE)
    start = min(window_start(max(frame, 0), fps), len(mel) - WINDOW)
    return mel[start : start + WINDOW].T[..., None]


def log_mel(samples: np.ndarray) -> np.ndarray:
    """The mel spectrogram of a sound in decibels, scaled to [-4, 4].

    The magnitude (not power) of a centred Fourier transform with reflected edges and a periodic
    Hann window, in 80 Slaney mel bands of unit area, of the pre-emphasized sound. Equal to
    librosa's to 1e-5, if that pads with `pad_mode="reflect"`.

    Args:
        samples: `(n,)` at 16 kHz, in [-1, 1].

    Returns:
        float32 `(1 + n // 200, 80)`; digital silence is exactly -4.

    Raises:
        InputError: there are no samples, or more than one channel.
    """
    samples = _checked(samples)
    emphasized = np.append(samples[:1], samples[1:] - PRE_EMPHASIS * samples[:-1])
    padded = np.pad(emphasized, FFT // 2, "reflect" if len(samples) > 1 else "edge")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    blocks = [
        np.abs(np.fft.rfft(frames[i : i + 4096] * _hann())) @ mel_filters().T
        for i in range(0, len(frames), 4096)
    ]
    decibels = 20.0 * np.log10(np.maximum(1e-5, np.concatenate(blocks))) - REFERENCE_DB
    scaled = 2.0 * LIMIT * (decibels + RANGE_DB) / RANGE_DB - LIMIT
    return np.clip(scaled, -LIMIT, LIMIT).astype(np.float32)


def log_mel_tensor(samples: tf.Tensor) -> tf.Tensor:
    """`log_mel` in TensorFlow operations, for graphs; float32, equal to 1e-3.

    Args:
        samples: float32 `(n,)` at 16 kHz, more than 400.

    Returns:
        float32 `(1 + n // 200, 80)`.
    """
    samples = tf.cast(samples, tf.float32)
    emphasized = tf.concat([samples[:1], samples[1:] - PRE_EMPHASIS * samples[:-1]], 0)
    padded = tf.pad(emphasized, [[FFT // 2, FFT // 2]], "REFLECT")
    frames = tf.signal.frame(padded, FFT, HOP) * tf.constant(_hann(), tf.float32)
    magnitudes = tf.abs(tf.signal.rfft(frames))
    mel = tf.matmul(magnitudes, tf.constant(mel_filters().T, tf.float32))
    decibels = 20.0 / math.log(10.0) * tf.math.log(tf.maximum(1e-5, mel)) - REFERENCE_DB
    scaled = 2.0 * LIMIT * (decibels + RANGE_DB) / RANGE_DB - LIMIT
    return tf.clip_by_value(scaled, -LIMIT, LIMIT)


def _checked(samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples, np.float64)
    if samples.ndim != 1 or not len(samples):
        raise InputError(
            f"the sound has the shape {samples.shape}; expected (samples,) of one channel, at least"
            " one: mix its channels, or choose a file with sound"
        )
    return samples


@functools.cache
def _hann() -> np.ndarray:
    """The periodic Hann window, which `np.hanning` is not."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(FFT) / FFT)


@functools.cache
def mel_filters() -> np.ndarray:
    """Slaney's mel filters with unit area, float64 `(80, 401)`; `tf.signal` has HTK's instead."""
    edges = _mel_to_hz(np.linspace(_hz_to_mel(LOWEST_HZ), _hz_to_mel(HIGHEST_HZ), MELS + 2))
    bins = np.linspace(0.0, SAMPLE_RATE / 2.0, FFT // 2 + 1)
    widths = np.diff(edges)[:, None]
    ramps = edges[:, None] - bins
    rising, falling = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]


# Slaney's scale: linear below 1 kHz (15 mels), then logarithmic, 27 mels for a factor of 6.4.
_LINEAR, _KNEE_HZ, _KNEE_MEL, _LOG_STEP = 200.0 / 3.0, 1000.0, 15.0, math.log(6.4) / 27.0


def _hz_to_mel(hertz: float) -> float:
    if hertz < _KNEE_HZ:
        return hertz / _LINEAR
    return _KNEE_MEL + math.log(hertz / _KNEE_HZ) / _LOG_STEP


def _mel_to_hz(mels: np.ndarray) -> np.ndarray:
    logarithmic = _KNEE_HZ * np.exp(_LOG_STEP * (mels - _KNEE_MEL))
    return np.where(mels < _KNEE_MEL, _LINEAR * mels, logarithmic)


def resample(samples: np.ndarray, rate: int, target: int = SAMPLE_RATE) -> np.ndarray:
    """Changes the sampling rate by band-limited (windowed sinc) interpolation.

    Args:
        samples: `(n,)`.
        rate: their rate in Hz.
        target: the requested rate.

    Returns:
        float32 `(ceil(n * target / rate),)`; sample i is at the time i / target.
    """
    samples = np.asarray(samples, np.float32)
    if rate == target:
        return samples
    divisor = math.gcd(int(rate), int(target))
    up, down = int(target) // divisor, int(rate) // divisor
    cutoff = min(1.0, up / down) * 0.97
    reach = math.ceil(_SINC_ZEROS / cutoff)
    offsets = np.arange(-reach + 1, reach + 1)
    # One row of weights for each position of an output between two inputs.
    distance = offsets[None] - (np.arange(up) / up)[:, None]
    shape = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (distance / reach) ** 2)))
    weights = cutoff * np.sinc(cutoff * distance) * shape / np.i0(_KAISER_BETA)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    padded = np.pad(samples, reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach)
    count, parts = -(-len(samples) * up // down), []
    for start in range(0, count, _BLOCK):
        index, phase = np.divmod(np.arange(start, min(start + _BLOCK, count)) * down, up)
        parts.append(np.einsum("nk,nk->n", windows[index + 1], weights[phase]))
    return np.concatenate(parts) if parts else samples[:0]


def read_wav(path: str | os.PathLike) -> np.ndarray:
    """Reads a WAV file of whole numbers (8, 16, 24 or 32 bits), mixes its channels and resamples.

    Args:
        path: the file.

    Returns:
        float32 `(n,)` at 16 kHz in [-1, 1].

    Raises:
        InputError: it is not such a file, or it is shorter than 0.2 s.
    """
    try:
        with wave.open(os.fspath(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as a WAV file ({error or 'it is cut off'}); expected whole"
            " numbers of 8 to 32 bits: convert it to 16-bit PCM"
        ) from None
    numbers = _from_bytes(content[: len(content) // (width * channels) * width * channels], width)
    samples = resample(numbers.reshape(-1, channels).mean(axis=1), rate)
    check_length(samples, path)
    return samples


def _from_bytes(content: bytes, width: int) -> np.ndarray:
    """PCM numbers of 1 (without a sign), 2, 3 or 4 bytes as floats in [-1, 1)."""
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:  # into the upper bytes of 32-bit numbers
        padded = np.zeros((len(content) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        content, width = padded.tobytes(), 4
    numbers = np.frombuffer(content, "<i2" if width == 2 else "<i4")
    return (numbers / float(1 << (8 * width - 1))).astype(np.float32)


def check_length(samples: np.ndarray, name: str | os.PathLike) -> None:
    """Refuses a sound that does not fill one window.

    Raises:
        InputError: it is shorter than 0.2 s.
    """
    seconds = len(samples) / SAMPLE_RATE
    if seconds < SHORTEST:
        raise InputError(
            f"the sound of {name} lasts {seconds:.2f} s; expected at least {SHORTEST} s: choose a"
            " longer one"
        )


def write_wav(path: str | os.PathLike, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    """Writes a WAV file of 16 bits and one channel.

    Args:
        path: the file.
        samples: `(n,)` in [-1, 1]; what lies outside is clipped.
        rate: their rate in Hz.
    """
    numbers = np.round(np.clip(np.asarray(samples, np.float64), -1.0, 1.0) * 32767.0)
    with wave.open(os.fspath(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(numbers.astype("<i2").tobytes())


def is_silent(mel: np.ndarray, margin: float = 2.4) -> np.ndarray:
    """Which columns of a sound are silent: far below its loud ones.

    Args:
        mel: `(columns, 80)` as `log_mel` returns it.
        margin: how far, in mel units of 12.5 dB; 2.4 is 30 dB.

    Returns:
        bool `(columns,)`.
    """
    loudness = mel.max(axis=1)
    return loudness < max(np.percentile(loudness, 95) - margin, SILENCE + 0.2)
