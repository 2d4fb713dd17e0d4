"""The verb `audit`."""

from pathlib import Path

import click

from common.atomic_file import require_writable
from common.errors import InputError
from common.folds import leakage
from experiments.cli.options import DATA, refuse_ignored


@click.command("audit")
@click.argument("folds", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--audio", type=click.Path(path_type=Path), help="Folder that paths in the fold files are relative to.")
@click.option("--all", "every", is_flag=True, help="Print every finding, not the first three.")
@click.option("--keep", type=click.Path(path_type=Path), help="Results folder in which the audit of our folds is kept.")
@DATA
def audit_command(folds, audio, every, keep, data):
    """Leakage audit of fold files (audformat, nkululeko, EmoBox), or of our own folds if none are given.

    Fold files must be speaker-independent; a training and a test list given as two files are one fold. Exit status 1 if
    anything FAILs, 2 if fold files cannot be read; the other audits still run. Our own random protocols share speakers
    by design, which is a WARN.

    Example: python -m experiments audit my_folds/
    """
    from experiments.runs import audit

    if folds:
        refuse_ignored(["keep", "data"], "fold files are given, and it applies only to the audit of our own folds")
    else:
        refuse_ignored(["audio"], "it applies only to fold files, and none are given")
    if keep:
        require_writable(keep, "--keep")
    ours = () if folds else [_printed(audited, every) for audited in audit.of_ours(data)]
    if keep:
        audited_already = {audited.title for audited in ours}
        of_records = (audited for audited in audit.of_recorded(keep, data) if audited.title not in audited_already)
        ours += [_printed(audited, every) for audited in of_records]
    audited_files, unread = [], []
    for source, findings in audit.of_files(folds, audio_root=audio):
        if isinstance(findings, InputError):
            unread.append(str(findings))
            click.echo(f"----  {source}: cannot be read")
            continue
        audited_files.append(findings)
        _print_findings(source, findings, every)
    if keep:
        click.echo(f"kept in {audit.keep(ours, keep)}")
    if unread:
        raise InputError("\n".join(unread))
    if "FAIL" in map(audit.verdict, [*audited_files, *(a.findings for a in ours if not leakage.is_leaky(a.protocol))]):
        raise click.exceptions.Exit(1)


def _printed(audited, every):
    if audited.refused:
        click.echo(f"----  {audited.title}: no such folds: {audited.refused}")
    else:
        _print_findings(audited.title, audited.findings, every)
    return audited


def _print_findings(source, findings, every):
    from experiments.runs import audit

    findings = sorted(findings, key=lambda finding: finding.level != "FAIL")
    click.echo(f"{audit.verdict(findings):4}  {source}")
    for finding in findings if every else findings[:3]:
        click.echo(f"      {finding}")
    if not every and len(findings) > 3:
        click.echo(f"      ... and {len(findings) - 3} more (--all)")
