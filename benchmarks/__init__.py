"""What the library costs, beside named peers measured in the same run: `python -m benchmarks [name ...]`."""
