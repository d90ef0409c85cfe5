"""An encoder as one ONNX file."""
