# SPDX-License-Identifier: MIT
"""Programs with the argument interfaces of other projects' entry points, as their files state."""

YUE = """
# The arguments of inference/infer.py (branch YuE-v1), and where it leaves its files.
import argparse, os, re
import numpy as np, soundfile
p = argparse.ArgumentParser()
p.add_argument("--stage1_model", default="m-a-p/YuE-s1-7B-anneal-en-cot")
p.add_argument("--stage2_model", default="m-a-p/YuE-s2-1B-general")
p.add_argument("--max_new_tokens", type=int, default=3000)
p.add_argument("--repetition_penalty", type=float, default=1.1)
p.add_argument("--run_n_segments", type=int, default=2)
p.add_argument("--stage2_batch_size", type=int, default=4)
p.add_argument("--genre_txt", required=True)
p.add_argument("--lyrics_txt", required=True)
p.add_argument("--output_dir", default="./output")
p.add_argument("--cuda_idx", type=int, default=0)
p.add_argument("--seed", type=int, default=42)
a = p.parse_args()
assert os.path.basename(os.getcwd()) == "inference"  # its models stand at relative paths
genres = open(a.genre_txt).read().strip()
found = re.findall(r"\\[(\\w+)\\](.*?)(?=\\[|\\Z)", open(a.lyrics_txt).read(), re.DOTALL)
sung = found[: min(a.run_n_segments + 1, len(found)) - 1]  # the quirk of its loop
print("sections", [name for name, _ in sung])
if "crash" in genres:
    raise SystemExit("CUDA out of memory")
os.makedirs(a.output_dir + "/vocoder/mix")
name = genres.replace(" ", "-") + "_tp0@93_T1@0_rp1@1_maxtk3000_" + "u" * 36 + "_mixed.mp3"
rng = np.random.default_rng(a.seed)
sound = 0.1 * rng.standard_normal((44100 * len(sung), 1))
if "mute" not in genres:
    soundfile.write(os.path.join(a.output_dir, name), sound, 44100)
soundfile.write(a.output_dir + "/vocoder/mix/" + name, sound, 44100)
open(os.environ["UNSUNG_TEST_LOG"], "w").write(repr((genres, found, vars(a))))
"""

YUE2 = """
# The arguments of examples/generate.py (release 0.1.6), and the files of save_artifacts().
import argparse, json, os, sys
from pathlib import Path
import numpy as np, soundfile
p = argparse.ArgumentParser()
p.add_argument("--request", type=Path)
p.add_argument("--abc-file", type=Path)
p.add_argument("--cot", choices=("full", "melody", "off"))
p.add_argument("--output", type=Path, required=True)
p.add_argument("--model", default="m-a-p/YuE2-3B")
p.add_argument("--vae", default="m-a-p/YuE2-Vae")
p.add_argument("--revision")
p.add_argument("--vae-revision")
a = p.parse_args()
if a.output.exists():
    p.error("Choose a fresh output directory to retain each version.")
request = json.loads(a.request.read_text(encoding="utf-8"))
if "crash" in request["style"]:
    print("CUDA out of memory")
    raise SystemExit(1)
a.output.mkdir()
rng = np.random.default_rng(request["seed"])
soundfile.write(a.output / "audio.flac", 0.1 * rng.standard_normal((48000 * 3, 2)), 48000)
open(os.environ["UNSUNG_TEST_LOG"], "w").write(repr((request, vars(a))))
raise SystemExit(1 if "long" in request["style"] else 0)  # 1: cut at the token limit
"""

ACE_STEP = """
# The call of acestep/pipeline_ace_step.py that is used.
import os
import numpy as np, soundfile
class ACEStepPipeline:
    def __init__(self, checkpoint_dir=None, device_id=0, dtype="bfloat16", cpu_offload=False):
        self.load = (checkpoint_dir, dtype, cpu_offload)
    def __call__(self, format="wav", audio_duration=60.0, prompt=None, lyrics=None, infer_step=60,
                 guidance_scale=15.0, manual_seeds=None, save_path=None):
        if "crash" in prompt:
            raise RuntimeError("CUDA out of memory")
        known = isinstance(manual_seeds, str) and manual_seeds.isdigit()  # else drawn at random
        rng = np.random.default_rng(int(manual_seeds) if known else None)
        sound = 0.1 * rng.standard_normal((round(48000 * audio_duration), 2))
        soundfile.write(save_path, sound, 48000)
        open(os.environ["UNSUNG_TEST_LOG"], "w").write(repr((prompt, lyrics, self.load)))
"""
