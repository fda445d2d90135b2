"""The roof models: synthetic renderer, training, evaluation and the ONNX runner (spec 3.4.1, 8.2)."""
