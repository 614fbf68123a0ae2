"""Summaries: baselines, metrics against the command lines of their libraries, and models in few bits."""

import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.dialogues import Dialogue
from finkd.settings import build
from finkd.suites.summaries.extractive import BASELINES
from finkd.suites.summaries.lora import LoraSettings, fine_tuned
from finkd.suites.summaries.metrics import summary_metrics
from finkd.suites.summaries.writers import load_writer, write_random
from finkd.suites.summaries.writing import Prompt, _fitting, write
from finkd.training.loop import DivergedError
from finkd.training.schedule import Schedule

pytestmark = pytest.mark.slow

TEXT = """\
#Ann#: The bank lent us money.
#Bob#: How much money? I ask again.
#Ann#: A lot.
#Bob#: The bank will want it back."""
DIALOGUES = [
    Dialogue("a", TEXT, ("Ann says the bank lent them money.", "The bank lent Ann and Bob a lot.")),
    Dialogue("b", "Ann: Hello there.", ("Ann greets.", "Somebody says hello.")),
]
TINY = {"vocab_size": 400, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2}
TINY |= {"num_attention_heads": 4, "max_position_embeddings": 160}
WRITTEN = ["Ann says that the banks lent Bob money.", "hello"]


def tiny(bits="fp32", **sizes):
    with tempfile.TemporaryDirectory() as folder:
        write_random(Path(folder), [dialogue.text for dialogue in DIALOGUES], {**TINY, **sizes})
        return load_writer(folder, bits)


def test_baselines():
    assert BASELINES["lead-3"](DIALOGUES[0]) == " ".join(TEXT.splitlines()[:3])
    ranked = BASELINES["TextRank"](DIALOGUES[0])
    assert ranked.count("#:") == 3
    assert "#Bob#: The bank will want it back." in ranked
    assert BASELINES["TextRank"](DIALOGUES[1]) == "Ann: Hello there."
    assert BASELINES["TextRank"](Dialogue("c", "A: ...\nB: ?\nA: !\nB: --", ("x",))).startswith("A: ...")


def test_rouge_is_what_its_command_line_says(tmp_path):
    found = summary_metrics(WRITTEN, [dialogue.summaries for dialogue in DIALOGUES])
    means = {}
    for place in range(2):
        (tmp_path / "target.txt").write_text("\n".join(each.summaries[place] for each in DIALOGUES))
        (tmp_path / "prediction.txt").write_text("\n".join(WRITTEN))
        command = [
            *(sys.executable, "-m", "rouge_score.rouge", "--use_stemmer", "--noaggregate"),
            f"--target_filepattern={tmp_path / 'target.txt'}",
            f"--prediction_filepattern={tmp_path / 'prediction.txt'}",
            f"--output_filename={tmp_path / 'scores.csv'}",
            "--rouge_types=rouge1,rouge2,rougeL,rougeLsum",
            "--delimiter=\n",
        ]
        subprocess.run(command, check=True, capture_output=True)
        with (tmp_path / "scores.csv").open() as file:
            for row in csv.DictReader(file):
                for name in ("rouge1", "rouge2", "rougeL", "rougeLsum"):
                    means.setdefault(name, []).append(float(row[f"{name}-F"]))
    for name, values in means.items():
        assert len(values) == 4
        assert found[name] == pytest.approx(sum(values) / 4, abs=1e-6)


def test_bleu_is_what_its_command_line_says(tmp_path):
    found = summary_metrics(WRITTEN, [dialogue.summaries for dialogue in DIALOGUES])["bleu"]
    for place in range(2):
        (tmp_path / f"{place}").write_text("\n".join(each.summaries[place] for each in DIALOGUES) + "\n")
    (tmp_path / "written").write_text("\n".join(WRITTEN) + "\n")
    command = [sys.executable, "-m", "sacrebleu", "0", "1", "-i", "written", "-m", "bleu", "-w", "6", "-f", "json"]
    done = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert found == pytest.approx(json.loads(done.stdout)["score"] / 100, abs=1e-8)


@pytest.mark.parametrize("bits", ["bf16", "int8", "nf4", "nf4-single", "fp4"])
def test_models_in_few_bits_are_smaller_and_write(bits):
    whole, few = tiny(), tiny(bits)
    assert few.parameters == whole.parameters
    assert few.bytes < 0.7 * whole.bytes
    kinds = {type(module).__name__ for module in few.network.modules()}
    assert ("Linear4bit" in kinds) == (bits in ("nf4", "nf4-single", "fp4"))
    assert ("Linear8bitLt" in kinds) == (bits == "int8")
    found = write(few, DIALOGUES, Prompt.named("zero-shot"), longest=6)
    assert len(found.summaries) == 2
    assert found.shortened == 0


