"""The harmonic model of voiced speech (section 5.2): spectra reduced to the harmonics of the detected pitch.

S(f) = E(f) - 0.5 (1 - cos(2 pi f / F0)) D(f)                                          equation (1), all in dB

equals E(f) at the harmonics of F0 and is D(f) lower half-way between them. E(f) must therefore follow the peaks of the
spectrum. A smoothed log spectrum is D/2 lower; the true envelope follows the peaks.
"""

import numpy as np

ENVELOPE_DFT = 1600  # 10 Hz grid for either front end: at 20 Hz the cepstrum of a low voice folds back on itself
TOLERANCE_DB = 1.0  # the envelope may lie this much below a peak; D12
MAX_ITERATIONS = 50  # D12

DEPTH_DB = (20.0, 12.0)  # 5.2: D(f) at 0 Hz and at 4 kHz
DEPTH_SPAN_HZ = 4000.0


def fundamentals_hz(waveform, sample_rate_hz, times_s, *, floor_hz, ceiling_hz):
    """Praat's pitch (autocorrelation) at given times `(T,)` -> F0 `(T,)` in Hz, NaN where unvoiced.

    The times are those of the spectrogram's frames; Praat's frames have other times and are interpolated. All other
    settings are the defaults in Praat's manual (D13).
    """
    import parselmouth  # Praat, 40 MB that only a modified spectrogram needs

    sound = parselmouth.Sound(np.asarray(waveform, dtype="float64"), sampling_frequency=sample_rate_hz)
    pitch = sound.to_pitch_ac(
        time_step=0.010,
        pitch_floor=floor_hz,
        max_number_of_candidates=15,
        very_accurate=False,
        silence_threshold=0.03,
        voicing_threshold=0.45,
        octave_cost=0.01,
        octave_jump_cost=0.35,
        voiced_unvoiced_cost=0.14,
        pitch_ceiling=ceiling_hz,
    )
    return np.array([pitch.get_value_at_time(time) for time in times_s])


def lifter_orders(f0_hz, sample_rate_hz):
    """Highest quefrency kept, in samples, `(T,)`: half a period, which removes the ripple of the harmonics (D12)."""
    return np.floor(sample_rate_hz / (2.0 * f0_hz)).astype(int)


def true_envelope(spectra_db, orders):
    """Upper envelope of log spectra by iterated cepstral smoothing (Imai & Abe 1979; Roebel & Rodet 2005).

    The spectrum is smoothed and values below the smooth curve are raised to it; this is repeated until the curve is at
    most `TOLERANCE_DB` below the spectrum everywhere.

    Args:
        spectra_db: `(T, N // 2 + 1)`, from 0 Hz to half the sample rate, both ends included.
        orders: `(T,)` highest quefrency of each frame's envelope, in samples.

    Returns:
        `(T, N // 2 + 1)` in dB.
    """
    import scipy.fft  # half a second of import that listing the systems does not need

    num_bins = spectra_db.shape[1]
    kept = np.arange(num_bins) <= np.asarray(orders)[:, None]  # (T, Q)
    envelopes = np.empty_like(spectra_db)
    active = np.arange(len(spectra_db))  # frames that are not finished
    lifted = spectra_db
    for _iteration in range(MAX_ITERATIONS):
        # the cepstrum of a spectrum that is even in frequency is its DCT of type I
        cepstra = scipy.fft.dct(lifted, type=1) * kept[active]  # (A, Q)
        smooth = scipy.fft.idct(cepstra, type=1)  # (A, N // 2 + 1)
        envelopes[active] = smooth
        original = spectra_db[active]
        unfinished = (original - smooth).max(axis=1) >= TOLERANCE_DB
        if not unfinished.any():
            break
        lifted = np.maximum(original, smooth)[unfinished]
        active = active[unfinished]
    return envelopes


def depth_db(frequencies_hz):
    """D(f): depth of the valleys between harmonics in dB, linear from 20 dB at 0 Hz to 12 dB at 4 kHz (5.2)."""
    low, high = DEPTH_DB
    return low + (high - low) * np.asarray(frequencies_hz) / DEPTH_SPAN_HZ


def modified_spectra(envelope_db, f0_hz, frequencies_hz):
    """S(f) of equation (1): envelopes `(T, M)`, F0 `(T,)` and the grid `(M,)` -> `(T, M)` in dB."""
    ripple = 0.5 * (1.0 - np.cos(2.0 * np.pi * frequencies_hz / np.asarray(f0_hz)[:, None]))  # (T, M), 0 at harmonics
    return envelope_db - ripple * depth_db(frequencies_hz)
