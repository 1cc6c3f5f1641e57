"""finetuned: drop a JSONL file into `inbox/`, and a better model appears in `current_model/`."""
