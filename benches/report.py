"""Makes benches/RESULTS.md from the results of `make bench` and `make bench-peers` in target, and from benches/notes.md.

Every figure is the fastest of its samples, because other load on the machine disturbs that one least. Every target is a ratio
of two figures of one run.
"""

import json
import platform
import sys
from pathlib import Path

MIB, KIB = "256MiB", "256KiB"


def fastest(folder):
    """Returns the bytes per second of every benchmark by its group and name, or its seconds if it has no bytes."""
    found = {}
    for path in Path(folder).rglob("new/benchmark.json"):
        about = json.loads(path.read_text())
        sample = json.loads((path.parent / "sample.json").read_text())
        seconds = min(time / count for time, count in zip(sample["times"], sample["iters"])) / 1e9
        throughput = about["throughput"]
        found[about["group_id"], about["function_id"]] = throughput["Bytes"] / seconds if throughput else seconds
    return found


def rows(found, isa):
    """Yields the name of each measurement, its figure, the figure to compare with, and the least ratio (None for no target)."""

    def of(group, name):
        return found.get((f"{isa}/{group}", name))

    read = {size: of(f"abs-max/{size}", "read") for size in (MIB, KIB)}
    reading, copy = of(f"histogram/{KIB}", "read"), of(f"fake-quantize/{MIB}", "copy")
    yield "abs-max f32, 256 MiB / read", of(f"abs-max/{MIB}", "f32"), read[MIB], 0.95
    yield "abs-max f32, 256 KiB / read", of(f"abs-max/{KIB}", "f32"), read[KIB], 0.85
    for name in ("f16", "bf16"):
        for size in (MIB, KIB):
            yield f"abs-max {name}, elements, {size} / f32", of(f"abs-max/{size}", name), of(f"abs-max/{size}", "f32"), 1.0
    for neighbours in (8, 64, 1024, 1):
        name = f"axis, {neighbours} neighbours"
        yield f"abs-max, {name}, 256 MiB / per tensor", of(f"abs-max/{MIB}", name), of(f"abs-max/{MIB}", "f32"), 0.85
    half = 1.0 if isa == "avx512" else 0.5
    for name, least in (("normal", 0.048), ("relu", 0.072), ("constant", 0.06)):
        yield f"histogram, {name}, 256 KiB / read", of(f"histogram/{KIB}", name), reading, least * half
    yield "linear histogram of pytorch-quantization, 256 KiB / read", of(f"histogram/{KIB}", "linear"), reading, None
    for name in ("f16", "bf16"):
        figure = of(f"histogram/{KIB}", f"normal {name}")
        yield f"histogram {name}, elements, 256 KiB / f32", figure, of(f"histogram/{KIB}", "normal"), 1.0
    two = of(f"histogram/{MIB}", "normal, two threads")
    yield "histogram, two threads, 256 MiB / one", two, of(f"histogram/{MIB}", "normal"), 1.7
    place, other = of(f"fake-quantize/{MIB}", "in place"), of(f"fake-quantize/{MIB}", "to another buffer")
    yield "fake-quantize in place, 256 MiB / scaling in place", place, of(f"fake-quantize/{MIB}", "scale"), 0.9
    yield "fake-quantize to another buffer, 256 MiB / copy", other, copy, 0.9
    for neighbours in (8, 64, 1024, 1):
        for form, base in (("in place", place), ("to another buffer", other)):
            name = f"{form}, axis, {neighbours} neighbours"
            yield f"fake-quantize {name}, 256 MiB / per tensor", of(f"fake-quantize/{MIB}", name), base, 0.85
    for name in ("f16", "bf16"):
        for size in (MIB, KIB):
            figure = of(f"fake-quantize/{size}", f"to another buffer {name}")
            base = of(f"fake-quantize/{size}", "to another buffer")
            yield f"fake-quantize {name}, elements, {size} / f32", figure, base, 1.0
    for name in ("quantize to i8", "dequantize from i8", "e4m3", "backward"):
        yield f"{name}, 256 MiB / copy", of(f"fake-quantize/{MIB}", name), copy, None
    for name in ("abs-max", "fake-quantize in place"):
        yield f"{name}, two threads, 256 MiB / one", of(f"threads/{MIB}", f"{name}, 2"), of(f"threads/{MIB}", f"{name}, 1"), None


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in lines if ":" in line}
    name = named.get("model name", platform.processor())
    family = f", family {named['cpu family']} model {named['model']}" if "cpu family" in named else ""
    return f"{name}{family}"


