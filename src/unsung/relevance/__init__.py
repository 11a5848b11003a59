# SPDX-License-Identifier: MIT
"""Walks back through a network: which part of its input, and which of its channels, made the logit.

Two engines, both torch. `engine` hooks named modules with the rules of a composite (convolutional
networks, concepts). `functions` changes what single operations pass back (transformers, whose
sums and products have no module). Needs the extra `research`.
"""

from unsung.relevance.canonize import merged_batch_norms
from unsung.relevance.composites import Composite, composite
from unsung.relevance.concepts import Atlas, Reference, channel_relevance, hierarchy
from unsung.relevance.engine import Attribution, Sum, attribute
from unsung.relevance.functions import attn_lrp, chefer_relevance
from unsung.relevance.transformers import (
    Attention,
    attend,
    attention_rollout,
    chefer_maps,
    generic_attention,
    token_scores,
    watch_attention,
)

__all__ = [
    "Atlas",
    "Attention",
    "Attribution",
    "Composite",
    "Reference",
    "Sum",
    "attend",
    "attention_rollout",
    "attn_lrp",
    "attribute",
    "channel_relevance",
    "chefer_maps",
    "chefer_relevance",
    "composite",
    "generic_attention",
    "hierarchy",
    "merged_batch_norms",
    "token_scores",
    "watch_attention",
]
