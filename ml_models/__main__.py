"""`python -m ml_models train|evaluate|card`."""

import argparse
import json
import sys
from pathlib import Path

from ml_models.card import ROLES, WeightsMissing, card_text, read_card

WEIGHTS = Path(__file__).parent / "weights"


def main(arguments: list[str] | None = None) -> int:
    """Parse and run a command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml_models", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="render, train, export, calibrate and measure")
    train.add_argument("--quick", action="store_true", help="a minute's proof that the pipeline works; useless weights")
    train.add_argument("--only", choices=ROLES, help="train one model and keep the others of --out")
    train.add_argument("--out", type=Path, help="folder for weights and card; default: the committed one")
    train.add_argument("--work", type=Path, help="folder for data sets and checkpoints; default: out/training")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoints in --work")
    train.add_argument("--export", action="store_true", help="train nothing: export the checkpoints and measure them")
    train.add_argument("--threads", type=int, default=2, help="CPU threads; 1 is faster per core on a busy machine")
    train.add_argument("--minutes", type=float, help="bound on the training of each model")
    evaluate = commands.add_parser("evaluate", help="measure the weights on the held-out set")
    evaluate.add_argument("--json", action="store_true", help="print the scores as JSON")
    evaluate.add_argument("--pictures", type=int, default=400)
    card = commands.add_parser("card", help="print the model card")
    for command in (evaluate, card):
        command.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args(arguments)
    try:
        return {"train": _train, "evaluate": _evaluate, "card": _card}[options.command](options)
    except WeightsMissing as missing:
        print(missing, file=sys.stderr)
        return 1


def _train(options: argparse.Namespace) -> int:
    try:
        import torch

        from ml_models.training.pipeline import Order, run
    except ImportError as missing:
        print(f"training needs the ml extra (pip install 'ridgeline[ml]'): {missing}", file=sys.stderr)
        return 1
    torch.set_num_threads(options.threads)
    # A quick run must never replace real weights or checkpoints unless told to.
    out, work = (Path("out/quick/weights"), Path("out/quick")) if options.quick else (WEIGHTS, Path("out/training"))
    order = Order(
        out=options.out or out,
        work=options.work or work,
        roles=(options.only,) if options.only else ROLES,
        quick=options.quick,
        resume=options.resume,
        only_export=options.export,
        processes=options.threads,
        minutes=options.minutes,
    )
    print(card_text(run(order)))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from ml_models.evaluation import judge, scores
    from ml_models.runner import RoofModels
    from ml_models.training.pictures import pictures

    measured = scores(judge(RoofModels.load(options.weights), pictures("held_out", options.pictures)))
    if options.json:
        print(json.dumps(measured, indent=2))
        return 0
    for name, value in measured.items():
        rows = value.items() if isinstance(value, dict) else [(None, value)]
        for part, figure in rows:
            label = name if part is None else f"{name}: {part}"
            print(f"{label.replace('_', ' '):<60} {figure:.3f}" if isinstance(figure, float) else f"{label} {figure}")
    return 0


def _card(options: argparse.Namespace) -> int:
    print(card_text(read_card(options.weights)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