def report(found):
    isas = sorted({group.split("/")[0] for group, _ in found if "/" in group})
    lines = ["# Benchmarks", "", f"`make bench` on: {processor()}. Figures are GB of f32 input per second (for 16-bit data: as if it were",
             "f32, so that equal figures mean equal elements per second), the fastest of 15 samples; ratios compare figures of one run.",
             "A target that is missed is marked.", ""]
    for isa in isas:
        lines += [f"## {isa}", "", "| what | figure | beside | ratio | target |", "|---|---|---|---|---|"]
        for what, figure, beside, least in rows(found, isa):
            if figure is None or beside is None:
                continue
            ratio = figure / beside
            target = "" if least is None else f"{least:.3g}" if ratio >= least else f"**{least:.3g} missed**"
            lines.append(f"| {what} | {figure / 1e9:.1f} | {beside / 1e9:.1f} | {ratio:.3f} | {target} |")
        lines.append("")
    lines += ["## Searches for a range, 8 bits, signed", "", "| data, search | time | target |", "|---|---|---|"]
    for (group, name), seconds in sorted(found.items()):
        if group == "search":
            target = "1 ms" if seconds < 1e-3 else "**1 ms missed**"
            lines.append(f"| {name} | {seconds * 1e6:.0f} us | {target} |")
    return lines


def whole(results):
    """Returns the lines about calibrations beside plain runs and peers, and about the tool's own work."""
    lines = ["", "## Whole calibrations", "",
             "`make bench-peers`: 32 images of 224x224, one by one; all four methods at once against the entropy of the peers.",
             "\"Planned\" observes what a Q/DQ model needs, \"every\" all activations, as a calibration cache needs them. From the opened",
             "model to the ranges; the peers from the imported packages to the written model. Level 1 of ONNX Runtime's optimizations.", "",
             "| model | threads | runtime | plain | planned / plain | every / plain | quantize_static / planned "
             "| Model Optimizer / planned | memory: plain | planned / plain | every / plain | quantize_static |",
             "|---" * 12 + "|"]
    for one in results["whole"]:
        runs = one["runs"]
        peers = [runs[name] for name in ("quantize_static", "Model Optimizer")]
        for runtime, most, least in (("onnxruntime", 1.3, 4.0), ("embedded", 1.25, 1.0)):
            plain, planned, every = (runs[f"{runtime} {run}"] for run in ("plain", "planned", "every"))
            ratios = [planned[0] / plain[0], every[0] / plain[0], peers[0][0] / planned[0], peers[1][0] / planned[0]]
            cells = [marked(ratios[0], ratios[0] <= most, most), f"{ratios[1]:.2f}",
                     marked(ratios[2], ratios[2] >= least, least),
                     marked(ratios[3], ratios[3] >= least, least) if runtime == "onnxruntime" else f"{ratios[3]:.2f}"]
            memory = planned[1] / plain[1]
            cells += [f"{plain[1]:.0f} MiB", marked(memory, memory <= 1.15, 1.15), f"{every[1] / plain[1]:.2f}",
                      f"{peers[0][1]:.0f} MiB"]
            lines.append(f"| {one['model']} | {one['threads']} | {runtime} | {plain[0]:.2f} s | {' | '.join(cells)} |")
    tool = results["tool"]
    times = tool["apply"] / tool["copy, synced"]
    lines += ["", "| the tool | figure | target |", "|---|---|---|",
              f"| `qdq apply` on 100 MB (ResNet-50), all cores | {tool['apply'] * 1e3:.0f} ms | 300 ms |",
              f"| the same / copying the file, synced | {times:.2f} | {'3' if times <= 3 else '**3 missed**'} |",
              f"| `qdq --version` | {tool['start'] * 1e3:.1f} ms | 10 ms |"]
    return lines


def searches(results):
    """Returns the lines about the searches of pytorch-quantization beside those of qdq."""
    lines = ["", "## Searches of pytorch-quantization", "",
             "2048 bins, 8 bits, signed; both on the same histogram, in one process on one thread, with the same result.", "",
             "| data, search | qdq | target | pytorch-quantization | times | target |", "|---" * 6 + "|"]
    for one in results:
        ours, theirs = one["qdq"], one["pytorch-quantization"]
        quick = "1 ms" if ours < 1e-3 else "**1 ms missed**"
        target = "1000" if theirs >= 1000 * ours else "**1000 missed**"
        lines.append(f"| {one['data']}, {one['search']} | {ours * 1e6:.0f} us | {quick} | {theirs * 1e3:.0f} ms "
                     f"| {theirs / ours:.0f} | {target} |")
    return lines


def marked(ratio, is_reached, target):
    return f"{ratio:.2f}" if is_reached else f"**{ratio:.2f}, {target:g} missed**"


if __name__ == "__main__":
    target, output = map(Path, sys.argv[1:])
    lines = report(fastest(target / "criterion"))
    if (target / "peers" / "results.json").exists():
        results = json.loads((target / "peers" / "results.json").read_text())
        lines += (searches(results["searches"]) if "searches" in results else []) + whole(results)
    notes = (Path(__file__).parent / "notes.md").read_text()
    output.write_text("\n".join(lines) + "\n\n" + notes)
