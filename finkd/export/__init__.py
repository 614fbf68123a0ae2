"""Export taggers to ONNX and spaCy."""
