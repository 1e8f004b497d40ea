"""Sound: the mel spectrogram against librosa's figures, window starts, resampling, WAV files."""

import wave

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.data.readers import audio

# librosa 1.0, pad_mode="reflect", of `chirp()`: {column: bands 0, 7, 20, 40, 60, 79}.
LIBROSA = {
    0: [-2.201436, -0.498557, -2.049744, -2.132645, -2.082291, -1.686317],
    1: [-2.28883, 0.746898, -2.292969, -1.938554, -1.685068, -1.230243],
    10: [-1.738123, -2.206937, 0.574156, -1.104215, -0.798819, -0.349101],
    20: [0.477286, 0.369383, 0.322188, 2.441273, -0.519282, -0.343697],
}
BANDS = [0, 7, 20, 40, 60, 79]


def chirp(count=4000):
    t = np.arange(count) / 16000
    tone = 0.5 * np.sin(2 * np.pi * (200 + 3000 * t) * t)
    return (tone + 0.1 * np.sign(np.sin(2 * np.pi * 150 * t))) * np.minimum(1, t * 20)


def sine(hertz, rate=16000, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def test_the_mel_spectrogram_is_librosas():
    mel = audio.log_mel(chirp())
    assert mel.shape == (21, 80) and mel.dtype == np.float32
    for column, values in LIBROSA.items():
        np.testing.assert_allclose(mel[column, BANDS], values, atol=2e-6)
    np.testing.assert_allclose(audio.log_mel_tensor(chirp()), mel, atol=1e-4)


def test_silence_and_scale():
    """1 + samples / 200 columns; silence is -4; an amplitude of 1 in a band is 2.4."""
    silence = audio.log_mel(np.zeros(16000))
    assert silence.shape == (81, 80) and (silence == -4.0).all()
    # Twice as loud is 6.02 dB, of which 12.5 make a unit.
    quiet, loud = audio.log_mel(0.05 * chirp()), audio.log_mel(0.1 * chirp())
    clear = quiet > -3.9
    np.testing.assert_allclose((loud - quiet)[clear], 20 * np.log10(2) / 12.5, atol=1e-4)
    assert audio.log_mel(1e5 * chirp()).max() == 4.0
    # The amplitude 1 is 0 dB: 8 * (0 - 20 + 100) / 100 - 4.
    column = audio.log_mel(sine(1000.0, seconds=0.5))[20]
    samples = _emphasized(sine(1000.0))[4000 - 400 : 4000 + 400]
    amplitude = audio.mel_filters() @ np.abs(np.fft.rfft(samples * audio._hann()))
    band = amplitude.argmax()
    assert column[band] == pytest.approx(2.4 + 20 * np.log10(amplitude[band]) / 12.5, abs=1e-4)


def _emphasized(samples):
    return np.append(samples[:1], samples[1:] - 0.97 * samples[:-1])


def test_a_sine_lies_in_its_band_and_a_shift_of_a_hop_shifts_a_column():
    filters, bins = audio.mel_filters(), np.arange(401) * 20.0
    centres = filters @ bins / filters.sum(axis=1)
    for hertz in (300.0, 1000.0, 4000.0):
        band = audio.log_mel(sine(hertz, seconds=0.5))[20].argmax()
        assert abs(centres[band] - hertz) < 0.06 * hertz
    samples = chirp(8000)
    mel, later = audio.log_mel(samples), audio.log_mel(np.append(np.zeros(200), samples))
    np.testing.assert_allclose(later[6:38], mel[5:37], atol=1e-5)
    # Slaney's filters have unit area; the sum over bins 20 Hz apart is close to it.
    np.testing.assert_allclose(filters.sum(axis=1)[20:] * 20.0, 1.0, atol=0.03)


def test_window_starts_are_the_authors():
    assert [audio.window_start(n) for n in range(8)] == [0, 3, 6, 9, 12, 16, 19, 22]
    assert [audio.window_start(n, 30) for n in range(8)] == [0, 2, 5, 8, 10, 13, 16, 18]
    assert all(audio.window_start(n) == 16 * n // 5 for n in range(100_000))


def test_the_last_window_is_right_aligned_and_short_sound_is_padded():
    mel = np.arange(40)[:, None].repeat(80, axis=1).astype("f4")
    assert audio.frame_window(mel, 2)[0, :, 0].tolist() == list(range(6, 22))
    assert audio.frame_window(mel, 100)[0, :, 0].tolist() == list(range(24, 40))
    assert audio.frame_window(mel, -1)[0, 0, 0] == 0.0
    short = audio.frame_window(mel[:10], 0)
    assert short.shape == (80, 16, 1) and (short[:, 10:] == -4.0).all()


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_keeps_time_and_drops_what_cannot_be_held(rate):
    inner = slice(300, -300)
    resampled = audio.resample(sine(440.0, rate), rate)
    assert len(resampled) == 16000
    np.testing.assert_allclose(resampled[inner], sine(440.0)[inner], atol=1e-4)
    if rate > 20000:
        assert np.abs(audio.resample(sine(9000.0, rate), rate)[inner]).max() < 1e-4


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_files_of_all_widths(width, tmp_path):
    """Two channels of 44.1 kHz become one of 16 kHz."""
    left = sine(440.0, 44100)
    numbers = np.stack([left, np.zeros_like(left)], axis=1) * (2.0 ** (8 * width - 1) - 1)
    if width == 1:
        content = np.round(numbers + 128).astype(np.uint8).tobytes()
    else:
        words = np.round(numbers).astype("<i4").view(np.uint8).reshape(-1, 4)
        content = words[:, :width].tobytes()
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, width, 44100, 0, "NONE", ""))
        file.writeframes(content)
    samples = audio.read_wav(tmp_path / "a.wav")
    assert len(samples) == 16000
    bound = 1e-2 if width == 1 else 1e-4
    np.testing.assert_allclose(samples[300:-300], 0.5 * sine(440.0)[300:-300], atol=bound)


def test_a_written_wav_is_read_again(tmp_path):
    audio.write_wav(tmp_path / "a.wav", chirp())
    np.testing.assert_allclose(audio.read_wav(tmp_path / "a.wav"), chirp(), atol=1e-4)


def test_broken_and_short_files_are_named(tmp_path):
    audio.write_wav(tmp_path / "short.wav", np.zeros(3000))
    with pytest.raises(InputError, match=r"short\.wav lasts 0\.19 s; expected at least 0\.2 s"):
        audio.read_wav(tmp_path / "short.wav")
    (tmp_path / "no.wav").write_bytes(b"RIFFnothing")
    with pytest.raises(InputError, match=r"no\.wav cannot be read as a WAV file"):
        audio.read_wav(tmp_path / "no.wav")
    with pytest.raises(InputError, match=r"expected \(samples,\) of one channel"):
        audio.log_mel(np.zeros((2, 8000)))


def test_silent_columns_are_those_far_below_the_loud_ones():
    samples = np.concatenate([chirp(8000), 1e-3 * chirp(8000), np.zeros(8000)])
    silent = audio.is_silent(audio.log_mel(samples))
    assert not silent[8:38].any() and silent[44:].all()