def test_scales_that_are_quantized_again_are_smaller():
    wide = {"hidden_size": 512, "intermediate_size": 1024}
    assert tiny("nf4", **wide).bytes < tiny("nf4-single", **wide).bytes


@pytest.mark.parametrize("bits", ["fp32", "int8", "nf4"])
def test_adapters_are_trained_and_the_model_is_not(bits):
    writer = tiny(bits)
    losses = []
    settings = LoraSettings(Schedule(epochs=12, learning_rate=1e-2, batch_tokens=256), rank=4)
    before = {name: value.clone() for name, value in writer.network.named_parameters() if "embed" in name}
    tuned, seconds, too_long = fine_tuned(
        writer, DIALOGUES, Prompt.named("zero-shot"), settings, 1, lambda p: losses.append(p.loss)
    )
    assert losses[-1] < losses[0] - 0.5
    assert too_long == 0
    assert seconds > 0
    after = {name.removeprefix("base_model.model."): value for name, value in tuned.network.named_parameters()}
    assert all((after[name] == value.to(after[name].dtype)).all() for name, value in before.items())
    assert write(tuned, DIALOGUES[:1], Prompt.named("zero-shot"), beams=2, longest=4).summaries


def test_adapters_whose_loss_is_no_number_are_refused():
    writer = tiny()
    with torch.no_grad():
        next(writer.network.parameters()).fill_(torch.nan)
    with pytest.raises(DivergedError, match=r"the loss is nan at step 1; lower schedule\.learning_rate"):
        fine_tuned(writer, DIALOGUES, Prompt.named("zero-shot"), LoraSettings(Schedule(epochs=1)), 1)


def test_batches_and_their_order_change_nothing():
    writer = tiny()
    together = write(writer, DIALOGUES, Prompt.named("zero-shot"), longest=6)
    alone = [write(writer, [each], Prompt.named("zero-shot"), longest=6, batch=1).summaries[0] for each in DIALOGUES]
    assert list(together.summaries) == alone


def test_parts_of_a_schedule_that_adapters_do_not_follow_are_refused():
    with pytest.raises(ConfigError, match=r"lora: schedule\.averaging: adapters are trained without it"):
        build(LoraSettings, {"schedule": {"averaging": 0.9}}, "lora")


def test_long_dialogues_lose_their_last_turns_and_are_counted():
    writer = tiny()
    long = replace(DIALOGUES[0], text="\n".join([*TEXT.splitlines(), "#Ann#: " + "money " * 400]))
    assert write(writer, [long, DIALOGUES[1]], Prompt.named("zero-shot"), longest=6).shortened == 1
    _, _, too_long = fine_tuned(
        writer, [long, DIALOGUES[0]], Prompt.named("zero-shot"), LoraSettings(Schedule(epochs=1, batch_tokens=64)), 1
    )
    assert too_long == 1


@pytest.mark.parametrize("turn", ["money " * 400, "money" * 400], ids=["words", "one word"])
def test_a_turn_that_does_not_fit_is_shortened(turn):
    writer, prompt = tiny(), Prompt.named("zero-shot")
    dialogue = replace(DIALOGUES[0], text=f"{turn}\n#Bob#: Yes.")
    (text,), shortened = _fitting(writer, [dialogue], prompt, 6)
    assert shortened == 1
    room = writer.room - 6
    assert room - 3 <= len(writer.tokenizer(text)["input_ids"]) <= room
    before, _, after = prompt.template.partition("{dialogue}")
    assert turn.startswith(text.removeprefix(before).removesuffix(after))
    assert write(writer, [dialogue, DIALOGUES[1]], prompt, longest=2).shortened == 1


def test_a_prompt_that_does_not_fit_without_a_dialogue_is_refused():
    with pytest.raises(ConfigError, match="does not fit the model's 160 tokens, even without a dialogue"):
        write(tiny(), DIALOGUES, Prompt("money " * 400 + "{dialogue}"), longest=6)


def test_prompts():
    prompt = Prompt.named("one-shot", DIALOGUES[1])
    assert prompt.of("X: {hi}").endswith("X: {hi}\nOutput:")
    assert "Ann: Hello there.\nOutput: Ann greets." in prompt.of("X")


def test_a_sequence_to_sequence_model_takes_the_place(tmp_path):
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = tiny().tokenizer
    config = T5Config(vocab_size=400, d_model=64, d_kv=32, d_ff=64, num_layers=1, num_heads=2, decoder_start_token_id=0)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    writer = load_writer(str(tmp_path), "fp32")
    assert not writer.is_causal
    tuned, _, _ = fine_tuned(writer, DIALOGUES, Prompt.named("zero-shot"), LoraSettings(Schedule(epochs=1)), 1)
    assert len(write(tuned, DIALOGUES, Prompt.named("zero-shot"), longest=4).summaries) == 2
