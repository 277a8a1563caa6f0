"""`python -m monitoring` writes the dashboards, the quantile rules and the page of names anew."""

from pathlib import Path

from monitoring.files import files

ROOT = Path(__file__).resolve().parents[1]

for path, text in files().items():
    (ROOT / path).write_text(text)
