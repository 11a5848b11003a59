# SPDX-License-Identifier: MIT
"""`unsung synth generate|prompts|lyrics`: songs that no human made, and the words for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o
from unsung.cli._console import tell
from unsung.cli._synth_print import Line, by, print_generators, print_words
from unsung.core.settings import pair
from unsung.errors import UsageError

__all__ = ["generate", "lyrics", "prompts"]

WriterKind = Annotated[
    str,
    typer.Option(
        "--writer",
        help="Who writes the lyrics: grammar (embedded, offline), endpoint (a language model), or "
        "auto (a model if $UNSUNG_WRITER_KEY or $OPENAI_API_KEY is set, else the grammar).",
    ),
]
LlmModel = Annotated[str, typer.Option("--llm-model", help="Name of the language model.")]
LlmUrl = Annotated[
    str,
    typer.Option(
        "--llm-url",
        help="Address of an OpenAI-compatible endpoint, up to /v1; else $UNSUNG_WRITER_URL.",
    ),
]
MaxRequests = Annotated[
    int, typer.Option("--max-requests", min=1, help="Budget of requests, retries included.")
]
MaxTokens = Annotated[
    int, typer.Option("--max-tokens", min=1, help="Budget of tokens, asked and answered.")
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder of paid answers: asking the same again costs nothing."),
]
JsonMode = Annotated[
    bool, typer.Option("--json-mode/--no-json-mode", help="Ask the endpoint for response_format.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Same seed, same prompts and sound.")]


def generate(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the data set; continues it.")
    ] = None,
    *,
    with_: Annotated[
        str, typer.Option("--with", help="The generator; --list shows all and what each needs.")
    ] = "",
    n: Annotated[
        int | None, typer.Option("--n", min=1, help="How many clips; all of FILE, or 10 for auto.")
    ] = None,
    prompts: Annotated[
        str,
        typer.Option(
            "--prompts",
            help="auto (drawn at random, lyrics by the embedded grammar), or a FILE: .jsonl of "
            "`unsung synth prompts`, .txt with one style a line.",
        ),
    ] = "auto",
    model: Annotated[
        str, typer.Option("--model", help="Folder or hub name of the weights; its own by default.")
    ] = "",
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, help="Length of each clip.")
    ] = None,
    command: Annotated[
        str,
        typer.Option(
            "--command",
            help="For --with command: 'mygen --prompt={prompt} --seed={seed} -o {output}'. "
            "No shell reads it.",
        ),
    ] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the generator, key=value; may be repeated."),
    ] = None,
    seed: Seed = 0,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the generators, their licences and needs.")
    ] = False,
    json_: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Generate music with a system of yours into a data set with provenance.

    A killed run goes on where it stopped when the same command is given again; a prompt that
    fails is a row in problems.jsonl and never stops the rest.

        unsung synth generate --with musicgen --n 100 --prompts auto -o ai

        unsung synth generate --with command --command 'mygen -p {style_file} -o {output}' -o ai
    """
    from unsung.synthesis.generate import generate_dataset, take_prompts
    from unsung.synthesis.generators.base import build

    if list_:
        print_generators()
        return
    if not with_ or output is None:
        raise UsageError(
            f"expected {'--with' if not with_ else '--output'}, got none; write for example "
            "`unsung synth generate --with musicgen --n 100 -o ai`, or --list for what there is"
        )
    settings = dict(pair(text) for text in set_ or ())
    settings |= {key: text for key, text in (("model", model), ("command", command)) if text}
    generator = build(with_, settings)
    wanted = take_prompts(prompts, n, seed, generator)
    line = Line(not quiet)
    done = generate_dataset(
        generator, wanted, output, duration_s=seconds, progress=line.show_generation
    )
    line.clear()
    if json_:
        typer.echo(json.dumps(done.to_dict()))
    else:
        tell(
            f"{done.made} made ({done.audio_s:.0f} s of sound in {done.elapsed_s:.0f} s), "
            f"{done.kept} kept from before, {done.failed} failed"
        )
        tell(f"manifest: {done.manifest}")
    if done.failed:
        tell(f"problems: {output / 'problems.jsonl'}; run again to try these again", err=True)
        raise typer.Exit(1)


