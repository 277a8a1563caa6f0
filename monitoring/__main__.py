"""`python -m monitoring` writes the dashboards and the quantile rules anew."""

from pathlib import Path

from monitoring.files import files

ROOT = Path(__file__).resolve().parents[1]

for path, text in files().items():
    (ROOT / path).write_text(text)
