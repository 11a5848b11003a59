# SPDX-License-Identifier: MIT
"""Chains with a name: what a song goes through on its way over a platform, a phone or a radio.

Sources: public upload guides name codecs and loudness targets; encoders and their settings change,
so each chain is a likeness of the platform, not a copy. Edits that listeners make stand beside
them; ``playback`` is a small loudspeaker, a room and a microphone's noise. When not to use: to
claim that a platform does exactly this.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["PRESETS"]

PRESETS = MappingProxyType(
    {
        "youtube": "loudness_normalisation@-14+aac@128",
        "spotify": "loudness_normalisation@-14+vorbis@160",
        "soundcloud": "mp3@128+opus@64",
        "whatsapp": "mono_mix@1+resample_round_trip@16000+opus@32",
        "tiktok": "speed@1.02+loudness_normalisation@-14+aac@64",
        "radio": "dynamic_compression@4+limiter@6+loudness_normalisation@-23+mp3@128",
        "phone_recording": "reverb@0.4+phone_band@1+noise_snr@30",
        "live_stream": "speech_over@15+dynamic_compression@2+aac@96",
        "mobile_call": "dynamic_compression@2+amr_nb@12.2",
        "playback": "high_pass@120+low_pass@12000+room@0.3+noise_snr@40",
        "playback_far": "high_pass@250+low_pass@8000+room:distance_m=2.5@0.5+noise_snr@25",
        "double_mp3": "mp3@192+mp3@128",
        "codec_cascade": "mp3@128+vorbis@128+aac@96+opus@64",
        "tempo_and_key": "time_stretch@1.05+pitch_shift@1",
        "shared_twice": "mp3@128+aac@96+opus@64",
        "nightcore": "speed@1.25+mp3@192",
        "slowed_reverb": "speed@0.8+reverb@1.5+mp3@192",
    }
)
"""Name → chain, as `parse` reads it."""
