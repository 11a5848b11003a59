# SPDX-License-Identifier: MIT
"""What a generator leaves behind: spectra against human music, lines and comb, tree, name, sound.

`survey` does all of it for labelled tracks; `load_gallery` returns what the package was built with,
to compare and attribute without any corpus at hand.
"""

from unsung.fingerprints.attribution import Attribution, Gallery, Outcome
from unsung.fingerprints.audible import render
from unsung.fingerprints.compare import Fingerprint, Line, Reference
from unsung.fingerprints.spectra import TrackSpectra, measure, read_tracks
from unsung.fingerprints.storage import load_gallery, save
from unsung.fingerprints.survey import Survey, attribute, survey
from unsung.fingerprints.tree import Tree, similarity_tree

__all__ = [
    "Attribution",
    "Fingerprint",
    "Gallery",
    "Line",
    "Outcome",
    "Reference",
    "Survey",
    "TrackSpectra",
    "Tree",
    "attribute",
    "load_gallery",
    "measure",
    "read_tracks",
    "render",
    "save",
    "similarity_tree",
    "survey",
]
