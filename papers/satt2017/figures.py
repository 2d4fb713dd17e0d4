"""Figures 2 to 5 of the paper, from a fitted network and recordings; the first part of a sentence is shown."""

import dataclasses

import keras
import numpy as np
from matplotlib.figure import Figure  # without pyplot: no window system, nothing global

from papers.satt2017 import noise
from papers.satt2017.features import (
    FrontEnd,
    features,
    frame_centres_s,
    frames,
    log_spectrogram,
    modified_spectrogram,
    noise_level_db,
)
from papers.satt2017.harmonic import fundamentals_hz

SYSTEMS = (("cnn3_lstm_10hz",), ("cnn3_lstm_20hz",))  # the figures are drawn from one of them, the paper's own first
EMOTION = "neutral"  # 4: "from a speech sample labeled as neutral"
PATTERNS = (  # the filters of figures 2 and 3 as described in the text
    "vertical patterns (fig. 2, right)",
    "horizontal patterns (fig. 3, left)",
    "silence and low energy (fig. 3, right)",
)
MIN_ACTIVE = 0.05  # of the loud points, or of the silent ones, for a visible pattern
NOISE = "crowd_speech"  # of figure 5; the text does not name its signal; D14


PITCH_TOLERANCE = 0.05  # of the clean pitch
PITCH_BANDS_HZ = ((0, 150), (150, 250), (250, np.inf))
PITCH_RECORDINGS = 60


def paper_figures(systems, sentence):
    """The paper's figures: name -> (Figure, caption, emotions of its sentences).

    Args:
        systems: (recipe, Fitted) of the variant of a row of `SYSTEMS`.
        sentence: function of an emotion and a sample rate in Hz that returns the waveform `(N,)` of a clean sentence.

    Raises:
        ValueError: the sentence has no voiced frame.
    """
    ((recipe, fitted),) = systems
    front_end = recipe.front_end
    rate = front_end.sample_rate_hz
    waveform = sentence(EMOTION, rate)
    spectrogram_db = features(waveform, rate, front_end)[0]  # (300, M)
    return {
        "figures_2_and_3": (
            activation_figure(fitted.model, spectrogram_db, front_end),
            "the normalised log-spectrogram, and three filters of the first convolution, chosen by a rule "
            "(choose_filters): the most vertical pattern, the most horizontal, the most active in silence",
            (EMOTION,),
        ),
        "figure_4": (
            spectra_figure(waveform, rate, front_end),
            "log-power spectrum of the loudest voiced frame, and the modified spectrum S(f) of equation (1)",
            (EMOTION,),
        ),
        "figure_5": (
            cleaned_figure(waveform, rate, front_end, noise=NOISE),
            f"log-spectrogram of a recording with synthetic {NOISE} added at 0 dB (left), and its modified "
            "spectrogram (right)",
            (EMOTION,),
        ),
    }


def recording_figures(waveforms):
    """Accuracy of the pitch detection in noise: name -> (Figure, caption).

    The pitch of the clean recording is the reference. The pitch of a voiced frame in noise is correct if it is within
    `PITCH_TOLERANCE` of the reference. The pauses are the frames that are unvoiced in the reference.

    Args:
        waveforms: function of a sample rate in Hz that yields the recordings `(N,)` of a corpus.
    """
    front_end = FrontEnd()
    rate = front_end.sample_rate_hz
    chosen = [waveform for waveform in waveforms(rate) if len(waveform) >= rate / 2]
    chosen = [chosen[k] for k in np.unique(np.linspace(0, len(chosen) - 1, PITCH_RECORDINGS).astype(int))]
    clean = np.concatenate([_pitch(waveform, front_end) for waveform in chosen])  # (T,) Hz, NaN where unvoiced
    right, voiced_pauses = {}, {}
    for name in noise.BUILT_IN:
        signal = noise.signal(name, rate)
        noisy = [noise.mix(waveform, signal, snr_db=0.0) for waveform in chosen]
        in_noise = np.concatenate([_pitch(waveform, front_end) for waveform in noisy])
        close = np.abs(in_noise / clean - 1.0) <= PITCH_TOLERANCE  # False where either is NaN
        right[name] = [_per_cent(close[(clean >= low) & (clean < high)]) for low, high in PITCH_BANDS_HZ]
        voiced_pauses[name] = _per_cent(np.isfinite(in_noise[np.isnan(clean)]))
    figure = _pitch_figure(right, voiced_pauses)
    counts = [np.count_nonzero((clean >= low) & (clean < high)) for low, high in PITCH_BANDS_HZ]
    bands = ", ".join(f"{_band(*band)}: {count:,} frames" for band, count in zip(PITCH_BANDS_HZ, counts, strict=True))
    shows = (
        f"voiced frames whose pitch in noise at 0 dB is within {PITCH_TOLERANCE:.0%} of the clean recording's, by that "
        f"pitch ({bands}), and pauses detected as voiced; {len(chosen)} recordings spread over the corpus; synthetic "
        "noises. "
        + "; ".join(
            f"{name}: {', '.join(f'{value:.0f}' for value in right[name])} %, pauses {voiced_pauses[name]:.0f} %"
            for name in right
        )
    )
    return {"pitch_in_noise": (figure, shows)}


