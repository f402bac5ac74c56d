"""Stands in for a peer: a program that knows the exchange from its description alone, and misbehaves on request.

python fake_peer.py REQUEST.json
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
answers, split = Path(request["answers"]), Path(request["split"])
algorithm, settings = request["algorithm"], request["settings"]
items = json.loads((split / "items.json").read_text(encoding="utf-8"))
outcome = {"version": "9.9", "fit_seconds": 0.25, "score_seconds": 0.5, "peak_rss_mb": 12.0, "facts": {"epochs": 3}}


def asked(part):
    return [json.loads(line) for line in (split / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()]


def walk(case, steps=1):
    """The item `steps` after the last one first, then the rest in the catalogue's order."""
    first = items[(items.index(case["items"][-1]) + steps) % len(items)]
    return [first, *(item for item in items if item != first)]


def write(part, lists):
    lines = [json.dumps({"user_id": user, "items": found}) for user, found in lists]
    (answers / f"{part}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if algorithm == "crash":
    sys.stderr.write("Traceback (most recent call last):\nFakeError: <b>the moon</b> is in the wrong house\n")
    sys.exit(3)
if algorithm == "killed":
    ballast = bytearray(200 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    time.sleep(0.5)
    os.kill(os.getpid(), 9)
if algorithm == "sleeper":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (answers / "child.pid").write_text(str(child.pid))
    sys.stdout.write("epoch 1 of 1,000,000\n")
    sys.stdout.flush()
    time.sleep(600)
if algorithm == "silent":
    sys.exit(0)
if algorithm == "garbage":
    sys.stdout.buffer.write(b"\xff\xfe\x00 not text\n")
    (answers / "test.jsonl").write_bytes(b"\x00\xffnot json\n")
    (answers / "outcome.json").write_text(json.dumps(outcome))
    sys.exit(0)
if algorithm == "boaster":
    write("test", [(case["user_id"], walk(case)) for case in asked("test")])
    (answers / "outcome.json").write_text('{"version": "9.9", "fit_seconds": "fast"}')
    sys.exit(0)

for part in request["ask"]:
    if algorithm == "tuned":  # right with steps = 1 only
        lists = [(case["user_id"], walk(case, settings.get("steps", 2))) for case in asked(part)]
    elif algorithm == "sloppy":
        # The first user is missing, one is nobody's, every list repeats its first item and begins with a stranger.
        lists = [(case["user_id"], ["stranger", walk(case)[0], *walk(case)]) for case in asked(part)[1:]]
        lists.append(("nobody", items))
    elif algorithm == "short":
        lists = [(case["user_id"], walk(case)[:1]) for case in asked(part)]
    else:
        lists = [(case["user_id"], walk(case)) for case in asked(part)]
    write(part, lists)
if algorithm == "masked":
    outcome["variants"] = ["excluded"]
if algorithm == "witness":
    outcome["facts"] = {
        "files": sorted(file.name for file in split.iterdir()),
        "environment": dict(os.environ),
        "request": request,
        "folder": os.getcwd(),
    }
(answers / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