def prompts(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write: .jsonl; continues it.")
    ] = None,
    *,
    n: Annotated[int, typer.Option("--n", min=1, help="How many prompts.")] = 100,
    kinds: Annotated[
        str,
        typer.Option(
            "--kind",
            help="full (lyrics and style made up), mostly (lyrics after measures of a real song, "
            "its style), half (a real song's lyrics and style); several by comma take turns.",
        ),
    ] = "full",
    songs: Annotated[
        Path | None,
        typer.Option(
            "--songs",
            help="Real songs for mostly and half: CSV or JSON Lines with id, lyrics (or "
            "lyrics_path), and style, genre, ... or audio, from which tempo and key are measured.",
        ),
    ] = None,
    style: Annotated[
        str, typer.Option("--style", help="sentence, or tags (words by comma, for YuE, ACE-Step).")
    ] = "sentence",
    instrumental: Annotated[
        bool, typer.Option("--instrumental", help="No lyrics, no voices.")
    ] = False,
    genres: Annotated[str, typer.Option("--genres", help="Only these, by comma.")] = "",
    moods: Annotated[str, typer.Option("--moods", help="Only these, by comma.")] = "",
    topics: Annotated[str, typer.Option("--topics", help="Only these, by comma.")] = "",
    seed: Seed = 0,
    writer: WriterKind = "auto",
    llm_model: LlmModel = "",
    llm_url: LlmUrl = "",
    max_requests: MaxRequests = 1000,
    max_tokens: MaxTokens = 2_000_000,
    cache: Cache = None,
    json_mode: JsonMode = True,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the genres, moods and topics.")
    ] = False,
    quiet: o.Quiet = False,
) -> None:
    """Write prompts for song generators: style, lyrics and a seed, in the manner of SONICS.

    unsung synth prompts --n 1000 -o prompts.jsonl

    unsung synth prompts --kind mostly,half --songs songs.csv --n 200 -o prompts.jsonl
    """
    from unsung.outputs import output_file
    from unsung.synthesis.prompt_files import PROBLEMS, PROMPTS, problems_path, write_prompts
    from unsung.synthesis.prompts import plan_of
    from unsung.synthesis.writer import FATAL, choose_writer

    if list_:
        print_words()
        return
    if output is None:
        raise UsageError("expected --output, got none; write for example -o prompts.jsonl")
    output_file(output, (songs,), PROMPTS)
    output_file(problems_path(output), (songs,), PROBLEMS)
    plan = plan_of(
        kinds=kinds,
        songs=songs,
        style_format=style,
        sings=not instrumental,
        seed=seed,
        genres=genres,
        moods=moods,
        topics=topics,
    )
    budget = {"max_requests": max_requests, "max_tokens": max_tokens, "json_mode": json_mode}
    chosen = choose_writer(writer, llm_model, llm_url, {**budget, "cache": cache})
    line = Line(not quiet)
    done, failed = write_prompts(output, n, plan, chosen, progress=line.show_writing, fatal=FATAL)
    line.clear()
    wrote = by(chosen) if plan.writes else "no lyrics were written"
    tell(f"{done} prompts in {output}, {failed} failed; {wrote}")
    if failed:
        tell(f"problems: {output.stem}.problems.jsonl beside it; run again", err=True)
        raise typer.Exit(1)


def lyrics(
    topic: Annotated[str, typer.Argument(help="What it is about; --list shows known ones.")] = "",
    *,
    mood: Annotated[str, typer.Option("--mood", help="How it feels.")] = "hopeful",
    genre: Annotated[str, typer.Option("--genre", help="For language models.")] = "pop",
    form: Annotated[
        str, typer.Option("--form", help="Order of sections: pop, build, ballad, short, rap.")
    ] = "pop",
    like: Annotated[
        Path | None,
        typer.Option(
            "--like",
            help="A text file of real lyrics: its sections, line lengths, rhymes and nouns are "
            "taken, none of its lines (a mostly fake song).",
        ),
    ] = None,
    seed: Seed = 0,
    writer: WriterKind = "auto",
    llm_model: LlmModel = "",
    llm_url: LlmUrl = "",
    max_requests: MaxRequests = 10,
    max_tokens: MaxTokens = 100_000,
    cache: Cache = None,
    json_mode: JsonMode = True,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the topics, moods and forms.")
    ] = False,
    json_: o.AsJson = False,
) -> None:
    """Write the lyrics of one song.

    unsung synth lyrics rain --mood melancholic --seed 3
    """
    from unsung.synthesis.lyrics import request_of, text
    from unsung.synthesis.writer import choose_writer

    if list_:
        print_words()
        return
    request = request_of(topic, mood=mood, genre=genre, form=form, seed=seed, like=like)
    budget = {"max_requests": max_requests, "max_tokens": max_tokens, "json_mode": json_mode}
    chosen = choose_writer(writer, llm_model, llm_url, {**budget, "cache": cache})
    draft = chosen.write(request)
    if json_:
        typer.echo(json.dumps(draft.to_dict()))
        return
    typer.echo(f"{draft.title}\n\n{text(draft.sections)}")
    typer.echo(by(chosen), err=True)
