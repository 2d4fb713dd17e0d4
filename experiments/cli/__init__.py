"""The verbs of `python -m experiments`, one or two per file: each reads its options, makes one call and prints.

May import all other packages; imports that take long are made when a verb runs.
"""

from experiments.cli.audit import audit_command
from experiments.cli.bench import bench_command, latency_command
from experiments.cli.compare import compare_command
from experiments.cli.corpora import corpora_command
from experiments.cli.diagnose import diagnose_command
from experiments.cli.export import export_command, onnx_command
from experiments.cli.label import label_command
from experiments.cli.new import new_command
from experiments.cli.papers import papers_command
from experiments.cli.predict import predict_command
from experiments.cli.report import draw_command, report_command
from experiments.cli.run import run_command
from experiments.cli.tabulate import tabulate_command

__all__ = ["COMMANDS"]

COMMANDS = (  # in the order in which people need them
    papers_command,
    corpora_command,
    compare_command,
    run_command,
    predict_command,
    report_command,
    tabulate_command,
    export_command,
    onnx_command,
    audit_command,
    new_command,
    label_command,
    draw_command,
    bench_command,
    latency_command,
    diagnose_command,
)
