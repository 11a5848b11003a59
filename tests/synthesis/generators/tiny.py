# SPDX-License-Identifier: MIT
"""Writes MusicGen models of a few thousand random weights, in the published folder layout."""

import torch

WORDS = ["<pad>", "</s>", "<unk>", "a", "calm", "folk", "song", "rock", "with", "piano", "drums"]
RATE_HZ, HOP = 3200, 64  # 50 frames a second, as the real model


def tokenizer(folder):
    """A word tokenizer that AutoTokenizer loads without a network."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def musicgen(folder, *, melody=False, stereo=False, seed=0):
    """Save a tiny MusicGen of the same classes as the published ones; return the folder."""
    import transformers as tr

    torch.manual_seed(seed)
    text = tr.T5Config(
        vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    audio = tr.EncodecConfig(
        sampling_rate=RATE_HZ, audio_channels=1, upsampling_ratios=[8, 8], num_filters=4,
        hidden_size=16, codebook_size=32, codebook_dim=16, num_lstm_layers=1,
        target_bandwidths=[1.0], norm_type="weight_norm", chunk_length_s=None,
    )  # fmt: skip
    books = audio.num_quantizers
    kind = "MusicgenMelody" if melody else "Musicgen"
    decoder = getattr(tr, f"{kind}DecoderConfig")(
        vocab_size=32, hidden_size=16, ffn_dim=32, num_hidden_layers=1, num_attention_heads=2,
        num_codebooks=books * (2 if stereo else 1), audio_channels=2 if stereo else 1,
        max_position_embeddings=256, pad_token_id=32, bos_token_id=32, eos_token_id=None,
    )  # fmt: skip
    config = getattr(tr, f"{kind}Config")(
        text_encoder=text.to_dict(), audio_encoder=audio.to_dict(), decoder=decoder.to_dict()
    )
    model = getattr(tr, f"{kind}ForConditionalGeneration")(config)
    for layer in model.audio_encoder.quantizer.layers:  # codebooks start as zeros: one sound only
        layer.codebook.embed.normal_()
    for name, weight in model.named_parameters():  # so that text and melody are heard at all
        if "enc_to_dec_proj.weight" in name or "encoder_attn.v_proj" in name:
            weight.data *= 50
    model.generation_config.decoder_start_token_id = 32
    model.generation_config.pad_token_id = 32
    model.generation_config.bos_token_id = 32
    model.save_pretrained(folder)
    tokenizer(folder)
    return folder