def _pitch(waveform, front_end):
    rate = front_end.sample_rate_hz
    times = frame_centres_s(len(frames(waveform, rate, front_end)), front_end)
    limits = {"floor_hz": front_end.pitch_floor_hz, "ceiling_hz": front_end.pitch_ceiling_hz}
    return fundamentals_hz(waveform, rate, times, **limits)


def _per_cent(flags):
    return 100.0 * flags.mean() if len(flags) else np.nan


def _band(low, high):
    return f"below {high:g} Hz" if not low else f"{low:g} Hz and more" if high == np.inf else f"{low:g} to {high:g} Hz"


def _pitch_figure(right, voiced_pauses):
    figure, axes = _panels(1, 2)
    places = np.arange(len(right))
    width = 0.8 / len(PITCH_BANDS_HZ)
    for k, band in enumerate(PITCH_BANDS_HZ):
        heights = [values[k] for values in right.values()]
        axes[0].bar(places + (k - (len(PITCH_BANDS_HZ) - 1) / 2) * width, heights, width, label=_band(*band))
    axes[0].set(ylabel="voiced frames with correct pitch (%)", ylim=(0, 100))
    axes[0].legend(title="clean pitch")
    axes[1].bar(places, list(voiced_pauses.values()), 0.6, color="#666666")
    axes[1].set(ylabel="pauses detected as voiced (%)", ylim=(0, 100))
    for axis in axes:
        axis.set_xticks(places, [name.replace("_", "\n") for name in right])
    return figure


def activations(model, spectrogram_db):
    """A network's normalised log-spectrogram `(T, M)` and the output of its first convolution `(T, M, C)`."""
    first = model.get_layer("convolution_1")
    seen, active = keras.Model(model.inputs, [first.input, first.output]).predict_on_batch([spectrogram_db[None]])
    return np.asarray(seen)[0, :, :, 0], np.asarray(active)[0]


def choose_filters(seen, active, reach=0):
    """Three different filters with the patterns of figures 2 and 3: {caption: index}.

    A filter with vertical patterns has activations that change faster over time than over frequency, one with
    horizontal patterns the reverse; the third filter has the largest difference in activation between silent and loud
    points. Filters that are rarely active at loud points (the third: at silent points) are chosen last.

    Args:
        seen: normalised log-spectrogram, `(T, M)`.
        active: activations of the first convolution, `(T, M, C)`.
        reach: frames of the kernel on either side; this close to the edges of the recording, filters respond to the
            edge and not to speech.
    """
    inside = sounding(seen, reach)
    silent, loud = seen == 0, seen >= seen[seen > 0].mean()  # (T, M)
    edges = np.r_[max(0, inside.start - 2 * reach) : inside.start, inside.stop : inside.stop + 2 * reach]
    silent[edges[edges < len(seen)]] = False
    loud[: inside.start] = loud[inside.stop :] = False
    speech = active[inside]  # (t, M, C)
    over_time = np.square(np.diff(speech, axis=0)).mean(axis=(0, 1))  # (C,)
    over_frequency = np.square(np.diff(speech, axis=1)).mean(axis=(0, 1))  # (C,)
    upright = np.log((over_time + 1e-12) / (over_frequency + 1e-12))
    in_silence = active[silent].mean(axis=0) - active[loud].mean(axis=0)  # (C,)
    alive = active.max(axis=(0, 1)) > 0
    chosen = []
    for values, where in ((upright, loud), (-upright, loud), (in_silence, silent)):
        busy = (active[where] > 0).mean(axis=0) >= MIN_ACTIVE  # (C,)
        rank = alive.astype(int) + busy  # active filters first, then by value
        rank[chosen] = -1
        chosen.append(int(np.lexsort((values, rank))[-1]))
    return dict(zip(PATTERNS, chosen, strict=True))


