"""Training on synthetic roofs and export to ONNX. Needs the `ml` extra; nothing at run time imports it."""