def sounding(seen, reach=0) -> slice:
    """The frames of a normalised log-spectrogram `(T, M)` from first to last sound, without `reach` at each end."""
    frames = np.flatnonzero((seen > 0).any(axis=1))
    first, last = frames[0] + reach, frames[-1] - reach
    return slice(first, last + 1) if last > first else slice(frames[0], frames[-1] + 1)


def activation_figure(model, spectrogram_db, front_end):
    """Figures 2 and 3: the normalised log-spectrogram of a part `(300, M)` dB, and three first-layer activations.

    The colours span the activations inside the recording; at its edges they may be higher.
    """
    seen, active = activations(model, spectrogram_db)
    reach = model.get_layer("convolution_1").kernel.shape[0] // 2
    figure, axes = _panels(2, 2)
    _image(axes[0], seen, front_end, "normalised log-spectrogram (fig. 2, left)")
    for axis, (caption, index) in zip(axes[1:], choose_filters(seen, active, reach).items(), strict=True):
        inside = active[sounding(seen, reach), :, index]
        _image(axis, active[:, :, index], front_end, f"filter {index + 1}: {caption}", top=inside.max() or None)
    return figure


def spectra_figure(waveform, sample_rate_hz, front_end):
    """Figure 4: log-power spectrum, envelope E(f) and modified spectrum S(f) of the loudest voiced frame of a part.

    Raises:
        ValueError: no frame is voiced.
    """
    original = log_spectrogram(waveform, sample_rate_hz, front_end)  # (T, M)
    modified = modified_spectrogram(waveform, sample_rate_hz, front_end)  # (T, M), NaN where unvoiced
    voiced = np.isfinite(modified[:, 0])
    if not voiced.any():
        raise ValueError("no frame of the waveform is voiced; figure 4 needs one that is")
    frame = int(np.where(voiced, original.mean(axis=1), -np.inf).argmax())
    grid_hz = np.arange(front_end.num_bins) * sample_rate_hz / front_end.dft_length
    figure, (axis,) = _panels(1, 1)
    axis.plot(grid_hz, original[frame], label="original", linewidth=0.8)
    axis.plot(grid_hz, modified[frame], label="modified, S(f)", linewidth=1.2)
    axis.set(xlabel="frequency (Hz)", ylabel="power (dB)", title=f"one voiced frame, {_time(frame, front_end)}")
    axis.legend()
    return figure


def _time(frame, front_end):
    return f"at {frame_centres_s(frame + 1, front_end)[frame]:.2f} s"


def cleaned_figure(waveform, sample_rate_hz, front_end, *, noise, snr_db=0.0):
    """Figure 5: spectrogram of the first part of a recording with noise added, and its modified spectrogram.

    Args:
        waveform: clean recording, `(N,)`.
        sample_rate_hz: of the waveform.
        front_end: of either kind.
        noise: a name of noise.py.
        snr_db: signal-to-noise ratio.
    """
    figure, axes = _panels(1, 2)
    for axis, kind, caption in zip(axes, ("normal", "harmonic"), ("noisy", "cleaned"), strict=True):
        settings = dataclasses.replace(front_end, kind=kind, noise=noise, snr_db=snr_db)
        array = features(waveform, sample_rate_hz, settings)  # (S, 300, M)
        lifted = np.maximum(array[0] - noise_level_db(array), 0.0)
        _image(axis, lifted, settings, f"{caption}: {noise} at {snr_db:g} dB")
    return figure


def _panels(rows, columns):
    figure = Figure(figsize=(5.0 * columns, 3.4 * rows), layout="constrained")
    return figure, np.ravel(figure.subplots(rows, columns, squeeze=False))


def _image(axis, values, front_end, title, top=None):
    """Time on the x axis, frequency on the y axis, bright colours for high values, as in the paper."""
    extent = (0.0, front_end.num_frames * front_end.shift_s, 0.0, front_end.max_frequency_hz / 1000)
    axis.imshow(values.T, origin="lower", aspect="auto", extent=extent, cmap="magma", interpolation="nearest", vmax=top)
    axis.set(xlabel="time (s)", ylabel="frequency (kHz)", title=title)
